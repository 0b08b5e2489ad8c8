"""Embedding: from text to unit-length vectors, on the fastest exact runtime this machine has.

Takes the ``[embed]`` settings and the cache folder; gives an :class:`ragpress.types.Embedder`. A model is
exported once into the cache (that imports sentence-transformers and torch); afterwards neither is imported,
and an embedder loads its tokenizer and its model only when they are first used.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from ragpress.errors import MissingDependencyError, ModelError
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings
from ragpress.types import Embedder

__all__ = ["embedder_fingerprint", "load_embedder"]

HASHING = "hashing"

_RUNTIMES = ("openvino", "onnxruntime", "torch")
_PRECISIONS = {"openvino": ("fp32", "bf16"), "onnxruntime": ("fp32", "int8"), "torch": ("fp32", "bf16")}
_BF16_FLAGS = ("avx512_bf16", "amx_bf16")
_CPUINFO = Path("/proc/cpuinfo")
# It names a folder of the memo.
_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{1,64}")


def load_embedder(settings: EmbedSettings, cache: Path) -> Embedder:
    """The embedder that the settings name. Exports its model first where the cache has no export yet.

    Args:
        settings: the ``[embed]`` section.
        cache: local folder for what can be computed again.

    Raises:
        ModelError: the model is not found, or cannot run as the settings say.
        MissingDependencyError: the chosen runtime is not installed.
    """
    if settings.model == HASHING:
        from ingest.embed.hashing import HashingEmbedder  # noqa: PLC0415 (numpy)

        return HashingEmbedder()
    from ingest.embed.resolve import find_factory  # noqa: PLC0415

    factory = find_factory(settings.model)
    if factory is not None:
        return _made(factory, settings, cache)
    from ingest.embed.model import ModelEmbedder, RuntimeChoice  # noqa: PLC0415 (numpy)
    from ingest.embed.prepare import prepare_model  # noqa: PLC0415

    runtime, precision = choose_runtime(settings)
    fingerprint = embedder_fingerprint(settings, cache)
    prepared = prepare_model(settings.model, runtime, precision, cache)
    choice = RuntimeChoice(runtime, precision, settings.threads, settings.batch_tokens)
    return ModelEmbedder(settings.model, fingerprint, prepared.folder, prepared.source, choice)


def embedder_fingerprint(settings: EmbedSettings, cache: Path) -> str:
    """The fingerprint of the embedder that the settings name, without loading it.

    The content of the model's files, the version of the export, the runtime and its precision decide it; batch
    size and threads do not. Files are hashed once and recognised afterwards by size and time.

    Raises:
        ModelError: the model is not found, or cannot run as the settings say.
    """
    if settings.model == HASHING:
        from ingest.embed.hashing import fingerprint  # noqa: PLC0415 (numpy)

        return fingerprint()
    from ingest.embed.resolve import EXPORT_VERSION, content_digest, find_factory, find_model  # noqa: PLC0415

    factory = find_factory(settings.model)
    if factory is not None:
        return _made(factory, settings, cache).fingerprint
    source = find_model(settings.model)
    runtime, precision = choose_runtime(settings)
    return hexdigest("model", EXPORT_VERSION, source.short_name, content_digest(source, cache), runtime, precision)


def _made(factory: Callable[[EmbedSettings, Path], Embedder], settings: EmbedSettings, cache: Path) -> Embedder:
    embedder = factory(settings, cache)
    if not _FINGERPRINT.fullmatch(embedder.fingerprint):
        raise ModelError(
            f"The embedder {settings.model!r} has the fingerprint {embedder.fingerprint!r}: expected 1 to 64 of the "
            "characters A-Z, a-z, 0-9, '_' and '-', for example ragpress.fingerprint.hexdigest(...) of what decides "
            "its vectors. Correct it in the package that brings it."
        )
    return embedder


def choose_runtime(settings: EmbedSettings) -> tuple[str, str]:
    """Runtime and precision that the settings mean on this machine.

    Raises:
        ModelError: the two do not go together, or one is unknown.
        MissingDependencyError: the runtime named is not installed.
    """
    runtime = settings.runtime
    if runtime == "auto":
        runtime = "onnxruntime" if settings.precision == "int8" else _first_installed()
    if runtime not in _RUNTIMES:
        raise ModelError(f"[embed] runtime: expected auto, {', '.join(_RUNTIMES)}; found {runtime!r}.")
    if importlib.util.find_spec(runtime) is None:
        raise MissingDependencyError(f"The runtime {runtime}", f"pip install {runtime}")
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if "bf16" in _PRECISIONS[runtime] and _computes_bf16() else "fp32"
    if precision not in _PRECISIONS[runtime]:
        valid = ", ".join(("auto", *_PRECISIONS[runtime]))
        raise ModelError(f"[embed] precision: {runtime} offers {valid}; found {settings.precision!r}.")
    return runtime, precision


def _first_installed() -> str:
    for runtime in _RUNTIMES:
        if importlib.util.find_spec(runtime) is not None:
            return runtime
    raise MissingDependencyError("A runtime for embedding models", "pip install openvino")


def _computes_bf16() -> bool:
    """Whether the processor multiplies bf16 numbers itself; elsewhere bf16 would be slower than fp32."""
    if not _CPUINFO.is_file():
        return False
    with _CPUINFO.open(encoding="ascii", errors="replace") as lines:
        flags = next((line for line in lines if line.startswith("flags")), "")
    return any(flag in flags.split() for flag in _BF16_FLAGS)
