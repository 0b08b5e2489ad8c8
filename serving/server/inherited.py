"""What a supervisor and its workers agree on; imports nothing, for the supervisor is to stay small."""

from __future__ import annotations

import msgspec

WORKER_VARIABLE = "RAGPRESS_WORKER"
"""Environment variable with what a worker inherits: :class:`Descriptors` as JSON."""

SERVE_VARIABLE = "RAGPRESS_SERVE"
"""Environment variable with the settings that options of the command line changed, as JSON."""

LAST_SECONDS = 2.0
"""Time within the grace for ending the streams that did not finish by themselves."""


class Descriptors(msgspec.Struct, frozen=True):
    """What a worker process inherits, as file descriptors.

    Attributes:
        listener: the listening socket.
        ready: a pipe that the worker writes one line to, once it answers.
        lifeline: a pipe that nobody writes to; it ends when the supervisor does, however that ends.
    """

    listener: int
    ready: int
    lifeline: int
