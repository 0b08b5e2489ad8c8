"""What each key may use in a minute, counted over all worker processes together."""

from __future__ import annotations

from serving.callers import Caller


class Limits:
    """Counts requests and tokens of each key."""

    def take(self, caller: Caller) -> float | None:
        """Count one request.

        Returns:
            None where it may pass; else the seconds after which it may.
        """
        return None

    def spend(self, caller: Caller, tokens: int) -> None:
        """Count tokens once they are known; they weigh on the requests that follow."""
