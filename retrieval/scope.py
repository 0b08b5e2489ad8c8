"""What one search may find: access rules and metadata filters, resolved to rows of one release.

A :class:`Scope` is made before anything is ranked. Both searches take it: FAISS as a bitmap per segment, tantivy as
terms or rows. What it leaves out has no influence on ranks, counts, caches or scores.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock

import msgspec
import numpy as np
import numpy.typing as npt

from index.opened import OpenRelease
from index.row_filter import ROWS_PER_TERM, RowFilter
from ragpress.fingerprint import digest
from retrieval.access import ANYBODY, OPERATOR, AccessRules, Principal
from retrieval.filters import Filter, FilterColumns, checked
from retrieval.placement import Mask, Placement

__all__ = ["ANYBODY", "OPERATOR", "Filter", "Principal", "Scope", "Scopes"]

_KEPT = 256
_KEPT_BYTES = 256 << 20


class Scope(RowFilter, frozen=True, eq=False, kw_only=True):
    """The rows that one search may find; see :class:`index.row_filter.RowFilter` for its other fields.

    Attributes:
        reader: what the access rules grant the caller, whatever the release and the filter.
    """

    reader: bytes = b""


class Scopes:
    """The scopes of one release, kept by what a caller may read and wants. Safe to share between threads.

    Args:
        release: the release.
        rules: the access rules as they are now.
    """

    def __init__(self, release: OpenRelease, rules: AccessRules) -> None:
        self._release = release
        self._rules = rules
        self._kept: OrderedDict[tuple[bytes, bytes], Scope] = OrderedDict()
        self._lock = Lock()

    def of(self, principal: Principal, where: Filter | None = None) -> Scope:
        """The rows that a caller may read and wants.

        Args:
            principal: who asks.
            where: which documents are wanted; None or an empty filter wants all.

        Raises:
            UsageError: the filter is wrong.
            IntegrityError: a file of the release is damaged.
        """
        where = None if where is None or where == Filter() else checked(where)
        return self._found(self._rules.granted(principal), where)

    def _found(self, granted: Mask, where: Filter | None) -> Scope:
        name = (granted.tobytes(), b"" if where is None else msgspec.json.encode(where, order="sorted"))
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        made = msgspec.structs.replace(self._made(granted, where), reader=granted.tobytes())
        with self._lock:
            return self._keep(name, made)

    def _keep(self, name: tuple[bytes, bytes], made: Scope) -> Scope:
        kept = self._kept.setdefault(name, made)
        while len(self._kept) > 1 and (len(self._kept) > _KEPT or sum(map(_size, self._kept.values())) > _KEPT_BYTES):
            self._kept.popitem(last=False)
        return kept

    def _made(self, granted: Mask, where: Filter | None) -> Scope:
        readable = np.ones(len(self._placement.table), np.bool_) if granted.all() else granted[self._governing]
        if where is None:
            return self._scope(readable, readable, None)
        return self._scope(readable, readable & self._columns.matching(where), self._found(granted, None))

    def _scope(self, readable: Mask, wanted: Mask, base: Scope | None) -> Scope:
        key = digest("scope", self._release.manifest.id, *(np.packbits(mask).tobytes() for mask in (readable, wanted)))
        if wanted.all():
            rows = sum(segment.record.rows - segment.record.deleted_rows for segment in self._release.segments.values())
            return Scope(key=key, rows=rows, readable=base)
        masks = self._placement.masks(wanted)
        rows = sum(int(np.count_nonzero(mask)) for mask in masks.values())
        owners, barred = self._placement.cover(wanted), self._placement.cover(~wanted)
        if owners is not None and barred is not None:
            # Terms that bar make the lexical search look at every match, terms that may be found only at theirs.
            every = sum(mask.size for mask in masks.values())
            cheaper = len(owners) + rows // ROWS_PER_TERM <= len(barred) + every // ROWS_PER_TERM
            owners, barred = (owners, None) if cheaper else (None, barred)
        return Scope(key=key, rows=rows, masks=masks, owners=owners, barred=barred, readable=base)

    @cached_property
    def _placement(self) -> Placement:
        return Placement(self._release)

    @cached_property
    def _columns(self) -> FilterColumns:
        return FilterColumns(self._placement.table)

    @cached_property
    def _governing(self) -> npt.NDArray[np.intp]:
        return self._rules.governing(self._columns.sources)


def _size(scope: Scope) -> int:
    """Bytes of its masks."""
    return sum(mask.nbytes for mask in (scope.masks or {}).values())
