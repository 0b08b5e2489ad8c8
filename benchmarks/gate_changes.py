"""Changes of a workspace as people make them: some alter nothing that matters, some do damage, at many strengths.

A change is a function of the documents, or other settings, or a fault of a part. What it is meant to be decides
nothing: :mod:`benchmarks.gate_errors` measures, over the whole pool of cases, what it does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from benchmarks.gate_sets import Pool

Files: TypeAlias = dict[str, str]
Edit: TypeAlias = "Callable[[Files, random.Random], Files]"
Flag: TypeAlias = Literal["", "compact", "rebuild"]

_WORD = re.compile(r"[A-Za-z]{4,}|[\u4e00-\u9fff]{2}")
_SHARES = (0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25, 0.4)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    Attributes:
        name: unique.
        kind: of what sort it is, as reports group it.
        harmless: whether it is meant to alter nothing that matters.
        edit: what it does to the documents.
        settings: what it sets, by section.
        prompt: whether it asks with another wording of the prompt.
        flag: how the release is built.
        embedder: share of the chunks whose vectors are those of other texts.
        generator: what is wrong with the answers, and in which share of them.
        seed: of its random choices.
    """

    name: str
    kind: str
    harmless: bool
    edit: Edit | None = None
    settings: dict[str, dict[str, Any]] = {}
    prompt: bool = False
    flag: Flag = ""
    embedder: float = 0.0
    generator: tuple[str, float] = ("", 0.0)
    seed: int = 0


def changes_of(pool: Pool) -> list[Change]:
    """Every change that is tried on a pool."""
    return [*_harmless(pool), *_harmful(pool)]


def _harmless(pool: Pool) -> Iterator[Change]:
    quotes = [evidence.quote for case in pool.cases for evidence in case.evidence]

    def named(kind: str, detail: object, **fields: Any) -> Change:
        return Change(name=f"{kind} {detail}", kind=kind, harmless=True, **fields)

    yield named("compaction", "", flag="compact")
    yield named("rebuild", "", flag="rebuild")
    yield named("prompt wording", "", prompt=True)
    for seed, share in enumerate((0.1, 0.3, 0.6, 1.0)):
        yield named("rename", share, edit=_renamed(share), seed=seed)
        yield named("white space", share, edit=_spaced(share), seed=seed)
        yield named("closing note", share, edit=_noted(share), seed=seed)
    for seed, share in enumerate((0.1, 0.3, 0.6, 1.0, 0.3, 0.6, 1.0)):
        yield named("typo elsewhere", f"{share} {seed}", edit=_mistyped(share, quotes), seed=seed)
    for seed, count in enumerate((2, 5, 10, 20, 40, 80, 20, 40)):
        yield named("unrelated documents", f"{count} {seed}", edit=_joined(count, pool.strange), seed=seed)
    for section, key, values in _NUDGES:
        for value in values:
            yield named("small setting", f"{section}.{key}={value}", settings={section: {key: value}})


_NUDGES: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("retrieval", "lexical_weight", (1.1, 1.15, 1.19, 1.21, 1.25, 1.3)),
    ("retrieval", "dense_weight", (0.95, 0.99, 1.01, 1.05)),
    ("retrieval", "depth", (40, 60, 100)),
    ("retrieval", "collapse", (0.8, 0.9, 1.1)),
    ("retrieval", "script_balance", (0.7,)),
    ("context", "tokens", (1550, 1650, 1800)),
    ("context", "per_source", (4,)),
    ("context", "family", (0.45, 0.6)),
    ("chunk", "max_tokens", (248, 252)),
    ("chunk", "min_tokens", (44, 52)),
    ("answer", "abstain", (0.37, 0.375, 0.385)),
    ("generator", "seed", (7,)),
)


def _harmful(pool: Pool) -> Iterator[Change]:
    def named(kind: str, detail: object, **fields: Any) -> Change:
        return Change(name=f"{kind} {detail}", kind=kind, harmless=False, **fields)

    for size in (16, 20, 24, 32, 40, 48, 64, 96):
        yield named("chunk size", size, settings={"chunk": {"max_tokens": size, "min_tokens": max(4, size // 4)}})
    for seed, share in enumerate((*_SHARES, 0.07, 0.1, 0.15, 0.25)):
        yield named("dropped documents", f"{share} {seed}", edit=_dropped(share), seed=seed)
        yield named("stale documents", f"{share} {seed}", edit=_stale(share), seed=seed)
    for folder in sorted({path.split("/", 1)[0] for path in pool.files}):
        yield named("dropped folder", folder, edit=_without_folder(folder))
    for seed, share in enumerate((0.02, 0.05, 0.1, 0.2, 0.4)):
        yield named("scanned badly", share, edit=_scanned(share), seed=seed)
    for seed, share in enumerate((0.05, 0.1, 0.2, 0.4)):
        yield named("flood of false copies", share, edit=_flooded(share, 8), seed=seed)
    for seed, share in enumerate((0.05, 0.1, 0.2, 0.4, 0.7, 1.0)):
        yield named("shuffled embedder", share, embedder=share, seed=seed)
    for fault in ("refuses", "rambles", "uncited", "invents"):
        for seed, share in enumerate((0.03, 0.06, 0.1, 0.15, 0.25, 0.5)):
            yield named(f"damaged prompt: {fault}", share, generator=(fault, share), seed=seed)
    for word in _common_words(pool, 8):
        yield named("cleaning rule too wide", word, settings={"clean": {"drop_patterns": [f"^.*{word}.*$"]}})
    for section, key, values in _DAMAGE:
        for value in values:
            yield named("setting", f"{section}.{key}={value}", settings={section: {key: value}})


_DAMAGE: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("retrieval", "lexical_weight", (0.0, 0.2, 10.0)),
    ("retrieval", "dense_weight", (0.0, 0.1)),
    ("retrieval", "depth", (1, 2, 3)),
    ("retrieval", "fusion", ("reciprocal_rank",)),
    ("context", "tokens", (64, 100, 160, 260, 400)),
    ("context", "passages", (1, 2)),
    ("context", "neighbours", (0,)),
    ("answer", "abstain", (0.0, 0.2, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8)),
    ("generator", "sentences", (1, 2)),
)


def _picked(files: Files, share: float, chance: random.Random) -> list[str]:
    """So many of the documents, at least one."""
    return chance.sample(sorted(files), max(1, round(share * len(files))))


def _each(share: float, edit: Callable[[str, random.Random], str]) -> Edit:
    def edited(files: Files, chance: random.Random) -> Files:
        return files | {path: edit(files[path], chance) for path in _picked(files, share, chance)}

    return edited


def _renamed(share: float) -> Edit:
    def renamed(files: Files, chance: random.Random) -> Files:
        moved = set(_picked(files, share, chance))
        return {f"archive/{path}" if path in moved else path: text for path, text in files.items()}

    return renamed


def _spaced(share: float) -> Edit:
    return _each(share, lambda text, _: text.replace("\n", " \n") + "\n\n")


def _noted(share: float) -> Edit:
    return _each(share, lambda text, _: text.rstrip("\n") + "\n\nLast checked by the editors on 3 March.\n")


def _mistyped(share: float, quotes: Sequence[str]) -> Edit:
    """One word in every forty is misspelt, where no case's evidence stands."""

    def mistyped(text: str, chance: random.Random) -> str:
        kept = [(text.find(quote), text.find(quote) + len(quote)) for quote in quotes if quote in text]
        words = [
            word
            for word in _WORD.finditer(text)
            if not any(start < word.end() and word.start() < end for start, end in kept)
        ]
        if not words:
            return text + " \n"
        for word in sorted(chance.sample(words, -(-len(words) // 40)), key=lambda found: -found.start()):
            swapped = word[0][1::-1] + word[0][2:]
            text = text[: word.start()] + swapped + text[word.end() :]
        return text

    return _each(share, mistyped)


def _joined(count: int, texts: Sequence[str]) -> Edit:
    def joined(files: Files, chance: random.Random) -> Files:
        added = chance.sample(list(texts), min(count, len(texts)))
        return files | {f"news/item-{number:03d}.txt": text + "\n" for number, text in enumerate(added)}

    return joined


def _dropped(share: float) -> Edit:
    def dropped(files: Files, chance: random.Random) -> Files:
        gone = set(_picked(files, share, chance))
        return {path: text for path, text in files.items() if path not in gone}

    return dropped


def _without_folder(folder: str) -> Edit:
    return lambda files, _: {path: text for path, text in files.items() if not path.startswith(folder + "/")}


def _stale(share: float) -> Edit:
    """An older version: the second half was not written yet."""
    return _each(share, lambda text, _: text[: len(text) // 2])


def _scanned(share: float) -> Edit:
    """One letter in twelve is misread."""

    def scanned(text: str, chance: random.Random) -> str:
        return "".join(
            chance.choice("lI1|rn口日目") if letter.isalnum() and chance.random() < 1 / 12 else letter
            for letter in text
        )

    return _each(share, scanned)


def _flooded(share: float, copies: int) -> Edit:
    """Copies that differ in their figures and in some words, so that none holds a whole piece of evidence."""

    def falsified(text: str, chance: random.Random) -> str:
        words = list(_WORD.finditer(text))
        for word in sorted(chance.sample(words, len(words) // 10), key=lambda found: -found.start()):
            text = text[: word.start()] + chance.choice(words)[0] + text[word.end() :]
        return re.sub(r"\d", lambda found: str((int(found[0]) + 1) % 10), text)

    def flooded(files: Files, chance: random.Random) -> Files:
        added = {
            f"copies/{number}/{path}": falsified(files[path], chance)
            for path in _picked(files, share, chance)
            for number in range(copies)
        }
        return files | added

    return flooded


def _common_words(pool: Pool, count: int) -> list[str]:
    """Words of the documents from frequent to rare: a rule that drops every line with one takes less and less."""
    lines = [line for text in pool.files.values() for line in text.splitlines() if line.strip()]
    shares: dict[str, int] = {}
    for line in lines:
        for word in {found[0] for found in _WORD.finditer(line)}:
            shares[word] = shares.get(word, 0) + 1
    targets = [0.01 * 1.7**step for step in range(count)]
    names = np.array(sorted(shares))
    frequency = np.array([shares[name] for name in names]) / len(lines)
    nearest = (str(names[np.abs(frequency - target).argmin()]) for target in targets)
    return list(dict.fromkeys(nearest))
