"""Proven repairs go live through the gate, once, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evaluation.cases.files import load_cases
from feedback.repairing import publish, revert
from feedback.repairing.asking import case_reasons
from feedback.repairing.prove import prove
from feedback.repairing.publish import Outcome, publish_repairs
from feedback.repairing.revert import revert_repairs
from feedback.workbench import Workbench
from index.changes import read_changes
from index.findings import Finding, FindingEvidence, list_events, record_findings
from index.release import Releases
from index.repairs import files
from index.repairs.records import MissingDocument, Repair, Restore, repair_id
from ragpress.errors import ConflictError, UsageError
from tests.feedback.repairing.samples import (
    QUESTION,
    RIGHT,
    ask,
    bad_case,
    bench_of,
    finding,
    quarantine,
    signed,
    supersede,
)
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

SUPERSEDE = supersede("returns-2019.md", "returns-2025.md")
NAME = repair_id(SUPERSEDE)
HELD = FindingEvidence(kind="holder", text="It says so.", source="docs/returns-2025.md", quote=RIGHT)


class Stopped(BaseException):
    """The process ends here."""


@contextmanager
def stopped(owner: object, step: str, when: str) -> Iterator[None]:
    """What is done in this context ends ``before`` or ``after`` a step."""
    real: Callable[..., Any] = getattr(owner, step)

    def stop(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            real(*arguments, **named)
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, stop)
        with pytest.raises(Stopped):
            yield


def proven(bench: Workbench, *repairs: Repair, **fields: Any) -> Finding:
    """A finding with its proof, as it stands in the journal."""
    found = prove(bench, bad_case(), finding(*(repairs or (SUPERSEDE,)), evidence=(HELD,), **fields))
    record_findings(bench.environment, [found])
    return found


def live_of(workspace: Workspace) -> str:
    live = workspace.environment().releases("default").live_id()
    assert live is not None
    return live


def kinds(workspace: Workspace) -> list[str]:
    return [event.kind for event in reversed(list_events(workspace.environment(), "default", None))]


def standing(workspace: Workspace) -> list[str]:
    return sorted(repair_id(repair) for repair in files.load_all(workspace.root, "default"))


def write_cases(workspace: Workspace, *lines: dict[str, Any]) -> None:
    folder = workspace.root / "cases"
    folder.mkdir(exist_ok=True)
    body = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "own.jsonl").write_text(body, encoding="utf-8")


def check_published(workspace: Workspace, outcome: Outcome, before: str) -> None:
    """The repair is live, once, and everything that is told of it is told once."""
    bench = bench_of(workspace)
    assert (outcome.state, outcome.before, outcome.release) == ("published", before, live_of(workspace))
    assert "45 days" in ask(bench).answer
    assert workspace.open().manifest.repairs == (NAME,)
    assert standing(workspace) == [NAME]
    assert kinds(workspace).count("published") == 1
    assert kinds(workspace).count("applied") <= 1
    (case,) = load_cases(workspace.root, "default")
    assert (case.id, case.state, case.tags) == ("feedback-1", "accepted", ("loop",))
    assert case.evidence[0].source == "docs/returns-2025.md"
    changes = read_changes(bench.environment, outcome.release)
    assert changes is not None
    assert NAME in changes


def test_a_proven_repair_goes_live_with_its_file_its_case_and_its_story(workspace: Workspace) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    found = proven(bench)
    outcome = publish_repairs(bench, [found])
    check_published(workspace, outcome, before)
    assert kinds(workspace) == ["applied", "published"]
    (event, _) = list_events(workspace.environment())
    assert (event.findings, event.repairs, event.release, event.to) == (("f1",), (NAME,), outcome.release, before)
    changes = read_changes(bench.environment, outcome.release)
    assert changes is not None
    for said in (QUESTION, "14 days", "45 days", "outdated document", "ragpress repair revert", before):
        assert said in changes
    assert found.proof is not None
    left = {manifest.id for manifest in bench.environment.releases("default").list()}
    assert left == {before, outcome.release}


def test_published_twice_it_is_published_once(workspace: Workspace) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    found = proven(bench)
    first = publish_repairs(bench, [found])
    assert publish_repairs(bench_of(workspace), [found]).release == first.release
    check_published(workspace, first, before)


STEPS: list[tuple[object, str]] = [
    (publish, "ingest"),
    (publish, "case_reasons"),
    (publish, "keep_changes"),
    (files, "save"),
    (publish, "record"),
    (Releases, "publish"),
    (publish, "guard"),
    (publish, "forget_settled"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_stopped_at_any_step_a_second_run_does_the_rest(
    workspace: Workspace, owner: object, step: str, when: str
) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    found = proven(bench)
    with stopped(owner, step, when):
        publish_repairs(bench, [found])
    answer = ask(bench_of(workspace)).answer
    assert "14 days" in answer or "45 days" in answer
    outcome = publish_repairs(bench_of(workspace), [found])
    check_published(workspace, outcome, before)


def test_an_ordinary_ingest_keeps_the_repair(workspace: Workspace) -> None:
    bench = bench_of(workspace)
    publish_repairs(bench, [proven(bench)])
    live = live_of(workspace)
    assert not workspace.ingest().published
    assert live_of(workspace) == live
    workspace.write({"delivery.md": "# Delivery\n\nA parcel comes by drone.\n"})
    assert workspace.ingest().published
    assert "45 days" in ask(bench_of(workspace)).answer


def test_the_gate_refuses_a_repair_that_breaks_another_case(workspace: Workspace) -> None:
    quote = "Roses are pruned in March"
    line = {"id": "roses", "question": "When are roses pruned?", "answer": "in March", "tags": ["must"]}
    write_cases(workspace, {**line, "evidence": [{"source": "docs/roses.md", "quote": quote}]})
    before, bench = live_of(workspace), bench_of(workspace)
    found = finding(SUPERSEDE, quarantine("roses.md"))
    outcome = publish_repairs(bench, [found])
    assert (outcome.state, outcome.gate) == ("refused", "refuse")
    assert any("roses" in reason for reason in outcome.reasons)
    assert live_of(workspace) == before
    assert standing(workspace) == []
    assert kinds(workspace) == ["refused"]


def test_a_candidate_that_does_not_mend_its_case_is_refused(workspace: Workspace) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    outcome = publish_repairs(bench, [finding(quarantine("roses.md"))])
    assert (outcome.state, outcome.gate, live_of(workspace)) == ("refused", "pass", before)
    assert "is not answered rightly" in outcome.reasons[0]
    assert standing(workspace) == []


def test_a_candidate_that_breaks_another_bad_case_is_refused(workspace: Workspace) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    roses = finding(finding_id="f0", case_id="feedback-0", question="When are roses pruned?", expected="in March")
    record_findings(bench.environment, [roses])
    outcome = publish_repairs(bench, [finding(SUPERSEDE, quarantine("roses.md"))])
    assert (outcome.state, live_of(workspace)) == ("refused", before)
    assert "was answered rightly and is not any more" in outcome.reasons[0]


def test_files_of_a_killed_try_go_when_the_candidate_is_refused(workspace: Workspace) -> None:
    bench = bench_of(workspace)
    useless = quarantine("roses.md")
    files.save(workspace.root, useless)
    assert publish_repairs(bench, [finding(useless)]).state == "refused"
    assert standing(workspace) == []


def test_a_persons_own_repair_is_not_overruled(workspace: Workspace) -> None:
    own = quarantine("roses.md", finding="", by="anna")
    files.save(workspace.root, own)
    outcome = publish_repairs(bench_of(workspace), [finding(Restore(source="docs/roses.md", **signed()))])
    assert outcome.state == "refused"
    assert "docs/roses.md" in outcome.reasons[0]
    assert standing(workspace) == [repair_id(own)]


def test_another_release_that_went_live_meanwhile_is_built_upon(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(workspace)
    found = proven(bench)
    runs: list[str] = []

    def meanwhile(*arguments: Any) -> Any:
        if not runs:
            workspace.write({"delivery.md": "# Delivery\n\nA parcel comes by drone.\n"})
            workspace.ingest()
        runs.append(live_of(workspace))
        return case_reasons(*arguments)

    monkeypatch.setattr(publish, "case_reasons", meanwhile)
    outcome = publish_repairs(bench, [found])
    assert (outcome.state, outcome.before, len(runs)) == ("published", runs[0], 2)
    check_published(workspace, outcome, runs[0])
    assert any("drone" in text for text in workspace.texts("docs/delivery.md"))


def test_a_document_that_is_wanted_changes_no_release(workspace: Workspace) -> None:
    before = live_of(workspace)
    wanted = MissingDocument(questions=(QUESTION,), wanted="the terms of 2026", **signed())
    outcome = publish_repairs(bench_of(workspace), [finding(wanted)])
    assert (outcome.state, live_of(workspace)) == ("asked", before)
    assert standing(workspace) == [repair_id(wanted)]
    publish_repairs(bench_of(workspace), [finding(wanted)])
    assert kinds(workspace) == ["applied"]


def test_a_repair_that_changes_nothing_is_not_published(workspace: Workspace) -> None:
    before = live_of(workspace)
    outcome = publish_repairs(bench_of(workspace), [finding(quarantine("nowhere.md"))])
    assert outcome.state in ("unchanged", "refused")
    assert live_of(workspace) == before
    assert standing(workspace) == []


def test_a_case_that_a_person_rejected_stays_rejected(workspace: Workspace) -> None:
    write_cases(workspace, {"id": "feedback-1", "question": QUESTION, "answer": None, "state": "rejected"})
    bench = bench_of(workspace)
    assert publish_repairs(bench, [proven(bench)]).state == "published"
    assert [case.state for case in load_cases(workspace.root, "default")] == ["rejected"]


def test_taken_back_the_old_answer_is_there_again(workspace: Workspace) -> None:
    before, bench = live_of(workspace), bench_of(workspace)
    content = workspace.open().manifest.content
    published = publish_repairs(bench, [proven(bench)])
    result = revert_repairs(bench_of(workspace), [NAME], "anna", "it was wrong after all")
    assert (result.state, result.before, result.release) == ("published", published.release, live_of(workspace))
    assert workspace.open().manifest.content == content
    assert standing(workspace) == []
    assert "14 days" in ask(bench_of(workspace)).answer
    assert [case.state for case in load_cases(workspace.root, "default")] == ["proposed"]
    event = list_events(workspace.environment())[0]
    assert (event.kind, event.by, event.repairs, event.findings) == ("reverted", "anna", (NAME,), ("f1",))
    changes = read_changes(bench.environment, result.release)
    assert changes is not None
    assert f"Taken back: `{NAME}`" in changes
    assert before != result.release


def test_after_a_rollback_only_the_files_go(workspace: Workspace) -> None:
    from index.history import rollback

    before, bench = live_of(workspace), bench_of(workspace)
    publish_repairs(bench, [proven(bench)])
    rollback(workspace.environment(), "default", None)
    result = revert_repairs(bench_of(workspace), [NAME], "ragpress loop", "signals turned")
    assert (result.state, result.release) == ("removed", before)
    assert standing(workspace) == []
    assert not workspace.ingest().published


REVERT_STEPS: list[tuple[object, str]] = [
    (revert, "unguard"),
    (revert, "ingest"),
    (revert, "keep_changes"),
    (files, "discard"),
    (Releases, "publish"),
    (revert, "record"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), REVERT_STEPS, ids=[step for _, step in REVERT_STEPS])
def test_taking_back_that_was_stopped_is_finished_by_a_second_run(
    workspace: Workspace, owner: object, step: str, when: str
) -> None:
    content = workspace.open().manifest.content
    bench = bench_of(workspace)
    publish_repairs(bench, [proven(bench)])
    with stopped(owner, step, when):
        revert_repairs(bench_of(workspace), [NAME], "anna", "no")
    try:
        revert_repairs(bench_of(workspace), [NAME], "anna", "no")
    except UsageError:
        assert workspace.open().manifest.content == content
    workspace.ingest()
    assert workspace.open().manifest.content == content
    assert standing(workspace) == []


def test_a_release_without_the_repair_that_the_gate_refuses_leaves_it_in_force(workspace: Workspace) -> None:
    bench = bench_of(workspace)
    publish_repairs(bench, [proven(bench)])
    quote = {"source": "docs/returns-2025.md", "quote": RIGHT}
    line = {"id": "own", "question": QUESTION, "answer": "45 days", "tags": ["must"], "evidence": [quote]}
    write_cases(workspace, line)
    live = live_of(workspace)
    result = revert_repairs(bench_of(workspace), [NAME], "anna", "no")
    assert (result.state, live_of(workspace), standing(workspace)) == ("refused", live, [NAME])
    assert {case.id: case.state for case in load_cases(workspace.root, "default")} == {
        "feedback-1": "accepted",
        "own": "accepted",
    }
    forced = revert_repairs(bench_of(workspace), [NAME], "anna", "no", override="the terms changed")
    assert (forced.state, standing(workspace)) == ("published", [])


def test_an_unknown_repair_cannot_be_taken_back(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="no repair 'quarantine-0'"):
        revert_repairs(bench, ["quarantine-0"], "anna", "")


def test_conflicts_twice_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of(workspace)
    found = proven(bench)

    def busy(*_: Any, **__: Any) -> Any:
        raise ConflictError("Another release went live.")

    monkeypatch.setattr(Releases, "publish", busy)
    before = live_of(workspace)
    with pytest.raises(ConflictError):
        publish_repairs(bench, [found])
    assert live_of(workspace) == before


def test_the_files_are_text_that_a_person_can_read(workspace: Workspace) -> None:
    bench = bench_of(workspace)
    publish_repairs(bench, [proven(bench)])
    path: Path = workspace.root / "repairs" / f"{NAME}.json"
    assert json.loads(path.read_text(encoding="utf-8"))["newer"] == "docs/returns-2025.md"
