"""Finds headers and footers: lines that repeat at the top or bottom of a document's pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ragpress.types import ElementKind

# How many lines at the top and at the bottom of a page may be a header or footer.
_EDGE = 3
_FEWEST_PAGES = 3
# A document of which so much repeats is a set of forms: nothing is taken out of it.
_MOST_REMOVED = 0.5
_DIGITS = re.compile(r"[0-9]+")
_KINDS = frozenset(kind for kind in ElementKind if kind not in (ElementKind.TABLE, ElementKind.CODE))


class PageText(NamedTuple):
    """One element's text and where it stands."""

    text: str
    kind: ElementKind
    page: int | None


class _Line(NamedTuple):
    element: int
    line: int
    text: str


def repeated_lines(parts: Sequence[PageText], share: float) -> dict[int, dict[int, str]]:
    """Find running headers, footers and page numbers.

    A line counts when, with its digits masked, it stands within the first or last three lines of at
    least ``share`` of the pages (or of the odd or the even ones), on three pages or more. A line
    of digits alone must also count with the pages. Tables and code are never touched.

    Args:
        parts: elements in reading order.
        share: share of the pages, 0 to 1.

    Returns:
        Element index → line index → the line.
    """
    pages = _pages(parts)
    if len(pages) < _FEWEST_PAGES:
        return {}
    places: dict[tuple[str, str], dict[int, _Line]] = defaultdict(dict)
    for page, lines in pages.items():
        for where, edge in (("top", lines[:_EDGE]), ("bottom", lines[-_EDGE:])):
            for line in edge:
                key = _DIGITS.sub("#", " ".join(line.text.casefold().split()))
                if key and len(key) <= 200 and any(char.isalnum() or char == "#" for char in key):
                    places[where, key][page] = line
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for (_, key), hits in places.items():
        if _repeats(set(hits), set(pages), share) and (any(map(str.isalpha, key)) or _counts_up(hits)):
            for line in hits.values():
                found[line.element][line.line] = line.text
    removed = sum(len(line) for lines in found.values() for line in lines.values())
    total = sum(len(part.text) for part in parts)
    return {} if removed > _MOST_REMOVED * total else dict(found)


def _pages(parts: Sequence[PageText]) -> dict[int, list[_Line]]:
    pages: dict[int, list[_Line]] = defaultdict(list)
    for number, part in enumerate(parts):
        if part.page is not None and part.kind in _KINDS:
            lines = part.text.split("\n")
            pages[part.page] += [_Line(number, at, line) for at, line in enumerate(lines) if line.strip()]
        elif part.page is not None:
            # Keeps lines after a table from counting as the page's top.
            pages[part.page] += [_Line(number, -1, "")] * _EDGE
    return pages


def _repeats(hits: set[int], pages: set[int], share: float) -> bool:
    if len(hits) < _FEWEST_PAGES:
        return False
    if len(hits) >= share * len(pages):
        return True
    # Books carry different headers on left and right pages.
    for parity in (0, 1):
        side = {page for page in pages if page % 2 == parity}
        if hits <= side and len(hits) >= max(share, 0.8) * len(side):
            return True
    return False


def _counts_up(hits: dict[int, _Line]) -> bool:
    offsets: dict[int, int] = defaultdict(int)
    for page, line in hits.items():
        number = _DIGITS.search(line.text)
        if number and len(number.group()) < 7:
            offsets[int(number.group()) - page] += 1
    return max(offsets.values(), default=0) >= 0.8 * len(hits)
