"""Sets of word shingles, and how alike two of them are (Broder, "On the resemblance of documents", 1997)."""

from __future__ import annotations

import numpy as np

from ingest.near_duplicates import shingles

Shingles = frozenset[int]


def shingle_set(text: str) -> Shingles:
    """Hashes of the distinct runs of three words of a text; a lone ideograph counts as a word."""
    return frozenset(np.unique(shingles(text)).tolist())


def similarity(one: Shingles, other: Shingles) -> float:
    """Jaccard index of two sets, 0..1; 0 when both are empty."""
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0
