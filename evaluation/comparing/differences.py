"""What differs between two releases: documents, chunks, prompt lines, settings."""

from __future__ import annotations

import msgspec
import pyarrow.compute as pc

from evaluation.comparing.records import SettingChange, WhatChanged
from index import history
from index.history import DocumentChange
from index.opened import OpenRelease
from index.prompt_versions import diff_prompts
from index.release import Manifest

RECUT = "recut"
"""Change of a document whose bytes are the same and whose chunks are others."""

NAMED = 200
"""So many documents are named one by one."""

_TEXTS = 3
_CHARACTERS = 400
_PROMPT = "prompt."
STEPS = "steps."
"""Beginning of the name under which a step's fingerprint stands among the settings."""


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two releases, with every document by its source.

    Attributes:
        what: what reports say.
        documents: every document that differs; ``recut`` where its bytes are the same and its chunks are others.
    """

    what: WhatChanged
    documents: dict[str, DocumentChange]


def differences(baseline: OpenRelease, candidate: OpenRelease) -> Differences:
    """Compare two releases. The texts of chunks are read only where the documents differ.

    Raises:
        StorageError: a file of a release is damaged or gone.
    """
    before, after = baseline.manifest, candidate.manifest
    found: tuple[DocumentChange, ...] = ()
    if before.content != after.content:
        old, new = versions_by_source(baseline), versions_by_source(candidate)
        same = {source for source, version in old.items() if new.get(source) == version}
        found = tuple(
            msgspec.structs.replace(change, change=RECUT) if change.source in same else change
            for change in history.diff(baseline, candidate).documents
        )
    what = WhatChanged(
        documents=tuple(_shortened(change) for change in found[:NAMED]),
        documents_changed=len(found),
        chunks_added=sum(len(change.added) for change in found),
        chunks_removed=sum(len(change.removed) for change in found),
        settings=setting_changes(before, after),
        prompt=prompt_lines(before, after),
    )
    return Differences(what=what, documents={change.source: change for change in found})


def versions_by_source(release: OpenRelease) -> dict[str, bytes]:
    """Version (SHA-256, 32 bytes) of every document that can be found in a release, by its source."""
    table = release.documents
    live = table.filter(pc.greater(table["chunks"], 0))
    return dict(zip(live["source"].to_pylist(), live["version"].to_pylist(), strict=True))


def setting_changes(before: Manifest, after: Manifest) -> tuple[SettingChange, ...]:
    """Sealed settings, the embedder and step fingerprints that differ; the prompt's text is told by its lines."""
    sealed = history.setting_changes(before, after)
    embed = _flat(before), _flat(after)
    own = [(name, embed[0][name], value) for name, value in embed[1].items() if embed[0][name] != value]
    kept = (change for change in (*own, *sealed) if not change[0].startswith(_PROMPT))
    return tuple(SettingChange(name, _short(name, old), _short(name, new)) for name, old, new in kept)


def prompt_lines(before: Manifest, after: Manifest) -> tuple[str, ...]:
    """Lines of a unified diff of the two prompts, field by field; none where they say the same."""
    if before.answering is None or after.answering is None:
        return ()
    old, new = before.answering.prompt, after.answering.prompt
    return () if old.fingerprint == new.fingerprint else diff_prompts(old, new).lines


def _flat(manifest: Manifest) -> dict[str, str]:
    values = msgspec.to_builtins(manifest.embed)
    return {f"embed.{name}": str(values[name]) for name in ("model", "precision")}


def _short(name: str, value: str) -> str:
    return value[:12] if name.startswith(STEPS) else value


def _shortened(change: DocumentChange) -> DocumentChange:
    added, removed = (
        tuple(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…" for text in texts[:_TEXTS])
        for texts in (change.added, change.removed)
    )
    return msgspec.structs.replace(change, added=added, removed=removed)
