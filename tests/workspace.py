"""A workspace for tests: real files, real indexes, the embedder without a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from index.documents import DocumentRow, to_rows
from index.environment import Environment, open_release
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest, preview
from index.report import IngestReport
from ragpress.settings import parse_workspace
from ragpress.wiring import open_environment
from retrieval.opening import open_searcher
from retrieval.search import Hit

SETTINGS = """\
[sources]
folders = ["docs"]

[workers]
processes = 1

[embed]
model = "hashing"
"""


class Workspace:
    """A workspace in a temporary folder.

    Args:
        root: an existing folder.
        settings: text of its ragpress.toml.
    """

    def __init__(self, root: Path, settings: str = SETTINGS) -> None:
        self.root = root
        self.docs = root / "docs"
        self.docs.mkdir(exist_ok=True)
        self.later = timedelta(seconds=10)
        self.configure(settings)

    def configure(self, settings: str) -> None:
        """Write the settings file."""
        (self.root / "ragpress.toml").write_text(settings, encoding="utf-8")

    def write(self, files: Mapping[str, str]) -> None:
        """Write source files, by path below ``docs``."""
        for name, text in files.items():
            path = self.docs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def environment(self, **changes: Any) -> Environment:
        """The real environment, its clock ahead so that files count as settled."""
        base = open_environment(self.root)
        return msgspec.structs.replace(base, now=lambda: datetime.now(UTC) + self.later, **changes)

    def ingest(self, **request: Any) -> IngestReport:
        """Run an ingest in this process."""
        return ingest(IngestRequest(**request), self.environment())

    def preview(self, **request: Any) -> IngestReport:
        """Run ``ingest --plan`` in this process."""
        return preview(IngestRequest(**request), self.environment())

    def open(self, release: str | None = None) -> OpenRelease:
        """Open a release; the live one if left out."""
        return open_release(self.environment(), "default", release)

    def search(self, query: str, k: int = 10, release: str | None = None) -> list[Hit]:
        """Search a release; the live one if left out."""
        return open_searcher(self.environment(), self.open(release)).search(query, k)

    def rows(self) -> dict[str, DocumentRow]:
        """Document rows of the live release, by source."""
        return {row.source: row for row in to_rows(self.open().documents)}

    def texts(self, source: str) -> list[str]:
        """Chunk texts of a document in the live release."""
        release = self.open()
        texts: list[str] = release.chunk_rows(release.document(source))["text"].to_pylist()
        return texts

    def files(self) -> dict[str, int]:
        """Every file of the data directory with its time stamp, locks left out."""
        found = (path for path in (self.root / ".ragpress").rglob("*") if path.is_file())
        return {str(path): path.stat().st_mtime_ns for path in found if not path.name.endswith("lock")}


def default_settings() -> Any:
    """The settings of a collection without any override."""
    return parse_workspace(Path(), {}).collection("default")
