"""Generating cases of a real workspace by templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.cases.files import load_cases
from evaluation.generate.drafting import normalised
from evaluation.generate.records import GenerateReport, GenerateRequest
from evaluation.generate.run import generate
from evaluation.records import Case
from ragpress.errors import SettingsError, UsageError
from serving.prompting import without_hidden
from tests.evaluation.generate.samples import FILES, HOSTILE
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("generate"))
    made.write(FILES)
    made.ingest()
    return made


def generated(workspace: Workspace, **changes: object) -> GenerateReport:
    """A run whose file is taken away again, so that the next one finds the workspace as it was."""
    report = generate(workspace.environment(), GenerateRequest(**{"count": 60, **changes}))  # type: ignore[arg-type]
    for path in (workspace.root / "cases").glob("*.jsonl"):
        path.unlink()
    return report


@pytest.fixture(scope="module")
def report(workspace: Workspace) -> GenerateReport:
    return generated(workspace)


def answered(report: GenerateReport) -> list[Case]:
    """Cases that a document answers."""
    return [case for case in report.cases if not case.must_abstain]


def test_every_quote_stands_in_its_source_word_for_word(report: GenerateReport) -> None:
    cases = answered(report)
    assert len(cases) >= 15
    for case in cases:
        (evidence,) = case.evidence
        assert evidence.quote in FILES[evidence.source.removeprefix("docs/")]
        assert "".join((case.answer or "").split()) in "".join(evidence.quote.replace("*", "").split())


def test_good_questions_of_each_kind_are_among_them(report: GenerateReport) -> None:
    asked = {case.question: case.answer for case in report.cases}
    assert asked["According to “Ferry to Norholm”, how many minutes does the crossing take?"] == "45 minutes"
    assert asked["According to “Ferry to Norholm”, what is the price in EUR for adult?"] == "24"
    assert asked["May I take a dog?"] == "Yes, on the open deck and on a leash."
    assert asked["What is Norholm?"] == "a low island of chalk and heather"
    assert asked["根据《北港码头须知》，“成人票”的价格是多少？"] == "30 元"
    assert asked["根据《北港码头须知》，关于“宠物”，“其他规定”部分是怎么说的？"] == "必须牵绳"
    assert any(question.endswith("建于哪一年？") and answer == "1936 年" for question, answer in asked.items())
    assert report.languages["en"] > 3
    assert report.languages["zh"] > 3


def test_hostile_documents_code_and_copies_are_not_asked_about(report: GenerateReport) -> None:
    text = json.dumps([case.question for case in report.cases])
    assert "crane" not in text
    assert "900" not in json.dumps([case.answer for case in report.cases])
    assert HOSTILE[:20] not in text
    assert report.skipped["marked injection"] == 1
    questions = [normalised(case.question) for case in report.cases]
    assert len(questions) == len(set(questions))


def test_every_case_is_a_proposal_that_says_where_it_comes_from(report: GenerateReport) -> None:
    assert {case.state for case in report.cases} == {"proposed"}
    assert {case.origin for case in report.cases} == {"generated:templates", "generated:unanswerable"}
    assert sum(report.kinds.values()) == report.written == len(report.cases)
    assert all(without_hidden(case.question) == case.question for case in report.cases)


def test_unanswerable_questions_exchange_like_for_like_and_no_document_states_them(report: GenerateReport) -> None:
    cases = [case for case in report.cases if case.must_abstain]
    assert cases
    for case in cases:
        assert case.answer is None
        assert case.evidence == ()
    asked = {case.question for case in cases}
    tables = {question for question in asked if "opens on" in question or "valid for" in question}
    assert tables <= {
        *(f"According to “Ferry to Norholm”, what is the opens on for {row}?" for row in ("adult", "child")),
        *(f"According to “Norholm island”, what is the valid for for {row}?" for row in ("museum", "tower")),
    }


def test_the_same_seed_gives_the_same_cases_and_another_one_another_order(workspace: Workspace) -> None:
    first, again, other = (generated(workspace, count=8, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert [case.id for case in first.cases] != [case.id for case in other.cases]


def test_what_is_asked_already_is_not_asked_again(workspace: Workspace) -> None:
    environment = workspace.environment()
    first = generate(environment, GenerateRequest(count=6, unanswerable=0))
    second = generate(environment, GenerateRequest(count=6, unanswerable=0))
    kept = load_cases(workspace.root, "default")
    for path in (workspace.root / "cases").glob("*.jsonl"):
        path.unlink()
    assert kept == (*first.cases, *second.cases)
    assert len({case.question for case in kept}) == len(kept) == 12


def test_a_pattern_restricts_the_sources(workspace: Workspace) -> None:
    report = generated(workspace, sources="码头.md", unanswerable=0)
    assert {evidence.source for case in report.cases for evidence in case.evidence} == {"docs/码头.md"}
    assert report.skipped["not asked for"] == 4


def test_a_question_that_another_document_answers_differently_is_dropped(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write(
        {
            "a.md": "# Old notes\n\nMount Kessel was opened for visitors in 1954. The hut has 30 beds.\n",
            "b.md": "# New notes\n\nMount Kessel was opened for visitors in 1963. The hut has 30 beds.\n",
        }
    )
    workspace.ingest()
    report = generate(workspace.environment(), GenerateRequest(count=20, unanswerable=0))
    assert report.dropped["answered differently elsewhere"] == 2
    assert not any("Kessel" in case.question for case in report.cases)


@pytest.mark.parametrize("changes", [{"count": 0}, {"unanswerable": 1.5}])
def test_values_that_make_no_sense_are_refused(workspace: Workspace, changes: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected"):
        generate(workspace.environment(), GenerateRequest(**changes))  # type: ignore[arg-type]


def test_a_model_that_is_not_set_is_asked_for(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match="base_url"):
        generate(workspace.environment(), GenerateRequest(model=True))


TARIFFS = "\n".join(
    ["# Tariffs of the harbour", "", "| berth | price in EUR | depth |", "| --- | --- | --- |"]
    + [f"| Pier {name} | {20 + at} | {3 + at} m |" for at, name in enumerate("ABCDEFGH")]
)
PLAIN = "# Rules of the harbour\n\nThe crossing takes 45 minutes. The tower was built in 1871.\n"


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"tariffs.md": TARIFFS, "rules.md": PLAIN})
    made.ingest()
    return made


def test_no_kind_crowds_out_the_others(small: Workspace) -> None:
    report = generated(small, count=10, unanswerable=0)
    assert report.kinds["table"] == 4
    assert len(report.kinds) > 1
    assert report.dropped["too many of one kind"] > 0
    assert any("kind table" in note and "40%" in note for note in report.notes)


def test_a_kind_that_has_no_others_beside_it_is_not_capped(tmp_path: Path) -> None:
    alone = Workspace(tmp_path)
    alone.write({"tariffs.md": TARIFFS})
    alone.ingest()
    report = generated(alone, count=10, unanswerable=0)
    assert report.kinds == {"table": 8}
    assert report.dropped.get("too many of one kind", 0) == 0
    assert report.notes == ()


def test_a_small_folder_has_questions_that_it_does_not_answer(small: Workspace) -> None:
    report = generated(small, count=10, unanswerable=0.3)
    asked = [case.question for case in report.cases if case.must_abstain]
    assert len(asked) == 3
    assert all("of the harbour”" in question for question in asked)


def test_what_a_document_says_of_itself_is_not_asked_and_too_few_are_owned_up_to(tmp_path: Path) -> None:
    said = "Written by Ann Dahl. Call us by phone. The next review is in May. The board approved it."
    full = Workspace(tmp_path)
    full.write({"rules.md": f"{PLAIN}\n{said}\n"})
    full.ingest()
    report = generated(full, count=10, unanswerable=0.3)
    assert [case.question for case in report.cases if case.must_abstain] == []
    assert any(note.startswith("0 of 3 questions that no document answers") for note in report.notes)
