"""When problems were closed: a repair went live, a person said no, or what was said was set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from feedback.folding.facts import Asked, seconds_of
from index.findings import CLOSED, EventKind, Finding, FindingState, LoopEvent

_NUMBER = re.compile(r"r(\d+)")
_STATES: dict[EventKind, FindingState] = {
    "published": "published",
    "rejected": "rejected",
    "disputed": "disputed",
    "rolled_back": "rolled_back",
    "refused": "refused",
    "waiting": "waiting",
    "approved": "approved",
    "canary": "approved",
}


class Closing(NamedTuple):
    """How a problem was closed.

    Attributes:
        at: seconds since the epoch.
        state: ``published``, ``rejected`` or ``disputed``.
        release: the release that went live with the repair; "" where none did.
    """

    at: float
    state: FindingState
    release: str

    def closes(self, at: float, asked: Asked) -> bool:
        """Whether a complaint is settled by it.

        After a repair went live only what is said of answers that were made with the repair is new.

        Args:
            at: when it was given, seconds since the epoch.
            asked: the answer it is about.
        """
        if at <= self.at:
            return True
        return self.state == "published" and (asked.at <= self.at or is_before(asked.release, self.release))


def closings(findings: Sequence[Finding], events: Sequence[LoopEvent]) -> dict[str, Closing]:
    """The closings that hold, by case id: the last thing that happened to any finding of the case closed it.

    Args:
        findings: of the collection.
        events: of the loop, in any order.
    """
    cases = {finding.finding_id: finding.case_id for finding in findings}
    found: dict[str, Closing] = {}
    for event in sorted(events, key=lambda event: event.id):
        state = _STATES.get(event.kind)
        for case in {cases[name] for name in event.findings if name in cases}:
            if state is not None and state in CLOSED:
                found[case] = Closing(seconds_of(event.at), state, event.release)
            elif state is not None:
                found.pop(case, None)
    return found


def is_before(release: str, other: str) -> bool:
    """Whether a release was built before another one; False where their ids do not tell."""
    one, two = _NUMBER.match(release), _NUMBER.match(other)
    return one is not None and two is not None and int(one[1]) < int(two[1])
