"""Cuts a cleaned document into chunks along its structure, in the embedder's own tokens.

Method: every element (or, where an element is too long, each of its sentences, rows or lines) is a
*piece*. Neighbouring pieces are joined while the result fits, weakest boundary first: a title with
what follows it, then pieces of one element, then elements of one section, at last tiny sections
with a sibling. Among boundaries of equal strength the order is a hash of the text after the
boundary, never its position. So what a far edit changes cannot move a boundary here: unlike greedy
packing, which shifts every later cut of the section, an edit disturbs only joins that compete with
it. (The same idea as content-defined chunking: Muthitacharoen et al., LBFS, SOSP 2001.)

Titles: a title's text lies in the first chunk of its section, so that all text is covered and can
be cited. The chunk's heading context is the path *above* its text: for a chunk that begins with a
title the titles above that one, for a later chunk of the section the full path. Where several
elements share a chunk it is what their paths have in common.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec

from ingest.chunk_plugins import checked_spans, chunker_plugin
from ingest.split import Piece, Rank, TokenIndex, split_element, split_word
from ragpress.errors import ChunkError
from ragpress.fingerprint import step_fingerprint
from ragpress.plugins import Plugin
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, CleanedDocument, Element, ElementKind, TokenCounter

CODE_VERSION = 1
SEPARATOR = " > "

# Share of a chunk that its heading context may take before the outermost titles are dropped.
_CONTEXT_SHARE = 3


def chunk_fingerprint(settings: ChunkSettings, tokenizer_fingerprint: str, limit: int) -> str:
    """Fingerprint of the chunk step: 32 hexadecimal characters.

    Only the smaller of the two limits counts, so a model with a wider window re-chunks nothing.
    """
    bounded = msgspec.structs.replace(settings, max_tokens=min(settings.max_tokens, limit))
    plugin = chunker_plugin(settings)
    extra = (plugin.fingerprint, limit) if plugin else ()
    return step_fingerprint("chunk", CODE_VERSION, bounded, tokenizer_fingerprint, *extra)


def embedding_text(cleaned_text: str, span: ChunkSpan, settings: ChunkSettings) -> str:
    """What is embedded for a chunk: its heading context on a line of its own, then its text."""
    body = cleaned_text[span.start : span.end]
    if not settings.heading_context or not span.heading:
        return body
    return f"{SEPARATOR.join(span.heading)}\n{body}"


def chunk(cleaned: CleanedDocument, settings: ChunkSettings, tokens: TokenCounter, limit: int) -> tuple[ChunkSpan, ...]:
    """Cut a document into chunks.

    Args:
        cleaned: the document; its elements cover all its text.
        settings: sizes.
        tokens: the embedder's token counter.
        limit: tokens the embedder reads at once, less its prefix and special tokens.

    Returns:
        Chunks, ascending and not overlapping, that together cover every character but white space.
        None, with its heading context, is longer than ``min(settings.max_tokens, limit)`` tokens;
        the exception is a text of which a single character is longer than that. A plugin's chunks may
        overlap or leave text out, and only ``limit`` binds them.

    Raises:
        ChunkError: a plugin gave chunks that cannot be used.
    """
    if not cleaned.elements:
        return ()
    plugin = chunker_plugin(settings)
    if plugin:
        return _cut_by(plugin, cleaned, settings, tokens, limit)
    return _Chunker(cleaned, settings, tokens, limit).run()


def _cut_by(
    plugin: Plugin, cleaned: CleanedDocument, settings: ChunkSettings, tokens: TokenCounter, limit: int
) -> tuple[ChunkSpan, ...]:
    def count(span: ChunkSpan) -> int:
        return len(tokens.token_starts(embedding_text(cleaned.text, span, settings)))

    try:
        spans = plugin.target(cleaned, settings, tokens, limit)
    except ChunkError:
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {str(error)[:200]}"
        raise ChunkError(f"The chunker plugin {plugin.name!r} ({plugin.version}) failed ({message}).") from error
    return checked_spans(plugin, spans, cleaned.text, limit, count)


class _Section(NamedTuple):
    """What the elements of one heading path share.

    Attributes:
        heading: the path, outermost titles dropped if it was too long.
        dropped: how many were dropped.
        cost: tokens of the context if only the first ``i`` titles of the full path are used.
    """

    heading: tuple[str, ...]
    dropped: int
    cost: list[int]


class _Pieces(NamedTuple):
    """The pieces of a document, as parallel lists: spans, token bounds, what joins need to know."""

    start: list[int]
    end: list[int]
    rank: list[Rank]
    element: list[int]
    depth: list[int]
    section: list[_Section]


class _Chunker:
    def __init__(self, cleaned: CleanedDocument, settings: ChunkSettings, tokens: TokenCounter, limit: int) -> None:
        self._text = cleaned.text
        self._elements = cleaned.elements
        self._settings = settings
        self._counter = tokens
        self._cap = min(settings.max_tokens, limit)
        # Tokens of the parts and of the whole differ by a few where a cut or the context touches.
        self._budget = self._cap - 2 - self._cap // 64
        self._index = TokenIndex(tokens.token_starts(cleaned.text))
        self._sections = _sections(cleaned.elements, settings, tokens, self._cap)

    def run(self) -> tuple[ChunkSpan, ...]:
        pieces = self._pieces(self._budget)
        spans = self._spans(pieces, self._join(pieces, self._budget))
        return tuple(final for span in spans for final in self._verified(span, self._budget))

    def _pieces(self, budget: int) -> _Pieces:
        elements = self._elements
        first, last = self._index.bounds([e.start for e in elements], [e.end for e in elements])
        found = _Pieces([], [], [], [], [], [])
        for number, element in enumerate(elements):
            section = self._sections[element.heading]
            rank = _boundary(self._text, elements[number - 1], element) if number else Rank.WALL
            depth = len(element.heading)
            if element.kind is ElementKind.TITLE and depth:
                depth -= 1
            room = budget - section.cost[-1]
            if last[number] - first[number] <= room:
                _append(found, Piece(element.start, element.end, rank), number, depth, section)
                continue
            for piece in self._split(element, room):
                strength = piece.rank if piece.start > element.start else rank
                _append(found, Piece(piece.start, piece.end, strength), number, depth, section)
        return found

    def _split(self, element: Element, room: int) -> list[Piece]:
        def fits(start: int, end: int) -> bool:
            return self._index.count(start, end) <= room

        pieces: list[Piece] = []
        for piece in split_element(self._text, element.start, element.end, element.kind, fits):
            pieces += [piece] if fits(piece.start, piece.end) else split_word(piece, self._index, room)
        return pieces

    def _join(self, pieces: _Pieces, budget: int) -> list[tuple[int, int]]:
        """Join neighbouring pieces. Returns index ranges of pieces, first and last included."""
        count = len(pieces.start)
        first, last = self._index.bounds(pieces.start, pieces.end)
        low = list(range(count))
        high = list(range(count))
        depth = list(pieces.depth)
        tiny = self._settings.min_tokens
        for at in _order(self._text, pieces):
            left, right = low[at - 1], high[at]
            shared = min(depth[left], depth[at])
            if last[right] - first[left] + pieces.section[at].cost[shared] > budget:
                continue
            if pieces.rank[at] is Rank.SECTION:
                smaller = min(last[at - 1] - first[left], last[right] - first[at])
                if smaller >= tiny:
                    continue
            high[left], low[right], depth[left] = right, left, shared
        pieces.depth[:] = depth
        ranges = []
        at = 0
        while at < count:
            ranges.append((at, high[at]))
            at = high[at] + 1
        return ranges

    def _spans(self, pieces: _Pieces, ranges: list[tuple[int, int]]) -> list[ChunkSpan]:
        starts = [pieces.start[low] for low, _ in ranges]
        ends = [pieces.end[high] for _, high in ranges]
        first, last = self._index.bounds(starts, ends)
        spans = []
        for number, (low, _) in enumerate(ranges):
            start, end = _trim(self._text, starts[number], ends[number])
            if start == end:
                continue
            element = self._elements[pieces.element[low]]
            section = pieces.section[low]
            depth = pieces.depth[low]
            heading = section.heading[: max(0, depth - section.dropped)]
            length = last[number] - first[number] + section.cost[depth]
            spans.append(ChunkSpan(start, end, element.page, heading, element.kind, length))
        return spans

    def _verified(self, span: ChunkSpan, budget: int) -> list[ChunkSpan]:
        """The span itself, or smaller ones if the embedder's own count of it exceeds the cap."""
        if span.tokens <= budget - 2 and self._at_words(span):
            return [span]
        exact = len(self._counter.token_starts(embedding_text(self._text, span, self._settings)))
        if exact <= self._cap:
            return [msgspec.structs.replace(span, tokens=exact)]
        halves = self._halve(span)
        return [final for half in halves for final in self._verified(half, budget)] if halves else [span]

    def _at_words(self, span: ChunkSpan) -> bool:
        """Whether the span's ends cannot lie inside a word, where tokens of a part are not parts of tokens."""
        text, start, end = self._text, span.start, span.end
        inside_left = start > 0 and not text[start - 1].isspace() and text[start].isalnum()
        return not (inside_left or (end < len(text) and not text[end].isspace() and text[end].isalnum()))

    def _halve(self, span: ChunkSpan) -> list[ChunkSpan]:
        """Cut a span in two near its middle: at white space if there is any, else anywhere."""
        middle = (span.start + span.end) // 2
        cut = next((at for at in range(middle, span.end) if self._text[at].isspace()), middle)
        parts = []
        for left, right in ((span.start, cut), (cut, span.end)):
            start, end = _trim(self._text, left, right)
            if start < end < span.end or span.start < start < end:
                # Forces an exact count of the half: its own estimate was already too low.
                parts.append(msgspec.structs.replace(span, start=start, end=end, tokens=self._cap))
        return parts


def _append(pieces: _Pieces, piece: Piece, element: int, depth: int, section: _Section) -> None:
    pieces.start.append(piece.start)
    pieces.end.append(piece.end)
    pieces.rank.append(piece.rank)
    pieces.element.append(element)
    pieces.depth.append(depth)
    pieces.section.append(section)


def _order(text: str, pieces: _Pieces) -> list[int]:
    """Boundaries that may be closed, in the order in which to try."""
    keys = []
    for at in range(1, len(pieces.start)):
        rank = pieces.rank[at]
        if rank < Rank.WALL:
            body = text[pieces.start[at] : pieces.end[at]].encode("utf-8", "surrogatepass")
            keys.append((rank, zlib.crc32(body), at))
    keys.sort()
    return [at for _, _, at in keys]


def _boundary(text: str, before: Element, after: Element) -> Rank:
    upper, lower = before.heading, after.heading
    if before.kind is ElementKind.TITLE and lower[: len(upper)] == upper:
        return Rank.TITLE
    if upper == lower and after.kind is not ElementKind.TITLE:
        introduces = text[before.end - 1] in ":：" and before.kind is ElementKind.PARAGRAPH
        return Rank.INTRODUCTION if introduces else Rank.ELEMENT
    siblings = upper[:-1] == lower[:-1] or upper == lower[:-1]
    return Rank.SECTION if siblings else Rank.WALL


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _sections(
    elements: tuple[Element, ...], settings: ChunkSettings, tokens: TokenCounter, cap: int
) -> dict[tuple[str, ...], _Section]:
    paths = {element.heading for element in elements}
    if not settings.heading_context:
        return {path: _Section(path, 0, [0] * (len(path) + 1)) for path in paths}
    titles = sorted({title for path in paths for title in path})
    length = _title_tokens(titles, tokens)
    return {path: _section(path, length, cap // _CONTEXT_SHARE) for path in paths}


def _title_tokens(titles: list[str], tokens: TokenCounter) -> dict[str, int]:
    """Tokens of each title, counted in one call because a call costs more than a title."""
    starts, ends, at = [], [], 0
    for title in titles:
        starts.append(at)
        at += len(title)
        ends.append(at)
        at += 1
    if not titles:
        return {}
    first, last = TokenIndex(tokens.token_starts("\n".join(titles))).bounds(starts, ends)
    # Two more for the separator that follows a title, or for the line end.
    return {title: last[n] - first[n] + 2 for n, title in enumerate(titles)}


def _section(path: tuple[str, ...], length: dict[str, int], room: int) -> _Section:
    total = sum(length[title] for title in path)
    dropped = 0
    while total > room:
        total -= length[path[dropped]]
        dropped += 1
    cost = [0]
    for number, title in enumerate(path):
        cost.append(cost[-1] + (length[title] if number >= dropped else 0))
    return _Section(path[dropped:], dropped, cost)
