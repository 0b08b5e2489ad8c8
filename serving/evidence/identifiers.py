"""Identifiers: error codes, order numbers, versions, standards. A text about ``E21`` does not answer ``E22``."""

from __future__ import annotations

import re
from functools import lru_cache

# Letters and digits in one token, digits that dots or dashes join to letters, versions of three numbers, capitals
# joined by a dash, and digits too many to count something. Nothing here looks further ahead than some characters: the
# texts are a caller's, and a search that reads to their end from every place takes seconds.
_IDENTIFIER = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[A-Za-z]{1,8}[\-_]?[0-9][A-Za-z0-9]*(?:[.\-_/][A-Za-z0-9]+)*"
    r"|[A-Z]{2,8}(?:-[A-Z0-9]+)+"
    r"|[0-9]+[.\-][0-9.\-]{0,64}[A-Z]{1,3}"
    r"|v?[0-9]+(?:\.[0-9]+){2,}"
    r"|[0-9]{5,}"
    r")(?![A-Za-z0-9])"
)
_LETTERS, _DIGITS = re.compile(r"[a-z]+"), re.compile(r"[0-9]+")


@lru_cache(maxsize=4096)
def identifiers(text: str) -> tuple[str, ...]:
    """The identifiers of a text in lower case, in order, each once."""
    return tuple(dict.fromkeys(match.group().lower() for match in _IDENTIFIER.finditer(text)))


def holds_identifier(identifier: str, text: str) -> bool:
    """Whether a text names an identifier as it stands, not as part of a longer one.

    Letters may follow where a table of a PDF lost the space behind a cell.
    """
    lowered, start = text.lower(), 0
    while (start := lowered.find(identifier, start)) >= 0:
        end = start + len(identifier)
        longer = lowered[end : end + 1].isdigit() or re.match(r"[.\-][0-9a-z]", lowered[end : end + 2])
        if not longer and not (start and _joined(lowered[start - 1])):
            return True
        start = end
    return False


def _joined(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "-_")


def form(identifier: str) -> str:
    """What identifiers of one series have in common: runs of letters stay, digits do not (``e22`` is ``e0``)."""
    return _DIGITS.sub("0", identifier)


def names_another(asked: tuple[str, ...], text: str) -> bool:
    """Whether a text names, of an asked series, other members alone."""
    forms = {form(identifier) for identifier in asked if _DIGITS.search(identifier) and _LETTERS.search(identifier)}
    found = [other for other in identifiers(text) if form(other) in forms]
    return bool(found) and not any(holds_identifier(identifier, text) for identifier in asked)
