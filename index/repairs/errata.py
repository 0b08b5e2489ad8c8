"""Errata: spans of a parsed text replaced, element offsets and headings with them. A pure function of values.

Every erratum is placed in the text as the parser gave it, so that none depends on another. One that stands in no
place or in several, or reaches into the span of another, is not applied, and a mark says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from index.repairs.records import Erratum, repair_id
from ragpress.types import AuditAction, AuditMark, Element, ElementKind, ParsedDocument

STALE = "erratum_stale"
DECENT_ANCHOR_BYTES = 24
"""UTF-8 bytes of ``before + find + after`` that tell a place in a version that the erratum was not written for."""

_HEADING_CHARACTERS = 200
_SHOWN = 60


class Corrected(msgspec.Struct, frozen=True):
    """A parsed document with its errata.

    Attributes:
        document: the document.
        marks: one for each erratum that was not applied.
        applied: ids of those that were.
    """

    document: ParsedDocument
    marks: tuple[AuditMark, ...] = ()
    applied: tuple[str, ...] = ()


class _Span(msgspec.Struct, frozen=True):
    start: int
    end: int
    replace: str
    erratum: Erratum


class _Group(msgspec.Struct):
    """Elements that one or several spans touch: they become one."""

    first: int
    last: int
    spans: list[_Span]


def apply_errata(document: ParsedDocument, errata: Sequence[Erratum], version: str) -> Corrected:
    """Apply errata to a parsed document.

    Args:
        document: what the parser read.
        errata: the errata of this document; of two that overlap the one that comes first holds.
        version: SHA-256 (hexadecimal) of the bytes it was read from.
    """
    spans: list[_Span] = []
    marks = []
    for erratum in errata:
        span, problem, count = _place(document, erratum, version)
        if span is not None:
            other = next((known for known in spans if _overlap(known, span)), None)
            problem = "" if other is None else f"it overlaps {repair_id(other.erratum)}, which is applied"
        if problem or span is None:
            marks.append(_mark(erratum, problem, count))
        else:
            spans.append(span)
    if not spans:
        return Corrected(document, tuple(marks))
    applied = tuple(repair_id(span.erratum) for span in spans)
    return Corrected(_rebuilt(document, sorted(spans, key=lambda span: span.start)), tuple(marks), applied)


def places_of(text: str, anchor: str) -> list[int]:
    """Every place where a text stands in another, overlapping ones too; at most three are looked for."""
    found: list[int] = []
    at = text.find(anchor)
    while at >= 0 and len(found) < 3:
        found.append(at)
        at = text.find(anchor, at + 1)
    return found


def _place(document: ParsedDocument, erratum: Erratum, version: str) -> tuple[_Span | None, str, int]:
    """Where an erratum applies; or why it does not, and in how many places it could."""
    anchor = erratum.before + erratum.find + erratum.after
    found = places_of(document.text, anchor)
    if not found:
        right = erratum.before + erratum.replace + erratum.after
        if erratum.replace and len(places_of(document.text, right)) == 1:
            return None, "the text says so by itself now, so it is no longer needed", 0
        return None, "this text is not there any more", 0
    if len(found) > 1:
        return None, f"this text stands there {'more than twice' if len(found) > 2 else 'twice'}", len(found)
    if erratum.version != version and len(anchor.encode()) < DECENT_ANCHOR_BYTES:
        return None, "it was written for another version, and is too short to tell the place in this one", 1
    start = found[0] + len(erratum.before)
    span = _Span(start, start + len(erratum.find), erratum.replace, erratum)
    if not any(_touches(element, span) for element in document.elements):
        return None, "it changes only what lies between two pieces of the text", 1
    return span, "", 1


def _overlap(one: _Span, other: _Span) -> bool:
    if one.start == other.start:
        return True
    first, second = sorted((one, other), key=lambda span: span.start)
    return second.start < first.end


def _mark(erratum: Erratum, problem: str, count: int) -> AuditMark:
    expected = _shown(erratum.before + erratum.find + erratum.after)
    reason = (
        f"{repair_id(erratum)} was not applied: expected {expected} once, but {problem}. "
        "Take it back, or write it again for the text as it is now: ragpress documents erratum."
    )
    return AuditMark(STALE, AuditAction.MARK, float(count), 1.0, reason)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN else f"{line[: _SHOWN // 2]}…{line[-_SHOWN // 2 :]}")


def _touches(element: Element, span: _Span) -> bool:
    if span.start == span.end:
        return element.start <= span.start <= element.end
    return element.start < span.end and span.start < element.end


def _groups(elements: Sequence[Element], spans: Sequence[_Span]) -> list[_Group]:
    """Spans by the elements that they touch; both are ascending."""
    groups: list[_Group] = []
    at = 0
    for span in spans:
        while not _touches(elements[at], span):
            at += 1
        last = at
        while span.start < span.end and last + 1 < len(elements) and _touches(elements[last + 1], span):
            last += 1
        if groups and groups[-1].last >= at:
            groups[-1].last = max(groups[-1].last, last)
            groups[-1].spans.append(span)
        else:
            groups.append(_Group(at, last, [span]))
        at = last
    return groups


def _rebuilt(document: ParsedDocument, spans: Sequence[_Span]) -> ParsedDocument:
    text, elements = document.text, document.elements
    by_first = {group.first: group for group in _groups(elements, spans)}
    titles = _Titles()
    pieces: list[str] = []
    rebuilt: list[Element] = []
    read = written = number = 0
    while number < len(elements):
        element = elements[number]
        group = by_first.get(number)
        last = elements[number if group is None else group.last]
        start = element.start if group is None else min(element.start, group.spans[0].start)
        end = last.end if group is None else max(last.end, group.spans[-1].end)
        body = text[start:end] if group is None else "".join(_edited(text, start, end, group.spans))
        pieces += (text[read:start], body)
        written += start - read
        path = titles.path(element, None if group is None else body, text)
        inner = (0, len(body)) if group is None else _inner(element.kind, body)
        if inner[0] < inner[1]:
            rebuilt.append(Element(element.kind, written + inner[0], written + inner[1], element.page, path))
        written += len(body)
        read, number = end, (number if group is None else group.last) + 1
    pieces.append(text[read:])
    title = titles.title(document.title)
    return replace(document, text="".join(pieces), elements=tuple(rebuilt), title=title)


def _edited(text: str, start: int, end: int, spans: Sequence[_Span]) -> Iterator[str]:
    for span in spans:
        yield text[start : span.start]
        yield span.replace
        start = span.end
    yield text[start:end]


def _inner(kind: ElementKind, body: str) -> tuple[int, int]:
    """Where an edited element's text starts and ends, less white space; code keeps its first indentation."""
    end = len(body.rstrip())
    start = len(body) - len(body.lstrip("\n" if kind is ElementKind.CODE else None))
    return min(start, end), end


class _Titles:
    """Heading paths after titles were edited: those below an edited title change with it, up to the next one."""

    def __init__(self) -> None:
        self._renamed: dict[int, tuple[tuple[str, ...], str]] = {}
        self._names: dict[str, str] = {}

    def title(self, before: str) -> str:
        """The document's own title, where it is that of a title that was edited."""
        return self._names.get(" ".join(before.split())[:_HEADING_CHARACTERS], before)

    def path(self, element: Element, body: str | None, text: str) -> tuple[str, ...]:
        """The heading path of an element; ``body`` is its text where it was edited."""
        depth = len(element.heading)
        if element.kind is ElementKind.TITLE and depth:
            self._renamed = {level: known for level, known in self._renamed.items() if level < depth}
            if body is not None:
                self._rename(element, text[element.start : element.end], body)
        if not self._renamed:
            return element.heading
        path = list(element.heading)
        for level, (prefix, name) in self._renamed.items():
            if element.heading[:level] == prefix:
                path[level - 1] = name
        return tuple(filter(None, path))

    def _rename(self, element: Element, before: str, after: str) -> None:
        """A title's name is its text less its markup, so the markup around it is what both texts share."""
        name = element.heading[-1]
        old, new = " ".join(before.split()), " ".join(after.split())
        head, _, tail = old.partition(name)
        bare = new.removeprefix(head).removesuffix(tail) if name in old else new.lstrip("#= ")
        named = bare.strip()[:_HEADING_CHARACTERS]
        self._renamed[len(element.heading)] = (element.heading, named)
        self._names.setdefault(name, named)
