"""Digests of sources: what they depend on, and that they cover what decides answers and scores."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluation import sources
from evaluation.metrics import answers
from evaluation.metrics.answers import Scorer
from evaluation.sources import ANSWERING, LOCAL, QUOTING, SCORING, SERVED, source_digest
from serving.evidence.support import SupportChecker

ROOT = Path(sources.__file__).parent.parent
# Records, settings, disks, searching and reports of what happens change no answer and no score.
HARMLESS = (
    "ragpress", "index", "retrieval", "evaluation.records", "evaluation.sources", "ingest.files", "ingest.ignore",
    "ingest.near_duplicates", "ingest.plan", "ingest.sources", "ingest.stat_cache", "ingest.versions", "ingest.embed",
    "serving.types", "serving.notices", "serving.telemetry", "serving.generate.kinds", "serving.generate.circuit",
    "serving.generate.faults", "serving.generate.server",
)  # fmt: skip


def copied(folder: Path) -> Callable[[str], Path]:
    shutil.copytree(ROOT / "serving" / "evidence", folder / "serving" / "evidence")
    shutil.copy(ROOT / "serving" / "verify.py", folder / "serving")
    return lambda top: folder / top


@pytest.mark.parametrize("changed", ["serving/evidence/numbers.py", "serving/evidence/new.py", "serving/verify.py"])
def test_a_changed_source_changes_the_digest_and_equal_ones_do_not(tmp_path: Path, changed: str) -> None:
    names = ("serving.evidence", "serving.verify")
    before = source_digest(names)
    assert source_digest(names, copied(tmp_path / "same")) == before
    other = copied(tmp_path / "other")
    with (tmp_path / "other" / changed).open("a") as file:
        file.write("MORE = 1\n")
    assert source_digest(names, other) != before


def test_line_ends_change_nothing(tmp_path: Path) -> None:
    other = copied(tmp_path)
    path = tmp_path / "serving" / "verify.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert source_digest(("serving.verify",), other) == source_digest(("serving.verify",))


def test_an_installation_without_sources_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    bare = source_digest(("serving.evidence", "serving.verify"), lambda top: tmp_path / top)
    assert bare != source_digest(("serving.evidence", "serving.verify"))


def test_the_sources_are_part_of_the_scorers_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Scorer(None, SupportChecker(None), 0.38).fingerprint
    assert Scorer(None, SupportChecker(None), 0.38).fingerprint == now
    monkeypatch.setattr(answers, "source_digest", lambda names: "other")
    assert Scorer(None, SupportChecker(None), 0.38).fingerprint != now


@pytest.mark.parametrize(
    ("starts", "named"),
    [
        (["evaluation.metrics.answers"], SCORING),
        (["serving.chain", "serving.verify"], ANSWERING),
        (["serving.generate.extractive"], QUOTING),
        (["serving.generate.served"], SERVED),
        (["serving.generate.local"], LOCAL),
    ],
)
def test_every_module_that_has_a_say_is_named(starts: list[str], named: tuple[str, ...]) -> None:
    every = set(reached(starts))
    assert set(starts) <= every
    held = tuple(f"{one}." for one in (*named, *HARMLESS))
    assert [one for one in sorted(every) if not f"{one}.".startswith(held)] == []
    assert [one for one in named if not (ROOT / one.replace(".", "/")).is_dir() and file_of(one) is None] == []


def reached(starts: list[str]) -> Iterator[str]:
    """The modules that some modules import, also by way of others."""
    seen, waiting = set[str](), list(starts)
    while waiting:
        name = waiting.pop()
        path = file_of(name)
        if path is None or name in seen:
            continue
        seen.add(name)
        yield name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not name.startswith(HARMLESS):
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def file_of(name: str) -> Path | None:
    path = ROOT / name.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)
