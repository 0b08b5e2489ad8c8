"""What a comparison of two releases found: verdict, deltas, and case by case what changed and why. All are frozen."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from evaluation.records import Case, EvaluatedRelease, EvidenceState, GateVerdict, MetricDelta, SliceSummary
from index.evaluations import MetricSummary
from index.history import DocumentChange


class SettingChange(msgspec.Struct, frozen=True):
    """A sealed setting or a step's fingerprint that differs: ``section.name``, its text before and after."""

    name: str
    before: str
    after: str


class WhatChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two releases: all that can change an answer.

    Attributes:
        documents: documents that differ, by source; the first :data:`evaluation.comparing.differences.NAMED` of them,
            each with the first of its chunk texts.
        documents_changed: number of documents that differ.
        chunks_added: number of chunk texts that only the candidate has.
        chunks_removed: number of chunk texts that only the baseline has.
        settings: sealed settings and step fingerprints that differ.
        prompt: lines of a unified diff of the prompts, field by field.
    """

    documents: tuple[DocumentChange, ...] = ()
    documents_changed: int = 0
    chunks_added: int = 0
    chunks_removed: int = 0
    settings: tuple[SettingChange, ...] = ()
    prompt: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the two answer from the same documents in the same way."""
        return not (self.documents_changed or self.settings or self.prompt)


WhyCode: TypeAlias = Literal[
    "error",
    "review",
    "document_gone",
    "text_lost",
    "evidence_moved",
    "document_added",
    "document_changed",
    "document_recut",
    "chunk_cut",
    "chunk_whole",
    "crowded_out",
    "ranked_lower",
    "ranked_higher",
    "left_out",
    "prompt",
    "settings",
    "passages",
    "generator",
]
"""Kinds of causes; in brackets the names of their values.

``error`` (side, step, kind, error), ``review`` (reason), ``document_gone``, ``text_lost``, ``left_out`` (source),
``evidence_moved`` (before, after: sources), ``document_added``, ``document_changed``, ``document_recut`` (source,
removed, added: numbers of chunk texts), ``chunk_cut``, ``chunk_whole`` (source, before, after: numbers of chunks),
``crowded_out`` (before, after: ranks, "" where it is not found; sources; new: true or false), ``ranked_lower``,
``ranked_higher`` (source, before, after: ranks), ``prompt`` (same: whether the passages are the same), ``settings``
(settings), ``passages`` (gone, came: sources), ``generator`` ().
"""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """One cause of a change, as far as the differences of the releases show it.

    Attributes:
        code: which kind; reports word it by this.
        message: in English, with names and figures.
        source: the document it is about, "" where it is about none.
        details: chunk texts, prompt lines or settings that differ.
        values: the names and figures of the message, for other languages.
    """

    code: WhyCode
    message: str
    source: str = ""
    details: tuple[str, ...] = ()
    values: dict[str, str] = {}


class HitChange(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was retrieved by one side only, or at another rank.

    Attributes:
        source: its document's source path.
        start: first code point in the version's text.
        end: one past the last.
        before: its rank in the baseline; None where it was not retrieved.
        after: its rank in the candidate; None where it was not retrieved.
        covers: places of the case's evidence that it holds.
    """

    source: str
    start: int
    end: int
    before: int | None
    after: int | None
    covers: tuple[int, ...] = ()


class EvidenceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a case's evidence.

    Attributes:
        index: its place in ``Case.evidence``.
        source: the source that is named.
        before: its state in the baseline.
        after: its state in the candidate.
        rank_before: rank of the first hit that holds it; None where none does.
        rank_after: the same in the candidate.
        read_before: whether a passage that the generator read holds it.
        read_after: the same in the candidate.
    """

    index: int
    source: str
    before: EvidenceState
    after: EvidenceState
    rank_before: int | None
    rank_after: int | None
    read_before: bool
    read_after: bool

    @property
    def same(self) -> bool:
        """Whether nothing that counts became of it."""
        ranks = self.rank_before == self.rank_after and self.read_before == self.read_after
        return ranks and self.before == self.after


class DiffPiece(msgspec.Struct, frozen=True):
    """A run of words of two answers: in both, or only in one."""

    kind: Literal["same", "removed", "added"]
    text: str


class ScoreChange(msgspec.Struct, frozen=True):
    """One metric of a case; None where a side has no value."""

    name: str
    before: float | None
    after: float | None


class ChangedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case that the two releases treat differently.

    Attributes:
        case: the case's id.
        question: as it is asked.
        tags: of the case.
        direction: ``worse``, ``better``, or ``other`` where no tested metric tells.
        harm: sum of what the tested metrics lost; negative where they gained.
        newly_failed: whether it passed in the baseline and fails now.
        newly_passed: whether it failed in the baseline and passes now.
        scores: metrics that differ.
        hits: chunks that were gained, lost or moved.
        evidence: every item of its evidence.
        answer: the two answers, word by word.
        same_answer: whether they are the same text.
        citations_before: sources that the baseline cites and the candidate does not.
        citations_after: sources that only the candidate cites.
        why: causes, the likeliest first.
    """

    case: str
    question: str
    tags: tuple[str, ...]
    direction: Literal["worse", "better", "other"]
    harm: float
    newly_failed: bool
    newly_passed: bool
    scores: tuple[ScoreChange, ...]
    hits: tuple[HitChange, ...]
    evidence: tuple[EvidenceChange, ...]
    answer: tuple[DiffPiece, ...]
    same_answer: bool
    citations_before: tuple[str, ...] = ()
    citations_after: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases, paired by case.

    Attributes:
        collection: the collection.
        cases: the cases, in the order of both sides' results.
        baseline: results of the baseline; cases in review are so on both sides.
        candidate: results of the candidate.
        metrics: deltas by metric.
        baseline_summaries: every metric of the baseline alone.
        candidate_summaries: every metric of the candidate alone.
        baseline_slices: slices of the baseline.
        candidate_slices: the same slices of the candidate.
        verdict: what the gate says.
        changed: cases that the two treat differently, the most harmed first.
        what: what differs between the two.
    """

    collection: str
    cases: tuple[Case, ...]
    baseline: EvaluatedRelease
    candidate: EvaluatedRelease
    metrics: dict[str, MetricDelta]
    baseline_summaries: dict[str, MetricSummary]
    candidate_summaries: dict[str, MetricSummary]
    baseline_slices: tuple[SliceSummary, ...]
    candidate_slices: tuple[SliceSummary, ...]
    verdict: GateVerdict
    changed: tuple[ChangedCase, ...]
    what: WhatChanged
