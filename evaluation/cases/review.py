"""Cases that must be looked at again, because the sources no longer say what their evidence quotes."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.records import EvidenceState, LocatedEvidence


def review_reason(located: Sequence[LocatedEvidence]) -> str:
    """Why a case must be looked at before a run may judge by it; "" where it need not be.

    Evidence whose source changed may be wrong by now. Evidence that is gone is the release's loss: nothing to review,
    it scores 0.
    """
    return " ".join(item.reason for item in located if item.state is EvidenceState.CHANGED)
