"""What users say of answers becomes proposed cases, once for each question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluation.cases import files
from evaluation.cases.feedback import import_feedback
from evaluation.cases.importing.records import ImportReport
from evaluation.records import Case, Evidence
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord
from serving.types import Turn
from tests.serving.journalled import answered, keep, passage, rated
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

LEAVE = "# Leave\n\nStaff take twenty-five days of leave each year. Ask your lead in time.\n\n" + "More of it. " * 30
DAYS = "Staff take twenty-five days of leave each year."
DAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"leave.md": LEAVE})
    made.ingest()
    return made


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[AnswerJournal]:
    environment = workspace.environment()
    opened = AnswerJournal(environment, environment.workspace.service.journal)
    yield opened
    opened.close()


def _answer(question: str = "How many days of leave?", **fields: Any) -> AnswerRecord:
    record = answered(DAY, question=question, **fields)
    return msgspec.structs.replace(record, groups=("hr",), history=(Turn("user", "Hello"),))


def _import(workspace: Workspace, journal: AnswerJournal) -> ImportReport:
    return import_feedback(workspace.environment(), journal, "default", None, ("users",))


def _cases(workspace: Workspace) -> list[Case]:
    return list(files.load_cases(workspace.root, "default"))


def test_a_correction_with_its_source_is_proposed_with_the_passage_that_supports_it(
    workspace: Workspace, journal: AnswerJournal
) -> None:
    answer = _answer()
    claim = "Staff take twenty-five days of leave."
    given = rated(answer, DAY, correction=claim, expected_sources=("docs/leave.md",), comment="wrong number")
    keep(journal, answer, given)
    report = _import(workspace, journal)
    (case,) = _cases(workspace)
    assert (report.imported, report.accepted, report.unmatched) == (1, 0, ())
    assert (case.state, case.answer, case.origin) == ("proposed", claim, f"feedback:{given.id}")
    assert case.evidence == (Evidence("docs/leave.md", DAYS),)
    assert (case.principal, case.history, case.tags) == (("hr",), (Turn("user", "Hello"),), ("users",))
    assert "wrong number" in case.note


def test_importing_again_adds_nothing_and_keeps_what_a_person_decided(
    workspace: Workspace, journal: AnswerJournal
) -> None:
    answer = _answer()
    keep(journal, answer, rated(answer, DAY, correction="Thirty."))
    _import(workspace, journal)
    (case,) = _cases(workspace)
    files.replace_cases(workspace.root, {case.id: msgspec.structs.replace(case, state="accepted", answer="25")})
    keep(journal, rated(answer, DAY + timedelta(days=1), correction="Forty."))
    report = _import(workspace, journal)
    assert (report.imported, report.mended, report.duplicates) == (0, 0, 1)
    assert _cases(workspace)[0].answer == "25"


def test_the_last_word_counts_and_what_contradicts_it_is_noted(workspace: Workspace, journal: AnswerJournal) -> None:
    answer = _answer()
    first = rated(answer, DAY, correction="Twenty days.")
    keep(journal, answer, first)
    assert _import(workspace, journal).imported == 1
    keep(journal, rated(answer, DAY + timedelta(days=1), correction="Twenty-five days."))
    assert _import(workspace, journal).mended == 1
    (case,) = _cases(workspace)
    assert case.answer == "Twenty-five days."
    assert f"Contradicted by feedback {first.id}" in case.note


def test_a_right_answer_is_proposed_with_what_it_cites(workspace: Workspace, journal: AnswerJournal) -> None:
    answer = _answer(text="It is so. [1]")
    keep(journal, answer, rated(answer, DAY, rating="up"))
    _import(workspace, journal)
    (case,) = _cases(workspace)
    assert (case.answer, case.state) == ("It is so.", "proposed")
    assert case.evidence == (Evidence("docs/one.md", "a passage"),)


def test_a_right_abstention_must_be_abstained_from(workspace: Workspace, journal: AnswerJournal) -> None:
    answer = _answer(text="The documents do not say.", abstained=True, citations=())
    keep(journal, answer, rated(answer, DAY, rating="up"))
    _import(workspace, journal)
    assert [(case.must_abstain, case.answer, case.evidence) for case in _cases(workspace)] == [(True, None, ())]


def test_a_correction_finds_its_passage_among_those_the_answer_had(
    workspace: Workspace, journal: AnswerJournal
) -> None:
    answer = _answer(
        context=(passage("d1", "docs/other.md", text="Cats sleep."), passage("d2", "docs/leave.md", text=DAYS))
    )
    keep(journal, answer, rated(answer, DAY, correction="Staff take twenty-five days of leave."))
    _import(workspace, journal)
    assert _cases(workspace)[0].evidence == (Evidence("docs/leave.md", DAYS),)


def test_a_correction_that_nothing_supports_says_so(workspace: Workspace, journal: AnswerJournal) -> None:
    answer = _answer()
    keep(journal, answer, rated(answer, DAY, correction="Ask the moon.", expected_sources=("docs/leave.md",)))
    report = _import(workspace, journal)
    assert "hardly says this" in report.unmatched[0].reason


def test_feedback_that_says_nothing_of_the_right_answer_is_no_case(
    workspace: Workspace, journal: AnswerJournal
) -> None:
    answer = _answer()
    keep(journal, answer, rated(answer, DAY, comment="bad"), rated(_answer("Else?"), DAY, rating="up"))
    report = _import(workspace, journal)
    assert report.imported == 0
    assert sorted(item.reason.split()[0] for item in report.refused) == ["it", "the"]


def test_the_same_question_twice_is_one_case(workspace: Workspace, journal: AnswerJournal) -> None:
    one, other = _answer(), _answer("how many  days of LEAVE?")
    keep(journal, one, other, rated(one, DAY, correction="25."), rated(other, DAY, correction="25."))
    assert _import(workspace, journal).imported == 1
    assert "Contradicted" not in _cases(workspace)[0].note
