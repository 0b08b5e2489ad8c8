"""Inference with OpenVINO on the CPU: bf16 where the processor computes in it, else fp32.

A compiled model is kept beside the export, keyed by all that it depends on, so that a cold process only maps
it into memory. Batches run on one stream per thread: each stream computes alone, without waiting for the
others inside a layer, which measured a fifth less processor time than one stream on all threads.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.embed.atomic import write_file
from ingest.embed.exported import GRAPH_INPUTS, Ids, WordTable
from ragpress.fingerprint import hexdigest


class OpenVinoRuntime:
    """An exported graph in OpenVINO.

    Args:
        graph: the ONNX file; compiled models are kept in ``compiled`` beside it.
        words: the word vectors that belong to it.
        precision: ``bf16`` or ``fp32``.
        threads: number of streams; 0 means one per core.
    """

    def __init__(self, graph: Path, words: WordTable, precision: str, threads: int) -> None:
        self._openvino = import_openvino()
        self._words = words
        streams = threads or len(os.sched_getaffinity(0))
        options = {
            "INFERENCE_PRECISION_HINT": {"bf16": "bf16", "fp32": "f32"}[precision],
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
        }
        self._compiled = self._load(graph, options)
        self._streams = streams
        self._of_thread = threading.local()
        self._pool = ThreadPoolExecutor(streams, thread_name_prefix="embed")

    def infer(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Embed one padded batch: (batch, length) token ids and mask to (batch, dimension).

        Any number of threads may call it at once.
        """
        request = self._request()
        request.infer(self._inputs(ids, mask), share_inputs=True)
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)

    def infer_all(self, batches: list[tuple[Ids, Ids]]) -> list[npt.NDArray[np.float32]]:
        """Embed padded batches on all streams. Results are in the order of the batches."""
        if len(batches) == 1:
            return [self.infer(*batches[0])]
        # not OpenVINO's own queue: its callbacks corrupt the heap when many short batches follow one another (2026.4)
        return list(self._pool.map(lambda batch: self.infer(*batch), batches))

    def _request(self) -> Any:
        """The calling thread's own request: one request runs one inference at a time."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        return self._of_thread.request

    def _inputs(self, ids: Ids, mask: Ids) -> dict[str, npt.NDArray[Any]]:
        return {GRAPH_INPUTS[0]: self._words.look_up(ids), GRAPH_INPUTS[1]: mask}

    def _load(self, graph: Path, options: dict[str, Any]) -> Any:
        core = self._openvino.Core()
        blob = graph.parent / "compiled" / f"{self._key(core, options)}.blob"
        if blob.is_file():
            try:
                return core.import_model(self._openvino.tensor_from_file(str(blob)), "CPU", options)
            except RuntimeError:
                # a blob of another build of OpenVINO or another processor: the graph itself is the truth
                blob.unlink(missing_ok=True)
        compiled = core.compile_model(str(graph), "CPU", options)
        write_file(blob, compiled.export_model().getvalue())
        return compiled

    def _key(self, core: Any, options: dict[str, Any]) -> str:
        capabilities = ",".join(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")))
        processor = core.get_property("CPU", "FULL_DEVICE_NAME")
        chosen = [f"{name}={value}" for name, value in sorted(options.items())]
        return hexdigest(self._openvino.get_version(), processor, capabilities, chosen)


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    ``import openvino`` pulls in its converter, which reports the import over the network. The converter is
    not needed here, and a None in ``sys.modules`` makes its import fail as if it were not installed, which
    OpenVINO allows for. The telemetry module stays blocked for the life of the process.
    """
    if "openvino" not in sys.modules:
        converter = "openvino.tools.ovc"
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # documented: blocks the import
        sys.modules[converter] = None  # type: ignore[assignment]
        try:
            import openvino  # noqa: F401, PLC0415 (slow import)
        finally:
            del sys.modules[converter]
    return sys.modules["openvino"]
