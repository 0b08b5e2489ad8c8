"""Tickets: they let a browser open one page in a tab of its own, where it can send no API key.

A ticket names a key, a moment, and proves by a MAC that somebody with that key asked for this page. It is of use for
that page only and for a minute, and ends with its key. Nothing is stored, so every worker process knows it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

import msgspec

SECONDS = 60
LENGTH = 200

_TICKET = re.compile(r"([0-9A-Za-z]{1,64})\.([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII)


class Ticket(msgspec.Struct, frozen=True):
    """A ticket taken apart.

    Attributes:
        key: id of the API key.
        until: when it ends, in seconds since 1970.
        mac: hexadecimal HMAC-SHA256.
    """

    key: str
    until: int
    mac: str

    def __str__(self) -> str:
        return f"{self.key}.{self.until}.{self.mac}"

    def holds(self, digest: bytes, page: str, now: datetime) -> bool:
        """Whether it opens a page now.

        Args:
            digest: what is stored of the key.
            page: the page's path.
            now: the time, with time zone.
        """
        same = hmac.compare_digest(self.mac, _mac(digest, self.key, page, self.until))
        return same and now.timestamp() < self.until


def new_ticket(key: str, digest: bytes, page: str, now: datetime) -> Ticket:
    """A ticket for a page, of use for :data:`SECONDS`.

    Args:
        key: id of the API key.
        digest: what is stored of the key.
        page: the page's path.
        now: the time, with time zone.
    """
    until = int(now.timestamp()) + SECONDS
    return Ticket(key, until, _mac(digest, key, page, until))


def parse_ticket(text: str) -> Ticket | None:
    """A ticket taken apart; None for any text that is none."""
    match = _TICKET.fullmatch(text) if len(text) <= LENGTH else None
    return None if match is None else Ticket(match[1], int(match[2]), match[3])


def _mac(digest: bytes, key: str, page: str, until: int) -> str:
    text = f"ragpress ticket\n{key}\n{until}\n{page}"
    return hmac.new(digest, text.encode(), hashlib.sha256).hexdigest()
