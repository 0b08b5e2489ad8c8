"""Inference with sentence-transformers and torch, for models that cannot be exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest.embed.export import load_reference, quiet_libraries
from ingest.embed.exported import GRAPH_OUTPUT, Ids

_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


class TorchRuntime:
    """A sentence-transformers model as it is.

    Args:
        source: its folder.
        precision: ``bf16`` or ``fp32``.
        threads: threads of torch; 0 leaves torch's choice.
    """

    def __init__(self, source: Path, precision: str, threads: int) -> None:
        import torch  # noqa: PLC0415 (seconds of imports)

        self._torch = torch
        if threads:
            torch.set_num_threads(threads)
        with quiet_libraries():
            self._model = load_reference(source, _DTYPES[precision])

    def infer(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Embed one padded batch: (batch, length) token ids and mask to (batch, dimension)."""
        torch = self._torch
        with torch.inference_mode():
            features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            vectors: npt.NDArray[np.float32] = self._model(features)[GRAPH_OUTPUT].float().numpy()
        return vectors

    def infer_all(self, batches: list[tuple[Ids, Ids]]) -> list[npt.NDArray[np.float32]]:
        """Embed padded batches, in order."""
        return [self.infer(ids, mask) for ids, mask in batches]
