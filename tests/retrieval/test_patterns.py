"""Patterns of sources: the same as Python's expressions say, and never slow."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from retrieval.patterns import compile_pattern, matchable, matching

NAMES = st.lists(
    st.sampled_from(["a", "b", "ab", "é", "文", "\n", " ", ".", "a b", "-", "]", "🙂"]), min_size=1, max_size=6
)
SOURCES = st.lists(NAMES.map("".join), min_size=1, max_size=4).map("/".join)
PIECES = [
    "a",
    "b",
    "*",
    "**",
    "/",
    "?",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "é",
    "文",
    ".",
    "\\*",
    "\\?",
    "\\ ",
    " ",
    "(",
    "+",
    "{",
    "$",
    "^",
]
PATTERNS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
SLOW = ("*?" * 200 + "b", "*a" * 200 + "b", "**/a/" * 90 + "b", "**/*a*a*a*a*a*a*b", "[!b]*" * 90 + "/b", "a" * 500)


@settings(max_examples=120, deadline=None)
@given(PATTERNS, st.lists(SOURCES, max_size=5))
@example("a/**", ["a/b", "a", "a/b/c"])
@example("*", ["a\nb", "文"])
def test_re2_matches_what_python_matches(pattern: str, sources: list[str]) -> None:
    try:
        expression = compile_pattern(pattern)
    except ValueError:
        return
    (python,) = [item.regex for item in GitIgnoreSpec.from_lines([pattern]).patterns if item.regex is not None]
    expected = [python.search(source.replace("\n", "\0")) is not None for source in sources]
    assert matching(expression, matchable(sources)).tolist() == expected


@pytest.mark.parametrize("pattern", SLOW)
def test_no_pattern_of_a_caller_is_slow_on_a_hostile_name(pattern: str) -> None:
    """Python's own expressions would search these names for longer than anybody waits for a test."""
    sources = ["docs/" + "a" * 250 + "/" + "a/" * 500 + "a" * 250] * 20
    assert not matching(compile_pattern(pattern), matchable(sources)).any()


def test_no_sources_at_all() -> None:
    assert matching(compile_pattern("*"), matchable([])).tolist() == []
