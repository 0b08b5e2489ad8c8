from typing import Any

import msgspec
import pytest

from serving.overview import problems
from serving.overview.records import (
    Evaluation,
    GeneratorState,
    LiveRelease,
    Quality,
    ReleaseEntry,
    ReleaseQuality,
    RunEntry,
)
from tests.serving.evaluated import evaluation

NOTHING: dict[str, Any] = dict.fromkeys(Quality.model_fields)
COUNTS = (
    "answers complete abstained failed cancelled up down claims unsupported counted".split()  # noqa: SIM905 - readable
)


def quality(release: str = "r2", **figures: Any) -> ReleaseQuality:
    return ReleaseQuality(release=release, **{**NOTHING, **dict.fromkeys(COUNTS, 0), **figures})


def live(**fields: Any) -> LiveRelease:
    made: dict[str, Any] = {
        "id": "r2",
        "created": "2026-06-02T00:00:00+00:00",
        "age_seconds": 1.0,
        "since": "",
        "why": "publish",
        "reason": "",
        "documents": 1,
        "chunks": 1,
        "quarantined": 0,
        "prompt": None,
        "generator": None,
    }
    return LiveRelease.model_validate({**made, **fields})


def entry(**fields: Any) -> ReleaseEntry:
    made: dict[str, Any] = {
        "id": "r3",
        "parent": None,
        "created": "2026-06-03T00:00:00+00:00",
        "state": "candidate",
        "documents": 1,
        "chunks": 1,
        "quarantined": 0,
        "verdict": "pass",
        "reasons": [],
        "override": None,
        "reason": "",
        "prompt": None,
        "evaluation": None,
        "quality": None,
    }
    return ReleaseEntry.model_validate({**made, **fields})


def run(exit_code: int, error: str = "") -> RunEntry:
    return RunEntry(
        id="1",
        started="",
        finished="",
        seconds=None,
        release=None,
        published=False,
        changes={},
        quarantined=None,
        exit_code=exit_code,
        error=error,
    )


def codes(found: Any) -> list[str]:
    return [one.code for one in found]


def test_nothing_live_is_the_only_thing_to_say_of_releases() -> None:
    assert codes(problems.of_releases(None, [entry()])) == ["nothing_live"]


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (entry(), ["candidate_waiting"]),
        (entry(state="refused", reasons=["a document was lost"]), ["candidate_refused"]),
        (entry(state="live"), []),
        (entry(state="previous"), []),
    ],
)
def test_a_newer_release_waits_or_was_refused(newest: ReleaseEntry, expected: list[str]) -> None:
    assert codes(problems.of_releases(live(), [newest])) == expected


def test_quarantined_documents_are_told() -> None:
    (found,) = problems.of_releases(live(quarantined=3), [])
    assert (found.code, found.count) == ("quarantined", 3)


@pytest.mark.parametrize(("code", "told"), [(0, False), (1, True), (2, True), (3, False), (4, False)])
def test_a_failed_run_is_told_and_a_refused_one_is_told_as_a_release(code: int, told: bool) -> None:
    assert codes(problems.of_runs([run(code, "no disk"), run(1)])) == (["run_failed"] if told else [])


def test_the_generator_is_told_when_it_is_not_ready_or_stands_in() -> None:
    state = GeneratorState(kind="openai", model="m", ready=False, why="refused", advice="start it")
    (found,) = problems.of_generator(state)
    assert (found.code, found.severity, found.detail) == ("generator_not_ready", "error", "refused start it")
    assert codes(problems.of_generator(state.model_copy(update={"ready": True}))) == ["generator_fallback"]
    assert codes(problems.of_generator(None)) == []


def test_few_failures_among_many_answers_are_no_problem() -> None:
    assert codes(problems.of_answers(quality(answers=1000, failed=10), 0)) == []
    (found,) = problems.of_answers(quality(answers=100, failed=10), 0)
    assert (found.severity, found.count) == ("error", 10)
    (found,) = problems.of_answers(quality(answers=2, failed=1), 0)
    assert found.severity == "warning"


def test_a_worse_release_is_told_by_what_got_worse() -> None:
    before = quality("r1", answers=200, complete=200, abstained=10, claims=400, unsupported=20, total_p95=1.0)
    now = quality(answers=200, complete=200, abstained=40, claims=400, unsupported=80, total_p95=4.0)
    assert codes(problems.of_live_quality(now, before)) == ["worse_abstained", "worse_unsupported", "worse_slower"]
    assert codes(problems.of_live_quality(before, now)) == []


def test_chance_and_few_answers_make_no_worse_release() -> None:
    before = quality("r1", answers=200, complete=200, down=4)
    assert codes(problems.of_live_quality(quality(answers=200, complete=200, down=6), before)) == []
    assert codes(problems.of_live_quality(quality(answers=10, complete=10, down=10), before)) == []
    assert codes(problems.of_live_quality(None, before)) == []


def test_the_worst_comes_first() -> None:
    found = [problems.problem("a", "note"), problems.problem("b", "error"), problems.problem("c", "warning")]
    assert codes(problems.sorted_problems(found)) == ["b", "c", "a"]


def test_cases_that_need_a_person_are_told_of_the_newest_evaluation() -> None:
    def told(**fields: Any) -> Evaluation:
        made = msgspec.to_builtins(evaluation("e1", **fields))
        return Evaluation.model_validate({**made, "metrics": [], "report": True})

    assert codes(problems.of_evaluations([])) == []
    assert codes(problems.of_evaluations([told(), told(review=3, errors=1)])) == []
    found = list(problems.of_evaluations([told(review=3, errors=1)]))
    assert [(one.code, one.count) for one in found] == [("cases_review", 3), ("cases_failed", 1)]
