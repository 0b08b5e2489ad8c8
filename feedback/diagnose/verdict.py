"""What a rule of a diagnosis says: a cause, how sure it is, and what the repair is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from feedback.diagnose.observation import Conflict, Crowd, Fault, Observation
from feedback.records import Holder
from index.findings import Cause


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says.

    Attributes:
        rule: its name.
        cause: the cause.
        prior: how sure it is (0..1) before anything was counted.
        why: in words.
        blamed: (document id, source path, why) of the documents at fault, the surest first.
        holder: the place that says the right answer and that the repair is about.
        conflict: the contradiction that the repair is about.
        crowd: the copies that the repair is about.
        fault: the setting or prompt that the repair is about.
        confidence: the chance that the cause is right.
    """

    rule: str
    cause: Cause
    prior: float
    why: str
    blamed: tuple[tuple[str, str, str], ...] = ()
    holder: Holder | None = None
    conflict: Conflict | None = None
    crowd: Crowd | None = None
    fault: Fault | None = None
    confidence: float = 0.0


Rule: TypeAlias = Callable[[Observation], Verdict | None]
