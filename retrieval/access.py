"""Access rules: which documents a caller may read (``[access]`` in the settings).

A rule names a pattern of sources and the groups that may read what it matches. Of the rules that match a document the
last one counts, as in a CODEOWNERS file; where none does, the default groups may read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ragpress.answer_settings import EVERYONE, AccessSettings
from ragpress.errors import SettingsError
from retrieval.patterns import compile_pattern, matchable, matching


class Principal(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        groups: groups the caller is in; ``everyone`` is always one of them.
        unrestricted: reads everything, whatever the rules say: the operator on the command line.
    """

    groups: frozenset[str] = frozenset()
    unrestricted: bool = False


OPERATOR = Principal(unrestricted=True)
ANYBODY = Principal()


def principal_of(groups: Iterable[str] | None) -> Principal:
    """Who asks as a member of groups; the operator where there are None."""
    return OPERATOR if groups is None else Principal(frozenset(groups))


class AccessRules:
    """The access rules of one collection, compiled once.

    Args:
        settings: the rules.

    Raises:
        SettingsError: a pattern is not in gitignore syntax, or can match nothing.
    """

    def __init__(self, settings: AccessSettings) -> None:
        self._default = frozenset(settings.default)
        self._rules = tuple((_compile_rule(rule), frozenset(groups)) for rule, groups in settings.rules.items())

    def readable(self, principal: Principal, sources: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which documents a caller may read.

        Args:
            principal: who asks.
            sources: source path of each document.

        Returns:
            bool of shape (len(sources),).
        """
        return self.granted(principal)[self.governing(sources)]

    def governing(self, sources: Sequence[str]) -> npt.NDArray[np.intp]:
        """The rule that counts for each document: intp of shape (len(sources),); 0 is the default, n the n-th rule."""
        found = np.zeros(len(sources), np.intp)
        if not self._rules:
            return found
        places, names = np.arange(len(sources)), matchable(sources)
        for number in range(len(self._rules), 0, -1):
            taken = matching(self._rules[number - 1][0], names)
            found[places[taken]] = number
            places, names = places[~taken], names.filter(pa.array(~taken))
        return found

    def granted(self, principal: Principal) -> npt.NDArray[np.bool_]:
        """What each rule says to a caller: bool of shape (rules + 1,); the default first."""
        groups = principal.groups | {EVERYONE}
        verdicts = [self._default, *(allowed for _, allowed in self._rules)]
        return np.array([principal.unrestricted or not groups.isdisjoint(allowed) for allowed in verdicts], np.bool_)


def _compile_rule(pattern: str) -> str:
    try:
        return compile_pattern(pattern)
    except ValueError as error:
        raise SettingsError(
            f"[access] rules: {pattern!r} {error}. Expected a gitignore-style pattern of sources, for example "
            '"docs/hr/**"; correct or remove that rule.'
        ) from error
