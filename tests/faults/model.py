"""The model that the state machine compares ragpress with: plain dicts, and the steps of one document by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Self

import msgspec

from ingest.chunk import chunk
from ingest.clean import clean
from ingest.embed.hashing import HashingEmbedder
from ingest.parse.pool import ParseResult
from ingest.parse.registry import parse_bytes
from ingest.parse.worker import read_regular
from ragpress.settings import ChunkSettings, CleanSettings, ParseSettings, WorkerSettings

MOST_BYTES = 1 << 20
Texts = tuple[str, ...]


class Knobs(msgspec.Struct, frozen=True):
    """The settings that the machine turns: tokens of a chunk, and whether lines that start with REMARK are dropped."""

    max_tokens: int = 64
    drop_remarks: bool = False

    def as_toml(self) -> str:
        """The settings file."""
        patterns = '["^REMARK.*"]' if self.drop_remarks else "[]"
        return (
            '[sources]\nfolders = ["docs"]\n[embed]\nmodel = "hashing"\n[release]\nkeep = 2\n'
            "[retrieval]\ncollapse = 2\n"
            f"[chunk]\nmax_tokens = {self.max_tokens}\nmin_tokens = 4\n[clean]\ndrop_patterns = {patterns}\n"
        )


@cache
def chunk_texts(name: str, text: str, knobs: Knobs) -> Texts:
    """The chunks of one file, made by the steps alone: no memo, no index, no release."""
    embedder = _embedder()
    patterns = ("^REMARK.*",) if knobs.drop_remarks else ()
    cleaned = clean(parse_bytes(text.encode(), name, ParseSettings()), CleanSettings(drop_patterns=patterns))
    settings = ChunkSettings(max_tokens=knobs.max_tokens, min_tokens=4)
    spans = chunk(cleaned, settings, embedder.tokens, embedder.passage_limit)
    return tuple(cleaned.text[span.start : span.end] for span in spans)


@cache
def _embedder() -> HashingEmbedder:
    return HashingEmbedder()


class InlinePool:
    """Parses in this process, as the machine starts hundreds of runs and is not about parsers."""

    def __init__(self, settings: ParseSettings, workers: WorkerSettings) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def parse_many(self, files: Iterable[tuple[str, str, str]]) -> Iterator[ParseResult[str]]:
        """See :meth:`ingest.parse.pool.ParserPool.parse_many`."""
        for key, path, name in files:
            data = read_regular(path, MOST_BYTES)
            yield ParseResult(key, parse_bytes(data, name, self._settings), digest_of(data), len(data))


def digest_of(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
