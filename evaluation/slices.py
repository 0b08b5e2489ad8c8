"""Slices: the same metrics over the cases that share a language, a tag or a folder of evidence.

A mean over all cases can hide that one part of them got worse. Slices only show where to look: the gate judges all
cases together, for a slice of a few cases proves nothing; so each says how many cases it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePosixPath

import msgspec

from evaluation.records import Case, CaseResult, SliceDelta, SliceSummary
from evaluation.statistics import compare_metrics, summarise
from ragpress.evaluation_settings import EvaluationSettings
from serving.language import answer_language

LANGUAGE, TAG, FOLDER = "language", "tag", "folder"

RESAMPLES = 2_000
"""The most resamples of a slice's intervals: there are many slices, and their intervals are wide."""


def slices_of(
    cases: Sequence[Case], results: Sequence[CaseResult], settings: EvaluationSettings
) -> tuple[SliceSummary, ...]:
    """Metrics by language of the question, by tag and by folder of the evidence.

    Args:
        cases: the cases.
        results: one per case, in their order.
        settings: confidence, resamples (at most :data:`RESAMPLES`) and seed.

    Returns:
        by kind (language, tag, folder), the largest slice first.
    """
    fewer = _fewer(settings)
    return tuple(
        SliceSummary(kind=kind, value=value, cases=len(at), metrics=summarise([results[place] for place in at], fewer))
        for (kind, value), at in members(cases).items()
    )


def slice_deltas(
    cases: Sequence[Case],
    baseline: Sequence[CaseResult],
    candidate: Sequence[CaseResult],
    settings: EvaluationSettings,
    tested: Sequence[str],
) -> tuple[SliceDelta, ...]:
    """Metrics of two releases by slice: where it got worse.

    Args:
        cases: the cases.
        baseline: results of the one, in the order of the cases.
        candidate: results of the other.
        settings: as for :func:`slices_of`.
        tested: the metrics whose p values are corrected for their number; that of slices is not corrected for.
    """
    fewer = _fewer(settings)
    return tuple(
        SliceDelta(
            kind=kind,
            value=value,
            cases=len(at),
            metrics=compare_metrics(
                [baseline[place] for place in at], [candidate[place] for place in at], fewer, tested
            ),
        )
        for (kind, value), at in members(cases).items()
    )


def members(cases: Sequence[Case]) -> dict[tuple[str, str], list[int]]:
    """Places of the cases of every slice, by kind and value; kinds in order, the largest slice of each first.

    A case with several tags, or evidence in several folders, is in several slices.
    """
    found: dict[tuple[str, str], list[int]] = {}
    common = _common([source for case in cases for source in _sources(case)])
    for place, case in enumerate(cases):
        folders = dict.fromkeys(_folder(source, common) for source in _sources(case))
        keys = [
            (LANGUAGE, answer_language(case.question, case.history)),
            *((TAG, tag) for tag in dict.fromkeys(case.tags)),
            *((FOLDER, folder) for folder in folders),
        ]
        for key in keys:
            found.setdefault(key, []).append(place)
    kinds = (LANGUAGE, TAG, FOLDER)
    return dict(sorted(found.items(), key=lambda item: (kinds.index(item[0][0]), -len(item[1]), item[0][1])))


def _sources(case: Case) -> list[str]:
    return [evidence.source for evidence in case.evidence]


def _common(sources: Sequence[str]) -> tuple[str, ...]:
    """Folders that stand above every source."""
    paths = [PurePosixPath(source).parent.parts for source in sources]
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return tuple(level[0] for level in levels)


def _folder(source: str, common: tuple[str, ...]) -> str:
    """The first folder of a source below those that all share; the shared one for a source that lies there."""
    parts = PurePosixPath(source).parent.parts
    return "/".join(parts[: len(common) + 1]) or "."


def _fewer(settings: EvaluationSettings) -> EvaluationSettings:
    return msgspec.structs.replace(settings, resamples=min(settings.resamples, RESAMPLES))
