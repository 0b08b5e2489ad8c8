"""Releases: immutable manifests and the live pointer.

A manifest names every file with its SHA-256. Publishing and rolling back swap one pointer by
compare-and-swap, so a reader sees the old release or the new one, whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from index.answering import Answering
from index.segment import SegmentRecord
from ingest.sources import SourceRoot
from ragpress.errors import ConflictError, IntegrityError, NotFoundError, ReleaseError, StorageError
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, RetrievalSettings
from ragpress.storage import disk
from ragpress.storage.integrity import check_file
from ragpress.storage.scratch import publish_folder, scratch_folder
from ragpress.storage.store import Pointer, Store, StoredFile

FORMAT = 1
_NUMBER = re.compile(r"r(\d+)-")
_IS_ID = re.compile(r"[A-Za-z0-9-]+")
_LIVE = "live"
_OBJECT_END = b"\n}"
_SEAL = b',\n "sha256": "%s"\n}'
_SEAL_BYTES = len(_SEAL % (b"0" * 64))


class Counts(msgspec.Struct, frozen=True):
    """Sizes of a release.

    Attributes:
        documents: documents that can be found.
        chunks: chunk rows that can be found.
        quarantined: documents whose newest version is not used.
        deleted_rows: chunk rows that are stored but deleted.
        lexical_deleted_share: share of the lexical statistics that deleted rows still make up.
        flagged: documents of which a repair was not applied.
    """

    documents: int
    chunks: int
    quarantined: int
    deleted_rows: int
    lexical_deleted_share: float
    flagged: int = 0


class Override(msgspec.Struct, frozen=True):
    """A person let a release through that the gate had refused: why, who, and when (ISO time)."""

    why: str
    by: str
    at: str


class GateRecord(msgspec.Struct, frozen=True):
    """What the gate said of a release.

    Attributes:
        verdict: ``pass`` or ``refuse``.
        checks: names of the checks it ran.
        reasons: why it refused, in words.
        baseline: the release that was live then, to which the candidate was compared; None where it was not.
        override: a person's word that let it through all the same, where it was given as the release was built.
        warnings: what a person should know of the verdict, in words, such as cases that are gone.
    """

    verdict: str
    checks: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    baseline: str | None = None
    override: Override | None = None
    warnings: tuple[str, ...] = ()

    @property
    def lets_through(self) -> bool:
        """Whether it may go live: it passed, or a person overrode the refusal."""
        return self.verdict == "pass" or self.override is not None


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
        answering: the prompt and what else makes an answer out of hits; None in releases made before there were any.
        repairs: ids of the repairs that it was built with, sorted.
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
    answering: Answering | None = None
    repairs: tuple[str, ...] = ()

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
        if pointer is None:
            return None
        try:
            return msgspec.json.decode(pointer.data, type=LiveRecord), pointer
        except msgspec.DecodeError as error:
            raise IntegrityError(
                f"The live pointer {self._pointer_key} in {self._store.location} is damaged ({error}). Remove it, then "
                "choose a release from `ragpress releases list` and run `ragpress releases publish RELEASE`."
            ) from error

    def live(self) -> Manifest | None:
        """The live release, or None when nothing was published yet."""
        live = self.live_id()
        while live is not None:
            try:
                return self.get(live)
            except (ReleaseError, StorageError):
                # It was replaced and collected since the pointer was read.
                before, live = live, self.live_id()
                if live == before:
                    raise
        return None

    def live_id(self) -> str | None:
        """Id of the live release, or None when nothing was published yet."""
        found = self.pointer()
        return None if found is None else found[0].release

    def get(self, release: str) -> Manifest:
        """A release by its id, by a prefix of it that names only one, or as ``live``.

        Raises:
            ReleaseError: there is none, or its manifest is of another collection.
            IntegrityError: its manifest is damaged.
        """
        if release == _LIVE and (live := self.live_id()) is not None:
            release = live
        if not _IS_ID.fullmatch(release):
            return self._by_prefix(release)
        try:
            manifest = read_manifest(self._store, release)
        except NotFoundError:
            return self._by_prefix(release)
        if manifest.collection != self.collection:
            raise ReleaseError(f"Release {release} belongs to collection {manifest.collection!r}.")
        return manifest

    def list(self) -> list[Manifest]:
        """All releases of the collection, newest first."""
        manifests = []
        for release in stored_releases(self._store):
            # One that is collected meanwhile is no longer to be listed.
            with contextlib.suppress(NotFoundError):
                manifests.append(read_manifest(self._store, release))
        own = [manifest for manifest in manifests if manifest.collection == self.collection]
        return sorted(own, key=lambda manifest: (manifest.number, manifest.created, manifest.id), reverse=True)

    def next_number(self) -> int:
        """A number above that of every release in the store, also of those that never were live."""
        found = map(_NUMBER.match, stored_releases(self._store))
        return 1 + max((int(match[1]) for match in found if match), default=0)

    def save(self, manifest: Manifest) -> None:
        """Write a manifest: from here on the release exists, as a candidate."""
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._store.create(_manifest_key(manifest.id), _sealed(body))

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

    def record_override(self, release: str, override: Override) -> None:
        """Keep, beside a release that was built before, that a person let it through against the gate's word."""
        name = hexdigest(override.at, override.by, override.why)[:10]
        with contextlib.suppress(ConflictError):  # the very same word is there already
            self._store.create(f"{_override_prefix(release)}{name}.json", msgspec.json.encode(override))

    def overrides(self, manifest: Manifest) -> tuple[Override, ...]:
        """Every time a person let the release through against the gate's word, oldest first."""
        own = () if manifest.gate.override is None else (manifest.gate.override,)
        keys = [key for key, _ in self._store.list(_override_prefix(manifest.id))]
        later = (msgspec.json.decode(self._store.read(key), type=Override) for key in keys)
        return (*own, *sorted(later, key=lambda override: override.at))

    def _by_prefix(self, release: str) -> Manifest:
        found = [manifest for manifest in self.list() if release and manifest.id.startswith(release)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(manifest.id for manifest in self.list()[:5]) or "none"
        what = "more than one release starts with" if found else "there is no release"
        raise ReleaseError(f"In {self.collection!r} {what} {release!r}. Newest: {known}.")


def publish_reason(manifest: Manifest) -> str:
    """What the live pointer says of why a release that was just built went live."""
    override = manifest.gate.override
    if override is None:
        return f"publish: {manifest.reason}"
    return f"publish, gate overridden: {override.why} (by {override.by}): {manifest.reason}"


def release_id(number: int, run: str, files: tuple[StoredFile, ...]) -> str:
    """Id of a release: its number and a digest of its run and files. No two builds have the same, not even of one
    content: a run that was killed between its manifest and the pointer must not stand in the next one's way.
    """
    return f"r{number:05d}-{hexdigest(run, [file.sha256 for file in files])[:10]}"


def check_out_lexical(store: Store, manifest: Manifest, folder: Path) -> Path:
    """A folder with the release's lexical index as tantivy wants it: files under their own names.

    The files are hard links (copies where that cannot be) and appear whole or not at all. Every time, each is
    checked against its SHA-256; where one is damaged the folder is made again from the store.

    Raises:
        IntegrityError: a file in the store is damaged.
    """
    target = folder / manifest.id
    if target.is_dir() and _is_sound(target, manifest):
        return target
    sources = [(store.fetch(file), Path(file.name).name) for file in manifest.lexical]
    disk.remove_tree(target)
    with scratch_folder(folder) as scratch:
        for path, name in sources:
            disk.link_or_copy(path, scratch / name)
        publish_folder(scratch, target)
    return target


def _is_sound(folder: Path, manifest: Manifest) -> bool:
    try:
        for file in manifest.lexical:
            check_file(folder / Path(file.name).name, file)
    except (NotFoundError, IntegrityError):
        return False
    return True


def stored_releases(store: Store) -> list[str]:
    """Ids of every release in a store, whatever its collection, oldest number first."""
    return [key.split("/")[1] for key, _ in store.list("releases/") if key.endswith("/manifest.json")]


def read_manifest(store: Store, release: str) -> Manifest:
    """A release by its exact id, whatever its collection.

    Raises:
        NotFoundError: there is none.
        IntegrityError: its manifest is damaged.
        ReleaseError: another version of ragpress wrote it.
    """
    return _decode(release, store.read(_manifest_key(release)))


def _manifest_key(release: str) -> str:
    return f"releases/{release}/manifest.json"


def _override_prefix(release: str) -> str:
    return f"releases/{release}/overrides/"


def _sealed(body: bytes) -> bytes:
    """A manifest's JSON object with the SHA-256 of its text as its last field, so that any damage shows."""
    return body.removesuffix(_OBJECT_END) + _SEAL % hashlib.sha256(body).hexdigest().encode("ascii")


def _decode(release: str, body: bytes) -> Manifest:
    text, seal = body[:-_SEAL_BYTES] + _OBJECT_END, body[-_SEAL_BYTES:]
    if seal != _SEAL % hashlib.sha256(text).hexdigest().encode("ascii"):
        raise IntegrityError(f"The manifest of release {release} is damaged: its SHA-256 differs. Run: ragpress doctor")
    manifest = msgspec.json.decode(text, type=Manifest)
    if manifest.format != FORMAT:
        raise ReleaseError(f"Release {release} has format {manifest.format}; this ragpress reads format {FORMAT}.")
    return manifest
