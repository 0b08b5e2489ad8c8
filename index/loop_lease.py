"""Who runs the loop of a collection: one worker at a time, by a lease beside the writer's."""

from __future__ import annotations

from index.environment import Environment


def loop_lease(collection: str) -> str:
    """What the lease of a collection's worker is called: ``store.writer(loop_lease(name), wait)`` holds it.

    It is not the writer's lease, which a worker takes for as long as it writes, like everybody.
    """
    return f"{collection}--loop"


def worker_of(environment: Environment, collection: str) -> str | None:
    """Who runs the loop of a collection now, in words; None where nobody does.

    Raises:
        StorageError: the store cannot be read.
    """
    return environment.store.writer_holder(loop_lease(collection))
