"""Every file of the shared format set: nothing crashes or hangs, nothing locked is read, little is missed."""

from __future__ import annotations

import pytest

from benchmarks.formats import DATA, FileScore, failures, measure, summary

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data set doc_formats is not beside this repository"),
]


@pytest.fixture(scope="module")
def scores() -> list[FileScore]:
    return measure(ocr=False)


def test_nothing_crashes_hangs_or_opens_what_is_locked(scores: list[FileScore]) -> None:
    assert len(scores) == 169
    assert failures(scores) == []


def test_only_what_is_broken_or_locked_is_refused(scores: list[FileScore]) -> None:
    refused = {one.category for one in scores if one.outcome != "read"}
    assert refused == {"encrypted", "damaged", "binary_junk"}
    assert all(len(one.reason) > 20 for one in scores if one.outcome != "read")


def test_facts_and_words_of_the_references_are_read(scores: list[FileScore]) -> None:
    everything = summary(scores)[-1]
    assert everything["facts_found"] >= 67
    assert everything["violations"] == 0
    assert everything["recall"] >= 0.97
    assert everything["kept"] >= 0.97
