"""What a run needs from outside: the workspace, its store, a clock and the way to an embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from index.judging import JudgeCandidate
from index.opened import OpenRelease
from index.release import Manifest, Releases
from index.report import Progress
from ragpress.errors import ReleaseError
from ragpress.settings import EmbedSettings, Workspace
from ragpress.storage.journal import Journal
from ragpress.storage.journal_entry import JournalPlace
from ragpress.storage.store import Store
from ragpress.types import Embedder


class EmbedderIdentity(msgspec.Struct, frozen=True):
    """What is known of an embedder without loading it.

    Attributes:
        fingerprint: decides every vector.
        tokenizer: fingerprint of its tokenizer alone.
        limit: tokens of a passage that it reads at once, prefix and special tokens taken off.
    """

    fingerprint: str
    tokenizer: str
    limit: int


class EmbedderSource(msgspec.Struct, frozen=True):
    """How to get an embedder, and what is known of it without loading it."""

    load: Callable[[EmbedSettings], Embedder]
    identify: Callable[[EmbedSettings], EmbedderIdentity]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is not a value: made once by ``ragpress.wiring``.

    Attributes:
        workspace: settings and folders.
        store: where derived data lives.
        local: local folder for scratch, checkouts and the stat cache of this data directory.
        now: the time, with time zone.
        embedders: the way to an embedder.
        progress: hears how a run goes on.
        judge: what a stage above says of a candidate before it may go live; None where integrity alone decides.
    """

    workspace: Workspace
    store: Store
    local: Path
    now: Callable[[], datetime]
    embedders: EmbedderSource
    progress: Progress
    judge: JudgeCandidate | None = None

    def releases(self, collection: str) -> Releases:
        """The releases of a collection."""
        return Releases(self.store, collection)

    def open(self, manifest: Manifest) -> OpenRelease:
        """Open a release for reading."""
        return OpenRelease(self.store, manifest, self.checkouts)

    def journal(self, kind: str) -> JournalPlace:
        """Where the journal of a kind of record lies: ``answers``, ``feedback``, ``jobs`` or ``runs``."""
        return JournalPlace(self.local / "journal" / kind, self.store, f"journal/{kind}/")

    def append(self, kind: str, records: Sequence[bytes]) -> None:
        """Add a few records to the journal of a kind; they are on the disk when this returns.

        Args:
            kind: name of the journal.
            records: JSON objects, each without a line break.

        Raises:
            StorageError: the disk is full or refuses.
        """
        journal = Journal(self.journal(kind).folder, file_bytes=self.workspace.service.journal.file_bytes)
        try:
            for written in [journal.append(record) for record in records]:
                written.result()
        finally:
            journal.close()

    @property
    def checkouts(self) -> Path:
        """Folder of checked-out lexical indexes."""
        return self.local / "checkouts"

    def scratch(self, collection: str) -> Path:
        """Folder for the work in progress of a collection's writer."""
        return self.local / "scratch" / collection

    def stat_cache(self, collection: str) -> Path:
        """File of the collection's stat cache."""
        return self.local / "cache" / collection / "stat.arrow"


def open_release(environment: Environment, collection: str, release: str | None) -> OpenRelease:
    """Open a release by id, or the live one.

    Raises:
        ReleaseError: there is none.
    """
    environment.workspace.collection(collection)
    releases = environment.releases(collection)
    manifest = releases.live() if release is None else releases.get(release)
    if manifest is None:
        raise ReleaseError(f"Nothing is live in {collection!r} yet. Publish a first release with: ragpress ingest")
    return environment.open(manifest)
