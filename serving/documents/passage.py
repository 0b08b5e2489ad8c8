"""The passage view: the part of a document's text around a cited span. Offsets count code points of that text."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ragpress.errors import UsageError
from ragpress.types import Element

AROUND = 1_500
MOST_CHARACTERS = 20_000
_MOST_HIGHLIGHTED = MOST_CHARACTERS - 2 * AROUND


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text: ``text[start:end]``.

    Attributes:
        start: its first code point.
        end: one past its last.
        page: page, slide or sheet that it is, or on which the span begins; None where there are none.
        heading: titles above the span, outermost first.
        highlight: the span within ``start`` and ``end``; None where none was asked for.
    """

    start: int
    end: int
    page: int | None
    heading: tuple[str, ...]
    highlight: tuple[int, int] | None


def passage(text: str, elements: Sequence[Element], span: tuple[int, int] | None, page: int | None) -> Passage:
    """What to show of a text.

    In a paged document it is the whole page that holds the span, or all pages that it touches; else so much around
    the span as makes whole paragraphs. It never has more than 20,000 code points, and of a longer span shows the
    beginning.

    Args:
        text: the text of a version.
        elements: its pieces.
        span: code points to be highlighted; None for none.
        page: the page to show where there is no span; None for the beginning.

    Raises:
        UsageError: the span is not within the text, or there is no such page.
    """
    if span is not None and not 0 <= span[0] < span[1] <= len(text):
        raise UsageError(
            f"start and end must be offsets within the text, which has {len(text)} code points: expected "
            f"0 <= start < end <= {len(text)}, found {span[0]} and {span[1]}."
        )
    if span is not None:
        span = (span[0], min(span[1], span[0] + _MOST_HIGHLIGHTED))
        start, end = _page_range(elements, span) or _window(elements, span, len(text))
    elif page is not None:
        start, end = _numbered_page(elements, page)
    else:
        start, end = _page_range(elements, (0, 1)) or _window(elements, (0, 0), min(len(text), 2 * AROUND))
    if end - start > MOST_CHARACTERS:
        low, high = _window(elements, span or (start, start), end)
        start, end = max(start, low), high
    at = _element_at(elements, start if span is None else span[0])
    return Passage(
        start=start,
        end=end,
        page=None if at is None else at.page,
        heading=() if at is None else at.heading,
        highlight=span,
    )


def _element_at(elements: Sequence[Element], offset: int) -> Element | None:
    """The element that holds an offset, or the next one where it stands between two."""
    return next((element for element in elements if element.end > offset), elements[-1] if elements else None)


def _page_range(elements: Sequence[Element], span: tuple[int, int]) -> tuple[int, int] | None:
    first, last = _element_at(elements, span[0]), _element_at(elements, span[1] - 1)
    if first is None or last is None or first.page is None or last.page is None:
        return None
    pages = range(first.page, last.page + 1)
    inside = [element for element in elements if element.page in pages]
    return min(span[0], inside[0].start), max(span[1], inside[-1].end)


def _numbered_page(elements: Sequence[Element], page: int) -> tuple[int, int]:
    inside = [element for element in elements if element.page == page]
    if not inside:
        numbers = [element.page for element in elements if element.page is not None]
        has = f"pages {min(numbers)} to {max(numbers)}" if numbers else "no pages"
        raise UsageError(f"There is no text on page {page}: the document has {has}.")
    return inside[0].start, inside[-1].end


def _window(elements: Sequence[Element], span: tuple[int, int], length: int) -> tuple[int, int]:
    """About 1,500 code points on each side of a span, cut where paragraphs begin and end."""
    low, high = max(0, span[0] - AROUND), min(length, span[1] + AROUND)
    begins = [element.start for element in elements if low <= element.start <= span[0]]
    ends = [element.end for element in elements if span[1] <= element.end <= high and element.end > span[0]]
    start = 0 if low == 0 else min(begins, default=low)
    return start, length if high == length else max(ends, default=high)
