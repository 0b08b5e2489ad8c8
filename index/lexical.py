"""The lexical index of a release: tantivy (BM25) with English stemming and Chinese words.

Its files are immutable, so releases share them; an update writes a small segment and deletion bitmaps.
BM25's statistics count deleted rows until segments merge. A query puts each term's rarity right, which takes one
count per term; the mean length stays as counted. A release reports the share of deleted rows and compaction bounds it.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ragpress.errors import StorageError

CODE_VERSION = 1
_ANALYSER = "ragpress"
_HEAP_BYTES = 64_000_000
_ROW_BITS = 32
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
    """

    owner: str
    segment: int
    row: int
    heading: str
    text: str


def owner(document_id: str, segment: int) -> str:
    """The term that names all rows of one document in one segment."""
    return f"{document_id}@{segment}"


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
                        owner=row.owner,
                        place=(row.segment << _ROW_BITS) + row.row,
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
            self._counted, _ = _row_counts(folder)
        except (OSError, ValueError) as error:
            raise StorageError(f"Cannot open the lexical index in {folder}: {error} Run: ragpress doctor") from error

    @property
    def rows(self) -> int:
        """Rows that are not deleted."""
        return int(self._searcher.num_docs)

    def search(self, query: str, depth: int) -> tuple[list[float], list[int], list[int]]:
        """Rows by BM25 over text and headings.

        Args:
            query: the question as typed; operators in it have no meaning.
            depth: the most rows to return.

        Returns:
            Scores (descending), segment numbers and chunk rows, three lists of equal length.
        """
        parsed = self._query(query)
        if parsed is None:
            return [], [], []
        hits = self._searcher.search(parsed, depth, count=False).hits
        places = self._searcher.fast_field_values("place", [address for _, address in hits])
        mask = (1 << _ROW_BITS) - 1
        return (
            [score for score, _ in hits],
            [place >> _ROW_BITS for place in places],
            [place & mask for place in places],
        )

    def ceiling(self, query: str) -> float:
        """The highest BM25 score that a text can get for a query: each of its terms as often as counts.

        A term that no row holds counts as the rarest, so a query in other words than the documents' has a ceiling
        that no row comes near. Headings are left out: few hold any term. 0 when the query has no term.
        """
        return (_SATURATION + 1) * sum(self._rarity_of(term) for term in _terms(self._tantivy, query))

    def _rarity_of(self, term: str) -> float:
        clause = self._tantivy.Query.term_query(self._index.schema, "text", term, "freq")
        holders = self._searcher.doc_freq("text", term)
        if holders and self._counted != self.rows:
            holders = self._searcher.search(self._tantivy.Query.const_score_query(clause, 1.0), 1, count=True).count
        return _rarity(self.rows, holders)

    def _query(self, query: str) -> Any:
        tantivy, schema = self._tantivy, self._index.schema
        should = tantivy.Occur.Should
        clauses = []
        for term in _terms(tantivy, query):
            for field, boost in _FIELDS.items():
                clause = tantivy.Query.term_query(schema, field, term, "freq")
                weight = boost * self._correction(field, term, clause)
                if weight:
                    clauses.append((should, tantivy.Query.boost_query(clause, weight)))
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _correction(self, field: str, term: str, clause: Any) -> float:
        """What a term weighs among the rows that are there, over what it weighs with the deleted rows counted."""
        if self._counted == self.rows:
            return 1.0
        counted = self._searcher.doc_freq(field, term)
        alive = self._searcher.search(self._tantivy.Query.const_score_query(clause, 1.0), 1, count=True).count
        return _rarity(self.rows, alive) / _rarity(self._counted, counted) if alive else 0.0


def _terms(tantivy: Any, query: str) -> list[str]:
    """The distinct terms of a query, in order."""
    return list(dict.fromkeys(_analyser(tantivy).analyze(words(query))))


def _rarity(rows: int, holders: int) -> float:
    """Inverse document frequency as tantivy's BM25 takes it (Robertson and Sparck Jones, 1976, kept positive)."""
    return math.log(1 + (rows - holders + 0.5) / (holders + 0.5))


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
    index = tantivy.Index(schema.build(), path=str(folder))
    index.register_tokenizer(_ANALYSER, _analyser(tantivy))
    return index


def _open(folder: Path) -> Any:
    import tantivy  # noqa: PLC0415 - native library

    index = tantivy.Index.open(str(folder))
    index.register_tokenizer(_ANALYSER, _analyser(tantivy))
    return index
