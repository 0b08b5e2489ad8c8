"""What the loop may spend within 24 hours. What was spent is summed from its events, so a restart resets nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from feedback.loop.state import moment
from index.findings import LoopEvent
from ragpress.loop_settings import LoopSettings

PERIOD = timedelta(hours=24)


class Budget(msgspec.Struct, frozen=True):
    """What may still be spent.

    Attributes:
        model_tokens: tokens of a served model.
        embeddings: texts to embed.
    """

    model_tokens: int
    embeddings: int

    def less(self, model_tokens: int, embeddings: int) -> Budget:
        """What is left after something was spent."""
        return Budget(self.model_tokens - model_tokens, self.embeddings - embeddings)


def budget_of(settings: LoopSettings, events: Iterable[LoopEvent], now: datetime) -> Budget:
    """What the loop may still spend now.

    Args:
        settings: ``[loop]``.
        events: of the loop.
        now: the time.
    """
    recent = [event for event in events if moment(event.at) > now - PERIOD]
    return Budget(
        settings.max_model_tokens - sum(event.model_tokens for event in recent),
        settings.max_embeddings - sum(event.embeddings for event in recent),
    )
