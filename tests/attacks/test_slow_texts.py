"""Texts that make a search go back and forth: every text that somebody else writes is read in linear time.

Run as a program it reads them all. The test gives that program far more processor time than it needs; with one search
whose time grows with the square of the text it would not come to its end.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from ingest.split import sentence_cuts
from serving.evidence.answer_kind import answer_kind
from serving.evidence.identifiers import identifiers
from serving.evidence.numbers import numbers_claimed, numbers_held
from serving.evidence.sentences import parse_citations, split_sentences, without_citations
from serving.evidence.terms import names, negations, stems_of
from serving.prompting import count_tokens, visible, without_hidden
from serving.standalone import standalone_by_rule
from serving.types import Turn

UNITS = (
    *("-", "_", "/", ".", "1.", "1-", "a.", "A.B.", "A-", "A'", "Aa-", "aA", "a_", "1,000,", "2024-01-01", "x-y_z/"),
    *(
        "...",
        "?!",
        "…",
        "!)",
        "[1]",
        "[1,",
        "[",
        "【",
        "(",
        "**",
        "`",
        "# ",
        "- ",
        "|",
        "<a",
        "](",
        "http://a.b/",
        "Mr. ",
    ),
    *(
        "一",
        "九亿",
        "没",
        "的 ",
        "。",
        "「",
        "é",
        "\u3000",
        "\n",
        "\n\n",
        "\u200b",
        " ",
        "a ",
        "9",
        "9a",
        "v1.",
        "$1",
        "n't ",
    ),
)
LENGTH = 60_000
CPU_SECONDS = 120


def sentences(text: str) -> object:
    return list(sentence_cuts(text, 0, len(text)))


def follow_up(text: str) -> object:
    return standalone_by_rule("And on Sundays?", (Turn("user", text), Turn("assistant", text)))


READERS: tuple[Callable[[str], object], ...] = (
    *(identifiers, names, negations, numbers_claimed, numbers_held, stems_of, answer_kind),
    *(sentences, split_sentences, parse_citations, without_citations),
    *(without_hidden, visible, count_tokens, follow_up),
)


@pytest.mark.fault
def test_every_text_is_read_in_linear_time() -> None:
    command = [sys.executable, "-m", "tests.attacks.test_slow_texts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"out of time after {done.stdout.splitlines()[-1:]}: {done.stderr}"
    assert len(done.stdout.splitlines()) == len(READERS) * len(UNITS)


def main() -> None:
    """Read every text in every way."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for reader in READERS:
        for unit in UNITS:
            reader((unit * LENGTH)[:LENGTH])
            print(reader.__name__, repr(unit), flush=True)


if __name__ == "__main__":
    main()
