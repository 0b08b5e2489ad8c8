"""Chunkers of other packages: found by the setting ``[chunk] chunker``, their spans checked before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from ragpress.errors import ChunkError
from ragpress.plugins import CHUNKERS, Plugin, load_plugin
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, CleanedDocument, TokenCounter

STRUCTURE = "structure"


class Chunker(Protocol):
    """Cuts a document into chunks. It may have an attribute ``fingerprint`` that decides its cuts."""

    def __call__(
        self, cleaned: CleanedDocument, settings: ChunkSettings, tokens: TokenCounter, limit: int
    ) -> Sequence[ChunkSpan]:
        """Cut one document.

        Args:
            cleaned: the document.
            settings: the ``[chunk]`` section.
            tokens: the embedder's token counter.
            limit: the most tokens of a chunk that the embedder reads, heading context included.

        Returns:
            Chunks in the order of their starts. They may overlap and may leave text out; ``tokens`` is counted again.
        """
        ...


def chunker_plugin(settings: ChunkSettings) -> Plugin | None:
    """The plugin that cuts; None for the built-in chunker.

    Raises:
        SettingsError: it is not installed or cannot be imported.
    """
    return None if settings.chunker == STRUCTURE else load_plugin(CHUNKERS, settings.chunker)


def checked_spans(
    plugin: Plugin, spans: Sequence[ChunkSpan], text: str, limit: int, count: Callable[[ChunkSpan], int]
) -> tuple[ChunkSpan, ...]:
    """A plugin's chunks, each a span of the text that the embedder can read.

    Args:
        plugin: what cut them.
        spans: the chunks.
        text: the document's text.
        limit: the most tokens of one.
        count: tokens of a chunk with its heading context.

    Returns:
        The chunks with their tokens.

    Raises:
        ChunkError: one is no span of the text, is out of order, or is too long.
    """
    finished: list[ChunkSpan] = []
    before = (-1, -1)
    for span in spans:
        place = (span.start, span.end)
        if not (before < place and 0 <= span.start < span.end <= len(text)):
            raise ChunkError(
                f"The chunker plugin {plugin.name!r} ({plugin.version}) gave a chunk at {span.start}:{span.end} after "
                f"one at {before[0]}:{before[1]}, in a text of {len(text)} characters: expected ascending spans inside "
                "the text. Report it to its authors."
            )
        tokens = count(span)
        if tokens > limit:
            raise ChunkError(
                f"The chunker plugin {plugin.name!r} ({plugin.version}) gave a chunk of {tokens} tokens: the embedder "
                f"reads at most {limit}. Make its chunks smaller."
            )
        finished.append(msgspec.structs.replace(span, tokens=tokens))
        before = place
    return tuple(finished)
