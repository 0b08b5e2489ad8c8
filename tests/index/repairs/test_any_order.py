"""Repairs that come and go among edits: the release is what a fresh build gives; a killed run is taken up again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from index.release import Releases
from index.repairs import files
from index.repairs.records import CleaningRule, Erratum, Quarantine, Repair, Reparse, Restore, SettingsChange, Supersede
from tests.index.repairs.test_kinds import PUMP, content, signed
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

NAMES = ("a.md", "b.md", "c.txt", "sub/d.md")
LINES = ("The pump gives 12 litres.", "ADVERT buy now", "It weighs 40 kilograms.", "水泵每分钟12升。", "# Part")


class _Story:
    """Random edits and repairs.

    Args:
        workspace: where they happen.
        seed: decides them.
    """

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self._workspace = workspace
        self._random = random.Random(seed)
        self._versions: dict[str, list[str]] = {}
        self._days = 0

    def step(self) -> None:
        """Change a source, or the repairs."""
        if self._random.random() < 0.4:
            self._edit()
        elif self._random.random() < 0.7:
            files.save(self._workspace.root, self._repair())
        else:
            paths = sorted((self._workspace.root / "repairs").glob("*.json"))
            if paths:
                self._random.choice(paths).unlink()

    def remember(self) -> None:
        """Note which versions the live release has."""
        for source, row in self._workspace.rows().items():
            if row.version is not None:
                self._versions.setdefault(source, []).append(row.version.hex())

    def _edit(self) -> None:
        name = self._random.choice(NAMES)
        path = self._workspace.docs / name
        if path.exists() and self._random.random() < 0.3:
            path.unlink()
        else:
            lines = self._random.choices(LINES, k=self._random.randrange(1, 5))
            self._workspace.write({name: f"# {name}\n\n" + "\n\n".join(lines) + "\n"})

    def _repair(self) -> Repair:
        source, other = (f"docs/{name}" for name in self._random.sample(NAMES, 2))
        self._days += 1
        signature: dict[str, Any] = {"at": f"2026-03-{self._days:02d}"}
        version = self._random.choice(self._versions.get(source, ["ab" * 32]))
        made: list[Repair] = [
            signed(Quarantine, source=source, **signature),
            signed(Supersede, source=source, newer=other, **signature),
            signed(Erratum, source=source, version=version, find="12", replace="24", **signature),
            signed(
                Erratum, source=source, version=version, find="weighs 40 kilo", replace="weighs 44 kilo", **signature
            ),
            signed(Reparse, source=source, parser="text", **signature),
            signed(Restore, source=source, version=version, **signature),
            signed(Restore, source=source, **signature),
            signed(CleaningRule, family="*.md", drop=("ADVERT.*",), **signature),
            signed(SettingsChange, settings={"chunk": {"max_tokens": 24, "min_tokens": 4}}, **signature),
        ]
        return self._random.choice(made)


def shown(workspace: Workspace) -> dict[str, tuple[object, ...]]:
    """What a release says of every document that is not deleted."""
    rows = workspace.rows().values()
    return {
        row.source: (
            row.state,
            row.reason,
            row.marks,
            row.relations,
            row.derived,
            row.indexed,
            row.chunks and row.parser,
        )
        for row in rows
        if row.state != "deleted"
    }


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 12))])
def test_an_incremental_build_is_a_fresh_build(tmp_path: Path, seed: int) -> None:
    workspace = Workspace(tmp_path)
    workspace.write(dict.fromkeys(NAMES, PUMP))
    workspace.ingest()
    story = _Story(workspace, seed)
    for _ in range(5):
        story.remember()
        for _ in range(3):
            story.step()
        workspace.ingest()
    assert not workspace.ingest().published
    incremental, found = content(workspace), shown(workspace)

    workspace.ingest(rebuild=True)

    assert shown(workspace) == found
    assert content(workspace) == incremental


class _KilledError(BaseException):
    pass


def test_a_run_that_is_killed_after_the_repair_was_written_is_taken_up_and_applied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"pump.md": PUMP})
    workspace.ingest()
    version = workspace.rows()["docs/pump.md"].version
    assert version is not None
    repair = signed(Erratum, source="docs/pump.md", version=version.hex(), find="12", replace="112")
    files.save(workspace.root, repair)

    def killed(*_: object) -> None:
        raise _KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Releases, "publish", killed)
        with pytest.raises(_KilledError):
            workspace.ingest()
    again = signed(Erratum, source="docs/pump.md", version=version.hex(), find="12", replace="112", by="Bob")
    files.save(workspace.root, again)
    report = workspace.ingest()

    assert report.published
    assert report.steps["clean"].computed == 0
    assert len(files.load_all(workspace.root, "default")) == 1
    assert "gives 112 litres" in "\n".join(workspace.texts("docs/pump.md"))
    assert not workspace.ingest().published
