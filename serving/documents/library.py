"""The documents of releases, as far as a caller may read them. Any thread may ask; open releases are kept a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest, read_manifest
from index.segment import VERSIONS
from ragpress.errors import NotFoundError, ReleaseError
from ragpress.storage.integrity import foreign_reads
from ragpress.types import Element, Removal
from retrieval.access import AccessRules, Principal

_KEPT_RELEASES = 4
_KEPT_PRINCIPALS = 64


class ReleaseGoneError(ReleaseError):
    """A release that was named is no longer there."""


class DocumentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents to list.

    Attributes:
        state: of this state; None: all but deleted ones.
        words: a part of the source or the title, whatever its case; "" takes every document.
        after: only sources behind this one; "" begins with the first.
        limit: the most to list.
        whole: also documents that cannot be found: quarantined and deleted ones.
        within: only sources that begin so; "" takes every source.
    """

    state: str | None = None
    words: str = ""
    after: str = ""
    limit: int = 50
    whole: bool = False
    within: str = ""


class DocumentPage(msgspec.Struct, frozen=True):
    """A part of the list: rows, how many documents match in all, and whether there are more behind them."""

    rows: tuple[DocumentRow, ...]
    total: int
    more: bool


class StoredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a release keeps of a searchable version beside its row.

    Attributes:
        text: its text.
        elements: its pieces.
        removed: what cleaning removed.
        notes: what the parser noted.
    """

    text: str
    elements: tuple[Element, ...]
    removed: tuple[Removal, ...]
    notes: tuple[str, ...]


class ReleaseDocuments:
    """The documents of one release.

    Args:
        release: the release.
        rules: the access rules as they are now.
    """

    def __init__(self, release: OpenRelease, rules: AccessRules) -> None:
        self.release = release
        self._rules = rules
        self._masks: OrderedDict[bytes, npt.NDArray[np.bool_]] = OrderedDict()
        self._versions: dict[int, tuple[pq.ParquetFile, dict[str, int]]] = {}
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        """The release's manifest."""
        return self.release.manifest

    def find(self, document: str, principal: Principal) -> DocumentRow | None:
        """A document by its id; None where there is none that the caller may read.

        Raises:
            StorageError: a file of the release is damaged or gone.
        """
        table = self.release.documents
        position = pc.index(table["document_id"], pa.scalar(document, pa.string())).as_py()
        if position < 0 or not self._readable(principal)[position]:
            return None
        return to_rows(table.slice(position, 1))[0]

    def page(self, query: DocumentQuery, principal: Principal) -> DocumentPage:
        """A part of the list of documents that a caller may read, by source.

        Raises:
            StorageError: a file of the release is damaged or gone.
        """
        table = self.release.documents
        states = table["state"] if query.whole else _states_for_readers(table)
        mask = self._readable(principal) & _numpy(_of_state(states, query))
        if query.words:
            named = (pc.match_substring(table[name], query.words, ignore_case=True) for name in ("source", "title"))
            mask &= _numpy(pc.or_kleene(*named))
        if query.within:
            mask &= _numpy(pc.starts_with(table["source"], query.within))
        behind = mask & _numpy(pc.greater(table["source"], query.after)) if query.after else mask
        positions = np.flatnonzero(behind)
        shown = positions[: query.limit]
        rows = to_rows(table.take(pa.array(shown)))
        return DocumentPage(tuple(rows), int(np.count_nonzero(mask)), len(positions) > len(shown))

    def version(self, row: DocumentRow) -> StoredVersion | None:
        """What is kept of a document's searchable version; None where it has none. Reads that one row group only.

        Raises:
            StorageError: a file of the release is damaged or gone.
        """
        segment = self.release.segments.get(row.segment)
        if segment is None:
            return None
        record = segment.record.file(VERSIONS)
        with self._lock, foreign_reads(record):
            if row.segment not in self._versions:
                file = pq.ParquetFile(self.release.store.fetch(record))
                names = file.read(columns=["document_id"])["document_id"].to_pylist()
                self._versions[row.segment] = file, {name: number for number, name in enumerate(names)}
            file, positions = self._versions[row.segment]
            stored = _row(file, positions[row.document_id])
        return StoredVersion(
            text=stored["text"],
            elements=msgspec.json.decode(stored["elements"], type=tuple[Element, ...]),
            removed=msgspec.json.decode(stored["removed"], type=tuple[Removal, ...]),
            notes=msgspec.json.decode(stored["notes"], type=tuple[str, ...]),
        )

    @cached_property
    def _governing(self) -> npt.NDArray[np.intp]:
        return self._rules.governing(self.release.documents["source"].to_pylist())

    def _readable(self, principal: Principal) -> npt.NDArray[np.bool_]:
        granted = self._rules.granted(principal)
        name = granted.tobytes()
        with self._lock:
            known = self._masks.get(name)
        if known is not None:
            return known
        made: npt.NDArray[np.bool_] = granted[self._governing]
        with self._lock:
            self._masks[name] = made
            while len(self._masks) > _KEPT_PRINCIPALS:
                self._masks.popitem(last=False)
        return made


class Library:
    """The documents of every release of a workspace.

    Args:
        environment: the outside; its access rules hold for as long as this is used.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._open: OrderedDict[str, ReleaseDocuments] = OrderedDict()
        self._rules: dict[str, AccessRules] = {}
        self._lock = threading.Lock()

    @property
    def collections(self) -> tuple[str, ...]:
        """Names of the collections."""
        return tuple(self.environment.workspace.collections)

    def live(self, collection: str) -> ReleaseDocuments | None:
        """The documents of a collection's live release; None while nothing is live.

        Raises:
            SettingsError: an access rule is wrong.
            StorageError: the release cannot be read.
        """
        live = self.environment.releases(collection).live_id()
        if live is None:
            return None
        with self._lock:
            known = self._known(live)
        if known is not None:
            return known
        manifest = self.environment.releases(collection).live()
        return None if manifest is None else self._opened(manifest)

    def release(self, release: str) -> ReleaseDocuments:
        """The documents of a release by its exact id.

        Raises:
            ReleaseGoneError: there is no such release, or it was collected.
            SettingsError: an access rule is wrong.
            StorageError: the release cannot be read.
        """
        try:
            manifest = read_manifest(self.environment.store, release)
        except NotFoundError as error:
            raise ReleaseGoneError(
                f"Release {release} is no longer kept, so its text cannot be shown. Ask again to see the present one."
            ) from error
        if manifest.collection not in self.environment.workspace.collections:
            raise ReleaseGoneError(f"Release {release} belongs to a collection that is no longer served.")
        with self._lock:
            known = self._known(release)
        return known or self._opened(manifest)

    def find(self, document: str, principal: Principal) -> tuple[ReleaseDocuments, DocumentRow] | None:
        """A document by its id in the live releases; None where there is none that the caller may read."""
        for collection in self.collections:
            documents = self.live(collection)
            row = None if documents is None else documents.find(document, principal)
            if documents is not None and row is not None:
                return documents, row
        return None

    def _known(self, release: str) -> ReleaseDocuments | None:
        known = self._open.get(release)
        if known is not None:
            self._open.move_to_end(release)
        return known

    def _opened(self, manifest: Manifest) -> ReleaseDocuments:
        with self._lock:
            rules = self._rules.get(manifest.collection)
        if rules is None:
            rules = AccessRules(self.environment.workspace.collection(manifest.collection).access)
        made = ReleaseDocuments(self.environment.open(manifest), rules)
        with self._lock:
            self._rules[manifest.collection] = rules
            kept = self._open.setdefault(manifest.id, made)
            while len(self._open) > max(_KEPT_RELEASES, 2 * len(self.collections)):
                self._open.popitem(last=False)
        return kept


def state_for_readers(row: DocumentRow) -> str:
    """The state of a document as somebody sees it who only asks: what can be found is live."""
    return "live" if row.state == "quarantined" and row.chunks else row.state


def _states_for_readers(table: pa.Table) -> pa.ChunkedArray:
    found = pc.and_(pc.equal(table["state"], "quarantined"), pc.greater(table["chunks"], 0))
    return pc.if_else(found, "live", table["state"])


def _of_state(states: pa.ChunkedArray, query: DocumentQuery) -> pa.ChunkedArray:
    hidden = pa.array(["deleted"] if query.whole else ["deleted", "quarantined"])
    if query.state is None:
        return pc.invert(pc.is_in(states, hidden))
    wanted = pc.equal(states, query.state)
    return wanted if query.whole else pc.and_(wanted, pc.invert(pc.is_in(states, hidden)))


def _numpy(mask: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = mask.fill_null(False).to_numpy()
    return found


def _row(file: pq.ParquetFile, position: int) -> dict[str, str]:
    for number in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if position < rows:
            columns = ["text", "elements", "removed", "notes"]
            found: dict[str, str] = file.read_row_group(number, columns).slice(position, 1).to_pylist()[0]
            return found
        position -= rows
    raise NotFoundError("A document's version is missing from its segment. Run: ragpress doctor")
