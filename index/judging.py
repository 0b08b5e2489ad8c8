"""How a stage above says what it thinks of a candidate before the candidate may go live.

The pipeline knows nothing of cases and answers; ``evaluation`` does. The roof joins them: it puts a function of this
type into :class:`index.environment.Environment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from index.opened import OpenRelease

if TYPE_CHECKING:
    from index.environment import Environment


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a candidate.

    Attributes:
        verdict: ``pass`` or ``refuse``.
        checks: names of the checks.
        reasons: why it is refused, in words.
        evaluation: id of the evaluation; None where the rules leave the cases out.
        warnings: what a person should know of the verdict, in words, such as cases that are gone.
    """

    verdict: str
    checks: tuple[str, ...]
    reasons: tuple[str, ...]
    evaluation: str | None
    warnings: tuple[str, ...] = ()


JudgeCandidate: TypeAlias = "Callable[[Environment, OpenRelease, OpenRelease | None], Judgement | None]"
"""Judges a candidate (open, not yet saved) against the live release (None when nothing is live). None: nothing to
judge it by. Raises a RagpressError where it cannot tell; then nothing is published."""
