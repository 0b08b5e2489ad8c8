"""Which cases two releases can be compared on, and what evidence that a side lacks means.

In a single run nobody can tell a source that was rightly edited from one whose text the pipeline lost. Two releases
tell: evidence that the candidate no longer has although the document's bytes are the same, or whose document it does
not have at all, was lost by the candidate and counts against it. Evidence whose document was edited, and which no
longer stands anywhere, says nothing about the candidate: a person must look at the case, and it counts on no side.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from evaluation.records import CaseResult, EvidenceState, LocatedEvidence


class Fate(StrEnum):
    """What an item of evidence means for a comparison."""

    KEPT = "kept"
    """The candidate has it; a baseline without it is scored without it."""
    LOST = "lost"
    """The candidate lacks what the baseline has, and no edit of the document explains that: scored without it."""
    ABSENT = "absent"
    """Neither has the document: both are scored without it."""
    UNCLEAR = "unclear"
    """The document says something else: the case must be looked at, and counts on no side."""


def fate(before: LocatedEvidence, after: LocatedEvidence, holder: str | None) -> Fate:
    """What one item of evidence means.

    Args:
        before: where the baseline has it.
        after: where the candidate has it.
        holder: version, in the candidate, of the document that holds it in the baseline; None where the candidate
            does not have that document.
    """
    if after.found:
        return Fate.KEPT
    if before.found:
        return Fate.LOST if holder is None or holder == before.version else Fate.UNCLEAR
    if before.state == after.state == EvidenceState.GONE:
        return Fate.ABSENT
    return Fate.UNCLEAR


def new_to(baseline: CaseResult, candidate: CaseResult) -> bool:
    """Whether a case asks for what only the candidate has: its evidence came with it.

    The baseline must fail it. Such gains say nothing of what the candidate loses elsewhere, and in a mean over all
    cases a few of them outweigh many losses.
    """
    came = any(item.found for item in candidate.evidence)
    return came and not any(item.found for item in baseline.evidence)


def settle(baseline: CaseResult, candidate: CaseResult, versions: Mapping[str, str]) -> tuple[CaseResult, CaseResult]:
    """Bring the two results of a case onto one footing.

    Args:
        baseline: its result in the baseline.
        candidate: its result in the candidate.
        versions: version of every document that the candidate has, by its id, as ``LocatedEvidence.version``.

    Returns:
        Both results: either both are for review, or neither is. One that ended in an error stays as it is.
    """
    if baseline.error is not None or candidate.error is not None:
        return baseline, candidate
    reasons = [
        after.reason or before.reason or "the document no longer says it"
        for before, after in zip(baseline.evidence, candidate.evidence, strict=True)
        if fate(before, after, versions.get(before.document_id)) is Fate.UNCLEAR
    ]
    review = " ".join(dict.fromkeys(reasons))
    return msgspec.structs.replace(baseline, review=review), msgspec.structs.replace(candidate, review=review)
