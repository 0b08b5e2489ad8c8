"""Which rows one search may find, as both indexes take it: masks of segment rows and terms of the lexical index.

Nothing here knows who asks or why; ``retrieval.scope`` resolves access rules and filters into it.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

# So many matching rows cost a lexical search as much as one term of a filter does (3 microseconds at 15 ns a row).
ROWS_PER_TERM = 200


class RowFilter(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The rows that one search may find.

    Attributes:
        key: digest of the documents that may be found and of those the caller may read: equal keys see the same.
        rows: number of rows that may be found.
        masks: bool of shape (rows of the segment,) by segment number: rows that may be found, deleted ones excluded;
            None where every row that is not deleted may be found in every segment.
        owners: terms of the lexical field ``owner`` (documents and whole folders) that cover just the rows that may
            be found; None when all may, and when :attr:`barred` or the masks say it with less.
        barred: terms that cover just the rows that may not be found; None as for :attr:`owners`.
        readable: the filter of everything the caller may read, whose statistics (term rarity) scores may use; None
            when this is it.
    """

    key: bytes
    rows: int
    masks: dict[int, npt.NDArray[np.bool_]] | None = None
    owners: tuple[str, ...] | None = None
    barred: tuple[str, ...] | None = None
    readable: RowFilter | None = None
