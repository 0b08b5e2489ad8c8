"""The history of a collection's releases, as the dashboard tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from index.release import LiveRecord, Manifest
from serving.overview.records import LiveRelease, ReleaseEntry, ReleaseQuality, ReleaseState


def live_release(manifest: Manifest, record: LiveRecord, now: datetime) -> LiveRelease:
    """The live release.

    Args:
        manifest: what it is.
        record: the live pointer.
        now: the time, with time zone.
    """
    answering = manifest.answering
    generator = None if answering is None else answering.generator
    return LiveRelease(
        id=manifest.id,
        created=manifest.created,
        age_seconds=max(0.0, round((now - datetime.fromisoformat(manifest.created)).total_seconds(), 1)),
        since=record.changed,
        why=record.why,
        reason=manifest.reason,
        documents=manifest.counts.documents,
        chunks=manifest.counts.chunks,
        quarantined=manifest.counts.quarantined,
        prompt=None if answering is None else answering.prompt.name,
        generator=None if generator is None else f"{generator.kind} {generator.model}".strip(),
    )


def entries(
    manifests: Sequence[Manifest], record: LiveRecord | None, qualities: Mapping[str, ReleaseQuality]
) -> list[ReleaseEntry]:
    """A line for each release.

    Args:
        manifests: releases, newest first.
        record: the live pointer; None when nothing is live.
        qualities: how releases answered, by id.
    """
    return [_entry(manifest, _state(manifest, record), qualities.get(manifest.id)) for manifest in manifests]


def _state(manifest: Manifest, record: LiveRecord | None) -> ReleaseState:
    if record is not None and manifest.id == record.release:
        return "live"
    if record is not None and manifest.id in record.history:
        return "previous"
    return "candidate" if manifest.gate.lets_through else "refused"


def _entry(manifest: Manifest, state: ReleaseState, quality: ReleaseQuality | None) -> ReleaseEntry:
    override = manifest.gate.override
    return ReleaseEntry(
        id=manifest.id,
        parent=manifest.parent,
        created=manifest.created,
        state=state,
        documents=manifest.counts.documents,
        chunks=manifest.counts.chunks,
        quarantined=manifest.counts.quarantined,
        verdict=manifest.gate.verdict,
        reasons=list(manifest.gate.reasons),
        override=None if override is None else f"{override.why} ({override.by})",
        reason=manifest.reason,
        prompt=None if manifest.answering is None else manifest.answering.prompt.name,
        evaluation=manifest.evaluation,
        quality=quality,
    )
