"""The watch over releases that the loop published."""

from __future__ import annotations

from feedback.loop.desk import Desk


def watch_release(desk: Desk) -> None:
    """Look at how a release does that the loop published."""
    desk.read()
