"""Repairs: small text files in ``repairs/`` that are inputs of the pipeline, like the documents are.

So far there are two kinds: a person's quarantine of a document, and the choice of a prompt version.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TypeAlias

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


class PromptChoice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="prompt"):
    """The prompt version that a collection's releases use, in place of ``[answer] prompt`` in the settings.

    Attributes:
        collection: the collection.
        prompt: name of the prompt version.
        reason: why, in words.
        by: who.
        at: ISO time.
    """

    collection: str
    prompt: str
    reason: str
    by: str
    at: str


Repair: TypeAlias = Quarantine | PromptChoice


def load(workspace: Path, collection: str) -> dict[str, Quarantine]:
    """The quarantines of a collection, by source.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    found = _read(workspace, collection)
    return {repair.source: repair for repair in found if isinstance(repair, Quarantine)}


def chosen_prompt(workspace: Path, collection: str) -> PromptChoice | None:
    """The choice of a prompt version that was recorded for a collection; None leaves it to the settings.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    found = _read(workspace, collection)
    return next((repair for repair in found if isinstance(repair, PromptChoice)), None)


def _read(workspace: Path, collection: str) -> list[Repair]:
    found: list[Repair] = []
    for path in sorted((workspace / FOLDER).glob("*.json")):
        try:
            repair = msgspec.json.decode(path.read_bytes(), type=Repair)
        except msgspec.DecodeError as error:
            raise SettingsError(f"{path} is not a repair: {error}. Mend it or remove it.") from error
        if repair.collection == collection:
            found.append(repair)
    return found


def path_of(workspace: Path, collection: str, source: str) -> Path:
    """Where the quarantine of a source is kept."""
    return workspace / FOLDER / f"quarantine-{document_id(collection, source)}.json"


def prompt_path_of(workspace: Path, collection: str) -> Path:
    """Where the choice of a prompt version is kept."""
    return workspace / FOLDER / f"prompt-{collection}.json"


def person() -> str:
    """Who runs this process; by number where the machine has no name for the user, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def save(workspace: Path, repair: Repair) -> Path:
    """Write a repair; returns its path."""
    if isinstance(repair, Quarantine):
        path = path_of(workspace, repair.collection, repair.source)
    else:
        path = prompt_path_of(workspace, repair.collection)
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
