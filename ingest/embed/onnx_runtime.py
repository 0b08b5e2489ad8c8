"""Inference with ONNX Runtime: fp32, or int8 where it was chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest.embed.exported import GRAPH_INPUTS, Ids, WordTable


class OnnxRuntime:
    """An exported graph in ONNX Runtime on the CPU.

    Args:
        graph: the ONNX file.
        words: the word vectors that belong to it.
        threads: threads of one inference; 0 means one per core.
    """

    def __init__(self, graph: Path, words: WordTable, threads: int) -> None:
        import onnxruntime  # noqa: PLC0415 (slow import)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # spinning threads burn processor time while they wait
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._words = words

    def infer(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Embed one padded batch: (batch, length) token ids and mask to (batch, dimension)."""
        vectors: npt.NDArray[np.float32] = self._session.run(
            None, {GRAPH_INPUTS[0]: self._words.look_up(ids), GRAPH_INPUTS[1]: mask}
        )[0]
        return vectors

    def infer_all(self, batches: list[tuple[Ids, Ids]]) -> list[npt.NDArray[np.float32]]:
        """Embed padded batches, in order."""
        return [self.infer(ids, mask) for ids, mask in batches]
