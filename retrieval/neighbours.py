"""The chunks around a chunk: what stands before and after it in the same section of the same document."""

from __future__ import annotations

import msgspec

from retrieval.hits import Place
from retrieval.rows import ReleaseRows


class Window(msgspec.Struct, frozen=True):
    """Consecutive chunks of one section.

    Attributes:
        segment: number of the segment.
        first: first chunk row.
        last: last chunk row, included.
        tokens: tokens of all of them.
    """

    segment: int
    first: int
    last: int
    tokens: int


def alone(rows: ReleaseRows, place: Place) -> Window:
    """The window of one chunk."""
    return Window(place[0], place[1], place[1], rows.value(place, "tokens"))


def next_after(rows: ReleaseRows, window: Window) -> Place | None:
    """The chunk behind a window, if it stands in the same section; None else."""
    return _same_section(rows, (window.segment, window.last), (window.segment, window.last + 1))


def next_before(rows: ReleaseRows, window: Window) -> Place | None:
    """The chunk before a window, if it stands in the same section; None else."""
    return _same_section(rows, (window.segment, window.first), (window.segment, window.first - 1))


def with_row(rows: ReleaseRows, window: Window, place: Place) -> Window:
    """A window with one of the chunks beside it."""
    tokens = window.tokens + rows.value(place, "tokens")
    return Window(window.segment, min(window.first, place[1]), max(window.last, place[1]), tokens)


def _same_section(rows: ReleaseRows, place: Place, other: Place) -> Place | None:
    """``other`` if it is the neighbour of ``place`` in one document's version and under one heading path."""
    if not 0 <= other[1] < rows.count(other[0]):
        return None
    step = other[1] - place[1]
    if rows.value(other, "ordinal") - rows.value(place, "ordinal") != step:
        return None
    same = all(rows.value(other, name) == rows.value(place, name) for name in ("document_id", "heading", "version"))
    return other if same else None
