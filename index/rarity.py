"""Rarity of a term among the rows that may count: not the deleted ones, and not those that the caller may not read.

tantivy weighs a term by its rarity among all stored rows. A factor puts that right per term, at the cost of one count,
kept until another caller's terms push it out.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from index.row_filter import RowFilter

ROW_BITS = 32
ROW_MASK = (1 << ROW_BITS) - 1

_KEPT = 65_536
# A term of a filter costs tantivy 3 microseconds a query, a row that is listed costs a quarter of one.
_LISTED_ROWS_PER_TERM = 12


class TermRarity:
    """Corrections of term weights in one index. Safe to share between threads.

    Args:
        index: an opened tantivy index.
        searcher: its searcher.
        counted: rows in its files, deleted ones included: what tantivy's own rarity counts.
    """

    def __init__(self, index: Any, searcher: Any, counted: int) -> None:
        import tantivy  # noqa: PLC0415 - native library

        self._tantivy = tantivy
        self._index = index
        self._searcher = searcher
        self._counted = counted
        self._kept: OrderedDict[tuple[bytes, str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def correction(self, field: str, term: str, readable: RowFilter | None) -> float:
        """What a term weighs among the rows that count, over what it weighs among all stored rows.

        Args:
            field: name of the field.
            term: the term, analysed.
            readable: the rows that the caller may read; None for all.

        Returns:
            The factor; 0 when no row that counts holds the term.
        """
        rows, holders = self._counts(field, term, readable)
        if not holders:
            return 0.0
        stored = self._searcher.doc_freq(field, term)
        if (rows, holders) == (self._counted, stored):
            return 1.0
        return inverse_document_frequency(rows, holders) / inverse_document_frequency(self._counted, stored)

    def rarity(self, field: str, term: str, readable: RowFilter | None) -> float:
        """Inverse document frequency of a term among the rows that count; a term that none holds is the rarest."""
        return inverse_document_frequency(*self._counts(field, term, readable))

    def _counts(self, field: str, term: str, readable: RowFilter | None) -> tuple[int, int]:
        """The rows that count, and how many of them hold a term."""
        readable = None if readable is None or readable.masks is None else readable
        rows = int(self._searcher.num_docs) if readable is None else readable.rows
        if readable is None and self._counted == rows:
            return rows, int(self._searcher.doc_freq(field, term))
        key = (b"" if readable is None else readable.key, field, term)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return rows, self._kept[key]
        holders = self._holders(field, term, readable)
        with self._lock:
            self._kept[key] = holders
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return rows, holders

    def _holders(self, field: str, term: str, readable: RowFilter | None) -> int:
        stored = int(self._searcher.doc_freq(field, term))
        if not stored:
            return 0
        clause = self._tantivy.Query.const_score_query(
            self._tantivy.Query.term_query(self._index.schema, field, term, "freq"), 1.0
        )
        if readable is None:
            return self._count(clause)
        terms = readable.owners if readable.owners is not None else readable.barred
        if terms is not None and len(terms) * _LISTED_ROWS_PER_TERM <= stored:
            return self._count(restricted(self._index, clause, readable))
        _, places = fetched(self._searcher, clause, stored)
        return int(np.count_nonzero(held(readable.masks or {}, places)))

    def _count(self, query: Any) -> int:
        return int(self._searcher.search(query, 1, count=True).count)


def inverse_document_frequency(rows: int, holders: int) -> float:
    """Rarity as tantivy's BM25 takes it (Robertson and Sparck Jones, 1976, kept positive)."""
    return math.log(1 + (rows - holders + 0.5) / (holders + 0.5))


def fetched(searcher: Any, query: Any, depth: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The best rows for a tantivy query: scores (descending) and places, both of shape (found,)."""
    hits = searcher.search(query, max(1, min(depth, searcher.num_docs)), count=False).hits
    places = searcher.fast_field_values("place", [address for _, address in hits])
    return np.array([score for score, _ in hits], np.float64), np.array(places, np.int64)


def held(masks: dict[int, npt.NDArray[np.bool_]], places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which places are rows that masks allow: bool of shape (places,)."""
    kept = np.zeros(len(places), np.bool_)
    numbers = places >> ROW_BITS
    for number, mask in masks.items():
        here = numbers == number
        kept[here] = mask[places[here] & ROW_MASK]
    return kept


def restricted(index: Any, query: Any, allowed: RowFilter) -> Any:
    """A tantivy query that finds only allowed rows, scores unchanged; the query itself where no terms say which."""
    import tantivy  # noqa: PLC0415 - native library

    must, barring = tantivy.Occur.Must, tantivy.Occur.MustNot
    if allowed.owners is not None:
        return tantivy.Query.boolean_query([(must, query), (must, _unscored(index, allowed.owners))])
    if allowed.barred is not None:
        return tantivy.Query.boolean_query([(must, query), (barring, _unscored(index, allowed.barred))])
    return query


def _unscored(index: Any, owners: Sequence[str]) -> Any:
    import tantivy  # noqa: PLC0415 - native library

    terms = tantivy.Query.term_set_query(index.schema, "owner", list(owners))
    return tantivy.Query.boost_query(tantivy.Query.const_score_query(terms, 1.0), 0.0)
