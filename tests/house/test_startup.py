"""``ragpress --help`` answers at once: nothing heavy is imported for it. No command waits for pandas."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT
from tests.workspace import Workspace

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


@pytest.mark.process
def test_a_command_does_without_pandas_that_is_there_when_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed (extra test)")
    script = (
        "import json, sys, ragpress.cli\n"
        "sys.argv = ['ragpress', '--workspace', sys.argv[1], 'releases', 'list']\n"
        "try:\n    ragpress.cli.main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "import pyarrow as pa\n"
        "imported = 'pandas' in sys.modules\n"
        "frame = pa.table({'n': [1, 2]}).to_pandas()\n"
        "print(json.dumps([imported, pa.table(frame).column('n').to_pylist()]))\n"
    )
    command = [sys.executable, "-c", script, str(Workspace(tmp_path).root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [False, [1, 2]]
