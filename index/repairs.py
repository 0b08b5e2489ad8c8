"""Repairs: small text files in ``repairs/`` that are inputs of the pipeline, like the documents are.

So far there is one kind: a person's quarantine of a document.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ingest.plan import document_id
from ragpress.errors import SettingsError
from ragpress.storage import disk

FOLDER = "repairs"


class Quarantine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="quarantine"):
    """A person took a document out of the collection.

    Attributes:
        collection: the collection.
        source: the document's source path.
        reason: why, in words.
        by: who.
        at: ISO time.
    """

    collection: str
    source: str
    reason: str
    by: str
    at: str


def load(workspace: Path, collection: str) -> dict[str, Quarantine]:
    """The quarantines of a collection, by source.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    found = {}
    for path in sorted((workspace / FOLDER).glob("*.json")):
        try:
            repair = msgspec.json.decode(path.read_bytes(), type=Quarantine)
        except msgspec.DecodeError as error:
            raise SettingsError(f"{path} is not a repair: {error}. Mend it or remove it.") from error
        if repair.collection == collection:
            found[repair.source] = repair
    return found


def path_of(workspace: Path, collection: str, source: str) -> Path:
    """Where the quarantine of a source is kept."""
    return workspace / FOLDER / f"quarantine-{document_id(collection, source)}.json"


def save(workspace: Path, repair: Quarantine) -> Path:
    """Write a quarantine; returns its path."""
    path = path_of(workspace, repair.collection, repair.source)
    disk.make_folder(path.parent)
    disk.write_file(path, msgspec.json.format(msgspec.json.encode(repair), indent=2) + b"\n")
    return path


def remove(workspace: Path, collection: str, source: str) -> bool:
    """Take a quarantine back; returns whether there was one."""
    path = path_of(workspace, collection, source)
    if not path.exists():
        return False
    disk.remove(path)
    return True
