from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.embed.atomic import ensure_folder, write_file

BUILDER = """
import os, sys
from pathlib import Path
from ingest.embed.atomic import ensure_folder

def build(folder: Path) -> None:
    with open(sys.argv[2], "a") as log:
        log.write(f"{os.getpid()}\\n")
    for number in range(50):
        (folder / f"part{number}").write_text(str(os.getpid()))

print("ready", flush=True)
sys.stdin.readline()
ensure_folder(Path(sys.argv[1]), build)
"""


def test_two_processes_that_build_at_once_both_end_well(tmp_path: Path) -> None:
    target, log = tmp_path / "cache" / "model", tmp_path / "log"
    command = [sys.executable, "-c", BUILDER, str(target), str(log)]
    pipe = subprocess.PIPE
    builders = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for builder in builders:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "ready\n"
    for builder in builders:
        assert builder.stdin is not None
        builder.stdin.write("go\n")
        builder.stdin.flush()
    for builder in builders:
        builder.communicate(timeout=30)
    assert [builder.returncode for builder in builders] == [0, 0]
    written_by = {part.read_text() for part in target.glob("part*")}
    assert written_by == set(log.read_text().split())
    assert len(list(target.iterdir())) == 50
    assert len(written_by) == 1


def test_what_a_killed_builder_left_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "model"
    script = (
        "import os, sys; from pathlib import Path; from ingest.embed.atomic import ensure_folder\n"
        "ensure_folder(Path(sys.argv[1]), lambda folder: ((folder / 'half').write_text('x'), os._exit(9)))"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(target)], check=False, timeout=30)
    assert killed.returncode == 9
    assert not target.exists()
    assert len(list(tmp_path.glob(".model.building-*"))) == 1
    ensure_folder(target, lambda folder: (folder / "whole").touch())
    assert [path.name for path in target.iterdir()] == ["whole"]
    assert list(tmp_path.glob(".model.building-*")) == []


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ensure_folder(tmp_path / "model", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".model.lock"]


def test_write_file_replaces_whole_files(tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "file", b"one")
    write_file(tmp_path / "a" / "file", b"two")
    assert (tmp_path / "a" / "file").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
