"""What answers now: the live release of every collection, and the releases that callers name.

A publish or a rollback is picked up by the next look (``[serve] watch_seconds``) without dropping a request: the next
release is opened beside the one that answers, requests that come meanwhile still get the one before, and that is
closed when its last answer is done. Each answer is made wholly by one release. A canary is opened beside the live
release and answers its share of the conversations. A release that cannot be opened leaves
the one before in its place, and is reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from index.canary import Canary
from index.environment import Environment
from ragpress.errors import ReleaseError
from ragpress.serve_settings import ServeSettings
from serving.chain import Answerer

_logger = logging.getLogger(__name__)
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

T = TypeVar("T")


class Served(msgspec.Struct, frozen=True):
    """What answers a request.

    Attributes:
        collection: its collection.
        release: id of its release.
        answerer: makes answers; its ``parts.source`` is the release's searcher.
    """

    collection: str
    release: str
    answerer: Answerer


class Wanted(msgspec.Struct, frozen=True):
    """A release as it is to be opened.

    Attributes:
        collection: its collection.
        release: its id.
        settings: fingerprint of the settings that count beside the release: who may read what, where servers are.
    """

    collection: str
    release: str
    settings: str


class Opening(Protocol):
    """How releases are reached. Everything but ``environment`` reads files, so it is called in threads.

    Attributes:
        environment: the workspace with its settings as they are now.
    """

    @property
    def environment(self) -> Environment:
        """See the class."""
        ...

    def refresh(self) -> str | None:
        """Read the settings again where their file has changed; what is wrong with it, where that is not possible."""
        ...

    def live(self, collection: str) -> Wanted | None:
        """What is live in a collection; None where nothing is."""
        ...

    def canary(self, collection: str) -> tuple[Wanted, Canary] | None:
        """The candidate that answers some conversations of a collection; None where none does."""
        ...

    def named(self, collection: str, release: str) -> Wanted:
        """A release by its id, or by the beginning of one.

        Raises:
            ReleaseError: there is none, or more than one.
        """
        ...

    def open(self, wanted: Wanted) -> Answerer:
        """Open a release.

        Raises:
            RagpressError: it cannot be opened.
        """
        ...


class CollectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a collection is served.

    Attributes:
        collection: its name.
        release: the release that answers; None where none is open.
        wanted: the release that should answer; None where nothing is live.
        error: why the wanted one is not open, for the operator; "" where nothing is wrong.
    """

    collection: str
    release: str | None
    wanted: str | None
    error: str = ""


class LiveStatus(msgspec.Struct, frozen=True):
    """How the service follows its releases.

    Attributes:
        collections: one entry each, in the settings' order.
        settings_error: why the settings file as it is now is not used, for the operator; "" where it is.
    """

    collections: tuple[CollectionStatus, ...]
    settings_error: str = ""

    @property
    def ready(self) -> bool:
        """Whether some release answers, and none that is live is missing."""
        return any(one.release for one in self.collections) and all(
            one.release or not one.wanted for one in self.collections
        )


class LiveAnswers:
    """Gives what answers; follows the live releases. For one event loop.

    Args:
        opening: how releases are reached.
        settings: how often it looks, and how many named releases it keeps.
        clock: monotonic seconds.
    """

    def __init__(self, opening: Opening, settings: ServeSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._opening = opening
        self._settings = settings
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._canaries: dict[str, tuple[_Line, Canary]] = {}
        self._named: OrderedDict[Wanted, asyncio.Task[_Opened]] = OrderedDict()
        self._settings_error = ""
        self._tasks: set[asyncio.Task[Any]] = set()
        # Of their own: searches that wait for a server must not keep a release from going live.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ragpress-releases")

    @property
    def environment(self) -> Environment:
        """The workspace with its settings as they are now."""
        return self._opening.environment

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections of the settings."""
        return tuple(self.environment.workspace.collections)

    def start(self) -> None:
        """Begin to follow the live releases, in the running event loop."""
        self._spawn(self._watch())

    async def aclose(self) -> None:
        """Stop following and close every release. Nobody may use one any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        lines = [*self._lines.values(), *(line for line, _ in self._canaries.values())]
        opened = [line.opened for line in lines if line.opened is not None]
        opened += [task.result() for task in self._named.values() if _succeeded(task)]
        self._lines.clear()
        self._canaries.clear()
        self._named.clear()
        for one in opened:
            await one.served.answerer.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def status(self) -> LiveStatus:
        """How every collection is served at this moment."""
        lines = {name: self._lines.get(name, _Line()) for name in self.collections}
        return LiveStatus(
            tuple(
                CollectionStatus(
                    collection=name,
                    release=None if line.opened is None else line.opened.served.release,
                    wanted=None if line.wanted is None else line.wanted.release,
                    error="" if line.error is None else str(line.error),
                )
                for name, line in lines.items()
            ),
            self._settings_error,
        )

    def present(self) -> dict[str, Served]:
        """What answers in each collection at this moment: to look at, for :meth:`use` alone keeps it open."""
        return {name: line.opened.served for name, line in self._lines.items() if line.opened is not None}

    @contextlib.asynccontextmanager
    async def use(self, collection: str, release: str | None = None, conversation: str = "") -> AsyncIterator[Served]:
        """Hold what answers for the duration of the context.

        Args:
            collection: which collection.
            release: id of a release, or its beginning; None takes the live one.
            conversation: name of the conversation that is answered, some of which a canary answers in place of the
                live release; "" for anything else.

        Raises:
            ReleaseError: there is no such collection or release; or nothing is live.
            RagpressError: it cannot be opened.
        """
        if collection not in self.environment.workspace.collections:
            raise ReleaseError(f"There is no collection {collection!r}. GET /v1/models lists those that there are.")
        opened = self._canary_one(collection, conversation) if release is None and conversation else None
        if opened is None:
            opened = await (self._live_one(collection) if release is None else self._named_one(collection, release))
        opened.users += 1
        try:
            yield opened.served
        finally:
            opened.users -= 1
            self._close_unused(opened)

    async def look(self) -> None:
        """Look once which releases are live, and begin to open those that are new."""
        problem = await self._in_thread(self._opening.refresh) or ""
        if problem and problem != self._settings_error:
            _logger.error("The settings file has changed and cannot be used; the former settings stay: %s", problem)
        self._settings_error = problem
        for collection in self.collections:
            try:
                wanted = await self._in_thread(partial(self._opening.live, collection))
            except Exception as error:
                _logger.exception("Cannot read which release of %r is live", collection)
                self._line(collection).error = error
                continue
            self._follow(self._line(collection), wanted)
            await self._look_at_canary(collection)
        self._forget()

    async def settled(self) -> None:
        """Wait until nothing is being opened."""
        lines = [*self._lines.values(), *(line for line, _ in self._canaries.values())]
        while opening := [line.opening for line in lines if line.opening is not None]:
            await asyncio.wait(opening)

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _logger.exception("The look at the live releases failed")
            await asyncio.sleep(self._settings.watch_seconds)

    async def _look_at_canary(self, collection: str) -> None:
        """Begin to open a canary, or close the one that is over; one that cannot be opened answers nothing."""
        try:
            found = await self._in_thread(partial(self._opening.canary, collection))
        except Exception:
            _logger.exception("Cannot read the canary of %r", collection)
            found = None
        known = self._canaries.get(collection)
        if known is not None and (found is None or known[1].release != found[1].release):
            del self._canaries[collection]
            self._spawn(self._end(known[0]))
            known = None
        if found is not None:
            wanted, canary = found
            line = _Line() if known is None else known[0]
            self._canaries[collection] = (line, canary)
            self._follow(line, wanted)

    async def _end(self, line: _Line) -> None:
        if line.opening is not None:
            await asyncio.wait([line.opening])
        if line.opened is not None:
            self._retire(line.opened)

    def _canary_one(self, collection: str, conversation: str) -> _Opened | None:
        line, canary = self._canaries.get(collection, (None, None))
        if line is None or canary is None or line.opened is None or not canary.takes(conversation):
            return None
        live = self._lines.get(collection)
        # A canary that outlives its base by one look must not answer beside another release.
        if live is None or live.opened is None or live.opened.served.release != canary.base:
            return None
        return line.opened

    def _follow(self, line: _Line, wanted: Wanted | None) -> asyncio.Task[None] | None:
        """Begin to open what is wanted, unless it is open, being opened, or failed a moment ago."""
        line.wanted = wanted
        if wanted is None or line.is_open(wanted):
            line.error, line.failed = None, None
            return None
        if line.opening is None and not (line.failed == wanted and self._clock() < line.retry_at):
            line.opening = self._spawn(self._switch(line, wanted))
        return line.opening

    async def _switch(self, line: _Line, wanted: Wanted) -> None:
        try:
            opened = await self._open(wanted)
        except Exception as error:
            if line.failed != wanted:
                line.pause = _FIRST_PAUSE
                _logger.exception("Release %s of %r cannot be opened", wanted.release, wanted.collection)
            line.failed, line.error = wanted, error
            line.retry_at = self._clock() + line.pause
            line.pause = min(2 * line.pause, _LONGEST_PAUSE)
        else:
            before, line.opened = line.opened, opened
            line.failed, line.error = None, None
            _logger.info("Release %s of %r answers", wanted.release, wanted.collection)
            if before is not None:
                self._retire(before)
        finally:
            line.opening = None

    async def _live_one(self, collection: str) -> _Opened:
        line = self._line(collection)
        if line.opened is None:
            wanted = await self._in_thread(lambda: self._opening.live(collection))
            if wanted is None:
                raise ReleaseError(
                    f"The collection {collection!r} has no release yet. An operator publishes the first one with: "
                    "ragpress ingest"
                )
            opening = self._follow(line, wanted)
            if opening is not None:
                await asyncio.shield(opening)
        if line.opened is None:
            raise line.error or ReleaseError(f"The collection {collection!r} is being closed.")
        return line.opened

    async def _named_one(self, collection: str, release: str) -> _Opened:
        wanted = await self._in_thread(lambda: self._opening.named(collection, release))
        live = self._line(collection).opened
        if live is not None and live.wanted == wanted:
            return live
        task = self._named.get(wanted)
        if task is None:
            task = self._named[wanted] = self._spawn(self._open(wanted))
        self._named.move_to_end(wanted)
        try:
            opened = await asyncio.shield(task)
        except Exception:
            if self._named.get(wanted) is task:
                del self._named[wanted]
            raise
        while len(self._named) > self._settings.pinned_releases:
            self._drop(next(iter(self._named)))
        return opened

    async def _open(self, wanted: Wanted) -> _Opened:
        answerer = await self._in_thread(lambda: self._opening.open(wanted))
        return _Opened(wanted, Served(wanted.collection, wanted.release, answerer))

    def _forget(self) -> None:
        """Close what the settings no longer name, and named releases that were opened under former settings."""
        for name in self._canaries.keys() - set(self.collections):
            self._spawn(self._end(self._canaries.pop(name)[0]))
        for name in self._lines.keys() - set(self.collections):
            line = self._lines.pop(name)
            if line.opened is not None:
                self._retire(line.opened)
        current = {name: line.wanted.settings for name, line in self._lines.items() if line.wanted is not None}
        for wanted in [one for one in self._named if current.get(one.collection, one.settings) != one.settings]:
            self._drop(wanted)

    def _drop(self, wanted: Wanted) -> None:
        self._named.pop(wanted).add_done_callback(
            lambda task: self._retire(task.result()) if _succeeded(task) else None
        )

    def _retire(self, opened: _Opened) -> None:
        opened.retired = True
        self._close_unused(opened)

    def _close_unused(self, opened: _Opened) -> None:
        if opened.retired and not opened.users and not opened.closed:
            opened.closed = True
            self._spawn(opened.served.answerer.aclose())

    def _line(self, collection: str) -> _Line:
        return self._lines.setdefault(collection, _Line())

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Opened:
    """A release that is open, and how many use it."""

    def __init__(self, wanted: Wanted, served: Served) -> None:
        self.wanted = wanted
        self.served = served
        self.users = 0
        self.retired = False
        self.closed = False


class _Line:
    """What is known of one collection."""

    def __init__(self) -> None:
        self.wanted: Wanted | None = None
        self.opened: _Opened | None = None
        self.opening: asyncio.Task[None] | None = None
        self.error: Exception | None = None
        self.failed: Wanted | None = None
        self.retry_at = 0.0
        self.pause = _FIRST_PAUSE

    def is_open(self, wanted: Wanted) -> bool:
        """Whether what answers is what is wanted."""
        return self.opened is not None and self.opened.wanted == wanted


def _succeeded(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
