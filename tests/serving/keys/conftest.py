from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragpress.storage.local import LocalStore
from serving.keys.ring import KeyRing
from tests.ragpress.storage.conftest import s3, s3_service

__all__ = ["s3", "s3_service"]


class Clock:
    """Both clocks of a service, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2031, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "data")


@pytest.fixture
def ring(store: LocalStore, clock: Clock) -> KeyRing:
    return KeyRing(store, clock.now, clock.monotonic)
