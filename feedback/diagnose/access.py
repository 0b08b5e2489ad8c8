"""Who may read which document, by the access rules as they are now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from feedback.records import BadCase
from feedback.workbench import Workbench
from retrieval.access import AccessRules, Principal, principal_of


class Ruling(msgspec.Struct, frozen=True):
    """The rule that decides who reads a document.

    Attributes:
        pattern: of the rule in ``[access] rules``; "" where the default holds.
        groups: groups that may read it.
    """

    pattern: str
    groups: tuple[str, ...]


def caller_of(bad: BadCase) -> Principal:
    """Who complained: the callers' groups, or an operator."""
    return principal_of(bad.groups)


def readable(bench: Workbench, bad: BadCase, sources: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether the callers of a bad case may read documents now: bool of shape (len(sources),).

    Raises:
        SettingsError: an access rule is wrong.
    """
    rules = AccessRules(bench.environment.workspace.collection(bench.collection).access)
    return rules.readable(caller_of(bad), sources)


def ruling(bench: Workbench, source: str) -> Ruling:
    """The rule that counts for a document now.

    Raises:
        SettingsError: an access rule is wrong.
    """
    settings = bench.environment.workspace.collection(bench.collection).access
    number = int(AccessRules(settings).governing([source])[0])
    if not number:
        return Ruling("", tuple(settings.default))
    pattern, groups = list(settings.rules.items())[number - 1]
    return Ruling(pattern, tuple(groups))
