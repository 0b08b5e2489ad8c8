"""How the service reaches releases: opens them, and follows the settings file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from index.canary import Canary, canary_of
from index.environment import open_release
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import ReleaseError, SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.settings import FILE_NAME, CollectionSettings, EmbedSettings, Workspace, load_workspace
from retrieval.opening import open_searcher
from serving.checks import check_answering
from serving.generate.share import GeneratorShare
from serving.live import Wanted
from serving.opening import open_answerer
from serving.types import Generator

if TYPE_CHECKING:
    from index.environment import Environment
    from index.opened import OpenRelease
    from serving.chain import Answerer


class ReleaseOpening:
    """Opens releases of a workspace whose settings file may be edited meanwhile. Safe to share between threads.

    Args:
        environment: the workspace.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._text = _read(environment.workspace.root / FILE_NAME)
        self._problem: str | None = None
        self._generators = GeneratorShare()
        self._open: WeakValueDictionary[str, OpenRelease] = WeakValueDictionary()
        self._lock = threading.Lock()

    @property
    def environment(self) -> Environment:
        """The workspace with its settings as they are now."""
        return self._environment

    def refresh(self) -> str | None:
        """See :class:`serving.live.Opening`."""
        workspace = self._environment.workspace
        text = _read(workspace.root / FILE_NAME)
        if text == self._text:
            return self._problem
        self._text = text
        try:
            changed = msgspec.structs.replace(
                self._environment, workspace=_reread(workspace, load_workspace(workspace.root))
            )
            for collection in changed.workspace.collections:
                check_answering(changed, collection)
        except (SettingsError, OSError, ImportError) as error:
            self._problem = str(error)
        else:
            self._environment, self._problem = changed, None
        return self._problem

    def live(self, collection: str) -> Wanted | None:
        """See :class:`serving.live.Opening`."""
        release = self._environment.releases(collection).live_id()
        return None if release is None else self._wanted(collection, release)

    def canary(self, collection: str) -> tuple[Wanted, Canary] | None:
        """See :class:`serving.live.Opening`."""
        found = canary_of(self._environment, collection)
        return None if found is None else (self._wanted(collection, found.release), found)

    def named(self, collection: str, release: str) -> Wanted:
        """See :class:`serving.live.Opening`."""
        found = self._environment.releases(collection).get(release).id
        return self._wanted(collection, found)

    def open(self, wanted: Wanted) -> Answerer:
        """See :class:`serving.live.Opening`."""
        environment = self._environment
        with self._lock:
            release = self._open.get(wanted.release)
        if release is None:
            release = open_release(environment, wanted.collection, wanted.release)
        searcher = open_searcher(environment, release)
        # Before it answers, so that no question waits for a file.
        searcher.load()
        answerer = open_answerer(environment, release, searcher, self._shared)
        with self._lock:
            self._open[wanted.release] = release
        return answerer

    def _shared(self, settings: GeneratorSettings, embed: EmbedSettings, make: Callable[[], Generator]) -> Generator:
        return self._generators.borrow((settings, embed), make)

    def _wanted(self, collection: str, release: str) -> Wanted:
        settings = self._environment.workspace.collections.get(collection)
        if settings is None:
            raise ReleaseError(f"There is no collection {collection!r}.")
        return Wanted(collection, release, _deciding(settings))


def _deciding(settings: CollectionSettings) -> str:
    """Fingerprint of what counts beside a release: who may read what, and how servers are reached."""
    parts = (settings.access, settings.rerank, settings.generator)
    return hexdigest("service", *(msgspec.json.encode(part) for part in parts))


def _reread(workspace: Workspace, loaded: Workspace) -> Workspace:
    """The new settings, where they can be taken without a restart.

    Raises:
        SettingsError: the data directory is another one.
    """
    if loaded.data != workspace.data:
        raise SettingsError("[workspace] data_dir has changed: restart the service to serve from there.")
    return msgspec.structs.replace(loaded, cache=workspace.cache)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # Editors replace a file by moving it away first; the next look finds it.
        return b""
