"""Which cases a run takes, and what it says when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cases.files import save_cases
from evaluation.records import Case
from evaluation.running.choosing import chosen_cases
from ragpress.errors import UsageError

CASES = (
    Case(id="one", question="One?", answer="1", tags=("en", "must")),
    Case(id="two", question="Two?", answer="2", tags=("zh",)),
    Case(id="three", question="Three?", answer="3", state="proposed"),
    Case(id="four", question="Four?", answer="4", state="rejected"),
    Case(id="five", question="Five?", answer="5", collection="other"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    save_cases(tmp_path, "cases", CASES)
    return tmp_path


def ids(root: Path, tags: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> list[str]:
    return [case.id for case in chosen_cases(root, "default", tags, names)]


def test_the_accepted_cases_of_the_collection_are_taken(root: Path) -> None:
    assert ids(root) == ["one", "two"]
    assert [case.id for case in chosen_cases(root, "other")] == ["five"]


def test_tags_and_names_choose_among_them(root: Path) -> None:
    assert ids(root, ("zh",)) == ["two"]
    assert ids(root, ("zh", "must")) == ["one", "two"]
    assert ids(root, (), ("two",)) == ["two"]


def test_a_case_that_is_named_runs_whatever_its_state(root: Path) -> None:
    assert ids(root, (), ("three", "one")) == ["one", "three"]


@pytest.mark.parametrize(
    ("tags", "names", "message"),
    [
        ((), ("five",), "There is no case 'five'. Cases: one, two, three, four."),
        (("nix",), (), "No case has the tag 'nix'. Tags: en, must, zh."),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    root: Path, tags: tuple[str, ...], names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        ids(root, tags, names)
    assert str(raised.value).startswith(message)


def test_without_cases_it_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ragpress eval import FILE; or .* ragpress eval generate"):
        ids(tmp_path)


def test_without_accepted_cases_it_says_how_to_accept(tmp_path: Path) -> None:
    save_cases(tmp_path, "cases", CASES[2:4])
    with pytest.raises(UsageError, match=r"None of the 2 cases .* is accepted \(1 are proposed\)"):
        ids(tmp_path)
