"""What names an answer, and what is kept of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evaluation.records import Case, Scored
from evaluation.running import kept
from evaluation.running.case import question_of
from evaluation.running.kept import MEMO, AnswerKeys, KeptAnswer, KeptAnswers, Keys, keep
from evaluation.sources import ANSWERING, QUOTING
from index.answering import Answering
from ingest.memo import Memo
from ragpress.answer_settings import AnswerSettings, GeneratorSettings
from ragpress.prompts import built_in
from ragpress.storage.local import LocalStore
from retrieval.context import Passage
from serving.chain import Answerer, Prompted
from serving.types import Turn
from tests.serving.answering import Passages, Scripted, answerer, passage

TEXT = "Green tea steeps for two minutes."
ASKED = Case(id="tea", question="How long does green tea steep?", answer="two minutes")


def prompted(asking: Answerer, case: Case) -> Prompted:
    async def ask() -> Prompted:
        return await asking.prompt(await asking.retrieve(question_of(case)))

    return asyncio.run(ask())


def keys(
    *passages: Passage, case: Case = ASKED, scorer: str = "s", embedder: str = "e", model: str = "", **sealed: Any
) -> Keys:
    asking = answerer(Scripted(), *passages, **{name: value for name, value in sealed.items() if name == "evidence"})
    answer = sealed.get("answer", AnswerSettings())
    parts = replace(asking.parts, answer=answer, prompt=sealed.get("prompt", asking.parts.prompt))
    answering = Answering(prompt=parts.prompt, generator=sealed.get("generator", GeneratorSettings()), answer=answer)
    made = AnswerKeys(parts, answering, embedder, scorer, model)
    return made.of(case, prompted(Answerer(parts), case))


def test_what_belongs_to_one_release_changes_no_key() -> None:
    there = passage(
        1, TEXT, chunk_id="other", document_id="other", score=0.1, family=7, page=3,
        start=100, end=100 + len(TEXT), text_start=100, text_end=100 + len(TEXT),
    )  # fmt: skip
    assert keys(there) == keys(passage(1, TEXT))


@pytest.mark.parametrize(
    "changed",
    [
        {"text": TEXT + " And more."},
        {"chunk": TEXT[:10]},
        {"title": "Another title"},
        {"heading": ("Kitchen",)},
        {"source": "docs/moved.md"},
        {"marks": ("outdated",)},
        {"copies": ("docs/copy.md",)},
        {"start": 4},
    ],
)
def test_what_a_generator_check_or_metric_sees_changes_the_key(changed: dict[str, Any]) -> None:
    assert keys(replace(passage(1, TEXT), **changed)).answer != keys(passage(1, TEXT)).answer


def test_order_and_number_of_passages_change_the_key() -> None:
    one, two = passage(1, TEXT), passage(2, "Tea is green.")
    swapped = replace(two, index=1), replace(one, index=2)
    assert len({keys(one).answer, keys(one, two).answer, keys(*swapped).answer}) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"embedder": "another"},
        {"model": "another"},
        {"generator": GeneratorSettings(temperature=0.5)},
        {"answer": AnswerSettings(support=0.6)},
        {"prompt": replace(built_in(), fingerprint="another")},
        {"evidence": 0.0},
    ],
)
def test_what_decides_an_answer_changes_its_key(changed: dict[str, Any]) -> None:
    assert keys(passage(1, TEXT), **changed).answer != keys(passage(1, TEXT)).answer


@pytest.mark.parametrize(
    "case",
    [
        replace(ASKED, answer="three minutes"),
        replace(ASKED, must_abstain=True),
        replace(ASKED, answers=("2 min",)),
    ],
)
def test_what_is_known_of_the_right_answer_changes_the_scores_alone(case: Case) -> None:
    one, other = keys(passage(1, TEXT)), keys(passage(1, TEXT), case=case)
    assert one.answer == other.answer
    assert one.scores != other.scores


def test_other_metrics_change_the_scores_alone() -> None:
    one, other = keys(passage(1, TEXT)), keys(passage(1, TEXT), scorer="others")
    assert one.answer == other.answer
    assert one.scores != other.scores


def test_the_name_and_tags_of_a_case_change_nothing() -> None:
    assert keys(passage(1, TEXT), case=replace(ASKED, id="b", tags=("must",), note="?")) == keys(passage(1, TEXT))


def test_history_changes_the_key() -> None:
    talked = replace(ASKED, history=(Turn("user", "Tea?"), Turn("assistant", "Green.")))
    assert keys(passage(1, TEXT), case=talked).answer != keys(passage(1, TEXT)).answer


def kept_answer() -> KeptAnswer:
    asking = answerer(Scripted(f"{TEXT} [1]"), passage(1, TEXT, start=50, end=50 + len(TEXT)))
    return keep(asyncio.run(asking.answer(question_of(ASKED))), embedded=3)


def test_citations_are_mapped_onto_the_passages_at_hand() -> None:
    known = kept_answer()
    there = passage(1, TEXT, chunk_id="new", document_id="moved", source="docs/new.md", start=7, end=7 + len(TEXT))

    (cited,) = known.citations([there])
    assert (cited.chunk_id, cited.document_id, cited.source) == ("new", "moved", "docs/new.md")
    assert (cited.start, cited.end, cited.quote) == (7, 7 + len(TEXT), TEXT)
    assert cited.score > 0


def test_what_is_sealed_is_found_by_another_run(tmp_path: Path) -> None:
    store, known = LocalStore(tmp_path), kept_answer()
    first = KeptAnswers(store)
    first.add(b"a" * 16, known)
    first.add(b"s" * 16, Scored({"passed": 1.0}, {"mrr": "no evidence"}))
    first.add(b"t" * 16, "How long does tea steep?")
    assert KeptAnswers(store).answer(b"a" * 16) is None
    first.seal()

    second = KeptAnswers(store)
    assert second.answer(b"a" * 16) == known
    assert second.scores(b"s" * 16) == Scored({"passed": 1.0}, {"mrr": "no evidence"})
    assert second.text(b"t" * 16) == "How long does tea steep?"
    assert KeptAnswers(store, read=False).answer(b"a" * 16) is None


def test_what_another_version_wrote_counts_as_missing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    memo = Memo(store, MEMO)
    memo.put(b"a" * 16, b"\xc1 no message")
    memo.put(b"b" * 16, b"\x91\xc0")
    memo.seal()

    kept = KeptAnswers(store)
    assert kept.answer(b"a" * 16) is None
    assert kept.answer(b"b" * 16) is None


def test_a_pack_that_another_run_put_into_one_is_a_miss_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    for name in (b"a" * 16, b"b" * 16):
        kept = KeptAnswers(store)
        kept.add(name, "text")
        kept.seal()
    listed = list(store.list("memo/"))
    reader = KeptAnswers(store)
    monkeypatch.setattr(LocalStore, "list", lambda self, prefix: iter(listed))
    store.delete(listed[0][0])

    assert sorted((reader.text(b"a" * 16) or "", reader.text(b"b" * 16) or "")) == ["", "text"]


def test_sources_are_asked_as_the_case_says() -> None:
    source = Passages(passage(1, TEXT))
    asking = answerer(Scripted(), source=source)
    prompted(asking, replace(ASKED, principal=("staff",)))
    prompted(asking, ASKED)

    staff, operator = (caller for _, caller, _, _ in source.asked)
    assert staff.groups == {"staff"}
    assert not staff.unrestricted
    assert operator.unrestricted


def test_changed_sources_change_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    now = keys(passage(1, TEXT))
    assert keys(passage(1, TEXT)) == now
    for changed in (ANSWERING, QUOTING):
        monkeypatch.setattr(kept, "source_digest", lambda names, changed=changed: "x" if names == changed else "")
        others = keys(passage(1, TEXT))
        monkeypatch.setattr(kept, "source_digest", lambda names: "")
        unchanged = keys(passage(1, TEXT))
        assert others.answer != unchanged.answer
        assert others.scores != unchanged.scores
