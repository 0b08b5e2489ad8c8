"""Judges a candidate before it may go live: the hook that the pipeline calls under the writer lock.

A workspace without cases pays a look into a folder; everything else is imported where there is something to judge by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from index.judging import Judgement

if TYPE_CHECKING:
    from pathlib import Path

    from index.environment import Environment
    from index.opened import OpenRelease

OFF = "off"
CASES = "cases"


def judge_candidate(environment: Environment, candidate: OpenRelease, live: OpenRelease | None) -> Judgement | None:
    """What the cases say of a candidate; None where there are none for its collection.

    Where the rules leave the cases out, or there are none any more, nothing is judged, and that is said.

    The evaluation is kept with its report, whatever it says.

    Args:
        environment: the outside.
        candidate: the candidate, not yet saved.
        live: what is live; None when nothing is, and then only floors and ``must`` cases count.

    Raises:
        RagpressError: the cases cannot be read, or a release cannot be opened for answering.
    """
    collection, root = candidate.manifest.collection, environment.workspace.root
    if not _any_file(root / CASES):
        return _none_left(live)
    if environment.workspace.collection(collection).gate.cases == OFF:
        return _unjudged('no case was asked: [gate] cases is "off"')
    from evaluation.cases.files import accepted, read_lines  # noqa: PLC0415 - only where there are cases

    every = accepted(line.case for line in read_lines(root))
    cases = tuple(case for case in every if case.collection == collection)
    if not cases:
        return _none_left(live)
    from evaluation.comparing.judging import judge  # noqa: PLC0415 - heavy

    judgement = judge(environment, candidate, live, cases)
    stray = {case.id: case.collection for case in every if case.collection not in environment.workspace.collections}
    if not stray:
        return judgement
    first, named = next(iter(stray.items()))
    note = f"nobody is asked {len(stray)} of the cases: {first!r} is of {named!r}, a collection that there is not"
    return msgspec.structs.replace(judgement, warnings=(*judgement.warnings, note))


def _none_left(live: OpenRelease | None) -> Judgement | None:
    if live is None or live.manifest.evaluation is None:
        return None
    return _unjudged(f"no case was asked: {live.manifest.id} was judged on cases, and there are none any more")


def _unjudged(why: str) -> Judgement:
    return Judgement(verdict="pass", checks=(), reasons=(), evaluation=None, warnings=(why,))


def _any_file(folder: Path) -> bool:
    return next(folder.glob("*.jsonl"), None) is not None
