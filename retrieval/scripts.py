"""Writing systems: collections in several of them are searched without a bias for the one the question is in.

A multilingual embedder puts texts of one language near each other whatever they say, so a question finds any text of
its own language before the right one of another. What a language has in common is the mean of its vectors; taking most
of that mean's cosine with the question off every cosine makes the languages comparable and changes no order within one
(centring: Libovický, Rosa and Fraser, "On the Language Neutrality of Pre-trained Multilingual Representations",
Findings of EMNLP 2020). Scripts stand for languages here: they are told apart surely, also in short texts.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import cached_property
from threading import Lock

import msgspec
import numpy as np
import numpy.typing as npt

from index.opened import OpenRelease
from index.row_filter import RowFilter
from retrieval.placement import Mask, Placement
from retrieval.scope import Scope

LATIN = "latin"
_LETTERS = {
    "han": re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "hangul": re.compile("[\u1100-\u11ff\uac00-\ud7a3]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "hebrew": re.compile("[\u0590-\u05ff]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "thai": re.compile("[\u0e00-\u0e7f]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "bengali": re.compile("[\u0980-\u09ff]"),
}
_LANGUAGES = {
    "han": "zh ja",
    "hangul": "ko",
    "cyrillic": "ru uk be bg sr mk kk ky mn",
    "arabic": "ar fa ur ps ug",
    "hebrew": "he",
    "greek": "el",
    "thai": "th",
    "devanagari": "hi mr ne",
    "bengali": "bn as",
}
_SCRIPT_OF = {code: script for script, codes in _LANGUAGES.items() for code in codes.split()}
_UNDETERMINED = "und"
# A mean of a few thousand vectors is as good as that of all.
_SAMPLE = 2000
# The mean of a few texts tells their subject rather than their language: it counts half at so many rows.
_HALF_TRUSTED = 30
_KEPT = 64


class ScriptGroup(msgspec.Struct, frozen=True, eq=False):
    """The rows in one script that a search may find.

    Attributes:
        script: its name.
        masks: bool of shape (rows of the segment,) by segment number.
        centre: float32 of shape (dimension,): what the vectors of the script have in common.
    """

    script: str
    masks: dict[int, Mask]
    centre: npt.NDArray[np.float32]


def script(text: str) -> str:
    """The script of a text: Latin only where it has no letters of another, since names and code are Latin anywhere."""
    if text.isascii():
        return LATIN
    counts = {name: len(pattern.findall(text)) for name, pattern in _LETTERS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else LATIN


class Scripts:
    """The scripts of one release. Safe to share between threads.

    Args:
        release: the release.
    """

    def __init__(self, release: OpenRelease) -> None:
        self._release = release
        self._kept: OrderedDict[bytes, tuple[ScriptGroup, ...]] = OrderedDict()
        self._lock = Lock()

    def of(self, scope: Scope) -> tuple[ScriptGroup, ...]:
        """The rows of a scope by script, largest script of the release first; none where there is only one.

        What the caller may not read is in no mask and in no centre. An approximate index keeps no vectors to take a
        mean of; a release of only such segments counts as one script.
        """
        if not self._masks:
            return ()
        with self._lock:
            if scope.key in self._kept:
                self._kept.move_to_end(scope.key)
                return self._kept[scope.key]
        made = self._made(scope)
        with self._lock:
            self._kept[scope.key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    def _made(self, scope: Scope) -> tuple[ScriptGroup, ...]:
        found = {name: _within(masks, scope) for name, masks in self._masks.items()}
        found = {name: masks for name, masks in found.items() if any(mask.any() for mask in masks.values())}
        if len(found) < 2:
            return ()
        readable = scope.readable or scope
        samples = {name: self._sample(_within(self._masks[name], readable)) for name in found}
        if not all(map(len, samples.values())):
            return ()
        sizes = {name: _count(_within(self._masks[name], readable)) for name in found}
        means = {name: sample.mean(axis=0, dtype=np.float64) for name, sample in samples.items()}
        total = sum(sizes.values())
        common = sum((means[name] * (sizes[name] / total) for name in found), np.zeros(len(next(iter(means.values())))))
        groups = []
        for name, masks in found.items():
            trust = sizes[name] / (sizes[name] + _HALF_TRUSTED)
            centre = trust * means[name] + (1 - trust) * common
            groups.append(ScriptGroup(name, masks, centre.astype(np.float32)))
        return tuple(groups)

    def _sample(self, masks: dict[int, Mask]) -> npt.NDArray[np.float32]:
        """Vectors of evenly spaced rows, float32 of shape (sample, dimension)."""
        step = max(1, -(-_count(masks) // _SAMPLE))
        parts = []
        for number, mask in masks.items():
            rows = np.flatnonzero(mask)[::step]
            vectors = self._release.segments[number].vectors.reconstruct(rows) if len(rows) else None
            if vectors is not None:
                parts.append(vectors)
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    @cached_property
    def _masks(self) -> dict[str, dict[int, Mask]]:
        """Rows of each script, by script and segment; empty where all documents are in one."""
        placement = Placement(self._release)
        languages = placement.table["language"].to_pylist()
        scripts = ["" if code == _UNDETERMINED else _SCRIPT_OF.get(code, LATIN) for code in languages]
        sizes = {name: scripts.count(name) for name in set(scripts) - {""}}
        if len(sizes) < 2:
            return {}
        ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
        # Too short to tell: most likely in the script of most documents.
        names = np.array([name or ordered[0] for name in scripts])
        return {name: placement.masks(names == name) for name in ordered}


def _within(masks: dict[int, Mask], scope: RowFilter) -> dict[int, Mask]:
    if scope.masks is None:
        return masks
    return {number: mask & scope.masks[number] for number, mask in masks.items()}


def _count(masks: dict[int, Mask]) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in masks.values())
