"""What one search may find: access rules and metadata filters, resolved to rows of one release.

A :class:`Scope` is made before anything is ranked. Both searches take it: FAISS as a bitmap per segment, tantivy as
terms or rows. What it leaves out has no influence on ranks, counts, caches or scores.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt


class Principal(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        groups: groups the caller is in; ``everyone`` is always one of them.
        unrestricted: reads everything, whatever the rules say: the operator on the command line.
    """

    groups: frozenset[str] = frozenset()
    unrestricted: bool = False


OPERATOR = Principal(unrestricted=True)
ANYBODY = Principal()


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which documents the caller wants. All given conditions must hold; of several values one must.

    Attributes:
        sources: gitignore-style patterns of source paths.
        languages: ISO codes; ``zh`` also takes ``zh-hant``.
        tags: values of the document's own ``tags`` (or ``keywords``).
        after: ISO date; the document's own date (``date``, ``updated``, ``modified``, ``created``; else when it was
            indexed) is that day or later.
        before: ISO date; the document's own date is before that day.
        metadata: any other key of the document's own metadata → accepted values.
    """

    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None
    metadata: dict[str, tuple[str, ...]] = {}


class Scope(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The rows that one search may find.

    Attributes:
        key: digest of the documents that may be found (and of those the caller may read): equal keys see the same.
        rows: number of rows that may be found.
        masks: bool of shape (rows of the segment,) by segment number: rows that may be found, deleted ones excluded;
            None where every row that is not deleted may be found in every segment.
        owners: terms of the lexical field ``owner`` that may be found; None when all may.
        readable: the scope of everything the caller may read, whose statistics (term rarity) scores may use; None
            when the caller may read everything, and for that scope itself.
    """

    key: bytes
    rows: int
    masks: dict[int, npt.NDArray[np.bool_]] | None = None
    owners: tuple[str, ...] | None = None
    readable: Scope | None = None
