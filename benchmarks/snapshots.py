"""A real edit history: 24 monthly snapshots of a documentation, English and Chinese, replayed into a folder."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY.parent / "shared" / "data" / "docs_history_fastapi"
STEPS = 23
LANGUAGES = ("docs/en/", "docs/zh/")


class Snapshots:
    """The history, applied step by step.

    Args:
        target: an existing folder; the files appear in its ``docs`` folder.

    Attributes:
        number: the step that the folder shows; -1 before the first.
        docs: folder of the files.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self.number = -1
        self.docs = target / "docs"

    def advance(self) -> int:
        """Apply the next step; returns how many paragraphs it brings that their file did not have before."""
        before = self._paragraphs()
        self.number += 1
        if self.number == 0:
            self._unpack(DATA / "base.tar.xz")
        else:
            self._unpack(DATA / f"step_{self.number:02d}.tar.xz")
            changes = json.loads((DATA / f"step_{self.number:02d}.json").read_text(encoding="utf-8"))
            for name in changes["deleted"]:
                if name.startswith(LANGUAGES):
                    (self._target / name).unlink()
        after = self._paragraphs()
        return sum(len(found - before.get(name, set())) for name, found in after.items())

    def files(self) -> list[Path]:
        """Every file, by path."""
        return sorted(path for path in self.docs.rglob("*.md") if path.is_file())

    def _unpack(self, archive: Path) -> None:
        with tarfile.open(archive) as content:
            wanted = [item for item in content.getmembers() if item.isfile() and item.name.startswith(LANGUAGES)]
            content.extractall(self._target, members=wanted, filter="data")

    def _paragraphs(self) -> dict[str, set[str]]:
        if not self.docs.exists():
            return {}
        return {str(path): set(path.read_text(encoding="utf-8").split("\n\n")) for path in self.files()}
