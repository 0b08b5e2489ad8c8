"""Judges a candidate before it may go live: the hook that the pipeline calls under the writer lock."""

from __future__ import annotations

from index.environment import Environment
from index.judging import Judgement
from index.opened import OpenRelease


def judge_candidate(environment: Environment, candidate: OpenRelease, live: OpenRelease | None) -> Judgement | None:
    """What the cases say of a candidate; None where there are none."""
    del environment, candidate, live
    return None
