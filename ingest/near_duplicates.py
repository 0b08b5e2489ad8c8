"""Finds documents with nearly the same text: MinHash signatures, LSH banding, exact Jaccard.

Method: Broder, On the resemblance and containment of documents (1997); banding as in Leskovec et
al., Mining of Massive Datasets, chapter 3. A document is the set of its runs of three tokens, where
a token is a word in lower case or a single Chinese, Japanese or Korean ideograph.

Layout of a signature: 64 little-endian uint32, the MinHash values of rensa's ``RMinHash`` (seed 42)
over 64-bit shingle hashes; 256 bytes. A document without a token has the empty signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

PERMUTATIONS = 64
_SEED = 42
_SHINGLE = 3
# 16 bands of 4 rows: a pair of similarity .8 is missed with probability 2e-4, one of .7 with 1e-2.
_BANDS = 16
# In a larger bucket every member is paired with its first and its next only: k copies, 2k pairs.
_ALL_PAIRS = 16
# Four standard deviations of the estimate at similarity .8 with 64 permutations.
_ESTIMATE_SLACK = 0.2
_LONGEST_WORD = 64
_LETTER, _IDEOGRAPH = 1, 2


def signature(text: str) -> bytes:
    """MinHash signature of a text.

    Returns:
        256 bytes (see the module), or ``b""`` for a text without a letter or digit.
    """
    from rensa import RMinHash  # noqa: PLC0415  (loaded only where documents are audited)

    hashes = shingles(text)
    if not len(hashes):
        return b""
    offsets = np.array([0, len(hashes)], dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, _SEED)
    return np.asarray(matrix.to_rows()[0], dtype="<u4").tobytes()


def estimate(one: bytes, other: bytes) -> float:
    """Estimated Jaccard similarity of two signatures: the share of equal values. 0 if one is empty."""
    if not one or not other:
        return 0.0
    equal: np.bool_ = np.frombuffer(one, "<u4") == np.frombuffer(other, "<u4")
    return float(np.mean(equal))


def verify_jaccard(text_a: str, text_b: str) -> float:
    """Exact Jaccard similarity of the shingle sets of two texts; 0 when both are empty."""
    one, other = np.unique(shingles(text_a)), np.unique(shingles(text_b))
    shared = len(np.intersect1d(one, other, assume_unique=True))
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0


def near_duplicates(
    signatures: Sequence[bytes], only: Sequence[int] | None = None, threshold: float = 0.8
) -> list[tuple[int, int, float]]:
    """Candidate pairs of near-duplicates by LSH banding.

    Args:
        signatures: one per document, see :func:`signature`; empty ones pair with nothing.
        only: documents that changed: only pairs with one of them are returned. None means all.
        threshold: the similarity that will be asked for; candidates far below it are left out.

    Returns:
        (index, larger index, estimated similarity), ascending. Of k texts that share a bucket all
        pairs are given up to k = 16; beyond, each with the first and with the next.
    """
    rows = np.array([number for number, item in enumerate(signatures) if item], dtype=np.int64)
    if len(rows) < 2:
        return []
    matrix = np.frombuffer(b"".join(signatures), dtype="<u4").reshape(len(rows), PERMUTATIONS)
    pairs = _bucket_pairs(matrix)
    if not pairs:
        return []
    found = np.array(sorted(pairs), dtype=np.int64)
    if only is not None:
        chosen = np.isin(rows, np.asarray(only, dtype=np.int64))
        found = found[chosen[found[:, 0]] | chosen[found[:, 1]]]
    similar = np.mean(matrix[found[:, 0]] == matrix[found[:, 1]], axis=1)
    kept = similar >= threshold - _ESTIMATE_SLACK
    left, right = rows[found[kept, 0]].tolist(), rows[found[kept, 1]].tolist()
    return list(zip(left, right, similar[kept].tolist(), strict=True))


def shingles(text: str) -> Hashes:
    """64-bit hashes of the runs of three tokens of a text, in order, repeats included.

    A text of one or two tokens has one shingle. Shape: (number of shingles,).
    """
    words = _word_hashes(text)
    if len(words) == 0:
        return words
    if len(words) < _SHINGLE:
        words = np.concatenate([words, np.zeros(_SHINGLE - len(words), dtype=np.uint64)])
    mixed = words[:-2] * np.uint64(0x9E3779B97F4A7C15) + words[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F) + words[2:]
    return _mix(mixed)


def _word_hashes(text: str) -> Hashes:
    codes = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _kinds()[np.minimum(codes, 0xFFFF)]
    astral = codes > 0xFFFF
    if astral.any():
        kinds[astral & (codes >= 0x20000) & (codes < 0x40000)] = _IDEOGRAPH
    before = np.concatenate([np.zeros(1, dtype=np.uint8), kinds[:-1]])
    begins = (kinds == _IDEOGRAPH) | ((kinds == _LETTER) & (before != _LETTER))
    inside = kinds > 0
    letters = codes[inside].astype(np.uint64)
    if not len(letters):
        return np.zeros(0, dtype=np.uint64)
    starts = np.flatnonzero(begins[inside])
    place = np.arange(len(letters)) - np.repeat(starts, np.diff(starts, append=len(letters)))
    weighted = (letters + np.uint64(1)) * _powers()[np.minimum(place, _LONGEST_WORD - 1)]
    return _mix(np.add.reduceat(weighted, starts))


def _mix(values: Hashes) -> Hashes:
    """Finaliser of splitmix64 (Steele et al., OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


@cache
def _powers() -> Hashes:
    base = 0x100000001B3
    return np.array([pow(base, place + 1, 2**64) for place in range(_LONGEST_WORD)], dtype=np.uint64)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """For each code point of the basic plane: 0 separator, 1 letter or digit, 2 ideograph or kana."""
    table = np.fromiter(map(str.isalnum, map(chr, range(0x10000))), dtype=np.uint8, count=0x10000)
    # Combining vowel signs belong to the words of Indic and South-East Asian scripts.
    table[0x0300:0x0370] = table[0x0900:0x0E00] = table[0x0E30:0x0E50] = table[0x1000:0x10A0] = _LETTER
    for low, high in ((0x3040, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00)):
        table[low:high] *= _IDEOGRAPH
    return table


def _bucket_pairs(matrix: npt.NDArray[np.uint32]) -> set[tuple[int, int]]:
    count = len(matrix)
    bands = matrix.reshape(count, _BANDS, PERMUTATIONS // _BANDS).astype(np.uint64)
    weights = _powers()[: PERMUTATIONS // _BANDS]
    keys = _mix((bands * weights).sum(axis=2))
    pairs: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        column = keys[:, band]
        order = np.argsort(column, kind="stable")
        same = np.flatnonzero(column[order[1:]] == column[order[:-1]])
        if len(same):
            for bucket in np.split(same, np.flatnonzero(np.diff(same) > 1) + 1):
                members = order[bucket[0] : bucket[-1] + 2].tolist()
                pairs.update(_pairs_of(members))
    return pairs


def _pairs_of(members: list[int]) -> list[tuple[int, int]]:
    if len(members) <= _ALL_PAIRS:
        return list(combinations(members, 2))
    first = members[0]
    return [(first, other) for other in members[1:]] + list(pairwise(members[1:]))
