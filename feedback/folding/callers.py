"""Who said something: callers as they are counted, and people who look after the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from index.environment import Environment
from serving.callers import Role
from serving.keys.records import KeyRecord
from serving.keys.ring import KeyRing

COMMAND_LINE = "the command line"
IMPORTED = "an imported file"
NO_KEY = "callers without a key"


class Voice(NamedTuple):
    """Who said something.

    Attributes:
        name: the same for all that counts as one caller: the keys of one name, everybody without a key, a file.
        person: whether it is a person who looks after the workspace: the command line, or an admin's key in force.
    """

    name: str
    person: bool


class Callers:
    """Tells who gave feedback.

    Args:
        keys: the API keys of the workspace, by id.
    """

    def __init__(self, keys: Mapping[str, KeyRecord]) -> None:
        self._keys = keys
        self._known: dict[tuple[str, str], Voice] = {}

    @classmethod
    def of(cls, environment: Environment) -> Callers:
        """The callers of a workspace.

        Raises:
            StorageError: the keys cannot be read.
        """
        return cls({record.id: record for record in KeyRing(environment.store).records()})

    def voice(self, key: str, via: str) -> Voice:
        """Whose words they are.

        Without keys everybody who comes over the network is one caller: nobody could tell them apart.
        """
        known = self._known.get((key, via))
        if known is None:
            known = self._known[key, via] = self._voice(key, via)
        return known

    def _voice(self, key: str, via: str) -> Voice:
        if via == "cli":
            return Voice(COMMAND_LINE, person=True)
        if via == "import":
            return Voice(IMPORTED, person=False)
        record = self._keys.get(key)
        if record is None:
            return Voice(f"key {key}" if key else NO_KEY, person=False)
        return Voice(f"key {record.name}", person=Role.ADMIN in record.roles and record.revoked is None)
