"""Which names of a source folder are left out: ``.ragpressignore`` files, nested as git nests its own.

Patterns have the syntax of gitignore(5). Those of the settings are matched against the whole source
(``docs/guides/start.md``), those of an ignore file against the path below its folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from ingest.files import read_regular
from ragpress.errors import DocumentError, SettingsError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_NAME = ".ragpressignore"
NEVER_READ = frozenset({".git", ".ragpress", IGNORE_NAME})
_MAX_BYTES = 1_000_000


class IgnoreFile(msgspec.Struct, frozen=True):
    """The rules of one ignore file.

    Attributes:
        base: number of characters of a source that name the ignore file's folder, slash included.
        patterns: its compiled patterns.
    """

    base: int
    patterns: GitIgnoreSpec


IgnoreRules: TypeAlias = tuple[IgnoreFile, ...]
"""The ignore files that apply to a folder, outermost first."""


def is_ignored(rules: IgnoreRules, source: str, folder: bool) -> bool:
    """Whether the innermost ignore file that says anything about an entry says to leave it out.

    Args:
        rules: the ignore files that apply to the folder it lies in.
        source: its source.
        folder: whether it is a folder.
    """
    for rule in reversed(rules):
        verdict = rule.patterns.check_file(_matchable(source[rule.base :], folder)).include
        if verdict is not None:
            return verdict
    return False


def read_ignore_file(folder: str, base: int) -> IgnoreRules:
    """The rules of a folder's own ignore file; empty when it has none or the file has no pattern.

    Args:
        folder: path of the folder.
        base: number of characters of a source that name it, slash included.

    Raises:
        DocumentError: it cannot be read, or is not in gitignore syntax.
    """
    try:
        data = read_regular(os.path.join(folder, IGNORE_NAME), _MAX_BYTES)  # noqa: PTH118 - may hold surrogates
    except FileNotFoundError:
        return ()
    except DocumentError as error:
        raise DocumentError(f"Its {IGNORE_NAME} says what to leave out. {error}") from error
    try:
        patterns = _compile(data.decode("utf-8", "surrogateescape").splitlines())
    except ValueError as error:
        raise DocumentError(f"Its {IGNORE_NAME} is not in gitignore syntax: {error}. Correct that line.") from error
    return () if patterns is None else (IgnoreFile(base=base, patterns=patterns),)


class PatternFilter:
    """The ``include`` and ``exclude`` patterns of the settings, matched against whole sources."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = _compile_setting("include", include)
        self._exclude = _compile_setting("exclude", exclude)

    def excludes(self, source: str, folder: bool) -> bool:
        """Whether ``exclude`` leaves an entry out."""
        return self._exclude is not None and self._exclude.match_file(_matchable(source, folder))

    def includes(self, source: str) -> bool:
        """Whether a file matches ``include``, or there is no such pattern."""
        return self._include is None or self._include.match_file(_matchable(source, False))


def _matchable(source: str, folder: bool) -> str:
    # A pattern is one line, but a name may hold line breaks, which "." and "$" of the compiled
    # expressions treat apart. NUL stands in: neither a name nor a pattern can hold it.
    plain = source.replace("\n", "\0")
    return plain + "/" if folder else plain


def _compile_setting(name: str, patterns: Iterable[str]) -> GitIgnoreSpec | None:
    try:
        return _compile(patterns)
    except ValueError as error:
        raise SettingsError(f"[sources] {name} is not in gitignore syntax: {error}. Correct that pattern.") from error


def _compile(lines: Iterable[str]) -> GitIgnoreSpec | None:
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    if not wanted:
        return None
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most folders have no patterns and never pay for it

    return GitIgnoreSpec.from_lines(wanted)
