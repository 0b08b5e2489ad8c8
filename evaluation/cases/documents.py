"""The documents of a release as cases name them: by source path, read and folded once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath

import msgspec

from evaluation.cases.folding import FoldedText, fold, longest_part
from index.opened import OpenRelease

_COLUMNS = ("document_id", "source", "state", "reason", "version", "segment", "chunks", "title")
# Rows that are looked at for a quote, and the share of the best score from which on one may hold it: a long row, or one
# with a part of the quote, scores lower.
_ROWS = 200
_SHARE = 0.25


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of a release.

    Attributes:
        document_id: its id.
        source: its source path.
        state: ``live``, ``quarantined``, ``superseded`` or ``deleted``.
        reason: why it is not live.
        version: hexadecimal SHA-256 of its searchable bytes; "" where none are.
        segment: number of the segment with its text.
        searchable: whether a search finds it: also one whose newer bytes are quarantined.
        title: its title.
    """

    document_id: str
    source: str
    state: str
    reason: str
    version: str
    segment: int
    searchable: bool
    title: str


class Documents:
    """The documents of a release.

    Args:
        release: the release; its document table is read now, texts when they are asked for.
    """

    def __init__(self, release: OpenRelease) -> None:
        self._release = release
        rows = release.documents.select(_COLUMNS).to_pylist()
        every = [_document(row, release) for row in rows]
        self.by_source = {document.source: document for document in every}
        self.searchable = [document for document in every if document.searchable]
        self._by_id = {document.document_id: document for document in every}
        self._texts: dict[str, FoldedText] = {}

    def text(self, document: Document) -> str:
        """The text of a searchable document's version: spans refer to it."""
        segment = self._release.segments[document.segment]
        text: str = segment.versions["text"][segment.version_positions[document.document_id]].as_py()
        return text

    def folded(self, document: Document) -> FoldedText:
        """The same, ready to be searched for quotes; it stays in memory."""
        known = self._texts.get(document.document_id)
        if known is None:
            known = self._texts[document.document_id] = FoldedText(self.text(document))
        return known

    def by_id(self, document_id: str) -> Document | None:
        """A document by its id; None where there is none."""
        return self._by_id.get(document_id)

    def named(self, source: str) -> Document | None:
        """A document by its source path, also one written with or without its folder's alias, or as a path on disk."""
        return next((self.by_source[form] for form in self._forms(source) if form in self.by_source), None)

    def like(self, source: str) -> list[Document]:
        """Searchable documents with the same file name, those that share most of the path first."""
        same = self._by_name.get(PurePosixPath(source).name, ())
        return sorted(same, key=lambda document: (-shared_end(document.source, source), document.source))

    def called(self, name: str) -> list[Document]:
        """Searchable documents whose file name without its ending, or whose title, is a name; by source."""
        return self._by_title.get(fold(name), [])

    def holding(self, quote: str) -> list[Document]:
        """Searchable documents whose text holds a quote, by source.

        The lexical index tells which ones may: those of the 200 rows that share most words with the quote. A document
        that holds it is left out where that many rows of others share as many of its words, as in a collection of
        many versions of the same text.
        """
        part = longest_part(quote)
        likely = [document for document in self._likely(quote) if part in self.folded(document).folded]
        found = [document for document in likely if self.folded(document).find(quote) is not None]
        return sorted(found, key=lambda document: document.source)

    def _likely(self, quote: str) -> Iterable[Document]:
        """Documents with the rows that share most words with a quote."""
        words = unicodedata.normalize("NFKC", quote).replace("\u00ad", "")
        scores, segments, rows = self._release.lexical.search(words, _ROWS)
        names: dict[str, None] = {}
        for score, segment, row in zip(scores, segments, rows, strict=True):
            if score >= _SHARE * scores[0]:
                names[self._release.segments[segment].chunks["document_id"][row].as_py()] = None
        return [self._by_id[name] for name in names if name in self._by_id]

    def _forms(self, source: str) -> Iterable[str]:
        plain = PurePosixPath(source.replace("\\", "/")).as_posix()
        yield from (source, plain, plain.lstrip("/"))
        for root in self._release.manifest.roots:
            yield root.prefix + plain
            yield plain.removeprefix(root.prefix)
            yield root.prefix + plain.removeprefix(root.path.rstrip("/") + "/")

    @cached_property
    def _by_name(self) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {}
        for document in self.searchable:
            found.setdefault(PurePosixPath(document.source).name, []).append(document)
        return found

    @cached_property
    def _by_title(self) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {}
        for document in self.searchable:
            for name in {fold(PurePosixPath(document.source).stem), fold(document.title)} - {""}:
                found.setdefault(name, []).append(document)
        return found


def shared_end(one: str, other: str) -> int:
    """How many parts two paths have in common, counted from their ends."""
    pairs = zip(PurePosixPath(one).parts[::-1], PurePosixPath(other).parts[::-1], strict=False)
    return next((at for at, (mine, theirs) in enumerate(pairs) if mine != theirs), min(_depth(one), _depth(other)))


def _depth(path: str) -> int:
    return len(PurePosixPath(path).parts)


def _document(row: dict[str, object], release: OpenRelease) -> Document:
    version, segment = row["version"], row["segment"]
    searchable = segment in release.segments and bool(row["chunks"])
    return Document(
        document_id=str(row["document_id"]),
        source=str(row["source"]),
        state=str(row["state"]),
        reason=str(row["reason"]),
        version=version.hex() if isinstance(version, bytes) and searchable else "",
        segment=segment if isinstance(segment, int) else -1,
        searchable=searchable,
        title=str(row["title"]),
    )
