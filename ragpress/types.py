"""The records that cross stage boundaries. All are frozen; offsets count Unicode code points.

``ParsedDocument`` → ``CleanedDocument`` → ``AuditMark`` list → ``ChunkSpan`` list → vectors.
The *text of a version* is the text after cleaning; every span in ragpress refers to it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:  # a parser process needs these records and never numpy
    import numpy as np
    import numpy.typing as npt

Float32Matrix: TypeAlias = "npt.NDArray[np.float32]"


class ElementKind(StrEnum):
    """What a parsed piece of a document is."""

    TITLE = "title"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    QUOTE = "quote"
    HEADER = "header"
    FOOTER = "footer"
    NAVIGATION = "navigation"


class Element(msgspec.Struct, frozen=True, array_like=True):
    """One parsed piece of a version.

    Attributes:
        kind: what it is.
        start: first code point of its text in the document's text.
        end: one past its last code point; ``start < end``.
        page: 1-based page, slide or sheet number; None where the format has none.
        heading: titles above it, outermost first; a title's own text is the last item of its path.
    """

    kind: ElementKind
    start: int
    end: int
    page: int | None = None
    heading: tuple[str, ...] = ()


class ParsedDocument(msgspec.Struct, frozen=True, array_like=True):
    """What a parser read from one version's bytes.

    Attributes:
        text: all of its text. Elements are separated by a blank line.
        elements: its pieces, ascending and not overlapping; what no element covers is white space.
        title: the document's own title, or "" when it has none.
        media_type: for example ``text/markdown``.
        parser: name and version of the parser that read it.
        pages: number of pages, slides or sheets; None where the format has none.
        metadata: the document's own metadata (front matter, author, dates), values as text.
        notes: what a person should know, for example ``partial: 11 of 14 pages could be read``.
    """

    text: str
    elements: tuple[Element, ...]
    title: str = ""
    media_type: str = "text/plain"
    parser: str = ""
    pages: int | None = None
    metadata: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class Removal(msgspec.Struct, frozen=True, array_like=True):
    """One piece of text that cleaning took out or replaced.

    Attributes:
        rule: the cleaning rule, for example ``repeated_header`` or ``pii_email``.
        text: what stood there (at most 200 characters are kept; masked for PII rules).
        page: where it stood, if known.
        count: how often it was taken out.
    """

    rule: str
    text: str
    page: int | None = None
    count: int = 1


class CleanedDocument(msgspec.Struct, frozen=True, array_like=True):
    """A parsed document after cleaning: same shape, plus what was removed."""

    text: str
    elements: tuple[Element, ...]
    removed: tuple[Removal, ...] = ()


class AuditAction(StrEnum):
    """What an audit does to a document whose measure crosses the threshold."""

    OFF = "off"
    MARK = "mark"
    QUARANTINE = "quarantine"


class AuditMark(msgspec.Struct, frozen=True, array_like=True):
    """One audit that fired on a document.

    Attributes:
        audit: the audit's name.
        action: mark or quarantine.
        measure: what was measured.
        threshold: the setting it was compared with.
        reason: a sentence that a person can act on.
        related: document ids of other documents involved (the copy, the newer version).
    """

    audit: str
    action: AuditAction
    measure: float
    threshold: float
    reason: str
    related: tuple[str, ...] = ()


class ChunkSpan(msgspec.Struct, frozen=True, array_like=True):
    """Where one chunk lies in the text of its version; its text is exactly ``text[start:end]``.

    Attributes:
        start: first code point.
        end: one past the last code point.
        page: page of its first code point.
        heading: heading path above it: context for the embedding, outside the cited span.
        kind: the kind of its (first) element.
        tokens: length in the embedder's own tokens, heading context included.
    """

    start: int
    end: int
    page: int | None
    heading: tuple[str, ...]
    kind: ElementKind
    tokens: int


class TokenCounter(Protocol):
    """Counts tokens as the embedder does, without loading the model.

    Attributes:
        fingerprint: decides where every token starts.
    """

    @property
    def fingerprint(self) -> str:
        """See the class."""
        ...

    def token_starts(self, text: str) -> npt.NDArray[np.int64]:
        """Code-point offset at which each token of the text starts, ascending, no special tokens."""
        ...


class Embedder(Protocol):
    """Turns text into unit-length vectors.

    Attributes:
        name: as written in the settings.
        fingerprint: decides every vector: model weights, prefixes, pooling, runtime precision.
        dimension: length of a vector.
        window: the most tokens the model reads at once, special tokens and prefix included.
        passage_limit: the most tokens of a passage: the window less what the prefix and special tokens take.
        tokens: the token counter that belongs to it.
    """

    name: str
    fingerprint: str
    window: int
    passage_limit: int
    tokens: TokenCounter

    @property
    def dimension(self) -> int:
        """See the class."""
        ...

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """Embed texts as passages. Returns float32 of shape (len(texts), dimension), rows of length 1."""
        ...

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question. Returns float32 of shape (dimension,), length 1."""
        ...
