from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluation.generate.choosing import in_turn
from evaluation.generate.drafting import drafts_of, titled_question
from evaluation.generate.records import Draft, Reading
from ingest.parse.markdown import parse
from ragpress.settings import ParseSettings
from serving.prompting import without_hidden

TABLE = "# Fares\n\n| ticket | price EUR |\n| --- | --- |\n| {key} | {cell} |\n| child | 4 |\n"


def reading(text: str, language: str = "en", name: str = "a.md") -> Reading:
    """A Markdown document as the templates read it."""
    parsed = parse(text.encode("utf-8", "ignore"), name, ParseSettings())
    return Reading(
        document_id=name,
        source=name,
        title=parsed.title,
        language=language,
        text=parsed.text,
        elements=parsed.elements,
    )


def asked(text: str, language: str = "en") -> list[Draft]:
    """The drafts of a Markdown document."""
    return drafts_of(reading(text, language), frozenset())


def test_a_question_names_its_document_in_its_language() -> None:
    assert titled_question("How long is it?", "Fares", "en") == "According to “Fares”, how long is it?"
    assert titled_question("多长？", "《船票》", "zh") == "根据《船票》，多长？"


def test_hidden_characters_and_markup_never_reach_a_question() -> None:
    assert len(asked(TABLE.format(key="adult", cell="24"))) == 2
    for key in ("ad\u200bult", "ad\u202eult", "ad\x1bult", "<b>adult", "[adult](x)"):
        found = asked(TABLE.format(key=key, cell="24"))
        assert [draft.subject for draft in found] == ["child"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_whatever_a_cell_holds_the_quote_is_exact_and_the_question_clean(cell: str) -> None:
    made = reading(TABLE.format(key="adult", cell=" ".join(cell.split())))
    for draft in drafts_of(made, frozenset()):
        assert draft.quote in made.text
        assert without_hidden(draft.question) == draft.question
        assert "\n" not in draft.question


@given(st.integers(0, 1000), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_every_draft_has_its_turn_once_and_the_seed_decides(seed: int, sizes: list[int]) -> None:
    drafts = [
        draft
        for number, size in enumerate(sizes)
        for draft in drafts_of(
            reading("# Fares\n\n" + "".join(f"The {'far ' * at}pier is 3{at} metres wide.\n\n" for at in range(size)),
                    name=f"{number}.md"), frozenset({"the", "far", "pier"})
        )
    ]  # fmt: skip
    order = list(in_turn(drafts, seed))
    assert sorted(map(id, order)) == sorted(map(id, drafts))
    assert [(draft.reading.source, draft.start) for draft in in_turn(list(reversed(drafts)), seed)] == [
        (draft.reading.source, draft.start) for draft in order
    ]
    documents = {draft.reading.source for draft in drafts}
    assert {draft.reading.source for draft in order[: len(documents)]} == documents
