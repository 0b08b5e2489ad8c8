"""What the endpoints of releases take and give. No path of the machine and no text of a document leaves here but the
changed passages of a comparison.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from index.catalogue import ReleaseEntry
from index.history import DocumentChange, ReleaseDiff
from index.release import GateRecord, LiveRecord, Manifest

MOST_DOCUMENTS = 500
MOST_TEXTS = 5
MOST_CHARACTERS = 1_000
_REASON = "Why, in one line; recorded in `why` of what is live, with the name of the API key."


class ReleaseItem(BaseModel):
    """One release of the list."""

    id: str
    collection: str
    parent: str | None = Field(description="The release it was built from.")
    created: str = Field(description="ISO time.")
    state: str = Field(description="live, previous (was live), candidate or refused (by the gate).")
    documents: int = Field(description="Documents that can be found.")
    chunks: int = Field(description="Chunks that can be found.")
    evaluation: str | None = Field(description="Id of its evaluation: GET /v1/evaluations/{id}.")
    reason: str = Field(description="Why it was built.")


class LiveBody(BaseModel):
    """What is live in a collection."""

    release: str
    previous: str | None = Field(description="The release before, to which a rollback returns.")
    changed: str = Field(description="ISO time of the last publish or rollback.")
    why: str = Field(description="What made it live, and who.")


class ReleaseListBody(BaseModel):
    """The releases of a collection, newest first."""

    collection: str
    live: LiveBody | None
    total: int
    releases: list[ReleaseItem]


class GateBody(BaseModel):
    """What the gate said."""

    verdict: str = Field(description="pass or refuse.")
    checks: list[str]
    reasons: list[str] = Field(description="Why it refused.")
    baseline: str | None = Field(description="The release that was live then, to which it was compared.")
    override: str | None = Field(description="Why, and by whom, it was let through all the same as it was built.")


class ReleaseBody(ReleaseItem):
    """One release in detail."""

    number: int
    run: str
    sources: list[str] = Field(description="What the sources of its folders begin with.")
    quarantined: int
    deleted_rows: int
    segments: int
    size: int = Field(description="Bytes of all its files; other releases share most of them.")
    steps: dict[str, str] = Field(description="Fingerprint of each step.")
    embedder: str
    prompt: str | None = Field(description="Name of its prompt version.")
    generator: str | None = Field(description="What writes its answers.")
    repairs: list[str] = Field(description="Ids of the repairs that it was built with: GET /v1/repairs.")
    gate: GateBody


class DocumentChangeBody(BaseModel):
    """A document that differs between two releases."""

    source: str
    change: str = Field(description="added, removed or changed.")
    chunks_added: int
    chunks_removed: int
    added: list[str] = Field(description="The first chunk texts that only the second release has, shortened.")
    removed: list[str] = Field(description="The first chunk texts that only the first has, shortened.")


class SettingChange(BaseModel):
    """A setting or step fingerprint that differs."""

    name: str
    before: str
    after: str


class DiffBody(BaseModel):
    """The difference between two releases of a collection."""

    before: str
    after: str
    chunks_added: int
    chunks_removed: int
    total: int = Field(description="Documents that differ; the first 500 are listed.")
    documents: list[DocumentChangeBody]
    settings: list[SettingChange]


class PublishBody(BaseModel):
    """How to publish."""

    model_config = ConfigDict(extra="forbid")

    override: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="A reason to publish what the gate refused; it is recorded with the name of the API key.",
    )
    reason: str = Field(default="", max_length=500, description=_REASON)


class RollbackBody(BaseModel):
    """Where to roll back."""

    model_config = ConfigDict(extra="forbid")

    collection: str = Field(default="default", max_length=100, pattern=r"^[A-Za-z0-9_-]+$")
    release: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9-]+$",
        description="Id of an earlier release; the one that was live before if left out.",
    )
    reason: str = Field(default="", max_length=500, description=_REASON)


class PublishedBody(LiveBody):
    """What is live now."""

    collection: str
    note: str = Field(description="What the operator should know of later ingests; empty where there is nothing.")
    action: Literal["publish", "rollback"]


def release_item(collection: str, entry: ReleaseEntry) -> ReleaseItem:
    """One line of the list."""
    return ReleaseItem(
        id=entry.id,
        collection=collection,
        parent=entry.parent,
        created=entry.created,
        state=entry.state,
        documents=entry.documents,
        chunks=entry.chunks,
        evaluation=entry.evaluation,
        reason=entry.reason,
    )


def release_body(manifest: Manifest, item: ReleaseItem) -> ReleaseBody:
    """One release in detail."""
    answering = manifest.answering
    return ReleaseBody(
        **item.model_dump(),
        number=manifest.number,
        run=manifest.run,
        sources=[root.alias for root in manifest.roots],
        quarantined=manifest.counts.quarantined,
        deleted_rows=manifest.counts.deleted_rows,
        segments=len(manifest.segments),
        size=sum(file.size for file in manifest.files()),
        steps=manifest.steps,
        embedder=manifest.embed.model,
        prompt=None if answering is None else answering.prompt.name,
        generator=None if answering is None else f"{answering.generator.kind} {answering.generator.model}".strip(),
        repairs=list(manifest.repairs),
        gate=_gate_body(manifest.gate),
    )


def live_body(record: LiveRecord) -> LiveBody:
    """What is live."""
    return LiveBody(release=record.release, previous=record.previous, changed=record.changed, why=record.why)


def diff_body(found: ReleaseDiff) -> DiffBody:
    """A comparison, bounded."""
    return DiffBody(
        before=found.before,
        after=found.after,
        chunks_added=found.chunks_added,
        chunks_removed=found.chunks_removed,
        total=len(found.documents),
        documents=[_change(change) for change in found.documents[:MOST_DOCUMENTS]],
        settings=[
            SettingChange(name=name, before=before[:MOST_CHARACTERS], after=after[:MOST_CHARACTERS])
            for name, before, after in found.settings
        ],
    )


def _gate_body(gate: GateRecord) -> GateBody:
    override = gate.override
    return GateBody(
        verdict=gate.verdict,
        checks=list(gate.checks),
        reasons=list(gate.reasons),
        baseline=gate.baseline,
        override=None if override is None else f"{override.why} ({override.by})",
    )


def _change(change: DocumentChange) -> DocumentChangeBody:
    return DocumentChangeBody(
        source=change.source,
        change=change.change,
        chunks_added=len(change.added),
        chunks_removed=len(change.removed),
        added=[text[:MOST_CHARACTERS] for text in change.added[:MOST_TEXTS]],
        removed=[text[:MOST_CHARACTERS] for text in change.removed[:MOST_TEXTS]],
    )
