"""One worker per collection: a lease beside the writer's, taken over when its holder is killed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from index.environment import Environment
from index.loop_lease import loop_lease, worker_of
from ragpress.errors import WriterBusyError

_POLL_SECONDS = 0.5


@contextlib.contextmanager
def worker_lease(
    environment: Environment, collection: str, wait: float = 0.0, stop: threading.Event | None = None
) -> Iterator[None]:
    """Be the worker of a collection for the duration of the context.

    Args:
        environment: the outside.
        collection: the collection.
        wait: seconds to wait for another worker to end.
        stop: ends the waiting when it is set.

    Raises:
        WriterBusyError: another worker runs the collection's loop; the message names it.
        StorageError: the store refuses.
    """
    stop = stop or threading.Event()
    end = time.monotonic() + wait
    with contextlib.ExitStack() as held:
        while not _taken(held, environment, collection):
            if stop.is_set() or time.monotonic() >= end:
                holder = worker_of(environment, collection) or "another process that has just ended"
                raise WriterBusyError(
                    f"The loop of collection {collection!r} is run by {holder}. Stop that worker first, or let this "
                    "one wait for its end with --wait SECONDS."
                )
            stop.wait(_POLL_SECONDS)
        yield


def _taken(held: contextlib.ExitStack, environment: Environment, collection: str) -> bool:
    try:
        held.enter_context(environment.store.writer(loop_lease(collection), 0.0))
    except WriterBusyError:
        return False
    return True
