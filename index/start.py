"""The start of a run: what is live, what is in the sources, and what has to be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index import documents
from index.answering import Answering, seal
from index.derive import Fingerprints
from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest
from index.repairs.apply import RESTORE_STALE, RESTORED, InForce, Withdrawal, effective_settings, in_force
from index.repairs.earlier import EarlierVersions
from index.repairs.records import Repair, repair_id
from ingest.parse.registry import ParseKeys
from ingest.plan import Plan, Scope, document_id, make_plan
from ingest.sources import WORKSPACE_ALIAS, Refused, Scan, SourceRoot, resolve_roots, scan, with_uploads
from ingest.stat_cache import StatCache
from ragpress.errors import ReleaseError, StorageError, UsageError
from ragpress.settings import CollectionSettings
from ragpress.storage import disk

REPAIR_STEP = "repair"


class IngestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller asked for.

    Attributes:
        collection: which collection.
        paths: absolute folders or files to look at; empty means all sources.
        publish: make the candidate live when the gate passes it.
        compact: compact even if the settings do not call for it.
        retry: try quarantined documents again.
        rebuild: build from the sources and repairs alone, whatever state the live release is in.
        wait: seconds to wait for another writer.
        override: a person's reason to publish what the gate refuses for its answers, recorded in the release; what
            fails integrity is never published so.
        trial: repairs that hold for this run beside those in ``repairs/``: to see what they would do.
        without: ids of repairs in ``repairs/`` that this run leaves out: to see what would be without them.
    """

    collection: str = "default"
    paths: tuple[str, ...] = ()
    publish: bool = True
    compact: bool = False
    retry: bool = False
    rebuild: bool = False
    wait: float = 0.0
    override: str | None = None
    trial: tuple[Repair, ...] = ()
    without: tuple[str, ...] = ()


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a run knows before it computes anything.

    Attributes:
        settings: the collection's.
        live: id of the live release, or None.
        parent: the live release, or None when there is none or it is not to be built upon.
        token: token of the live pointer, for the compare-and-swap at the end.
        table: document table of the parent, or None.
        roots: source folders the release covers.
        scan: what the walk found.
        files: the files as repairs have them: without those taken out, and with the versions that are restored.
        plan: what has to be done.
        withdrawn: documents that repairs take out, found in the sources.
        repairs: those that are in force.
        earlier: versions that repairs may restore.
        fingerprints: of the steps.
        answering: what a release built now seals of how answers are made.
    """

    settings: CollectionSettings
    live: str | None
    parent: OpenRelease | None
    token: str | None
    table: pa.Table | None
    roots: tuple[SourceRoot, ...]
    scan: Scan
    files: pa.Table
    plan: Plan
    withdrawn: tuple[Withdrawal, ...]
    repairs: InForce
    earlier: EarlierVersions
    fingerprints: Fingerprints
    answering: Answering

    @property
    def same_embedder(self) -> bool:
        """Whether the live release's vectors can be kept."""
        return self.parent is not None and self.parent.manifest.steps.get("embed") == self.fingerprints.embed

    @property
    def same_settings(self) -> bool:
        """Whether the live release has the retrieval and answer settings and the source folders of this run."""
        if self.parent is None:
            return False
        manifest = self.parent.manifest
        same_folders = [root.alias for root in manifest.roots] == [root.alias for root in self.roots]
        same_answers = manifest.answering == self.answering
        return manifest.retrieval == self.settings.retrieval and same_answers and same_folders

    @property
    def same_repairs(self) -> bool:
        """Whether the live release was built with the repairs of this run, as far as these decide documents.

        What others change, :attr:`same_settings` compares.
        """
        if self.parent is None:
            return False
        return _of_documents(self.parent.manifest.repairs) == _of_documents(self.repairs.ids)

    @property
    def still_withdrawn(self) -> bool:
        """Whether the live release has every document that repairs take out as this run would have it."""
        rows = {row.source: row for row in to_rows(self._rows_of([one.source for one in self.withdrawn]))}
        return all(
            (row := rows.get(one.source)) is not None
            and (row.state, row.step, row.reason) == (one.state, REPAIR_STEP, one.reason)
            for one in self.withdrawn
        )

    def _rows_of(self, sources: list[str]) -> pa.Table:
        if self.table is None or not sources:
            return documents.empty()
        return self.table.filter(pc.is_in(self.table["source"], pa.array(sources, pa.string())))

    @property
    def last_segment(self) -> int:
        """The highest segment number of the live release, 0 when there is none."""
        records = () if self.parent is None else self.parent.manifest.segments
        return max((record.number for record in records), default=0)

    def rows(self, ids: set[str]) -> dict[str, DocumentRow]:
        """Rows of the live release by document id."""
        if self.table is None or not ids:
            return {}
        match = pc.is_in(self.table["document_id"], pa.array(sorted(ids), pa.string()))
        return {row.document_id: row for row in to_rows(self.table.filter(match))}


def begin(request: IngestRequest, environment: Environment, *, remember: bool) -> Start:
    """Open the live release, scan the sources and plan the run.

    Args:
        request: what was asked for.
        environment: the outside.
        remember: save what the scan learnt in the stat cache.
    """
    repairs = in_force(environment.workspace.root, request.collection, request.trial, request.without)
    settings = effective_settings(environment.workspace.collection(request.collection), repairs.repairs)
    found = environment.releases(request.collection).pointer()
    live = None if found is None else found[0].release
    manifest = None if live is None else _manifest(request, environment, live)
    parent = environment.open(manifest) if manifest and not request.rebuild else None
    fingerprints = _fingerprints(settings, environment)
    answering = seal(environment.workspace.root, request.collection, settings, repairs.repairs)
    anew = request.rebuild or (manifest is not None and manifest.steps.get("embed") != fingerprints.embed)
    recorded = manifest.roots if manifest else ()
    roots, walked = _roots(request, settings, environment.workspace.root, recorded)
    if anew:
        walked = roots
    environment.progress.stage("scan")
    cache_path = environment.stat_cache(request.collection)
    cache = StatCache.load(cache_path)
    walk = scan(walked, settings.sources, cache, lambda: int(environment.now().timestamp() * 1e9))
    if remember and walk.changed_cache:
        _save(cache, cache_path, walk)
    environment.progress.stage("plan")
    table = parent.documents if parent else None
    earlier = EarlierVersions(environment, request.collection, ParseKeys(settings.parse))
    whole = not request.paths or anew
    elsewhere = () if whole else _elsewhere(table, walked)
    files, withdrawn = _repaired(walk.files, repairs, earlier, elsewhere)
    scope = Scope(
        roots=(WORKSPACE_ALIAS,) if whole else tuple(root.alias for root in walked),
        derived=fingerprints.pipeline,
        refused=walk.refused + tuple(Refused(one.source, one.reason) for one in withdrawn),
        overrides=repairs.overrides(files["source"].to_pylist(), fingerprints.pipeline) if repairs.repairs else {},
    )
    plan = make_plan(files, _known(table, request.retry), scope)
    return Start(
        settings=settings,
        live=live,
        parent=parent,
        token=found[1].token if found else None,
        table=table,
        roots=roots,
        scan=walk,
        files=files,
        plan=plan,
        withdrawn=withdrawn,
        repairs=repairs,
        earlier=earlier,
        fingerprints=fingerprints,
        answering=answering,
    )


def _manifest(request: IngestRequest, environment: Environment, live: str) -> Manifest | None:
    try:
        return environment.releases(request.collection).get(live)
    except (ReleaseError, StorageError):
        # A rebuild needs it only for source folders that the settings do not name.
        if request.rebuild:
            return None
        raise


def _fingerprints(settings: CollectionSettings, environment: Environment) -> Fingerprints:
    identity = environment.embedders.identify(settings.embed)
    return Fingerprints.of(settings, identity.fingerprint, identity.tokenizer, identity.limit)


def _roots(
    request: IngestRequest, settings: CollectionSettings, workspace: Path, recorded: tuple[SourceRoot, ...]
) -> tuple[tuple[SourceRoot, ...], tuple[SourceRoot, ...]]:
    """All source folders of the collection, and those to walk now."""
    configured = settings.sources.folders
    known = resolve_roots(configured, workspace) if configured else recorded
    known = with_uploads(known, workspace, request.collection, recorded)
    if not request.paths:
        if not known:
            raise UsageError(
                "There is nothing to ingest: expected [sources] folders in ragpress.toml or a PATH. "
                "Run for example: ragpress ingest docs"
            )
        return known, known
    walked, added = [], []
    for path in request.paths:
        inside = next((part for root in known if (part := _part(root, path)) is not None), None)
        if inside is None and configured:
            raise UsageError(
                f"{path} lies in none of the configured source folders ({', '.join(configured)}). "
                "Add it to [sources] folders in ragpress.toml."
            )
        if inside is None:
            added.append(path)
        else:
            walked.append(inside)
    fresh = resolve_roots((*(root.path for root in known), *added), workspace)[len(known) :] if added else ()
    return (*known, *fresh), (*walked, *fresh)


def _part(root: SourceRoot, path: str) -> SourceRoot | None:
    real = Path(path).resolve()
    if not real.is_relative_to(root.path):
        return None
    if not real.exists():
        raise UsageError(f"{path} does not exist. To drop deleted documents, ingest the folder above it.")
    relative = real.relative_to(root.path).as_posix()
    return root if relative == "." else SourceRoot(alias=root.prefix + relative, path=str(real))


def _save(cache: StatCache, path: Path, walk: Scan) -> None:
    disk.make_folder(path.parent)
    cache.save(path, walk)


def _repaired(
    files: pa.Table, repairs: InForce, earlier: EarlierVersions, elsewhere: Iterable[str]
) -> tuple[pa.Table, tuple[Withdrawal, ...]]:
    """The files as repairs have them, and what they take out of them.

    Args:
        files: the files of the scan.
        repairs: those in force; what cannot be applied is flagged there.
        earlier: versions that may be restored.
        elsewhere: sources that the collection has beside those of the scan.
    """
    if not repairs.repairs:
        return files, ()
    present = {*files["source"].to_pylist(), *elsewhere}
    files, added = _restored(files, repairs, earlier, set(elsewhere))
    repairs.note_absent(present | added)
    return _withdraw(files, repairs.withdrawals(present | added))


def _of_documents(ids: tuple[str, ...]) -> set[str]:
    return {name for name in ids if not name.startswith(("settings-", "prompt-"))}


def _elsewhere(table: pa.Table | None, walked: tuple[SourceRoot, ...]) -> Sequence[str]:
    """Sources of the live release outside the folders that are walked now."""
    if table is None:
        return ()
    known = table.filter(pc.not_equal(table["state"], "deleted"))["source"].to_pylist()
    return [source for source in known if not any(root.covers(source) for root in walked)]


def _withdraw(files: pa.Table, taken_out: tuple[Withdrawal, ...]) -> tuple[pa.Table, tuple[Withdrawal, ...]]:
    if not taken_out:
        return files, ()
    taken = pc.is_in(files["source"], pa.array([one.source for one in taken_out], pa.string()))
    present = set(files.filter(taken)["source"].to_pylist())
    return files.filter(pc.invert(taken)), tuple(one for one in taken_out if one.source in present)


def _restored(
    files: pa.Table, repairs: InForce, earlier: EarlierVersions, elsewhere: Set[str]
) -> tuple[pa.Table, set[str]]:
    """The files with the versions that repairs bring back, and the sources that are there only by them.

    A version whose file has other bytes now has no path: what was parsed of it is used, never that file. A document
    of a folder that is not walked now stays as it is.
    """
    wanted = repairs.restores
    if not wanted:
        return files, set()
    rows = files.select(["source", "path", "size", "sha256"]).to_pylist()
    by_source = {row["source"]: row for row in rows}
    added: set[str] = set()
    for repair in wanted:
        source, version, name = repair.source, bytes.fromhex(repair.version), repair_id(repair)
        now = by_source.get(source)
        if source in elsewhere or (now is not None and now["sha256"] == version):
            continue
        if now is not None and repair.instead_of and now["sha256"].hex() != repair.instead_of:
            repairs.flag(source, RESTORE_STALE, _STALE.format(name, repair.version[:12]))
        elif earlier.find(version, source, repairs.parser_of(source)) is None:
            lost = _LOST.format(name, repair.version[:12])
            repairs.flag(source, RESTORE_STALE, lost)
            if now is None:
                repairs.notes.append(f"{source}: {lost}")
        else:
            if now is None:
                added.add(source)
            else:
                repairs.flag(source, RESTORED, _IN_PLACE.format(name, repair.version[:12], now["sha256"].hex()[:12]))
            size = 0 if now is None else now["size"]
            by_source[source] = {"source": source, "path": b"", "size": size, "sha256": version}
    fields = [files.schema.field(name) for name in ("source", "path", "size", "sha256")]
    table = pa.Table.from_pylist([by_source[source] for source in sorted(by_source)], schema=pa.schema(fields))
    return table, added


_STALE = (
    "{0} was not applied: the source was changed since, so its new content is used and not version {1}. "
    "Take the repair back, or restore the version again."
)
_LOST = "{0} was not applied: nothing is known any more of version {1}. Take the repair back, or add its file again."
_IN_PLACE = "Version {1} is used in place of what the source has now (version {2}), by {0}."


def _known(table: pa.Table | None, retry: bool) -> pa.Table | None:
    if table is None or not retry:
        return table
    again = pc.equal(table["state"], "quarantined")
    position = table.schema.get_field_index("derived")
    return table.set_column(position, "derived", pc.if_else(again, pa.scalar(""), table["derived"]))


def id_of(request: IngestRequest, source: str) -> str:
    """Document id of a source of the requested collection."""
    return document_id(request.collection, source)
