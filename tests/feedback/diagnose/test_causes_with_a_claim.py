"""What decides where a user said what is right and several things could be at fault."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from feedback.diagnose.claims import in_its_words, lacks
from feedback.diagnose.decide import decide
from feedback.diagnose.losses import loss_of
from feedback.diagnose.observation import Conflict, Crowd, Damage, Expected, Fault, Observation, Side, live_of
from feedback.records import Holder, Ranks
from index.findings import Cause

CLAIMED = Expected(text="30 days", origin="correction")
IN_PROMPT = Ranks(dense=1, lexical=1, fused=1, hit=1, passage=1)
NOT_FOUND = Ranks(dense=90)
LIVE = Holder(
    layer="live", document_id="a", source="docs/a.md", score=0.9, exact=True, whole=True, chunks=("1",), ranks=IN_PROMPT
)
LOST = Holder(layer="earlier", document_id="a", source="docs/a.md", score=0.95, exact=True, release="r1")
WRONG = Side(document_id="b", source="docs/b.md", quote="It is 25 days.", arrived=2, beginning=False)
RIGHT = Side(document_id="a", source="docs/a.md", quote="It is 30 days.", arrived=1)
CONFLICT = Conflict(wrong=WRONG, right=RIGHT, close=0.9, weight=1.0)
CUT = Damage(document_id="c", source="docs/c.md", kind="cut")
NOISE = Damage(document_id="a", source="docs/a.md", kind="noise")


def _first(seen: Observation) -> Cause:
    return decide(seen)[0].cause


def test_a_document_that_is_named_and_breaks_off_comes_before_what_is_right_elsewhere() -> None:
    elsewhere = replace(LIVE, ranks=NOT_FOUND)
    seen = Observation(expected=CLAIMED, holders=(elsewhere,), damages=(CUT,), abstained=True, titled=("docs/c.md",))
    found = decide(seen)[0]
    assert (found.cause, found.blamed[0][1]) == (Cause.PARSE_FAULT, "docs/c.md")
    assert _first(replace(seen, titled=())) is Cause.RETRIEVAL_MISS


def test_an_end_in_the_middle_of_a_sentence_says_nothing_of_a_bare_complaint() -> None:
    bare = Observation(expected=Expected(), damages=(CUT,), abstained=True)
    assert _first(bare) is Cause.NOT_ANSWERABLE
    assert _first(replace(bare, expected=CLAIMED)) is Cause.PARSE_FAULT


def test_noise_in_the_document_itself_comes_before_a_cut_between_chunks() -> None:
    apart = replace(LIVE, whole=False, chunks=("1", "2"), score=0.75)
    small = Fault(kind="chunk", now="chunk.max_tokens = 24", better="chunk.max_tokens = 400", unusual=True)
    assert _first(Observation(expected=CLAIMED, holders=(apart,), faults=(small,))) is Cause.CHUNK_FAULT
    assert _first(Observation(expected=CLAIMED, holders=(apart,), damages=(NOISE,))) is Cause.PARSE_FAULT


@pytest.mark.parametrize(("score", "cause"), [(0.3, Cause.MISSING_DOCUMENT), (0.9, Cause.RETRIEVAL_MISS)])
def test_weak_traces_of_a_claim_are_no_miss_of_the_search(score: float, cause: Cause) -> None:
    traces = replace(LIVE, ranks=NOT_FOUND, score=score, exact=False)
    assert _first(Observation(expected=CLAIMED, holders=(traces,), abstained=True)) is cause


@pytest.mark.parametrize(("quoting", "cause"), [(True, Cause.MISSING_DOCUMENT), (False, Cause.GENERATION_FAULT)])
def test_what_quotes_and_found_nothing_to_quote_is_no_fault_of_a_model(quoting: bool, cause: Cause) -> None:
    loose = replace(LIVE, exact=False)
    assert _first(Observation(expected=CLAIMED, holders=(loose,), abstained=True, quoting=quoting)) is cause


def test_a_page_that_said_it_better_before_it_changed_has_lost_it() -> None:
    lost = replace(LOST, score=0.91)
    seen = Observation(expected=CLAIMED, holders=(lost, LIVE), lost=lost, loss="older", known_before=True)
    assert _first(seen) is Cause.STALE_DOCUMENT
    assert _first(replace(seen, known_before=False)) is Cause.GENERATION_FAULT


def test_a_text_that_is_gone_and_says_it_word_for_word_is_surer_than_a_like_one_elsewhere() -> None:
    like = replace(LIVE, document_id="z", source="docs/z.md", exact=False, score=0.91)
    assert live_of((LOST, like)) is None
    assert live_of((LOST, replace(like, exact=True))) is not None


def test_a_copy_that_says_otherwise_contradicts_though_its_sentence_is_another_one() -> None:
    copied = replace(CONFLICT, close=0.1, weight=0.0, alike=0.95)
    assert _first(Observation(expected=CLAIMED, holders=(LIVE,), conflict=copied)) is Cause.CONFLICTING_DOCUMENTS
    apart = replace(copied, alike=0.1)
    assert _first(Observation(expected=CLAIMED, holders=(LIVE,), conflict=apart)) is Cause.GENERATION_FAULT


@pytest.mark.parametrize(
    ("conflict", "cause"),
    [
        (replace(CONFLICT, close=0.3), Cause.CONFLICTING_DOCUMENTS),
        (replace(CONFLICT, close=0.3, order="older"), Cause.STALE_DOCUMENT),
        (replace(CONFLICT, close=0.3, wrong=replace(WRONG, planted=0.8, asks=True)), Cause.POISONED_DOCUMENT),
    ],
)
def test_what_an_answer_says_beside_the_right_thing(conflict: Conflict, cause: Cause) -> None:
    assert _first(Observation(expected=CLAIMED, agrees=True, holders=(LIVE,), conflict=conflict)) is cause


def test_an_older_edition_without_which_the_right_answer_comes_is_stale() -> None:
    older = replace(CONFLICT, order="older", alike=0.5)
    found = decide(Observation(expected=CLAIMED, holders=(LIVE,), in_the_way=older))[0]
    assert (found.cause, found.blamed[0][1]) == (Cause.STALE_DOCUMENT, "docs/b.md")


def test_all_copies_of_a_planted_document_are_named() -> None:
    planted = replace(CONFLICT, wrong=replace(WRONG, planted=0.8, asks=True))
    crowd = Crowd(documents=(("b", "docs/b.md"), ("p", "docs/p.md"), ("a", "docs/a.md")), share=0.9)
    found = decide(Observation(expected=CLAIMED, holders=(LIVE,), conflict=planted, crowd=crowd))[0]
    assert found.cause is Cause.POISONED_DOCUMENT
    assert {source for _, source, _ in found.blamed} == {"docs/b.md", "docs/p.md"}


def test_many_copies_are_a_crowd_though_they_repeat_the_question() -> None:
    planted = replace(CONFLICT, wrong=replace(WRONG, planted=0.8, asks=True))
    copies = tuple((f"c{number}", f"docs/c{number}.md") for number in range(12))
    seen = Observation(
        expected=CLAIMED,
        holders=(replace(LIVE, ranks=NOT_FOUND),),
        conflict=planted,
        crowd=Crowd(documents=copies, share=0.8, kept="docs/c0.md"),
    )
    assert _first(seen) is Cause.DUPLICATE_DOCUMENTS


def test_a_claim_that_was_set_aside_and_stands_nowhere_is_disputed() -> None:
    aside = Observation(expected=CLAIMED, disputed="it has nothing to do with the question", supported=0.9)
    found = decide(aside)[0]
    assert (found.rule, found.cause) == ("set_aside", Cause.FEEDBACK_DISPUTED)
    assert decide(replace(aside, holders=(LIVE,)))[0].rule != "set_aside"


def test_what_was_answered_rightly_before_and_is_gone_is_no_agreement() -> None:
    seen = Observation(expected=CLAIMED, agrees=True, supported=0.9)
    assert _first(seen) is Cause.FEEDBACK_DISPUTED
    gone = replace(LOST, layer="deleted")
    assert _first(replace(seen, holders=(gone,), known_before=True)) is Cause.MISSING_DOCUMENT


def test_an_answer_without_the_figures_of_a_claim_does_not_say_it() -> None:
    question = "What led to the Social Agreement?"
    assert lacks("the election of the party in … led to it", "the election of the party in 1997", question)
    assert not lacks("the election of the party in 1997 led to it", "the election of the party in 1997", question)


def test_a_text_in_the_wrong_encoding_is_garbled_and_not_another_text() -> None:
    before = "上海轨道交通十八号线的编号为十八。\n它贯穿城市的南北，途经宝山、杨浦和浦东三个地区。\n" * 4
    now = before.encode("utf-8").decode("gb18030", "replace")
    assert loss_of(before, now, "上海轨道交通十八号线的编号为十八。")[0] == "garbled"
    other = "红藻门的叶绿体来自一次内共生，陆生植物的祖先与它有相同的起源。\n" * 8
    assert loss_of(before, other, "上海轨道交通十八号线的编号为十八。")[0] == "replaced"


@pytest.mark.parametrize(
    ("said", "expected", "agrees"),
    [
        ("The bridge was drawn by Marta Klein in 1893.", "drawn by Marta Klein", True),
        ("The bridge was drawn by Olga Holm in 1893.", "The bridge was drawn by Marta Klein in 1893", False),
        ("铁桥于一八九三年由林怀远设计建成。", "由林怀远设计建成", True),
        ("铁桥于一八九三年由张三丰设计建成。", "铁桥于一八九三年由林怀远设计建成", False),
    ],
)
def test_one_name_makes_another_statement_of_a_sentence(said: str, expected: str, *, agrees: bool) -> None:
    question = "谁设计的？" if expected[0] >= "\u3400" else "Who drew it?"
    assert in_its_words(said, Expected(text=expected, origin="correction"), question) is agrees


def test_chunks_of_usual_size_are_blamed_last() -> None:
    apart = replace(LIVE, whole=False, chunks=("1", "2"), ranks=NOT_FOUND)
    shallow = Fault(kind="retrieval", now="retrieval.k = 1", better="retrieval.k = 10", unusual=True)
    seen = Observation(expected=CLAIMED, holders=(apart,), faults=(shallow,))
    assert _first(seen) is Cause.RETRIEVAL_MISS
    small = Fault(kind="chunk", now="chunk.max_tokens = 24", better="chunk.max_tokens = 400", unusual=True)
    assert _first(replace(seen, faults=(shallow, small))) is Cause.CHUNK_FAULT
    assert decide(replace(seen, faults=()))[0].rule == "apart"
    assert decide(replace(seen, faults=(), supported=0.9))[0].rule == "claim_unsupported"
