"""The chunks around a chunk: what stands before and after it in the same section of the same document."""

from __future__ import annotations

import msgspec

from ragpress.types import ElementKind
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
    last = (window.segment, window.last)
    behind = (window.segment, window.last + 1)
    return behind if _continues(rows, last, behind) else None


def next_before(rows: ReleaseRows, window: Window) -> Place | None:
    """The chunk before a window, if it stands in the same section; None else."""
    first = (window.segment, window.first)
    before = (window.segment, window.first - 1)
    return before if _continues(rows, before, first) else None


def with_row(rows: ReleaseRows, window: Window, place: Place) -> Window:
    """A window with one of the chunks beside it."""
    tokens = window.tokens + rows.value(place, "tokens")
    return Window(window.segment, min(window.first, place[1]), max(window.last, place[1]), tokens)


def _continues(rows: ReleaseRows, place: Place, behind: Place) -> bool:
    """Whether ``behind`` goes on with the section of ``place``, the row before it, in one version of a document."""
    if place[1] < 0 or behind[1] >= rows.count(behind[0]) or rows.value(behind, "kind") == ElementKind.TITLE:
        return False
    if any(rows.value(place, name) != rows.value(behind, name) for name in ("document_id", "version")):
        return False
    if rows.value(behind, "ordinal") != rows.value(place, "ordinal") + 1:
        return False
    above, path = rows.value(place, "heading"), rows.value(behind, "heading")
    # A chunk that holds the section's title has the path above it.
    text = rows.value(place, "text") if len(path) > len(above) else ""
    return bool(path[: len(above)] == above and all(title in text for title in path[len(above) :]))
