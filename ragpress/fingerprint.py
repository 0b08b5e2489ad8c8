"""Fingerprints: short digests of canonical, length-safe serialisations.

Every part is written as its type tag, its length and its bytes, so that no two different lists of
parts serialise to the same bytes. The digest is SHA-256 cut to 128 bits: enough that an accidental
collision among 2**40 items has probability below 1e-14.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import TypeAlias

import msgspec

DIGEST_BYTES = 16

Part: TypeAlias = "bytes | str | int | float | bool | Iterable[Part] | None"


def digest(*parts: Part) -> bytes:
    """Digest the parts, in order, length-safely.

    Returns:
        16 bytes.

    Raises:
        TypeError: a part is none of the types of :data:`Part`.
    """
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(_canonical(part))
    return hasher.digest()[:DIGEST_BYTES]


def hexdigest(*parts: Part) -> str:
    """The same as :func:`digest`, as 32 hexadecimal characters."""
    return digest(*parts).hex()


def step_fingerprint(step: str, code_version: int, settings: msgspec.Struct | None, *extra: Part) -> str:
    """Fingerprint of one pipeline step: its name, the version of its code and its settings.

    Args:
        step: the step's name.
        code_version: raised by hand whenever the step's output for some input changes.
        settings: the frozen settings that decide the step's output.
        extra: anything else that decides it (a model's fingerprint, a library's version).

    Returns:
        32 hexadecimal characters.
    """
    body = b"" if settings is None else msgspec.json.encode(settings, order="sorted")
    return hexdigest(step, code_version, body, *extra)


def _canonical(part: Part) -> bytes:
    if isinstance(part, bytes):
        return b"b%d:" % len(part) + part
    if isinstance(part, str):
        body = part.encode("utf-8", "surrogatepass")
        return b"s%d:" % len(body) + body
    if part is None or isinstance(part, (bool, int, float)):
        body = repr(part).encode("ascii")
        return b"n%d:" % len(body) + body
    if isinstance(part, (Set, Mapping)):
        raise TypeError(f"A fingerprint takes ordered parts only, found a {type(part).__name__}: pass a sorted list.")
    items = [_canonical(item) for item in part]
    return b"l%d:" % len(items) + b"".join(items)
