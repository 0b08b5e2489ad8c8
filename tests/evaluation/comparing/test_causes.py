"""Why a case changed."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.comparing.case_diff import Rules, changed_case
from evaluation.comparing.causes import Chunk, Side, causes
from evaluation.comparing.differences import RECUT, Differences
from evaluation.comparing.records import SettingChange, WhatChanged, Why
from evaluation.records import CaseResult, EvidenceState
from index.history import DocumentChange
from tests.evaluation.comparing.samples import case, failed, hit, located, passage, result

WHOLE = (Chunk(0, 100, "the whole text"),)
CUT = (Chunk(0, 20, "the whole"), Chunk(20, 100, "text"))
LOST = {"recall@10": 0.0, "passed": 0.0}


def documents(*changes: DocumentChange, **what: object) -> Differences:
    by_source = {change.source: change for change in changes}
    return Differences(what=WhatChanged(documents_changed=len(changes), **what), documents=by_source)  # type: ignore[arg-type]


def why(
    before: CaseResult,
    after: CaseResult,
    differences: Differences,
    chunks: tuple[Sequence[Chunk], Sequence[Chunk]] = (WHOLE, WHOLE),
) -> tuple[Why, ...]:
    changed = changed_case(case(), before, after, Rules(tested=("recall@10",)))
    assert changed is not None
    was = Side(result=before, chunks=lambda _: chunks[0])
    now = Side(result=after, chunks=lambda _: chunks[1])
    return causes(changed, was, now, differences)


def codes(found: Sequence[Why]) -> list[str]:
    return [one.code for one in found]


def test_a_document_that_is_gone() -> None:
    gone = result(evidence=(located(EvidenceState.GONE),), hits=(), passages=(), scores=LOST, answer="no")
    (found,) = why(result(), gone, documents(DocumentChange("docs/a.md", "removed", (), ("text",))))
    assert (found.code, found.source) == ("document_gone", "docs/a.md")
    assert found.message == "docs/a.md is no longer in the release"


def test_text_that_was_lost_on_the_way() -> None:
    lost = result(evidence=(located(EvidenceState.CHANGED),), hits=(), scores=LOST)
    assert codes(why(result(), lost, documents())) == ["text_lost"]


def test_a_document_that_now_says_it() -> None:
    absent = result(evidence=(located(EvidenceState.GONE),), hits=(), passages=(), scores=LOST)
    (found,) = why(absent, result(), documents(DocumentChange("docs/a.md", "added", ("text",), ())))
    assert (found.code, found.source) == ("document_added", "docs/a.md")


def test_evidence_that_is_cut_in_two() -> None:
    lower = result(hits=(hit(1, "docs/b.md"), hit(2, covers=(0,))), scores={"recall@10": 1.0, "passed": 0.0})
    found = why(result(), lower, documents(DocumentChange("docs/a.md", RECUT, (), ())), (WHOLE, CUT))
    assert codes(found)[0] == "chunk_cut"
    assert "cut into 2 (was 1)" in found[0].message
    assert found[0].details == ("the whole", "text")


def test_evidence_that_is_whole_again() -> None:
    lower = result(hits=(hit(1, "docs/b.md"), hit(2, covers=(0,))), scores={"recall@10": 1.0, "passed": 0.0})
    found = why(lower, result(), documents(), (CUT, WHOLE))
    assert codes(found) == ["chunk_whole", "ranked_higher"]


def test_an_edited_document_shows_its_texts() -> None:
    edited = result(
        evidence=(located(version="v2"),),
        hits=(hit(1, "docs/b.md"), hit(2, covers=(0,))),
        scores={"recall@10": 1.0, "passed": 0.0},
    )
    change = DocumentChange("docs/a.md", "changed", ("new text",), ("old text",))
    found = why(result(), edited, documents(change), (WHOLE, CUT))
    assert found[0].code == "document_changed"
    assert found[0].details == ("- old text", "+ new text")
    assert found[0].message == "docs/a.md changed: 1 chunk text gone, 1 chunk text new"


def test_a_new_document_that_crowds_it_out() -> None:
    out = result(hits=(hit(1, "docs/new.md"), hit(2, "docs/b.md")), passages=(passage("docs/new.md"),), scores=LOST)
    (found,) = why(result(), out, documents(DocumentChange("docs/new.md", "added", ("x",), ())))
    assert (found.code, found.source) == ("crowded_out", "docs/new.md")
    assert found.message.startswith("a new document crowded it out (rank 1 → not found): docs/new.md (added)")
    assert found.values["after"] == ""


def test_a_rank_that_fell_for_no_text() -> None:
    before = result(hits=(hit(1, "docs/b.md"), hit(2, covers=(0,))))
    lower = result(hits=(hit(1, "docs/b.md"), hit(3, covers=(0,))))
    assert codes(why(before, lower, documents())) == ["ranked_lower"]


def test_evidence_that_is_found_and_not_read() -> None:
    unread = result(passages=(passage("docs/b.md"),), answer="no", scores={"recall@10": 1.0, "passed": 0.0})
    settings = (SettingChange("context.passages", "6", "1"), SettingChange("answer.prompt", "a", "b"))
    found = why(result(), unread, documents(settings=settings))
    assert codes(found) == ["left_out", "settings"]
    assert found[1].details == ("context.passages: 6 → 1",)


def test_evidence_that_moved() -> None:
    moved = located(EvidenceState.MOVED, source="docs/moved.md", document_id="m")
    after = result(evidence=(moved,), hits=(hit(1, "docs/moved.md", covers=(0,), document_id="m"),), answer="other")
    found = why(result(), after, documents())
    assert found[0].code == "evidence_moved"
    assert found[0].values == {"before": "docs/a.md", "after": "docs/moved.md"}


def test_other_prompt_lines_over_the_same_passages() -> None:
    prompt = ("--- a: system", "+++ b: system", "@@ -1 +1 @@", "-Be long.", "+Be brief.")
    settings = (SettingChange("retrieval.k", "10", "5"), SettingChange("generator.model", "a", "b"))
    found = why(result(), result(answer="It is."), documents(prompt=prompt, settings=settings))
    assert codes(found) == ["prompt", "settings"]
    assert found[0].message == "same passages, other prompt lines"
    assert found[0].details == ("-Be long.", "+Be brief.")
    assert found[1].details == ("generator.model: a → b",)


def test_other_passages_of_unchanged_documents() -> None:
    after = result(passages=(passage(), passage("docs/c.md", index=2)), answer="It is, see c.")
    (found,) = why(result(), after, documents())
    assert (found.code, found.message) == ("passages", "other passages are read: now from docs/c.md")


def test_passages_in_another_order() -> None:
    one, two = passage(text="one", chunk_id="1"), passage("docs/b.md", "two", chunk_id="2")
    found = why(result(passages=(one, two)), result(passages=(two, one), answer="other"), documents())
    assert found[0].message == "the same passages are read in another order"


def test_passages_of_an_edited_document_name_it() -> None:
    before, after = passage("docs/b.md", "old"), passage("docs/b.md", "new")
    change = DocumentChange("docs/b.md", "changed", ("new",), ("old",))
    first = passage()
    found = why(result(passages=(first, before)), result(passages=(first, after), answer="other"), documents(change))
    assert codes(found) == ["document_changed"]


def test_a_generator_that_varies() -> None:
    assert codes(why(result(), result(answer="other words"), documents())) == ["generator"]


def test_an_error_and_a_review_say_all() -> None:
    after = result(error=failed("the server is down"), answer=None, scores={}, evidence=())
    (found,) = why(result(), after, documents(prompt=("-a", "+b")))
    assert found.message == "the candidate ended in an error: generate: the server is down"
    assert found.values["side"] == "candidate"
    review = result(review="a.md says something else", answer="x")
    assert codes(why(result(review="a.md says something else"), review, documents())) == ["review"]


def test_a_step_is_named_without_its_fingerprints() -> None:
    other = result(passages=(passage(text="other"),), answer="other")
    settings = (SettingChange("steps.chunk", "7d75", "0463"), SettingChange("retrieval.k", "10", "5"))
    found = why(result(), other, documents(settings=settings))
    assert codes(found) == ["passages", "settings"]
    assert found[1].message == "settings differ: steps.chunk, retrieval.k: 10 → 5"
    assert found[1].details[0] == "steps.chunk: 7d75 → 0463"
