"""The text of an API key: ``rp_<id>_<secret>``. The id is no secret; of the secret only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
import string

import msgspec

PREFIX = "rp_"

_ALPHABET = string.digits + string.ascii_letters
_ID_LETTERS = 12
# 62 ** 43 is the first power beyond 2 ** 256.
_SECRET_LETTERS = 43
_TOKEN = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_ID_LETTERS}}})_([0-9A-Za-z]{{{_SECRET_LETTERS}}})", re.ASCII)
_LENGTH = len(PREFIX) + _ID_LETTERS + 1 + _SECRET_LETTERS


class Token(msgspec.Struct, frozen=True):
    """An API key taken apart.

    Attributes:
        id: names the key.
        secret: 256 random bits in base 62.
    """

    id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.id}_{self.secret}"

    def __repr__(self) -> str:
        # Tracebacks and logs show the repr of what a function held.
        return f"Token({self.id!r}, secret hidden)"

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret.

        It needs no salt and no slow hash: those make guessing a password that a person chose expensive, and nobody
        guesses 256 random bits (OWASP ASVS 5.0, 11.4; NIST SP 800-63B, 5.1.1.2 speaks of memorised secrets only).
        """
        return hashlib.sha256(self.secret.encode("ascii")).digest()


def new_token() -> Token:
    """A key that never was: 71 random bits of id, 256 of secret."""
    return Token(id=_random(_ID_LETTERS), secret=_random(_SECRET_LETTERS))


def parse_token(text: str) -> Token | None:
    """A key taken apart; None for any text that is none, however long and of whatever characters."""
    if len(text) != _LENGTH:
        return None
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(id=match[1], secret=match[2])


def _random(letters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(letters))
