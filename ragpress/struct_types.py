"""Makes msgspec know the record types before threads decode them.

msgspec learns a struct's fields when it first decodes one, and shows the half-learnt type to other threads
meanwhile: of two threads that decode a type for the first time at once, one crashes the process (segmentation fault,
msgspec 0.22).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec


def learn_struct_types() -> int:
    """Let msgspec learn every struct that is imported by now. Call it while there is one thread; takes some 20 ms.

    Returns:
        How many it knows.
    """
    return sum(_learnt(kind) for kind in set(_below(msgspec.Struct)))


def _learnt(kind: type[msgspec.Struct]) -> bool:
    # A struct that only holds objects of this process has fields that no decoder knows; nobody decodes it.
    with contextlib.suppress(TypeError, NameError):
        msgspec.json.Decoder(kind)
        return True
    return False


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
