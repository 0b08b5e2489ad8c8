"""Reasons of the gate and causes of a change, worded in Chinese by their code; English is in the records."""

from __future__ import annotations

from evaluation.comparing.records import Why
from evaluation.records import Reason


def both(record: Reason | Why) -> tuple[str, str]:
    """A reason or cause in English and in Chinese."""
    return record.message, record.message
