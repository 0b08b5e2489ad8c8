"""Rounds over a whole workspace: what is done, that nothing is done twice, and that one failure ends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feedback.diagnose.diagnose import diagnose
from feedback.loop.budget import Budget
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.approvals import decide
from index.findings import Finding, find_finding, list_findings
from index.history import rollback
from index.repairs import files
from ragpress.errors import ModelError, WriterBusyError
from tests.feedback.loop.looped import LOOP, RIGHT, Looped

pytestmark = pytest.mark.workspace


@pytest.fixture
def looped(tmp_path: Path) -> Iterator[Looped]:
    made = Looped(tmp_path)
    yield made
    made.close()


def test_a_correction_leads_to_a_release_that_answers_rightly_and_then_nothing_more_is_done(looped: Looped) -> None:
    wrong = looped.ask()
    assert "4 euro" in wrong.answer
    looped.complain(wrong)
    report = looped.round()
    assert report.published == (looped.live,)
    assert "6 euro" in looped.ask().answer
    kinds = looped.kinds()
    assert kinds[:4] == ["found", "proven", "applied", "published"]
    again = looped.round()
    assert (again.found, again.published, again.left, again.failed) == ((), (), 0, 0)
    assert [kind for kind in looped.kinds() if kind not in {"replayed"}] == kinds[:4]


def test_changed_sources_are_ingested_and_told(looped: Looped) -> None:
    before = looped.live
    assert looped.round().ingested is None
    looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
    report = looped.round()
    assert report.ingested == looped.live != before
    (event,) = looped.events
    assert (event.kind, event.to) == ("ingested", before)
    assert "1 added" in event.text


def test_one_case_that_fails_is_told_and_the_others_go_on(looped: Looped, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fails_for_tea(bench: Workbench, bad: BadCase) -> Finding:
        tried.append(bad.question)
        if "tea" in bad.question:
            raise ModelError("there is no tea")
        return diagnose(bench, bad)

    monkeypatch.setattr("feedback.loop.diagnosing.diagnose", fails_for_tea)
    looped.complain(looped.ask("When is green tea served?"), "Green tea is served at three.")
    looped.complain(looped.ask())
    report = looped.round()
    assert (report.failed, len(report.published)) == (1, 1)
    (failed,) = [event for event in looped.events if event.kind == "failed"]
    assert "there is no tea" in failed.text
    looped.round()
    # What is live has changed, so it is tried again; and then not before a minute has gone.
    assert tried.count("When is green tea served?") == 2
    looped.round()
    assert tried.count("When is green tea served?") == 2


def test_an_unexpected_error_is_told_without_users_words(looped: Looped, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_bench: Workbench, bad: BadCase) -> Finding:
        raise RuntimeError(bad.question)

    monkeypatch.setattr("feedback.loop.diagnosing.diagnose", breaks)
    looped.complain(looped.ask())
    assert looped.round().failed == 1
    (failed,) = looped.events
    assert "RuntimeError at tests.feedback.loop.test_round" in failed.text


def test_another_writer_is_waited_for_and_no_failure(looped: Looped, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_bench: Workbench, _bad: BadCase) -> Finding:
        raise WriterBusyError("somebody writes")

    monkeypatch.setattr("feedback.loop.diagnosing.diagnose", busy)
    looped.complain(looped.ask())
    report = looped.round()
    assert report.again
    assert looped.events == []


def test_what_waits_for_a_person_is_told_once_and_published_when_approved(tmp_path: Path) -> None:
    looped = Looped(tmp_path, LOOP + 'publish = "approve"\n')
    looped.complain(looped.ask())
    before = looped.live
    report = looped.round()
    (waiting,) = report.waiting
    looped.round()
    assert looped.kinds() == ["found", "proven", "waiting"]
    assert looped.live == before
    finding = find_finding(looped.environment, waiting)
    assert finding is not None
    decide(looped.environment, finding, "approve", "alice", "it is so")
    assert looped.round().published == (looped.live,)
    assert [event.by for event in looped.events if event.kind == "published"] == ["alice"]
    assert "6 euro" in looped.ask().answer
    looped.close()


def test_what_is_switched_off_only_says_what_is_wrong(tmp_path: Path) -> None:
    looped = Looped(tmp_path, LOOP + 'publish = "off"\n')
    looped.complain(looped.ask())
    looped.round()
    assert looped.kinds() == ["found"]
    looped.close()


def test_without_a_budget_nothing_is_proven_and_this_is_told_once(looped: Looped) -> None:
    looped.complain(looped.ask())
    for _ in range(2):
        report = looped.round(Budget(0, 0))
        assert report.left == 1
        assert not report.again
    # Nothing but the extractive generator answers here, which costs no tokens: the case is diagnosed.
    assert looped.kinds() == ["found", "budget"]
    assert looped.round().published


def test_a_persons_rollback_takes_the_repairs_out_of_the_next_build(looped: Looped) -> None:
    before = looped.live
    looped.complain(looped.ask())
    left = looped.round().published[0]
    rollback(looped.environment, "default", None, by="alice", reason="no good")
    looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
    looped.workspace.ingest()
    looped.round()
    (event,) = [event for event in looped.events if event.kind == "rolled_back"]
    assert (event.release, event.to) == (left, before)
    assert files.load_all(looped.workspace.root, "default") == ()
    looped.round()
    assert "4 euro" in looped.ask().answer
    assert looped.kinds().count("published") == 1


def test_the_same_repair_is_not_published_again_by_itself_after_a_rollback(looped: Looped) -> None:
    looped.complain(looped.ask())
    looped.round()
    rollback(looped.environment, "default", None)
    looped.round()
    looped.complain(looped.ask(), RIGHT + " I said so.")
    looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
    report = looped.round()
    assert report.published == ()
    assert len(report.waiting) == 1
    assert "taken back" in next(event.text for event in looped.events if event.kind == "waiting")


def test_two_complaints_about_one_thing_are_one_finding(looped: Looped) -> None:
    wrong = looped.ask()
    looped.complain(wrong)
    looped.complain(looped.ask())
    looped.round()
    assert len(list_findings(looped.environment)) == 1
    assert looped.kinds().count("published") == 1
