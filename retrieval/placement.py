"""Where the searchable documents of a release lie: their rows in segments, their terms in the lexical index."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from index.documents import NO_SEGMENT
from index.lexical import folders, owner
from index.opened import OpenRelease

# A term of the filter costs tantivy 3 microseconds a search; above so many, or so large a share of the documents,
# dropping rows after the search is cheaper.
_MOST_TERMS = 1000
_LEAST_DOCUMENTS_PER_TERM = 40

Mask = npt.NDArray[np.bool_]


class Placement:
    """The searchable documents of a release, by source.

    Args:
        release: the release.
    """

    def __init__(self, release: OpenRelease) -> None:
        self._release = release
        table = release.documents
        searchable = pc.and_(pc.not_equal(table["segment"], NO_SEGMENT), pc.greater(table["chunks"], 0))
        self.table: pa.Table = table.filter(searchable).combine_chunks()
        self._segment = self.table["segment"].to_numpy()
        self._first = self.table["first_row"].to_numpy()
        self._chunks = self.table["chunks"].to_numpy().astype(np.int64)

    def masks(self, documents: Mask) -> dict[int, Mask]:
        """The rows of some documents, deleted ones excluded: bool of shape (rows,) by segment number.

        Args:
            documents: bool of shape (documents,).
        """
        masks = {}
        for number, segment in self._release.segments.items():
            here = np.flatnonzero(documents & (self._segment == number))
            # Documents never overlap, so the running sum of +1 at each first row and -1 past each last is 0 or 1.
            steps = np.zeros(segment.record.rows + 1, np.int8)
            np.add.at(steps, self._first[here], 1)
            np.subtract.at(steps, self._first[here] + self._chunks[here], 1)
            masks[number] = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_) & segment.alive
        return masks

    def cover(self, documents: Mask) -> tuple[str, ...] | None:
        """The fewest terms of the lexical field ``owner`` that name just these documents; None for too many.

        A folder all of whose documents are among them is one term.

        Args:
            documents: bool of shape (documents,).
        """
        tree = self._tree
        whole = tree.whole(documents)
        single = np.flatnonzero(documents & ~whole[tree.folder])
        top = np.flatnonzero(whole & ~np.append(whole, False)[tree.parent])
        if len(single) + len(top) > max(_MOST_TERMS, len(documents) // _LEAST_DOCUMENTS_PER_TERM):
            return None
        ids, numbers = (self.table[name].take(single).to_pylist() for name in ("document_id", "segment"))
        return (*(tree.names[number] for number in top.tolist()), *map(owner, ids, numbers))

    @cached_property
    def _tree(self) -> FolderTree:
        return FolderTree(self.table["source"].to_pylist())


class FolderTree:
    """The folders that some sources lie in.

    Args:
        sources: source paths.

    Attributes:
        names: each folder's term in the lexical index.
        folder: the innermost folder of each source: intp of shape (sources,).
        parent: the folder above each folder, len(names) for the outermost: intp of shape (folders,).
    """

    def __init__(self, sources: Sequence[str]) -> None:
        known: dict[str, int] = {}
        paths: dict[str, tuple[str, ...]] = {}
        inner = []
        for source in sources:
            path = source.rpartition("/")[0]
            if path not in paths:
                paths[path] = folders(source)
            inner.append(path)
        for line in paths.values():
            for name in line:
                known.setdefault(name, len(known))
        self.names = list(known)
        self.folder = np.array([known[paths[path][-1]] for path in inner], np.intp)
        above = {line[: depth + 1] for line in paths.values() for depth in range(len(line))}
        self.parent = np.full(len(known), len(known), np.intp)
        for line in above:
            if len(line) > 1:
                self.parent[known[line[-1]]] = known[line[-2]]
        pairs = [(known[line[-1]], known[name]) for line in above for name in line]
        self._lower, self._upper = np.array(pairs, np.intp).reshape(-1, 2).T
        self._sizes = self._sums(np.ones(len(sources), np.bool_))

    def whole(self, documents: Mask) -> Mask:
        """Which folders hold nothing but some of the sources: bool of shape (folders,).

        Args:
            documents: those sources, bool of shape (sources,).
        """
        whole: Mask = self._sums(documents) == self._sizes
        return whole

    def _sums(self, documents: Mask) -> npt.NDArray[np.float64]:
        own = np.bincount(self.folder[documents], minlength=len(self.names)).astype(np.float64)
        return np.bincount(self._upper, own[self._lower], len(self.names)).astype(np.float64)
