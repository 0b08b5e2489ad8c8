"""An evaluation as the command asks for it: kept with its report, prompt versions in turn, what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evaluation.cases.files import case_set, save_cases
from evaluation.records import CaseResult
from evaluation.running.kept_reports import list_kept, show_kept
from evaluation.running.session import Asked, RunRecord, run_evaluation
from index.prompt_versions import add_prompt
from ragpress.errors import ReleaseError, SettingsError, UsageError
from tests.evaluation.running.samples import CASES
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


def session(made: Workspace, **asked: Any) -> tuple[RunRecord, dict[str, list[str]]]:
    """Run; what was found, and which cases were told as finished under which label."""
    told: dict[str, list[str]] = {}

    @contextmanager
    def watch(label: str, total: int) -> Iterator[Callable[[CaseResult], None]]:
        told[f"{label}, {total}"] = []
        yield lambda result: told[f"{label}, {total}"].append(result.case)

    return run_evaluation(made.environment(), Asked(**asked), watch), told


def test_a_run_is_kept_with_its_report(made: Workspace) -> None:
    save_cases(made.root, "cases", CASES)
    record, told = session(made)
    environment = made.environment()

    assert told == {"live, 4": ["kettle", "tea", "ferry", "lamp"]}
    assert record.case_set == case_set(CASES)
    assert record.release == made.open().manifest.id
    kept = show_kept(environment, record.evaluation)
    assert kept.report == record.report
    assert Path(record.report).is_file()
    assert kept.evaluation.metrics == record.metrics
    assert list_kept(environment, "default", 5).evaluations == (kept.evaluation,)


def test_prompt_versions_are_evaluated_one_after_another_and_the_last_shows_all(made: Workspace) -> None:
    save_cases(made.root, "cases", CASES[:2])
    add_prompt(made.environment(), "brief", "default", None)
    brief = made.root / "prompts" / "brief.toml"
    brief.write_text(brief.read_text(encoding="utf-8").replace("You ", "You briefly ", 1), encoding="utf-8")
    record, told = session(made, prompts=("default", "brief"))

    assert list(told) == ["prompt default, 2", "prompt brief, 2"]
    assert record.label == "prompt brief"
    assert record.prompt.startswith("brief@")
    (earlier,) = record.trend
    assert earlier.prompt.startswith("default@")
    newest, before = list_kept(made.environment(), None, 5).evaluations
    assert (newest.kind, before.kind) == ("trend", "run")
    assert before == earlier
    page = Path(record.report).read_text(encoding="utf-8")
    assert "prompt default" in page
    assert "prompt brief" in page


def test_errors_and_reviews_are_named_by_case(made: Workspace) -> None:
    changed = replace(CASES[1], id="changed", evidence=(replace(CASES[1].evidence[0], quote="steeps for an hour"),))
    save_cases(made.root, "cases", (CASES[0], replace(CASES[3], id="broken", question="\u200b"), changed))
    record, _ = session(made)

    assert [(one.case, one.step, one.kind) for one in record.errors] == [("broken", "retrieve", "UsageError")]
    assert [one.case for one in record.review] == ["changed"]
    assert record.metrics["passed"].n == 1


def test_a_release_is_evaluated_by_its_id(made: Workspace) -> None:
    save_cases(made.root, "cases", CASES)
    first = made.open().manifest.id
    made.write({"new.md": "# New\n\nThe new page says nothing of note.\n"})
    made.ingest()
    record, told = session(made, release=first, tags=(), cases=("tea",))

    assert record.release == record.label == first
    assert list(told.values()) == [["tea"]]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"cases": ("nix",)}, UsageError, "There is no case 'nix'"),
        ({"tags": ("nix",)}, UsageError, "No case has the tag 'nix'"),
        ({"prompts": ("nix",)}, SettingsError, "There is no prompt 'nix'"),
        ({"collection": "nix"}, SettingsError, "nix"),
        ({"release": "r9"}, ReleaseError, "r9"),
    ],
)
def test_what_is_not_there_is_named(
    made: Workspace, asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    save_cases(made.root, "cases", CASES)
    with pytest.raises(error, match=message):
        session(made, **asked)


def test_an_evaluation_that_is_not_there_is_named(made: Workspace) -> None:
    with pytest.raises(ReleaseError, match="There is no evaluation"):
        show_kept(made.environment(), "e20200101T000000-000000")
    with pytest.raises(SettingsError, match="nix"):
        list_kept(made.environment(), "nix", 5)


def test_a_judge_that_is_not_set_is_missed_before_anything_is_asked(made: Workspace) -> None:
    save_cases(made.root, "cases", CASES)
    with pytest.raises(SettingsError, match="No judge is set"):
        session(made, judge=True)
    assert list_kept(made.environment(), None, 5).evaluations == ()
