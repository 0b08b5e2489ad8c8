"""What is stored of the API keys: never a key itself, only the SHA-256 of its secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from retrieval.access import OPERATOR, Principal
from serving.callers import Caller, Role


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to be.

    Attributes:
        name: ``[A-Za-z0-9_-]``, at most 64 characters; no two keys in force have the same. Uploads lie in a folder of
            this name.
        roles: what it may do.
        groups: groups whose documents it may read; an admin key reads every document.
        requests_per_minute: the most requests that cost something; None takes any number.
        tokens_per_minute: the most tokens of the generator; None takes any number.
        expires: from when it lets nobody in; None never.
    """

    name: str
    roles: tuple[Role, ...] = (Role.ASK,)
    groups: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    expires: datetime | None = None


class KeyRecord(Grant, frozen=True, kw_only=True, omit_defaults=True):
    """A key as it is stored.

    Attributes:
        id: stands in the key, in journals and in logs; no secret.
        digest: hexadecimal SHA-256 of the key's secret.
        created: when it was made.
        revoked: when it was revoked; None while it was not.
    """

    id: str
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    created: datetime
    revoked: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def caller(self) -> Caller:
        """Who calls with it."""
        unrestricted = Role.ADMIN in self.roles
        return Caller(
            key=self.id,
            owner=self.name,
            roles=frozenset(self.roles),
            principal=OPERATOR if unrestricted else Principal(frozenset(self.groups)),
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
        )


class RingRecord(msgspec.Struct, frozen=True):
    """Every key that was ever made for a workspace, in the order of making; revoked and expired ones stay."""

    keys: tuple[KeyRecord, ...] = ()
