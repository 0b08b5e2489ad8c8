"""Compares two releases case by case: evidence settled fairly, deltas with intervals, the gate's verdict, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import pyarrow.compute as pc

from evaluation.comparing.case_diff import Rules, by_harm, changed_case
from evaluation.comparing.causes import Chunk, ChunksOf, Side, causes
from evaluation.comparing.differences import Differences, differences
from evaluation.comparing.records import ChangedCase, Comparison
from evaluation.comparing.settle import new_to, settle
from evaluation.gate import decide
from evaluation.metrics.catalogue import metric
from evaluation.records import Case, CaseResult, EvaluatedRelease, GateVerdict, MetricDelta, Reason
from evaluation.running.evaluate import RunOptions, evaluate, scorer_of
from evaluation.slices import slices_of
from evaluation.statistics import compare_metrics, summarise
from evaluation.subjects import Subject
from index.environment import Environment
from index.opened import OpenRelease
from ragpress.errors import ReleaseError
from ragpress.evaluation_settings import GateSettings
from ragpress.settings import CollectionSettings

INTEGRITY = "integrity"
"""Code of the reason that the candidate's files are not whole."""

_NAMED = 20


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases with their results, settled, in the order of the cases.

    Attributes:
        cases: the cases.
        baseline: results of the one.
        candidate: results of the other.
    """

    cases: tuple[Case, ...]
    baseline: EvaluatedRelease
    candidate: EvaluatedRelease

    def rows(self) -> list[tuple[Case, CaseResult, CaseResult]]:
        """Every case with its results on both sides."""
        return list(zip(self.cases, self.baseline.results, self.candidate.results, strict=True))


def compare(
    environment: Environment,
    collection: str,
    baseline: Subject,
    candidate: Subject,
    cases: Sequence[Case],
    options: RunOptions,
) -> Comparison:
    """Run the cases on both sides and compare them.

    Both are judged by the same checker and embedder, the baseline's. What was judged before is reused, so of a change
    that touches few cases only those are judged again.

    Args:
        environment: the outside.
        collection: the collection; its settings hold the rules of the gate.
        baseline: what is known, as a rule the live release.
        candidate: what is new.
        cases: the cases.
        options: how they are run.

    Raises:
        StorageError: results cannot be kept, or a file of a release is damaged.
        SettingsError: the gate's rules name a metric that there is not.
    """
    options = msgspec.structs.replace(options, scorer=options.scorer or scorer_of(baseline.environment, baseline))
    pair = Pair(
        cases=tuple(cases),
        baseline=evaluate(baseline.environment, baseline, cases, options),
        candidate=evaluate(candidate.environment, candidate, cases, options),
    )
    pair = settled(pair, versions_of(candidate.release))
    found = differences(baseline.release, candidate.release)
    settings = environment.workspace.collection(collection)
    explain = _Explained(baseline.release, candidate.release, found)
    tested = settings.gate.metrics
    lower = frozenset(name for name in tested if not metric(name).higher_is_better)
    rules = Rules(tested=tested, lower_is_better=lower)
    rows = [(changed_case(*row, rules), row) for row in pair.rows()]
    changed = by_harm([explain(case, row) for case, row in rows if case is not None])
    comparison = reckoned(collection, pair, settings, found, changed)
    return msgspec.structs.replace(comparison, verdict=_with_integrity(comparison.verdict, candidate))


def settled(pair: Pair, versions: Mapping[str, str]) -> Pair:
    """Both sides on one footing: see :mod:`evaluation.comparing.settle`; ``versions`` as there."""
    both = [settle(before, after, versions) for _, before, after in pair.rows()]
    return msgspec.structs.replace(
        pair,
        baseline=msgspec.structs.replace(pair.baseline, results=tuple(before for before, _ in both)),
        candidate=msgspec.structs.replace(pair.candidate, results=tuple(after for _, after in both)),
    )


def reckoned(
    collection: str, pair: Pair, settings: CollectionSettings, found: Differences, changed: tuple[ChangedCase, ...]
) -> Comparison:
    """Metrics, slices and the verdict of settled results: a function of values."""
    rules, gate = settings.evaluation, settings.gate
    before, after = pair.baseline.results, pair.candidate.results
    deltas = compare_metrics(before, after, rules, gate.metrics)
    verdict = decide(pair.cases, before, after, _held(pair, deltas, settings), gate, rules)
    return Comparison(
        collection=collection,
        cases=pair.cases,
        baseline=pair.baseline,
        candidate=pair.candidate,
        metrics=deltas,
        baseline_summaries=summarise(before, rules),
        candidate_summaries=summarise(after, rules),
        baseline_slices=slices_of(pair.cases, before, rules),
        candidate_slices=slices_of(pair.cases, after, rules),
        verdict=msgspec.structs.replace(verdict, warnings=(*verdict.warnings, *_notes(pair, gate))),
        changed=changed,
        what=found.what,
    )


def _held(pair: Pair, deltas: dict[str, MetricDelta], settings: CollectionSettings) -> dict[str, MetricDelta]:
    """The deltas that the gate tests: over the cases whose evidence the baseline had, or that need none."""
    rows = [(before, after) for _, before, after in pair.rows() if not new_to(before, after)]
    if len(rows) == len(pair.cases):
        return deltas
    before, after = [row[0] for row in rows], [row[1] for row in rows]
    return compare_metrics(before, after, settings.evaluation, settings.gate.metrics)


def _notes(pair: Pair, gate: GateSettings) -> list[Reason]:
    """On how many cases nothing can be lost: their evidence is new, or the baseline fails to run."""
    cases = len(pair.cases)
    new = [case.id for case, before, after in pair.rows() if new_to(before, after)]
    failed = [case.id for case, before, _ in pair.rows() if before.error is not None]
    notes = []
    if new:
        message = (
            f"{len(new)} of {cases} cases ask for evidence that the baseline does not have: whether anything got worse "
            "is tested on the others"
        )
        notes.append(_note("new_evidence", message, new, cases))
    if len(failed) > gate.max_errors * cases:
        message = f"{len(failed)} of {cases} cases end in an error in the baseline: nothing can be compared on them"
        notes.append(_note("baseline_errors", message, failed, cases))
    return notes


def _note(code: str, message: str, ids: list[str], cases: int) -> Reason:
    values = {"found": str(len(ids)), "cases": str(cases)}
    return Reason(code=code, message=message, cases=tuple(ids[:_NAMED]), values=values)


def versions_of(release: OpenRelease) -> dict[str, str]:
    """Version of every document that can be found in a release, by its id, in hexadecimal."""
    table = release.documents
    live = table.filter(pc.greater(table["chunks"], 0))
    pairs = zip(live["document_id"].to_pylist(), live["version"].to_pylist(), strict=True)
    return {name: version.hex() for name, version in pairs if version is not None}


class _Explained:
    """Says of changed cases why they changed.

    Args:
        baseline: the one release.
        candidate: the other.
        found: what differs between them.
    """

    def __init__(self, baseline: OpenRelease, candidate: OpenRelease, found: Differences) -> None:
        self._before, self._after = _chunks_of(baseline), _chunks_of(candidate)
        self._found = found

    def __call__(self, changed: ChangedCase, row: tuple[Case, CaseResult, CaseResult]) -> ChangedCase:
        _, before, after = row
        sides = Side(result=before, chunks=self._before), Side(result=after, chunks=self._after)
        return msgspec.structs.replace(changed, why=causes(changed, *sides, self._found))


def _chunks_of(release: OpenRelease) -> ChunksOf:
    @lru_cache(maxsize=64)
    def chunks(document_id: str) -> tuple[Chunk, ...]:
        try:
            rows = release.chunk_rows(release.document(document_id))
        except ReleaseError:
            return ()
        columns = (rows[name].to_pylist() for name in ("start", "end", "text"))
        return tuple(Chunk(*row) for row in zip(*columns, strict=True))

    return chunks


def _with_integrity(verdict: GateVerdict, candidate: Subject) -> GateVerdict:
    """A candidate whose files are not whole is refused, whatever it answers."""
    record = candidate.manifest.gate
    if candidate.info.trial or record.verdict == "pass" or candidate.manifest.evaluation is not None:
        return verdict
    reasons = tuple(Reason(code=INTEGRITY, message=reason) for reason in record.reasons)
    return msgspec.structs.replace(verdict, verdict="refuse", reasons=(*reasons, *verdict.reasons))
