"""Who calls the service: what it may do and read."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from retrieval.access import ANYBODY, OPERATOR, Principal

LOCAL_OWNER = "local"


class Role(StrEnum):
    """What a key may do. ``admin`` may do everything and reads every document."""

    ASK = "ask"
    INGEST = "ingest"
    ADMIN = "admin"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls.

    Attributes:
        key: id of the API key; "" for whoever calls a service that has no keys, and for the command line.
        owner: name of the key; ``local`` without one. Uploads lie in a folder of this name.
        roles: what it may do.
        principal: what it may read.
        requests_per_minute: the most requests that cost something; None takes any number.
        tokens_per_minute: the most tokens, read and written by the generator together; None takes any number.
    """

    key: str
    owner: str
    roles: frozenset[Role]
    principal: Principal
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def may(self, role: Role) -> bool:
        """Whether it has a role."""
        return role in self.roles or Role.ADMIN in self.roles

    def owns(self, key: str) -> bool:
        """Whether it may see what a key left behind: answers, feedback, jobs. An admin sees everybody's."""
        return self.key == key or Role.ADMIN in self.roles


LOCAL = Caller(key="", owner=LOCAL_OWNER, roles=frozenset(Role), principal=OPERATOR)
"""Whoever calls a service without keys: it listens on this machine only."""

NOBODY = Caller(key="", owner="", roles=frozenset(), principal=ANYBODY)
"""A caller without a key where keys are needed."""
