"""Digests of our own source files, so that what other code made or judged is never taken for the work of this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from ragpress.fingerprint import Part, digest, hexdigest

_CHECKING = ("index.lexical", "ingest.split", "serving.evidence", "serving.remembered")
SCORING = (*_CHECKING, "evaluation.metrics")
"""What decides the scores of an answer: packages with all of their modules, and modules."""
ANSWERING = (
    *_CHECKING,
    "ingest.language",
    "serving.abstention",
    "serving.assemble",
    "serving.chain",
    "serving.language",
    "serving.prompt_echo",
    "serving.prompting",
    "serving.safe_text",
    "serving.sentence_stream",
    "serving.standalone",
    "serving.verify",
)
"""What decides an answer beside what its generator writes: the check of its sentences, and what may leave."""
QUOTING = (
    *_CHECKING,
    "ingest.characters",
    "ingest.injection",
    "serving.generate.extractive",
    "serving.generate.quotable",
)
"""What decides what the generator that quotes writes."""
SERVED = ("serving.generate.events", "serving.generate.served")
"""What decides how a served model is asked and read."""
LOCAL = ("serving.generate.local", "serving.generate.local_models")
"""What decides how a model in this process is asked and read."""


def source_digest(names: tuple[str, ...], find: Callable[[str], Traversable] = files) -> str:
    """The digest of the sources of some modules and packages; each file is read once in a process.

    Line ends do not matter. An installation without sources (compiled files alone) gets that of no source: there the
    version of ragpress tells.

    Args:
        names: dotted names; of a package every module in its folder counts.
        find: gives the folder of a top-level package.
    """
    return hexdigest("sources", [_digest(name, find) for name in names])


@lru_cache(maxsize=64)
def _digest(name: str, find: Callable[[str], Traversable]) -> bytes:
    top, *rest = name.split(".")
    place = find(top).joinpath(*rest)
    modules = place.iterdir() if place.is_dir() else [find(top).joinpath(*rest[:-1], f"{rest[-1]}.py")]
    found = {one.name: one for one in modules if one.name.endswith(".py") and one.is_file()}
    sources: list[Part] = [[module, found[module].read_bytes().replace(b"\r\n", b"\n")] for module in sorted(found)]
    return digest("source", name, sources)
