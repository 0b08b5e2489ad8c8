"""Evidence that a side lacks: who lost it, and which cases count."""

from __future__ import annotations

import msgspec
import pytest

from evaluation.comparing.settle import Fate, fate, settle
from evaluation.records import CaseResult, EvidenceState, LocatedEvidence
from tests.evaluation.comparing.samples import failed, located, result

FOUND, MOVED, CHANGED, GONE = EvidenceState
SAME, EDITED, NOWHERE = "v1", "v2", None


@pytest.mark.parametrize(
    ("before", "after", "holder", "expected"),
    [
        # The candidate has it, wherever, and whatever the baseline had.
        (FOUND, FOUND, SAME, Fate.KEPT),
        (FOUND, FOUND, EDITED, Fate.KEPT),
        (FOUND, MOVED, NOWHERE, Fate.KEPT),
        (MOVED, FOUND, SAME, Fate.KEPT),
        (GONE, FOUND, NOWHERE, Fate.KEPT),
        (CHANGED, FOUND, EDITED, Fate.KEPT),
        (GONE, MOVED, NOWHERE, Fate.KEPT),
        # The bytes are the same and the text is lost: in parsing, cleaning, anywhere on the way.
        (FOUND, CHANGED, SAME, Fate.LOST),
        (MOVED, CHANGED, SAME, Fate.LOST),
        # The document is gone.
        (FOUND, GONE, NOWHERE, Fate.LOST),
        (MOVED, GONE, NOWHERE, Fate.LOST),
        (FOUND, CHANGED, NOWHERE, Fate.LOST),
        # The document that had it was edited.
        (FOUND, CHANGED, EDITED, Fate.UNCLEAR),
        (MOVED, CHANGED, EDITED, Fate.UNCLEAR),
        (MOVED, GONE, EDITED, Fate.UNCLEAR),
        # The baseline did not have it either.
        (GONE, GONE, NOWHERE, Fate.ABSENT),
        (CHANGED, CHANGED, SAME, Fate.UNCLEAR),
        (CHANGED, CHANGED, EDITED, Fate.UNCLEAR),
        (CHANGED, GONE, NOWHERE, Fate.UNCLEAR),
        (GONE, CHANGED, NOWHERE, Fate.UNCLEAR),
    ],
)
def test_what_an_item_of_evidence_means(
    before: EvidenceState, after: EvidenceState, holder: str | None, expected: Fate
) -> None:
    assert fate(located(before), located(after), holder) is expected


def both(before: LocatedEvidence, after: LocatedEvidence, versions: dict[str, str]) -> tuple[CaseResult, CaseResult]:
    lost = {"recall@10": 0.0, "passed": 1.0}
    old = result(evidence=(before,), review=before.reason if before.state is CHANGED else "")
    new = result(evidence=(after,), review=after.reason if after.state is CHANGED else "", scores=lost)
    return settle(old, new, versions)


def test_text_that_was_lost_on_the_way_counts_against_the_candidate() -> None:
    before, after = both(located(), located(CHANGED), {"d": "v1"})
    assert (before.review, after.review) == ("", "")
    assert after.scores["recall@10"] == 0.0


def test_a_document_that_is_gone_counts_against_the_candidate() -> None:
    before, after = both(located(), located(GONE), {})
    assert (before.review, after.review) == ("", "")
    assert (before.scores["recall@10"], after.scores["recall@10"]) == (1.0, 0.0)


def test_an_edited_document_puts_the_case_up_for_review_on_both_sides() -> None:
    before, after = both(located(), located(CHANGED, version="v2"), {"d": "v2"})
    assert before.review == after.review == "it is changed"


def test_a_baseline_that_never_said_it_is_scored_without_it() -> None:
    before, after = both(located(CHANGED, version="v0"), located(), {"d": "v1"})
    assert (before.review, after.review) == ("", "")


def test_one_unclear_item_is_enough() -> None:
    second = msgspec.structs.replace(located(), index=1, document_id="e")
    old = result(evidence=(located(), second))
    lost = located(CHANGED, index=1, document_id="e", version="v2", reason="e.md says something else")
    new = result(evidence=(located(), lost), review="e.md says something else")
    before, after = settle(old, new, {"d": "v1", "e": "v2"})
    assert before.review == after.review == "e.md says something else"


def test_one_reason_is_said_once() -> None:
    changed = located(CHANGED, version="v2", reason="a.md says something else.")
    old = result(evidence=(located(), located(index=1)))
    new = result(evidence=(changed, msgspec.structs.replace(changed, index=1)), review="as well")
    assert settle(old, new, {"d": "v2"})[1].review == "a.md says something else."


def test_errors_stay_errors() -> None:
    old, new = result(), result(error=failed(), evidence=())
    assert settle(old, new, {}) == (old, new)
    assert settle(new, old, {}) == (new, old)


def test_a_case_without_evidence_counts() -> None:
    old, new = result(evidence=()), result(evidence=())
    assert settle(old, new, {}) == (old, new)
