"""Gitignore-style patterns of sources.

Patterns come from callers and names from whoever uploads, so no pair of them may take long: expressions are searched by
RE2, whose time is linear in the text, and outside of the interpreter's lock. Python's ``re`` takes minutes for
``*?*?*?*?*?*?*b`` and an ordinary name.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def compile_pattern(pattern: str) -> str:
    """The expression that a pattern stands for, for :func:`matching`.

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
    expression: str = compiled[0].pattern
    try:
        matching(expression, matchable([""]))
    except pa.ArrowInvalid as error:
        raise ValueError(f"is not in gitignore syntax ({error})") from error
    return expression


def matchable(sources: Sequence[str]) -> pa.StringArray:
    """Sources as patterns see them: string array of shape (sources,).

    A pattern is one line, but a name may hold line breaks, which "." and "$" of the compiled expressions treat apart.
    NUL stands in: neither a name nor a pattern can hold it.
    """
    return pa.array([source.replace("\n", "\0") for source in sources], pa.string())


def matching(expression: str, sources: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Which :func:`matchable` sources a compiled pattern takes: bool of shape (sources,)."""
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(sources, expression).to_numpy(zero_copy_only=False)
    return found
