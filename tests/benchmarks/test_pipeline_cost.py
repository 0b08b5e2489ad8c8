"""The cost benchmark measures what it says: counts only, no times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.corpus import FILE_BYTES, Writer
from benchmarks.pipeline_cost import Bench

pytestmark = pytest.mark.data
FILES = 100


def test_no_two_files_are_alike_and_all_have_the_size() -> None:
    writer = Writer()
    files = [writer.file(number) for number in range(30)]
    assert len({line for text in files for line in text.splitlines()[2:3]}) == 30
    sizes = [len(text.encode()) for text in files]
    assert min(sizes) >= FILE_BYTES * 0.9
    assert max(sizes) < FILE_BYTES * 1.3
    assert any("\u4e00" <= character <= "\u9fff" for character in files[0])


def test_runs_compute_what_their_names_say(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", FILES, 0.0)
    full = bench.run()
    assert (full.parsed, full.embedded) == (FILES, full.chunks)
    assert full.cpu > 0
    bench.edit()
    edited = bench.run()
    assert edited.parsed == 1
    assert 0 < edited.embedded <= 5
    bench.touch()
    bench.rename()
    moved = bench.run()
    assert (moved.parsed, moved.embedded, moved.workers) == (0, 0, 0)
