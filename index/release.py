"""Releases: immutable manifests and the live pointer.

A manifest names every file with its SHA-256. Publishing and rolling back swap one pointer by
compare-and-swap, so a reader sees the old release or the new one, whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from index.segment import SegmentRecord
from ingest.sources import SourceRoot
from ragpress.errors import ConflictError, NotFoundError, ReleaseError
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, RetrievalSettings
from ragpress.storage import disk
from ragpress.storage.scratch import publish_folder, scratch_folder
from ragpress.storage.store import Pointer, Store, StoredFile

FORMAT = 1


class Counts(msgspec.Struct, frozen=True):
    """Sizes of a release.

    Attributes:
        documents: documents that can be found.
        chunks: chunk rows that can be found.
        quarantined: documents whose newest version is not used.
        deleted_rows: chunk rows that are stored but deleted.
        lexical_deleted_share: share of the lexical statistics that deleted rows still make up.
    """

    documents: int
    chunks: int
    quarantined: int
    deleted_rows: int
    lexical_deleted_share: float


class GateRecord(msgspec.Struct, frozen=True):
    """What the gate said of a release: ``pass`` or ``refuse``, the checks it ran and why it refused."""

    verdict: str
    checks: tuple[str, ...]
    reasons: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A release: all that decides an answer.

    Attributes:
        format: version of this record's layout.
        id: release id.
        collection: its collection.
        number: position in the collection's history, from 1.
        parent: the release it was built from.
        created: ISO time, UTC.
        run: id of the run that built it.
        reason: why it was built, in words.
        roots: the source folders it covers.
        steps: fingerprint of every step.
        embed: the embedder's settings: a query must be embedded the same way.
        retrieval: retrieval settings.
        segments: the index.
        lexical: files of the lexical index.
        documents: files of the document table, base first.
        content: digest of what can be found: equal for equal contents, however they were built.
        counts: sizes.
        gate: the gate's verdict.
        evaluation: id of its evaluation, once there is one.
        prompt: prompt version, once there is one.
        generator: generator settings, once there are any.
    """

    format: int = FORMAT
    id: str
    collection: str
    number: int
    parent: str | None
    created: str
    run: str
    reason: str
    roots: tuple[SourceRoot, ...]
    steps: dict[str, str]
    embed: EmbedSettings
    retrieval: RetrievalSettings
    segments: tuple[SegmentRecord, ...]
    lexical: tuple[StoredFile, ...]
    documents: tuple[StoredFile, ...]
    content: str
    counts: Counts
    gate: GateRecord
    evaluation: str | None = None
    prompt: str | None = None
    generator: str | None = None

    def files(self) -> tuple[StoredFile, ...]:
        """Every file it needs."""
        bitmaps = tuple(record.deleted for record in self.segments if record.deleted is not None)
        own = tuple(file for record in self.segments for file in record.files)
        return own + bitmaps + self.lexical + self.documents


class LiveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a live pointer.

    Attributes:
        release: id of the live release.
        previous: the one before, to which a rollback returns.
        changed: ISO time of the swap.
        why: ``publish`` or ``rollback`` and the reason a person gave.
        history: releases that were live, newest first.
    """

    release: str
    previous: str | None
    changed: str
    why: str
    history: tuple[str, ...] = ()


class Releases:
    """The releases of one collection in a store.

    Args:
        store: where they are.
        collection: the collection's name.
    """

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self.collection = collection

    @property
    def _pointer_key(self) -> str:
        return f"collections/{self.collection}/live"

    def pointer(self) -> tuple[LiveRecord, Pointer] | None:
        """The live record with its token, or None when nothing was published yet."""
        pointer = self._store.read_pointer(self._pointer_key)
        return None if pointer is None else (msgspec.json.decode(pointer.data, type=LiveRecord), pointer)

    def live(self) -> Manifest | None:
        """The live release, or None when nothing was published yet."""
        found = self.pointer()
        return None if found is None else self.get(found[0].release)

    def get(self, release: str) -> Manifest:
        """A release by its id, or by a prefix of it that names only one.

        Raises:
            ReleaseError: there is none, or its manifest is of another collection.
        """
        try:
            body = self._store.read(_manifest_key(release))
        except NotFoundError:
            return self._by_prefix(release)
        manifest = _decode(release, body)
        if manifest.collection != self.collection:
            raise ReleaseError(f"Release {release} belongs to collection {manifest.collection!r}.")
        return manifest

    def list(self) -> list[Manifest]:
        """All releases of the collection, newest first."""
        keys = [key for key, _ in self._store.list("releases/") if key.endswith("/manifest.json")]
        manifests = [_decode(key.split("/")[1], self._store.read(key)) for key in keys]
        own = [manifest for manifest in manifests if manifest.collection == self.collection]
        return sorted(own, key=lambda manifest: (manifest.number, manifest.created, manifest.id), reverse=True)

    def save(self, manifest: Manifest) -> None:
        """Write a manifest: from here on the release exists, as a candidate."""
        self._store.create(_manifest_key(manifest.id), msgspec.json.format(msgspec.json.encode(manifest), indent=1))

    def publish(self, release: str, why: str, expected: str | None, now: datetime) -> LiveRecord:
        """Make a release live.

        Args:
            release: its id.
            why: the reason, recorded.
            expected: token of the pointer the caller saw, None if it saw none.
            now: the time.

        Raises:
            ConflictError: somebody else published meanwhile; nothing was changed.
        """
        found = self.pointer()
        if (None if found is None else found[1].token) != expected:
            raise ConflictError(
                f"Another release went live in {self.collection!r} while this one was built. Run the command again."
            )
        before = None if found is None else found[0]
        history = () if before is None else (before.release, *before.history)[:100]
        record = LiveRecord(
            release=release,
            previous=None if before is None else before.release,
            changed=now.astimezone(UTC).isoformat(timespec="seconds"),
            why=why,
            history=history,
        )
        self._store.swap_pointer(self._pointer_key, expected, msgspec.json.encode(record))
        return record

    def _by_prefix(self, release: str) -> Manifest:
        found = [manifest for manifest in self.list() if release and manifest.id.startswith(release)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(manifest.id for manifest in self.list()[:5]) or "none"
        what = "more than one release starts with" if found else "there is no release"
        raise ReleaseError(f"In {self.collection!r} {what} {release!r}. Newest: {known}.")


def release_id(number: int, content: str, files: tuple[StoredFile, ...]) -> str:
    """Id of a release: its number and a digest of its files, so that it names exactly one content."""
    return f"r{number:05d}-{hexdigest(content, [file.sha256 for file in files])[:10]}"


def check_out_lexical(store: Store, manifest: Manifest, folder: Path) -> Path:
    """A folder with the release's lexical index as tantivy wants it: files under their own names.

    Files are checked against their SHA-256 and hard-linked (copied where that cannot be). The folder
    appears whole or not at all.
    """
    target = folder / manifest.id
    sources = [(store.fetch(file), Path(file.name).name) for file in manifest.lexical]
    if target.is_dir():
        return target
    with scratch_folder(folder) as scratch:
        for path, name in sources:
            disk.link_or_copy(path, scratch / name)
        publish_folder(scratch, target)
    return target


def _manifest_key(release: str) -> str:
    return f"releases/{release}/manifest.json"


def _decode(release: str, body: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except msgspec.DecodeError as error:
        raise ReleaseError(f"The manifest of release {release} is damaged: {error}. Run: ragpress doctor") from error
    if manifest.format != FORMAT:
        raise ReleaseError(f"Release {release} has format {manifest.format}; this ragpress reads format {FORMAT}.")
    return manifest


def as_builtins(value: Any) -> Any:
    """A record as plain dicts and lists, bytes as hexadecimal."""
    return msgspec.to_builtins(value, enc_hook=lambda item: item.hex() if isinstance(item, bytes) else str(item))
