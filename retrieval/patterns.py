"""Gitignore-style patterns of sources, one at a time."""

from __future__ import annotations

import re


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The expression that a pattern stands for; search it in :func:`matchable` sources.

    Raises:
        ValueError: the pattern is negated, not in gitignore syntax, or can match nothing.
    """
    if pattern.startswith("!"):
        raise ValueError("begins with '!', and a pattern here has nothing to take back")
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most collections have no patterns and never pay for it

    try:
        compiled = [item.regex for item in GitIgnoreSpec.from_lines([pattern]).patterns if item.regex is not None]
    except ValueError as error:
        raise ValueError(f"is not in gitignore syntax ({error})") from error
    if len(compiled) != 1:
        raise ValueError("can match nothing")
    expression: re.Pattern[str] = compiled[0]
    return expression


def matchable(source: str) -> str:
    """A source as patterns see it.

    A pattern is one line, but a name may hold line breaks, which "." and "$" of the compiled expressions treat apart.
    NUL stands in: neither a name nor a pattern can hold it.
    """
    return source.replace("\n", "\0")
