"""The files in ``repairs/``: reading, writing and removing them."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from index.repairs.checking import moment, problem
from index.repairs.records import PromptChoice, Quarantine, Repair
from index.repairs.records import repair_id as id_of
from ingest.plan import document_id
from ragpress.errors import SettingsError
from ragpress.storage import disk

FOLDER = "repairs"
_COLLECTION = re.compile(rb'"collection"\s*:\s*"([^"\\]*)"')


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
    return prompt_of(_read(workspace, collection))


def prompt_of(repairs: Iterable[Repair]) -> PromptChoice | None:
    """The choice of a prompt version that was made last; None where none of the repairs is one."""
    found = [repair for repair in repairs if isinstance(repair, PromptChoice)]
    return max(found, key=moment, default=None)


def load_all(workspace: Path, collection: str) -> tuple[Repair, ...]:
    """Every repair of a collection, by file name.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    return tuple(_read(workspace, collection))


def _read(workspace: Path, collection: str | None) -> list[Repair]:
    return [repair for _, repair in _read_files(workspace, collection)]


def _read_files(workspace: Path, collection: str | None) -> list[tuple[Path, Repair]]:
    found: list[tuple[Path, Repair]] = []
    for path in sorted((workspace / FOLDER).glob("*.json")):
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            continue  # it was taken back just now
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error}. Mend it or remove it.") from error
        if collection is not None and _of_another(body, collection):
            continue
        try:
            repair = msgspec.json.decode(body, type=Repair)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} is not a repair: {error}. Mend it or remove it.") from error
        wrong = problem(repair)
        if wrong:
            raise SettingsError(f"{path} cannot be used: {wrong} Mend it or remove it.")
        if collection is None or repair.collection == collection:
            found.append((path, repair))
    return found


def _of_another(body: bytes, collection: str) -> bool:
    """Whether a file surely belongs to another collection, though nothing else of it may be readable.

    What a slip in an editor breaks stops the collection that it is for; where a file does not tell, it stops all: a
    quarantine that nobody can read must not be taken for none.
    """
    names = {found.decode("utf-8", "replace") for found in _COLLECTION.findall(body)}
    return bool(names) and collection not in names


def find(workspace: Path, repair_id: str) -> tuple[Path, Repair] | None:
    """The file of a repair, by its id, whatever the file is called; None where there is none.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    return next((item for item in _read_files(workspace, None) if id_of(item[1]) == repair_id), None)


def remove_repair(workspace: Path, repair_id: str) -> bool:
    """Take a repair back: remove every file that holds it. Returns whether there was one.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    paths = [path for path, repair in _read_files(workspace, None) if id_of(repair) == repair_id]
    for path in paths:
        disk.remove(path)
    return bool(paths)


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


def file_of(workspace: Path, repair: Repair) -> Path:
    """Where a repair is kept."""
    if isinstance(repair, Quarantine):
        return path_of(workspace, repair.collection, repair.source)
    if isinstance(repair, PromptChoice):
        return prompt_path_of(workspace, repair.collection)
    return workspace / FOLDER / f"{id_of(repair)}.json"


def save(workspace: Path, repair: Repair) -> Path:
    """Write a repair; returns its path."""
    path = file_of(workspace, repair)
    disk.make_folder(path.parent)
    disk.write_file(path, msgspec.json.format(msgspec.json.encode(repair), indent=2) + b"\n")
    return path


def discard(workspace: Path, repair: Repair) -> bool:
    """Take a repair back; returns whether its file was there."""
    return remove_repair(workspace, id_of(repair))


def remove(workspace: Path, collection: str, source: str) -> bool:
    """Take a quarantine back; returns whether there was one."""
    path = path_of(workspace, collection, source)
    if not path.exists():
        return False
    disk.remove(path)
    return True
