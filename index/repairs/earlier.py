"""Earlier versions of documents, of which a repair may bring one back: from the memo, else from older releases."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pyarrow.compute as pc

from index.build import version_rows
from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest
from ingest.memo import Memo
from ingest.parse.registry import ParseKeys
from ragpress.errors import ReleaseError, StorageError
from ragpress.fingerprint import digest
from ragpress.types import Element, ParsedDocument


class EarlierVersions:
    """What is still known of versions that the sources have no more.

    Args:
        environment: the outside.
        collection: the collection.
        keys: what the parse step is remembered by.
    """

    def __init__(self, environment: Environment, collection: str, keys: ParseKeys) -> None:
        self._environment = environment
        self._collection = collection
        self._keys = keys
        self._memo = Memo(environment.store, "steps")
        self._known: dict[tuple[bytes, str, str], ParsedDocument | None] = {}
        self._manifests: list[Manifest] | None = None

    def find(self, version: bytes, source: str, parser: str = "") -> ParsedDocument | None:
        """What was parsed of a version; what a release kept of it where the memo has lost it; None where neither knows.

        What a release kept is the text after cleaning.

        Args:
            version: SHA-256 of its bytes.
            source: its source path.
            parser: the parser it is wanted by; what another one read is taken where that is all there is.
        """
        place = (version, source, parser)
        if place not in self._known:
            self._known[place] = self._remembered(version, source, parser) or self._kept(version, source)
        return self._known[place]

    def _remembered(self, version: bytes, source: str, parser: str) -> ParsedDocument | None:
        for key in dict.fromkeys((self._keys.of(version, source, parser), self._keys.of(version, source))):
            value = self._memo.get(key)
            if value is not None:
                return msgspec.msgpack.decode(value, type=ParsedDocument)
        value = self._memo.get(kept_key(version, source))
        return None if value is None else msgspec.msgpack.decode(value, type=ParsedDocument)

    def _kept(self, version: bytes, source: str) -> ParsedDocument | None:
        for release in self._releases():
            try:
                row = _row(release, version, source)
                if row is not None:
                    return _document(release, row)
            except (ReleaseError, StorageError):
                continue  # it is damaged, or was collected meanwhile; another may still have it
        return None

    def _releases(self) -> Iterator[OpenRelease]:
        if self._manifests is None:
            self._manifests = self._environment.releases(self._collection).list()
        return (self._environment.open(manifest) for manifest in self._manifests)


def kept_key(version: bytes, source: str) -> bytes:
    """Key in the memo of what a release kept of a version, so that it outlives the release."""
    return digest("kept version", version, source)


def _row(release: OpenRelease, version: bytes, source: str) -> DocumentRow | None:
    table = release.documents
    match = pc.and_(pc.equal(table["source"], source), pc.equal(table["version"], version))
    rows = [row for row in to_rows(table.filter(match)) if row.segment in release.segments]
    return rows[0] if rows else None


def _document(release: OpenRelease, row: DocumentRow) -> ParsedDocument:
    stored = version_rows(release.segments[row.segment], row).to_pylist()[0]
    return ParsedDocument(
        text=stored["text"],
        elements=msgspec.json.decode(stored["elements"], type=tuple[Element, ...]),
        title=row.title,
        media_type=row.media_type,
        parser=row.parser,
        pages=row.pages,
        metadata=msgspec.json.decode(row.metadata, type=dict[str, str]),
        notes=msgspec.json.decode(stored["notes"], type=tuple[str, ...]),
    )
