"""What the doctor says of the service: whether its journals can be read, who may reach it, and who has a key."""

from __future__ import annotations

import os
import shutil

from index.environment import Environment
from index.health import Check
from index.runs import RUNS
from ragpress.errors import IntegrityError, NotFoundError, StorageError
from ragpress.serve_settings import ServeSettings
from ragpress.storage.journal_entry import JournalPlace
from ragpress.storage.journal_lines import line_files, whole_lines
from ragpress.storage.journal_sealed import SEALED_SUFFIX, check_sealed
from serving.journal.answers import ANSWERS, FEEDBACK
from serving.keys.ring import KeyRing
from serving.server.binding import exposed
from serving.telemetry.readiness import ROOM
from serving.uploads.job_log import KIND as JOBS

_MEND_JOURNAL = (
    "Restore it from a backup, or move it out of this folder: its records are lost then, all others stay. Until then "
    "they are not found, and ragpress releases gc removes nothing."
)
_MEND_KEYS = "Restore keys/ring in the data directory from a backup; without it every key is lost."


def journal_checks(environment: Environment) -> list[Check]:
    """Whether every file of the journals can be read, each of them as a whole."""
    return [check for kind in (ANSWERS, FEEDBACK, JOBS, RUNS) for check in _journal(kind, environment.journal(kind))]


def service_checks(environment: Environment) -> list[Check]:
    """Where the service listens, who may call it, and whether anybody can."""
    settings = environment.workspace.service.serve
    return [_data(environment), _keys(environment, settings), *_names(settings)]


def _journal(kind: str, place: JournalPlace) -> list[Check]:
    damaged, sealed = [], 0
    try:
        for key, _ in place.store.list(place.prefix):
            if key.endswith(SEALED_SUFFIX):
                sealed += 1
                damaged += _sealed(place, key)
        lines = line_files(place.folder)
        for path in lines:
            for _ in whole_lines(path):
                pass
    except StorageError as error:
        return [*damaged, Check(f"journal of {kind}", ok=False, found=str(error), mend="Mend it, then look again.")]
    found = f"{sealed} sealed and {len(lines)} open files can be read"
    return damaged or [Check(f"journal of {kind}", ok=True, found=found)]


def _sealed(place: JournalPlace, key: str) -> list[Check]:
    try:
        check_sealed(place.store.local_path(key))
    except (FileNotFoundError, NotFoundError):
        return []  # collected since it was listed
    except IntegrityError as error:
        return [Check(f"journal file {key}", ok=False, found=str(error).partition(": restore")[0], mend=_MEND_JOURNAL)]
    return []


def _data(environment: Environment) -> Check:
    name, folder = "data directory", environment.local
    if not folder.exists():
        return Check(name, ok=True, found=f"{folder} is made by the first run")
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "Make it writable for this user: without it no answer is kept, so none is given."
        return Check(name, ok=False, found=f"{folder} cannot be written", mend=mend)
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        found = f"{folder} has {free / 1e6:.1f} MB left"
        return Check(name, ok=False, found=found, mend="Free some space on its disk, or run: ragpress releases gc")
    return Check(name, ok=True, found=f"{folder}, {free / 1e9:,.1f} GB free")


def _keys(environment: Environment, settings: ServeSettings) -> Check:
    name, place = "API keys", f"{settings.host} port {settings.port}" + (", behind a proxy" if settings.proxy else "")
    try:
        records = KeyRing(environment.store, environment.now).records()
    except StorageError as error:
        return Check(name, ok=False, found=str(error), mend=_MEND_KEYS)
    valid = [record for record in records if record.in_force(environment.now())]
    if valid:
        return Check(name, ok=True, found=f"{len(valid)} in force; the service listens on {place}")
    if records:
        found = "all were revoked or have expired, so the service lets nobody in"
        return Check(name, ok=False, found=found, mend="ragpress keys add NAME")
    if exposed(settings):
        found = f"none, and [serve] says {place}: others could call it, so ragpress serve refuses to start"
        return Check(name, ok=False, found=found, mend="ragpress keys add NAME, or host = 127.0.0.1 without proxy")
    return Check(name, ok=True, found=f"none: only this machine can call the service ({place}), and may do everything")


def _names(settings: ServeSettings) -> list[Check]:
    checks = []
    if settings.proxy and not settings.hosts:
        found = "[serve] proxy = true without hosts: the service answers under any name"
        checks.append(Check("optional host names", ok=False, found=found, mend='hosts = ["rag.example.com"]'))
    if "*" in settings.cors_origins:
        found = '[serve] cors_origins has "*": pages of any site may call the service from a reader\'s browser'
        checks.append(Check("optional web pages", ok=False, found=found, mend="name the sites that need it"))
    return checks
