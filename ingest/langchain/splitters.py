"""Text splitters of LangChain as chunker plugins. No package of splitters is needed: their methods are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ragpress.errors import ChunkError, SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, CleanedDocument, Element, ElementKind, TokenCounter


class Splitter(Protocol):
    """What ragpress needs of a ``langchain_text_splitters.TextSplitter``."""

    def split_text(self, text: str) -> Sequence[Any]:
        """The pieces of a text, in order: strings, or Documents."""
        ...


class SplitterChunker:
    """A chunker plugin out of a LangChain text splitter.

    The splitter gives texts, a chunk is a span: each piece is looked for in the document's text, behind the start of
    the piece before it (a splitter made with ``add_start_index`` says itself where). Pieces may overlap; a splitter
    that alters the text is refused.

    Args:
        splitter: the splitter.
        fingerprint: changes whenever its cuts do: its class, its version and its options.

    Raises:
        SettingsError: the fingerprint is empty.
    """

    def __init__(self, splitter: Splitter, fingerprint: str) -> None:
        if not fingerprint:
            raise SettingsError(
                "A splitter needs a fingerprint: expected a text that changes whenever its cuts do, for example "
                "'recursive 1000/100'."
            )
        self._splitter = splitter
        self.fingerprint = hexdigest("langchain splitter", type(splitter).__qualname__, fingerprint)

    def __call__(
        self, cleaned: CleanedDocument, settings: ChunkSettings, tokens: TokenCounter, limit: int
    ) -> tuple[ChunkSpan, ...]:
        """Cut one document.

        Args:
            cleaned: the document.
            settings: the ``[chunk]`` section; only ``heading_context`` matters.
            tokens: the embedder's token counter.
            limit: the most tokens of a chunk.

        Raises:
            ChunkError: a piece is not in the document's text.
        """
        text = cleaned.text
        spans = []
        start = end = -1
        for body, place in self._pieces(text):
            start = place if text.startswith(body, place) else _find(text, body, start + 1, end)
            if start < 0:
                raise ChunkError(
                    f"The splitter {type(self._splitter).__name__} gave a piece that is not in the document: "
                    f"{body[:60]!r}. Use one that keeps the text as it is."
                )
            end = start + len(body)
            spans.append(_span(cleaned.elements, start, end, limit if settings.heading_context else 0, text, tokens))
        return tuple(spans)

    def _pieces(self, text: str) -> Iterator[tuple[str, int]]:
        """Each piece without white space at its ends, and where the splitter says that it starts."""
        splitter: Any = self._splitter
        knows = getattr(splitter, "_add_start_index", False)
        for piece in splitter.create_documents([text]) if knows else splitter.split_text(text):
            whole = str(getattr(piece, "page_content", piece))
            body = whole.strip()
            told = getattr(piece, "metadata", {}).get("start_index", -1)
            if body:
                yield body, told + whole.index(body) if told >= 0 else len(text)


def _find(text: str, body: str, first: int, passed: int) -> int:
    """The place of a piece that starts at ``first`` or later; -1 if there is none.

    One that ends behind ``passed``, where the piece before ended, is preferred to one that ends there too.
    """
    beyond = text.find(body, max(first, passed - len(body) + 1))
    return beyond if beyond >= 0 else text.find(body, max(first, passed - len(body)))


def _span(elements: tuple[Element, ...], start: int, end: int, room: int, text: str, tokens: TokenCounter) -> ChunkSpan:
    first = max(0, bisect_right(elements, start, key=lambda element: element.start) - 1)
    last = max(first, bisect_right(elements, end - 1, key=lambda element: element.start) - 1)
    heading = _common([_above(element) for element in elements[first : last + 1]])
    kept = room - len(tokens.token_starts(text[start:end]))
    while heading and len(tokens.token_starts(" > ".join(heading))) + 2 > kept:
        heading = heading[1:]
    element = elements[first]
    return ChunkSpan(start, end, element.page, heading, element.kind, 0)


def _above(element: Element) -> tuple[str, ...]:
    """The titles above an element; a title's own text is the chunk's and no context."""
    return element.heading[:-1] if element.kind is ElementKind.TITLE else element.heading


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    length = next((at for at, name in enumerate(shortest) if any(path[at] != name for path in paths)), len(shortest))
    return shortest[:length]
