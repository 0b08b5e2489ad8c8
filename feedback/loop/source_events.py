"""Which source folders changed: file events where the system tells them, a walk now and then everywhere."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from index.environment import Environment
from ingest.sources import resolve_roots, with_uploads
from ragpress.errors import RagpressError

_LOG = logging.getLogger(__name__)
_LONGEST = 30
_STEP_MILLISECONDS = 100


class Due:
    """When the sources are to be looked at: some time after the last change, or when none was seen for long.

    Args:
        debounce: seconds without a change after which they are.
        sweep: seconds after which they are in any case.
        longest: so many times ``debounce`` after the first change they are, although changes go on.
        clock: monotonic seconds.
    """

    def __init__(
        self, debounce: float, sweep: float, longest: int = _LONGEST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.debounce, self.sweep = debounce, sweep
        self._longest, self._clock = longest, clock
        self._first: float | None = None
        self._last = 0.0
        self._looked: float | None = None
        self._lock = threading.Lock()

    def touch(self) -> None:
        """Something changed just now."""
        with self._lock:
            self._last = self._clock()
            if self._first is None:
                self._first = self._last

    def is_due(self) -> bool:
        """Whether to look now."""
        with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked >= self.sweep:
                return True
            if self._first is None:
                return False
            return now - self._last >= self.debounce or now - self._first >= self._longest * self.debounce

    def looked(self) -> None:
        """They are being looked at from now on; what changes later counts anew."""
        with self._lock:
            self._looked = self._clock()
            self._first = None


class SourceWatch:
    """Follows file events below folders in a thread of its own.

    Args:
        folders: absolute folders and files.
        without: folders below them whose changes mean nothing, such as the data directory.
        changed: called for every batch of changes.
    """

    def __init__(self, folders: Sequence[Path], without: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = [path for path in folders if path.exists()]
        self._without = tuple(f"{path}/" for path in without)
        self._changed = changed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow; a system that tells no events is left to the sweeps, with a line in the log."""
        if self._folders:
            self._thread = threading.Thread(target=self._run, name="source-events", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        from watchfiles import watch  # noqa: PLC0415 - only a worker that follows sources needs it

        try:
            for _ in watch(
                *self._folders,
                watch_filter=self.counts,
                debounce=_STEP_MILLISECONDS,
                step=_STEP_MILLISECONDS // 2,
                rust_timeout=_STEP_MILLISECONDS * 5,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._changed()
        except Exception as error:  # noqa: BLE001 - too few inotify watches, a vanished folder: the sweep sees changes too
            _LOG.warning("no file events of the source folders (%s); they are walked now and then", error)

    def counts(self, _change: object, path: str) -> bool:
        """Whether a change of a path means anything."""
        return not f"{path}/".startswith(self._without)


def source_folders(environment: Environment, collection: str) -> list[Path]:
    """The folders that the collection's documents come from, as far as they can be found now."""
    workspace = environment.workspace
    try:
        live = environment.releases(collection).live()
        recorded = () if live is None else live.roots
        configured = workspace.collection(collection).sources.folders
        roots = resolve_roots(configured, workspace.root) if configured else recorded
        return [Path(root.path) for root in with_uploads(roots, workspace.root, collection, recorded)]
    except RagpressError as error:
        _LOG.info("the source folders cannot be followed now: %s", error)
        return []
