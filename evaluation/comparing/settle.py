"""Which cases two releases can be compared on, and what evidence that a side lacks means.

In a single run nobody can tell a source that was rightly edited from one whose text the pipeline lost. Two releases
tell: evidence that the candidate no longer has although the document's bytes are the same, or whose document it does
not have at all, was lost by the candidate and counts against it. Evidence whose document was edited, and which no
longer stands anywhere, says nothing about the candidate: a person must look at the case, and it counts on no side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from evaluation.metrics.retrieval import retrieval_scores
from evaluation.metrics.spans import span_scores
from evaluation.records import Case, CaseResult, EvidenceState, LocatedEvidence, Scored

AnswerScores: TypeAlias = Callable[[CaseResult], Scored]
"""Gives the metrics of a result's answer, which a result that is for review does not have itself."""


class Footing(msgspec.Struct, frozen=True, kw_only=True):
    """What bringing two results onto one footing needs beside them.

    Attributes:
        versions: version of every document that the candidate has, by its id, as ``LocatedEvidence.version``.
        answers: gives the metrics of an answer.
        k: the highest cut-off of the retrieval metrics.
    """

    versions: Mapping[str, str]
    answers: AnswerScores
    k: int


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


def settle(case: Case, baseline: CaseResult, candidate: CaseResult, footing: Footing) -> tuple[CaseResult, CaseResult]:
    """Bring the two results of a case onto one footing.

    Args:
        case: the case.
        baseline: its result in the baseline.
        candidate: its result in the candidate.
        footing: what else it needs.

    Returns:
        Both results: either both are for review, or neither is, and then both have their scores.
    """
    if baseline.error is not None or candidate.error is not None:
        return baseline, candidate
    reasons = [
        after.reason or before.reason or "the document no longer says it"
        for before, after in zip(baseline.evidence, candidate.evidence, strict=True)
        if fate(before, after, footing.versions.get(before.document_id)) is Fate.UNCLEAR
    ]
    if reasons:
        review = "; ".join(dict.fromkeys(reasons))
        return _for_review(baseline, review), _for_review(candidate, review)
    return _counted(case, baseline, footing), _counted(case, candidate, footing)


def _for_review(result: CaseResult, review: str) -> CaseResult:
    return msgspec.structs.replace(result, review=review, scores={}, missing={})


def _counted(case: Case, result: CaseResult, footing: Footing) -> CaseResult:
    """A result that counts: one that a single run had left for review is scored without the evidence it lacks."""
    if not result.review:
        return result
    found = retrieval_scores(case, result.hits, result.evidence, footing.k)
    scored = _joined(found, span_scores(result.evidence, result.passages), footing.answers(result))
    return msgspec.structs.replace(result, review="", scores=scored.scores, missing=scored.missing)


def _joined(*parts: Scored) -> Scored:
    scores = {name: value for part in parts for name, value in part.scores.items()}
    missing = {name: reason for part in parts for name, reason in part.missing.items() if name not in scores}
    return Scored(scores, missing)
