"""The lexical index of a release: tantivy (BM25) with English stemming and Chinese words.

Its files are immutable, so releases share them; an update writes a small segment and deletion bitmaps.
BM25's statistics count deleted rows until segments merge. A query puts each term's rarity right, which takes one
count per term; the mean length stays as counted. A release reports the share of deleted rows and compaction bounds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from index.rarity import ROW_BITS, ROW_MASK, TermRarity, fetched, held, restricted
from index.row_filter import RowFilter
from ragpress.errors import StorageError

CODE_VERSION = 1
_ANALYSER = "ragpress"
_HEAP_BYTES = 64_000_000
# Rows fetched for each one wanted, beyond what the share of allowed rows calls for; and more when too few are allowed.
_OVERFETCH = 1.5
_OVERFETCH_GROWTH = 4
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0002fa1f]+")
_FIELDS = {"text": 1.0, "heading": 1.5}
# The constant k1 of tantivy's BM25: however often a term stands in a text, it gives less than k1 + 1 times its rarity.
_SATURATION = 1.2


class LexicalRow(msgspec.Struct, frozen=True):
    """One chunk as the lexical index takes it.

    Attributes:
        owner: document and segment that own the row: what a delete names.
        segment: number of the segment.
        row: chunk row in it.
        heading: title and heading path.
        text: the chunk's text.
        source: the document's source path: its folders can be named in filters.
    """

    owner: str
    segment: int
    row: int
    heading: str
    text: str
    source: str = ""


def owner(document_id: str, segment: int) -> str:
    """The term that names all rows of one document in one segment."""
    return f"{document_id}@{segment}"


def folders(source: str) -> tuple[str, ...]:
    """The terms that name the folders of a source, outermost first; ``/`` is the one that holds everything."""
    parts = source.split("/")[:-1]
    return tuple(dict.fromkeys(["/", *("/".join(parts[: depth + 1]) + "/" for depth in range(len(parts)))]))


def words(text: str) -> str:
    """Text with Chinese cut into words (also the words inside long words) and folded to simplified characters."""
    if text.isascii() or not _HAN.search(text):
        return text
    cut, fold = _chinese()
    return _HAN.sub(lambda match: " " + " ".join(cut(fold(match.group()))) + " ", text)


@cache
def _chinese() -> tuple[Any, Any]:
    import opencc  # noqa: PLC0415 - only where there is Chinese text
    import rjieba  # noqa: PLC0415 - only where there is Chinese text

    return rjieba.cut_for_search, opencc.OpenCC("t2s").convert


class LexicalWriter:
    """Adds and deletes rows in a tantivy index in a scratch folder; nothing is visible before :meth:`finish`.

    Args:
        folder: an empty folder, or one that holds the files of the parent release.
    """

    def __init__(self, folder: Path) -> None:
        import tantivy  # noqa: PLC0415 - native library

        self._tantivy = tantivy
        self._folder = folder
        self._index = _open(folder) if (folder / "meta.json").exists() else _create(folder)
        self._writer = self._index.writer(_HEAP_BYTES, 1)

    def delete(self, owners: Iterable[str]) -> None:
        """Delete all rows of these owners."""
        with self._writing():
            for name in owners:
                self._writer.delete_documents_by_term("owner", name)

    def add(self, rows: Iterable[LexicalRow]) -> None:
        """Add rows."""
        document = self._tantivy.Document
        with self._writing():
            for row in rows:
                self._writer.add_document(
                    document(
                        owner=[row.owner, *folders(row.source)],
                        place=(row.segment << ROW_BITS) + row.row,
                        heading=words(row.heading),
                        text=words(row.text),
                    )
                )

    def finish(self) -> None:
        """Commit, wait for merges and drop files that are no longer used."""
        with self._writing():
            self._writer.commit()
            self._writer.garbage_collect_files()
            self._writer.wait_merging_threads()
        del self._writer

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            # tantivy writes in a thread of its own; what ended that thread is told only now, or not at all
            raise StorageError(
                f"Cannot write the lexical index in {self._folder}: {error} Check that its file system is not full "
                "and its device sound, then run the same command again."
            ) from error

    def files(self) -> list[Path]:
        """The files of the committed index, by name."""
        live = _live_files(self._folder)
        return sorted(path for path in self._folder.iterdir() if path.name in live)


class LexicalIndex:
    """An opened lexical index.

    Args:
        folder: a folder with the files of one release.

    Raises:
        StorageError: they cannot be opened; somebody removed them since they were checked.
    """

    def __init__(self, folder: Path) -> None:
        import tantivy  # noqa: PLC0415 - native library

        self._tantivy = tantivy
        try:
            self._index = _open(folder)
            self._searcher = self._index.searcher()
            counted, _ = _row_counts(folder)
            self._rarity = TermRarity(self._index, self._searcher, counted)
            self._names_folders = self._searcher.doc_freq("owner", "/") == counted
        except (OSError, ValueError) as error:
            if folder.is_dir() and not os.access(folder, os.W_OK):
                raise StorageError(
                    f"Cannot open the lexical index in {folder}: the folder cannot be written, which its lock file "
                    "needs. Make the data directory writable for this user."
                ) from error
            raise StorageError(f"Cannot open the lexical index in {folder}: {error} Run: ragpress doctor") from error

    @property
    def rows(self) -> int:
        """Rows that are not deleted."""
        return int(self._searcher.num_docs)

    def search(
        self, query: str, depth: int, allowed: RowFilter | None = None
    ) -> tuple[list[float], list[int], list[int]]:
        """Rows by BM25 over text and headings. Safe to call from several threads.

        Rows that are not allowed are left out before anything is ranked, and the rarity of a term is counted among
        the rows that the caller may read. The mean length of a text is that of all rows.

        Args:
            query: the question as typed; operators in it have no meaning.
            depth: the most rows to return.
            allowed: the rows that may be found; None for all that are not deleted.

        Returns:
            Scores (descending), segment numbers and chunk rows, three lists of equal length.
        """
        allowed = self._usable(allowed)
        parsed = self._query(query, None if allowed is None else allowed.readable or allowed)
        if parsed is None or (allowed is not None and not allowed.rows):
            return [], [], []
        scores, places = self._ranked(parsed, depth, allowed)
        return scores.tolist(), (places >> ROW_BITS).tolist(), (places & ROW_MASK).tolist()

    def _usable(self, allowed: RowFilter | None) -> RowFilter | None:
        """A filter as this index can take it; None for one that leaves nothing out."""
        if allowed is None or allowed.masks is None:
            return None
        if self._names_folders:
            return allowed
        # The index was written before rows named their folders: only the masks say which rows are meant.
        plain = allowed.readable and msgspec.structs.replace(allowed.readable, owners=None, barred=None)
        return msgspec.structs.replace(allowed, owners=None, barred=None, readable=plain)

    def _ranked(
        self, parsed: Any, depth: int, allowed: RowFilter | None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        if allowed is None or allowed.masks is None:
            return fetched(self._searcher, parsed, depth)
        if allowed.owners is not None or allowed.barred is not None:
            return fetched(self._searcher, restricted(self._index, parsed, allowed), depth)
        # At least what the caller may read is kept to by the index, where terms can say it: then how long a search
        # takes tells nothing about the rest.
        readable = allowed.readable
        if readable is not None:
            parsed = restricted(self._index, parsed, readable)
        fetch = int(_OVERFETCH * depth * self.rows / allowed.rows)
        while True:
            scores, places = fetched(self._searcher, parsed, fetch)
            kept = held(allowed.masks, places)
            if len(places) < fetch or np.count_nonzero(kept) >= depth:
                return scores[kept][:depth], places[kept][:depth]
            fetch *= _OVERFETCH_GROWTH

    def ceiling(self, query: str, allowed: RowFilter | None = None) -> float:
        """The highest BM25 score that a text can get for a query: each of its terms as often as counts.

        A term that no row holds counts as the rarest, so a query in other words than the documents' has a ceiling
        that no row comes near. Headings are left out: few hold any term. 0 when the query has no term.

        Args:
            query: the question as typed.
            allowed: the rows that may be found, as for :meth:`search`.
        """
        allowed = self._usable(allowed)
        readable = None if allowed is None else allowed.readable or allowed
        rarities = (self._rarity.rarity("text", term, readable) for term in _terms(self._tantivy, query))
        return (_SATURATION + 1) * sum(rarities)

    def _query(self, query: str, readable: RowFilter | None) -> Any:
        tantivy, schema = self._tantivy, self._index.schema
        should = tantivy.Occur.Should
        clauses = []
        for term in _terms(tantivy, query):
            for field, boost in _FIELDS.items():
                weight = boost * self._rarity.correction(field, term, readable)
                if weight:
                    clause = tantivy.Query.term_query(schema, field, term, "freq")
                    clauses.append((should, tantivy.Query.boost_query(clause, weight)))
        return tantivy.Query.boolean_query(clauses) if clauses else None


def _terms(tantivy: Any, query: str) -> list[str]:
    """The distinct terms of a query, in order."""
    return list(dict.fromkeys(_analyser(tantivy).analyze(words(query))))


def deleted_share(folder: Path) -> float:
    """Share of the rows in the index's files that are deleted but still counted by the statistics."""
    rows, gone = _row_counts(folder)
    return gone / rows if rows else 0.0


def _row_counts(folder: Path) -> tuple[int, int]:
    """Rows in the index's files, deleted ones included, and how many are deleted."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    rows = sum(segment["max_doc"] for segment in meta["segments"])
    return rows, sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in meta["segments"])


def _live_files(folder: Path) -> set[str]:
    managed = json.loads((folder / ".managed.json").read_text(encoding="utf-8"))
    return {str(name) for name in managed} | {"meta.json", ".managed.json"}


def _analyser(tantivy: Any) -> Any:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(tantivy.Filter.remove_long(64)).filter(tantivy.Filter.lowercase())
    return builder.filter(tantivy.Filter.ascii_fold()).filter(tantivy.Filter.stemmer("english")).build()


def _create(folder: Path) -> Any:
    import tantivy  # noqa: PLC0415 - native library

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("text", tokenizer_name=_ANALYSER, index_option="freq")
    schema.add_text_field("heading", tokenizer_name=_ANALYSER, index_option="freq")
    schema.add_text_field("owner", tokenizer_name="raw", index_option="basic")
    schema.add_integer_field("place", fast=True)
    return _settled(tantivy.Index(schema.build(), path=str(folder)))


def _open(folder: Path) -> Any:
    import tantivy  # noqa: PLC0415 - native library

    return _settled(tantivy.Index.open(str(folder)))


def _settled(index: Any) -> Any:
    """An index that reads its folder when it is told to. By itself it follows commits in a thread: each of its looks
    writes a lock file into the folder, the first one a moment after the opening, when others may be removing it.
    """
    import tantivy  # noqa: PLC0415 - native library

    index.config_reader("manual")
    index.register_tokenizer(_ANALYSER, _analyser(tantivy))
    return index
