"""Tokenize one question without loading a 250,000-piece tokenizer.

``tokenizers`` reads and indexes the whole vocabulary before its first token, which takes longer than
embedding the question. Here the vocabulary lies in memory-mapped arrays sorted by hash, and the Viterbi
search of a unigram model (Kudo, ACL 2018) touches only the pieces that occur in the text. The result is that
of ``tokenizers``, ties included; where a text needs a rule that is not rebuilt here, the answer is None and
the caller asks ``tokenizers`` itself.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

_U64 = np.uint64
_BASE = 0x9E3779B97F4A7C15 | 1
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_FOLDER = "unigram"
_RULES = "rules.json"
_HASHES = "hashes.npy"
_IDS = "ids.npy"
_SCORES = "scores.npy"
_PIECES = "pieces.npy"
_META = "▁"
_UNKNOWN_PENALTY = 10.0
_MOST_CHARACTERS = 4000

Codes = npt.NDArray[np.uint32]


class UnigramRules(msgspec.Struct, frozen=True):
    """What a unigram tokenizer does beside its vocabulary.

    Attributes:
        mapping: code point (decimal) to the text that replaces it before splitting.
        specials: texts that ``tokenizers`` would take for special tokens.
        unknown: id of the unknown token.
        unknown_score: score of a character that no piece covers.
        first: id put before the text.
        last: id put after it.
    """

    mapping: dict[str, str]
    specials: tuple[str, ...]
    unknown: int
    unknown_score: float
    first: int
    last: int


def write_unigram(folder: Path, pieces: list[str], scores: npt.NDArray[np.float64], rules: UnigramRules) -> None:
    """Write the arrays of a unigram vocabulary beside an exported model.

    Args:
        folder: folder of the exported model.
        pieces: the vocabulary in the order of its ids.
        scores: log-probability of each piece, shape (pieces,).
        rules: everything else; its ``unknown_score`` is worked out here.
    """
    target = folder / _FOLDER
    target.mkdir()
    width = max(len(piece) for piece in pieces)
    table = np.zeros((len(pieces), width), dtype=np.uint32)
    for row, piece in enumerate(pieces):
        table[row, : len(piece)] = _codes(piece)
    powers = _powers(_BASE, width)
    hashes = (table * powers).sum(axis=1, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    if np.any(np.diff(hashes[order]) == 0):
        raise ValueError("two pieces of the vocabulary have the same hash")
    np.save(target / _HASHES, hashes[order])
    np.save(target / _IDS, order.astype(np.int32))
    np.save(target / _SCORES, scores.astype(np.float64)[order])
    np.save(target / _PIECES, table[order])
    rules = msgspec.structs.replace(rules, unknown_score=float(scores.min()) - _UNKNOWN_PENALTY)
    (target / _RULES).write_bytes(msgspec.json.encode(rules))


def open_unigram(folder: Path) -> UnigramTokenizer | None:
    """The tokenizer of an exported model, or None where it has none of this kind."""
    target = folder / _FOLDER
    return UnigramTokenizer(target) if target.is_dir() else None


class UnigramTokenizer:
    """A unigram tokenizer over memory-mapped arrays.

    Args:
        folder: what :func:`write_unigram` wrote.
    """

    def __init__(self, folder: Path) -> None:
        self._rules = msgspec.json.decode((folder / _RULES).read_bytes(), type=UnigramRules)
        self._mapping = {int(code): text for code, text in self._rules.mapping.items()}
        self._hashes: npt.NDArray[np.uint64] = np.load(folder / _HASHES, mmap_mode="r")
        self._ids: npt.NDArray[np.int32] = np.load(folder / _IDS, mmap_mode="r")
        self._scores: npt.NDArray[np.float64] = np.load(folder / _SCORES, mmap_mode="r")
        self._pieces: Codes = np.load(folder / _PIECES, mmap_mode="r")

    def ids(self, text: str) -> list[int] | None:
        """Token ids, special tokens included; None where only ``tokenizers`` knows the answer."""
        if not text or len(text) > _MOST_CHARACTERS or any(special in text for special in self._rules.specials):
            return None
        if self._joins_characters(text):
            return None
        words = [_META + word for word in text.translate(self._mapping).split()]
        return [self._rules.first, *self._segment(words), self._rules.last]

    def _joins_characters(self, text: str) -> bool:
        """Whether a replaced character is followed by one that may belong to the same grapheme.

        ``tokenizers`` then replaces the whole grapheme.
        """
        return any(
            ord(character) in self._mapping and not _stands_alone(follower)
            for character, follower in itertools.pairwise(text)
        )

    def _segment(self, words: list[str]) -> list[int]:
        codes = _codes("".join(words))
        ends = np.cumsum([len(word) for word in words])
        arcs = self._arcs(codes, np.repeat(ends, [len(word) for word in words]))
        ids: list[int] = []
        for first, last in zip([0, *ends.tolist()], ends.tolist(), strict=False):
            ids.extend(self._best_path(first, last, arcs))
        return ids

    def _arcs(self, codes: Codes, word_ends: npt.NDArray[np.int64]) -> list[list[tuple[int, int, float]]]:
        """For each position the pieces that start there, shortest first, as (end, id, score)."""
        width = self._pieces.shape[1]
        sums = np.zeros(len(codes) + 1, dtype=np.uint64)
        np.cumsum(codes * _powers(_BASE, len(codes)), out=sums[1:])
        start = np.arange(len(codes))[:, None]
        end = start + np.arange(1, width + 1)[None, :]
        inside = end <= word_ends[:, None]
        hashes = (sums[np.minimum(end, len(codes))] - sums[:-1, None]) * _powers(_BASE_INVERSE, len(codes))[:, None]
        starts, lengths = np.nonzero(inside)
        wanted = hashes[inside]
        place = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        hit = self._hashes[place] == wanted
        arcs: list[list[tuple[int, int, float]]] = [[] for _ in range(len(codes))]
        for at, length, row in zip(starts[hit].tolist(), (lengths[hit] + 1).tolist(), place[hit].tolist(), strict=True):
            piece = self._pieces[row]
            same = np.array_equal(piece[:length], codes[at : at + length])
            if same and (length == width or piece[length] == 0):
                arcs[at].append((at + length, int(self._ids[row]), float(self._scores[row])))
        return arcs

    def _best_path(self, first: int, last: int, arcs: list[list[tuple[int, int, float]]]) -> list[int]:
        """Viterbi over one word, as ``tokenizers`` runs it: strictly better paths replace earlier ones."""
        unknown = self._rules.unknown
        best: dict[int, tuple[float, int, int]] = {first: (0.0, first, -1)}
        for at in range(first, last):
            score = best[at][0]
            single = False
            for end, piece, value in arcs[at]:
                single = single or end == at + 1
                if end not in best or score + value > best[end][0]:
                    best[end] = (value + score, at, piece)
            if not single and (at + 1 not in best or score + self._rules.unknown_score > best[at + 1][0]):
                best[at + 1] = (score + self._rules.unknown_score, at, unknown)
        path: list[int] = []
        at = last
        while at > first:
            _, at, piece = best[at]
            if not (piece == unknown and path and path[-1] == unknown):
                path.append(piece)
        return path[::-1]


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    steps = np.full(count, base, dtype=np.uint64)
    steps[:1] = 1
    return np.cumprod(steps, dtype=np.uint64)


_ALONE = ((0x0000, 0x02FF), (0x2010, 0x2027), (0x3000, 0x3029), (0x3041, 0x3096), (0x4E00, 0x9FFF), (0xFF01, 0xFF9D))


def _stands_alone(character: str) -> bool:
    """Whether a character never extends the grapheme before it (Unicode annex 29); a safe subset."""
    code = ord(character)
    return any(first <= code <= last for first, last in _ALONE)
