"""Health: what is live in every collection, and whether this machine and the stored files are sound."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Sequence
from datetime import datetime

import msgspec

from index.environment import Environment
from index.evaluations import damaged_evaluations
from index.findings import CLOSED, finding_states, list_events, list_findings
from index.history import stored_collections
from index.loop_lease import worker_of
from index.release import Manifest, read_manifest, stored_releases
from ragpress.errors import RagpressError, ReleaseError, StorageError


class CollectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One collection.

    Attributes:
        name: its name.
        live: id of the live release, or None.
        documents: documents that can be found.
        chunks: chunks that can be found.
        index_age_seconds: seconds since the live release was built; None when there is none.
        quarantined: documents whose newest version is not used.
        open_findings: findings about which something is left to do.
        waiting: those of them that wait for a person.
        loop: who runs the loop, or None.
        writer: who writes now, or None.
        lexical_deleted_share: share of BM25's statistics that deleted rows still make up.
        repairs: repairs that the live release was built with.
        flagged: documents of which a repair was not applied; `documents list --marked` says why.
    """

    name: str
    live: str | None
    documents: int
    chunks: int
    index_age_seconds: float | None
    quarantined: int
    open_findings: int
    writer: str | None
    lexical_deleted_share: float
    waiting: int = 0
    loop: str | None = None
    repairs: int = 0
    flagged: int = 0


class Status(msgspec.Struct, frozen=True):
    """All collections."""

    collections: tuple[CollectionStatus, ...]


class Check(msgspec.Struct, frozen=True):
    """One thing that the doctor looked at: whether it is well, what was found, and the command that mends it."""

    name: str
    ok: bool
    found: str
    mend: str = ""


class Diagnosis(msgspec.Struct, frozen=True):
    """Everything the doctor looked at; ``healthy`` when nothing that is needed is broken."""

    healthy: bool
    checks: tuple[Check, ...]


def status(environment: Environment) -> Status:
    """What is live in every collection."""
    return Status(tuple(_status(environment, name) for name in stored_collections(environment)))


def doctor(environment: Environment, others: Sequence[Check] = ()) -> Diagnosis:
    """Look at the libraries, the embedding models and every file of every live release.

    Args:
        environment: the outside.
        others: what later stages looked at.
    """
    checks = [*_libraries(), *_embedders(environment), *others]
    for name in stored_collections(environment):
        checks += _release_files(environment, name)
    checks += _manifests(environment)
    checks += [
        Check(f"optional evaluation {key}", ok=False, found="its figures cannot be read", mend="remove its folder")
        for key in damaged_evaluations(environment.store)
    ]
    broken = [check for check in checks if not check.ok and not check.name.startswith("optional")]
    return Diagnosis(not broken, tuple(checks))


def _status(environment: Environment, name: str) -> CollectionStatus:
    manifest = environment.releases(name).live()
    counts = None if manifest is None else manifest.counts
    states = finding_states(list_findings(environment, name), list_events(environment, name, limit=None)).values()
    return CollectionStatus(
        name=name,
        live=None if manifest is None else manifest.id,
        documents=0 if counts is None else counts.documents,
        chunks=0 if counts is None else counts.chunks,
        index_age_seconds=None if manifest is None else _age(environment, manifest),
        quarantined=0 if counts is None else counts.quarantined,
        open_findings=sum(state not in CLOSED for state in states),
        writer=environment.store.writer_holder(name),
        lexical_deleted_share=0.0 if counts is None else round(counts.lexical_deleted_share, 4),
        waiting=sum(state == "waiting" for state in states),
        loop=worker_of(environment, name),
        repairs=0 if manifest is None else len(manifest.repairs),
        flagged=0 if counts is None else counts.flagged,
    )


def _age(environment: Environment, manifest: Manifest) -> float:
    return max(0.0, round((environment.now() - datetime.fromisoformat(manifest.created)).total_seconds(), 1))


def _libraries() -> list[Check]:
    checks = [
        Check(f"library {name}", ok=True, found=importlib.metadata.version(name))
        for name in ("faiss-cpu", "tantivy", "pyarrow", "duckdb", "openvino")
        if _installed(name)
    ]
    for package, module, what in (("rapidocr", "rapidocr", "images and scanned pages are read"),):
        present = importlib.util.find_spec(module) is not None
        found = f"installed: {what}" if present else f"not installed; with it {what}"
        checks.append(Check(f"optional {package}", present, found, "" if present else "pip install 'ragpress[ocr]'"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [*checks, Check("processor", ok=True, found=f"{cores} cores")]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _embedders(environment: Environment) -> list[Check]:
    checks = []
    for name, settings in environment.workspace.collections.items():
        model = settings.embed.model
        try:
            identity = environment.embedders.identify(settings.embed)
            checks.append(
                Check(f"embedder of {name}", ok=True, found=f"{model}, fingerprint {identity.fingerprint[:12]}")
            )
        except RagpressError as error:
            checks.append(Check(f"embedder of {name}", ok=False, found=str(error), mend="Correct [embed] model."))
    return checks


def _release_files(environment: Environment, name: str) -> list[Check]:
    try:
        manifest = environment.releases(name).live()
    except RagpressError as error:
        return [Check(f"live release of {name}", ok=False, found=str(error), mend=_MEND)]
    if manifest is None:
        return [Check(f"live release of {name}", ok=True, found="none yet", mend="ragpress ingest")]
    damaged = []
    for file in manifest.files():
        try:
            environment.store.fetch(file)
        except StorageError as error:
            damaged.append(Check(f"file {file.name} of {manifest.id}", ok=False, found=str(error), mend=_MEND))
    whole = Check(
        f"live release of {name}", ok=True, found=f"{manifest.id}: all {len(manifest.files())} files are sound"
    )
    return damaged or [whole]


def _manifests(environment: Environment) -> list[Check]:
    damaged = []
    for release in stored_releases(environment.store):
        try:
            read_manifest(environment.store, release)
        except StorageError as error:
            mend = f"remove the folder releases/{release} of {environment.store.location}: nothing can be read from it"
            damaged.append(Check(f"manifest of {release}", ok=False, found=str(error), mend=mend))
        except ReleaseError as error:
            damaged.append(Check(f"optional release {release}", ok=False, found=str(error)))
    return damaged


_MEND = (
    "ragpress ingest --rebuild (makes a sound release from the sources; until it is done, ragpress releases rollback "
    "serves the release before, where its own files are sound)"
)
