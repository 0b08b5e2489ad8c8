"""The texts of a release's documents: as searched, as parsed, as other parsers read them, and as they were before."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.cases.folding import fold
from evaluation.subjects import Subject
from feedback.workbench import Workbench
from index.documents import NO_SEGMENT
from index.opened import OpenRelease
from index.release import Manifest
from index.repairs import files as repair_files
from index.repairs.apply import DocumentRepairs, InForce, effective_settings
from index.repairs.errata import apply_errata
from index.repairs.records import Repair, repair_id
from index.segment import Segment, SegmentRecord
from ingest.clean import clean
from ingest.memo import Memo
from ingest.parse.alternatives import alternatives
from ingest.parse.pool import ParserPool
from ingest.parse.registry import ParseKeys
from ingest.sources import SourceRoot
from ragpress.errors import ReleaseError, StorageError
from ragpress.settings import CollectionSettings
from ragpress.types import ParsedDocument, Removal

_COLUMNS = (
    "document_id",
    "source",
    "state",
    "step",
    "reason",
    "version",
    "seen_version",
    "segment",
    "chunks",
    "title",
    "parser",
    "media_type",
    "size",
    "characters",
)
RELEASES = 32
"""Older releases that are looked through for earlier versions, newest first."""

_VERSIONS = 4000
_MOST_BYTES = 64 << 20
# A link or a FIFO in the place of a file must neither lead elsewhere nor block.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DocumentState(msgspec.Struct, frozen=True, kw_only=True):
    """A document as a release knows it; see :class:`index.documents.DocumentRow` for the fields."""

    document_id: str
    source: str
    state: str
    step: str
    reason: str
    version: bytes | None
    seen_version: bytes | None
    segment: int
    chunks: int
    title: str
    parser: str
    media_type: str
    size: int
    characters: int

    @property
    def searchable(self) -> bool:
        """Whether a search finds it: also one whose newer bytes are quarantined."""
        return self.chunks > 0 and self.segment != NO_SEGMENT

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the searchable version, else of the one seen last; "" where there is none."""
        return (self.version or self.seen_version or b"").hex()


class EarlierText(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a version that an older release searched.

    Attributes:
        release: the newest release that searched it.
        version: SHA-256 (hexadecimal) of its bytes.
        text: its text.
        document_id: its document.
        source: its source path then.
        title: its title then.
    """

    release: str
    version: str
    text: str
    document_id: str = ""
    source: str = ""
    title: str = ""


class RemovedText(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that cleaning took out.

    Attributes:
        text: the lines.
        start: their first code point in the parsed text.
        end: one past the last.
        rule: the cleaning rule; for ``drop_patterns`` the expression itself behind ``drop_pattern:``; "" unknown.
    """

    text: str
    start: int
    end: int
    rule: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What another parser reads in a source's bytes: the parser's name as a repair names it, and the text."""

    parser: str
    text: str


class DocumentTexts:
    """Texts of the documents of a release, each read when it is asked for and kept.

    Args:
        bench: releases and settings.
        subject: the release.

    Attributes:
        settings: of the collection, with the changes of the repairs that the release was built with.
    """

    def __init__(self, bench: Workbench, subject: Subject) -> None:
        self._release = subject.release
        repairs = _repairs_of(bench, subject.manifest)
        workspace = bench.environment.workspace
        self.settings: CollectionSettings = effective_settings(workspace.collection(bench.collection), repairs)
        self._repairs = InForce(repairs)
        self._memo = Memo(bench.environment.store, "steps")
        self._keys = ParseKeys(self.settings.parse)
        self._past = _Past(bench, subject.release)
        self._parsed: dict[tuple[str, bytes], ParsedDocument | None] = {}
        self._read: dict[str, tuple[Reading, ...]] = {}

    @cached_property
    def documents(self) -> tuple[DocumentState, ...]:
        """Every document that the release knows, by source."""
        rows = self._release.documents.select(_COLUMNS).to_pylist()
        return tuple(DocumentState(**{**row, "characters": row["characters"] or 0}) for row in rows)

    @cached_property
    def _by_name(self) -> dict[str, DocumentState]:
        named = {document.source: document for document in self.documents}
        return named | {document.document_id: document for document in self.documents}

    def document(self, name: str) -> DocumentState | None:
        """A document by its id or source path; None where the release has none."""
        return self._by_name.get(name)

    def text(self, document_id: str) -> str:
        """The text of a document: what is searched of it, else what would be of the version seen last.

        Returns:
            The text to which spans of a searchable document refer; "" where no text is known.
        """
        document = self.document(document_id)
        if document is None:
            return ""
        return self.live(document) if document.searchable else self.unused(document)

    def live(self, document: DocumentState) -> str:
        """The text of a searchable document's version."""
        return _text_of(self._release.segments[document.segment], document.document_id)

    def unused(self, document: DocumentState) -> str:
        """The text of the version seen last of a document that is not used: out of the memo, else parsed now."""
        # What a person shut away before it was ever read has no version on record.
        version = document.seen_version or hashlib.sha256(self.data(document.source) or b"").digest()
        parsed = self._parsed_version(document, version)
        if parsed is None:
            return ""
        own = self._repairs.of(document.source)
        corrected = _corrected(parsed, own, version)
        return clean(corrected, own.clean_settings(self.settings.clean), own.keep).text

    def earlier(self, source: str) -> tuple[EarlierText, ...]:
        """Other versions of a source that older releases searched, newest first.

        Args:
            source: a source path; also of a document that was deleted or renamed since.
        """
        document = self.document(source)
        current = None if document is None or not document.searchable else document.version
        return tuple(item for item in self._past.of(source) if current is None or item.version != current.hex())

    def gone(self) -> Iterator[EarlierText]:
        """The last searchable text of every document that an older release had and this one does not search."""
        for source in self._past.sources():
            document = self.document(source)
            if document is None or not document.searchable:
                yield from self._past.of(source)[:1]

    def parsed(self, source: str) -> str:
        """What the parser read of a document, before errata and cleaning; "" where it is not known any more."""
        found = self.parsed_document(source)
        return "" if found is None else found.text

    def parsed_document(self, source: str) -> ParsedDocument | None:
        """The same with its elements."""
        document = self.document(source)
        return None if document is None else self._parsed_version(document, _version_of(document))

    def before_cleaning(self, source: str) -> str:
        """What the parser read of a document, errata applied; "" where it is not known any more."""
        document, parsed = self.document(source), self.parsed_document(source)
        version = None if document is None else _version_of(document)
        if parsed is None or version is None:
            return ""
        return _corrected(parsed, self._repairs.of(source), version).text

    def removed(self, source: str) -> tuple[RemovedText, ...]:
        """What cleaning took out of the version in use, or seen last: whole lines of :meth:`before_cleaning`."""
        document = self.document(source)
        if document is None:
            return ()
        before, text = self.before_cleaning(source), self.text(document.document_id)
        if not before or before == text:
            return ()
        rules = self._rules_of(document) if document.searchable else ()
        patterns = self._repairs.of(source).clean_settings(self.settings.clean).drop_patterns
        return tuple(
            RemovedText(text=before[start:end], start=start, end=end, rule=_rule(before[start:end], rules, patterns))
            for start, end in _lines_missing(before, text)
        )

    def readings(self, sources: Sequence[str]) -> dict[str, tuple[Reading, ...]]:
        """What other parsers and encodings read in the files of sources, under the limits of every run.

        Returns:
            By source; readings that say the same as the document's own parser, or as one another, are left out.
        """
        fresh = [source for source in dict.fromkeys(sources) if source not in self._read]
        if fresh:
            self._read.update(self._read_otherwise(fresh))
        return {source: self._read[source] for source in sources}

    def data(self, source: str) -> bytes | None:
        """The bytes that the source has now; None where its file is gone or no regular one."""
        path = file_of(self._release.manifest.roots, source)
        return None if path is None else _regular(path)

    def _read_otherwise(self, sources: Sequence[str]) -> dict[str, tuple[Reading, ...]]:
        found: dict[str, dict[str, Reading]] = {source: {} for source in sources}
        tasks = []
        for source in sources:
            document, path = self.document(source), file_of(self._release.manifest.roots, source)
            names = () if document is None or path is None else self._other_parsers(document)
            tasks += [((source, name), str(path), source, name) for name in names]
        own = {source: fold(self.parsed(source)) for source in sources}
        with self._pool() as pool:
            for result in pool.parse_many(tasks):
                (source, name), outcome = result.key, result.outcome
                key = fold(outcome.text) if isinstance(outcome, ParsedDocument) else ""
                if key and key != own[source] and isinstance(outcome, ParsedDocument):
                    found[source].setdefault(key, Reading(parser=name, text=outcome.text))
        return {source: tuple(readings.values()) for source, readings in found.items()}

    def _other_parsers(self, document: DocumentState) -> tuple[str, ...]:
        own = self._repairs.parser_of(document.source)
        # A document that could not be read has no type on record.
        media_type = document.media_type or _type_of(self.data(document.source), document.source)
        return tuple(name for name in alternatives(document.source, media_type) if name != own)

    def _parsed_version(self, document: DocumentState, version: bytes | None) -> ParsedDocument | None:
        if not version:
            return None
        key = (document.source, version)
        if key not in self._parsed:
            parser = self._repairs.parser_of(document.source)
            value = self._memo.get(self._keys.of(version, document.source, parser))
            known = None if value is None else msgspec.msgpack.decode(value, type=ParsedDocument)
            self._parsed[key] = known or self._parse_now(document.source, version, parser)
        return self._parsed[key]

    def _parse_now(self, source: str, version: bytes, parser: str) -> ParsedDocument | None:
        """Parse the source's file, under the limits of every run; None where it has other bytes now, or cannot be."""
        path = file_of(self._release.manifest.roots, source)
        if path is None or not path.is_file():
            return None
        with self._pool() as pool:
            result = next(pool.parse_many([(None, str(path), source, parser)]))
        same = result.sha256 == version.hex()
        return result.outcome if same and isinstance(result.outcome, ParsedDocument) else None

    def _pool(self) -> ParserPool:
        return ParserPool(self.settings.parse, msgspec.structs.replace(self.settings.workers, processes=1))

    def _rules_of(self, document: DocumentState) -> tuple[Removal, ...]:
        segment = self._release.segments[document.segment]
        position = segment.version_positions[document.document_id]
        return msgspec.json.decode(segment.versions["removed"][position].as_py(), type=tuple[Removal, ...])


class _Place(NamedTuple):
    """Where the text of an earlier version lies."""

    release: str
    document_id: str
    version: bytes
    title: str
    segment: SegmentRecord


class _Past:
    """Versions that releases searched before a release, each once, at its newest release."""

    def __init__(self, bench: Workbench, release: OpenRelease) -> None:
        self._environment, self._collection, self._release = bench.environment, bench.collection, release
        self._segments: dict[str, Segment] = {}
        self._texts: dict[str, tuple[EarlierText, ...]] = {}

    def sources(self) -> Sequence[str]:
        """Source paths of them."""
        return list(self._places)

    def of(self, source: str) -> tuple[EarlierText, ...]:
        """Versions of a source, newest first, those that only the release itself has left out."""
        if source not in self._texts:
            self._texts[source] = tuple(self._load(source))
        return self._texts[source]

    def _load(self, source: str) -> Iterator[EarlierText]:
        for place in self._places.get(source, ()):
            try:
                text = _text_of(self._segment(place.segment), place.document_id)
            except StorageError:
                continue
            yield EarlierText(
                release=place.release,
                version=place.version.hex(),
                text=text,
                document_id=place.document_id,
                source=source,
                title=place.title,
            )

    def _segment(self, record: SegmentRecord) -> Segment:
        key = record.files[0].sha256
        if key not in self._segments:
            self._segments[key] = Segment(self._environment.store, record)
        return self._segments[key]

    @cached_property
    def _places(self) -> dict[str, list[_Place]]:
        found: dict[str, list[_Place]] = {}
        seen = _version_keys(self._release.documents)
        count = 0
        for older in self._older():
            table = older.documents.filter(pc.greater(older.documents["chunks"], 0))
            keys = _version_keys(table)
            fresh = table.filter(pc.invert(pc.is_in(keys, seen)))
            seen = pa.chunked_array([*seen.chunks, *keys.chunks], keys.type)
            for row in fresh.select(["document_id", "source", "version", "segment", "title"]).to_pylist():
                segment = older.segments[row["segment"]].record
                place = _Place(older.manifest.id, row["document_id"], row["version"], row["title"] or "", segment)
                found.setdefault(row["source"], []).append(place)
                count += 1
            if count >= _VERSIONS:
                break
        return found

    def _older(self) -> Iterator[OpenRelease]:
        """Releases that were live before, newest first, as far as they are still there."""
        releases = self._environment.releases(self._collection)
        for name in self._names()[:RELEASES]:
            try:
                older = self._environment.open(releases.get(name))
                older.documents  # noqa: B018 - a collected one shows here
            except (ReleaseError, StorageError):
                continue
            yield older

    def _names(self) -> list[str]:
        """Ids of the releases that this one was built from, and of those that were live before it; newest first."""
        releases, own = self._environment.releases(self._collection), self._release.manifest
        pointer = releases.pointer()
        live = () if pointer is None else (pointer[0].release, *pointer[0].history)
        known = {manifest.id: manifest for manifest in releases.list()}
        wanted = {name for name in live if name in known and known[name].number < own.number}
        parent = own.parent
        while parent is not None and parent in known and parent not in wanted | {own.id}:
            wanted.add(parent)
            parent = known[parent].parent
        wanted.discard(own.id)
        return sorted(wanted, key=lambda name: (-known[name].number, name))


def _repairs_of(bench: Workbench, manifest: Manifest) -> tuple[Repair, ...]:
    """The repairs that a release was built with, as far as they are still there."""
    used = set(manifest.repairs)
    known = repair_files.load_all(bench.environment.workspace.root, bench.collection)
    return tuple(repair for repair in known if repair_id(repair) in used)


def _version_of(document: DocumentState) -> bytes | None:
    return document.version if document.searchable else document.seen_version


def _corrected(parsed: ParsedDocument, own: DocumentRepairs, version: bytes) -> ParsedDocument:
    return apply_errata(parsed, own.errata, version.hex()).document if own.errata else parsed


def _type_of(data: bytes | None, source: str) -> str:
    from ingest.parse.detect import detect  # noqa: PLC0415 - rare

    return "" if data is None else detect(data, source)


def file_of(roots: Sequence[SourceRoot], source: str) -> Path | None:
    """Where a source's file lies; None where no source folder has it, or a link leads out of its folder."""
    root = next((root for root in roots if root.covers(source)), None)
    if root is None:
        return None
    place = Path(root.path) if source == root.alias else Path(root.path, source[len(root.prefix) :])
    real = Path(os.path.realpath(place))
    return real if real.is_relative_to(root.path) else None


def _regular(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_size > _MOST_BYTES:
            return None
        return file.read(_MOST_BYTES)


def _text_of(segment: Segment, document_id: str) -> str:
    text: str = segment.versions["text"][segment.version_positions[document_id]].as_py()
    return text


def _version_keys(table: pa.Table) -> pa.ChunkedArray:
    """One value for each document's version: equal for the same bytes of the same document."""
    versions = pc.fill_null(table["version"].cast(pa.binary()), b"")
    ids = table["document_id"].cast(pa.binary())
    return pc.binary_join_element_wise(ids, versions, pa.scalar(b"@", pa.binary()))


def _lines_missing(parsed: str, cleaned: str) -> Iterator[tuple[int, int]]:
    """Spans of neighbouring lines of a parsed text whose words the cleaned text does not hold."""
    kept = {line.strip() for line in cleaned.split("\n")}
    folded = fold(cleaned)
    start, at, last = -1, 0, 0
    for line in parsed.split("\n"):
        body = line.strip()
        if body and body not in kept and fold(body) not in folded:
            start = at if start < 0 else start
            last = at + len(line)
        elif body and start >= 0:
            yield start, last
            start = -1
        at += len(line) + 1
    if start >= 0:
        yield start, last


def _rule(text: str, removed: Sequence[Removal], patterns: Sequence[str]) -> str:
    first = text.strip().split("\n", 1)[0].strip()
    for item in removed:
        if item.text.strip().startswith(first[:150]) or (item.text.strip() and item.text.strip() in text):
            return _named(item.rule, first, patterns)
    return _named("drop_pattern", first, patterns) if not removed and patterns else ""


def _named(rule: str, line: str, patterns: Sequence[str]) -> str:
    if rule != "drop_pattern":
        return rule
    lines = pa.array([line])
    found = (p for p in patterns if pc.match_substring_regex(lines, pattern=rf"\A(?:{p})\z")[0].as_py())
    return "".join(f"drop_pattern:{pattern}" for pattern in islice(found, 1))
