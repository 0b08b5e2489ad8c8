"""``ragpress --help`` answers at once: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys

from tests.house.repository import ROOT

HEAVY = {
    *("duckdb", "faiss", "langchain_core", "lxml", "magika", "numpy", "onnxruntime", "openvino", "pyarrow"),
    *("sentence_transformers", "tantivy", "tokenizers", "torch", "trafilatura", "transformers", "xberg"),
}


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, ragpress.cli\n"
        "sys.argv = ['ragpress', '--help']\n"
        "try:\n    ragpress.cli.main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('modules:', *sorted(name.partition('.')[0] for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    shown, _, modules = done.stdout.rpartition("modules:")
    assert "ingest" in shown
    assert HEAVY & set(modules.split()) == set()
