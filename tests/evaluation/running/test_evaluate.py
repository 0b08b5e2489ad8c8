"""Cases run on a real release: results, errors, reuse, and what counts as finished."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from evaluation.metrics.answers import AnswerFacts, Scorer
from evaluation.records import Case, CaseResult, Evidence, EvidenceState, Scored
from evaluation.running.kept import MEMO
from ragpress.errors import GeneratorRefusedError, GeneratorUnavailableError, StorageError
from ragpress.storage.local import LocalStore
from serving.types import Turn
from tests.evaluation.running.samples import (
    CASES,
    DOCUMENTS,
    Scripted,
    by_case,
    case,
    failing,
    run,
    subject_with,
)
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

MOVING = "\n[context]\npassages = 1\nneighbours = 0\n\n[chunk]\nmax_tokens = 64\nmin_tokens = 8\n"
TEA = (
    "# Green tea\n\n## Price\n\nA cup costs {price}, and the jug is free of charge for everyone who comes along.\n\n"
    "## Steeping\n\nGreen tea from the garden steeps for two minutes.\n"
)
DOWN = GeneratorUnavailableError("nobody listens")


def asked_often(times: int) -> list[Case]:
    """One question, each time with a question mark more."""
    return [case(f"tea-{number}", "How long does green tea steep" + "?" * number, "") for number in range(1, times + 1)]


def parts(result: CaseResult) -> CaseResult:
    """A result without what differs from run to run."""
    return replace(result, reused=False, cost=type(result.cost)())


def test_every_case_has_its_answer_evidence_and_scores_in_order(made: Workspace) -> None:
    found = run(made)

    assert [result.case for result in found.results] == ["kettle", "tea", "ferry", "lamp"]
    kettle = found.results[0]
    assert "96 degrees" in (kettle.answer or "")
    assert kettle.evidence[0].state is EvidenceState.FOUND
    assert kettle.hits[0].source == "docs/kettle.md"
    assert kettle.hits[0].covers == (0,)
    assert kettle.citations[0].source == "docs/kettle.md"
    assert kettle.scores["recall@1"] == kettle.scores["passed"] == kettle.scores["span_recall"] == 1.0
    assert kettle.missing["abstention_recall"]
    assert kettle.generator.kind == "extractive"
    assert not kettle.reused
    assert found.totals.judged == len(CASES)
    assert found.totals.embedded > len(CASES)
    assert 0 < found.totals.outside_seconds < found.totals.cpu_seconds


def test_a_second_run_reuses_every_answer_and_embeds_nothing(made: Workspace) -> None:
    first = run(made)
    second = run(made)

    assert all(result.reused for result in second.results)
    assert (second.totals.judged, second.totals.reused, second.totals.embedded) == (0, len(CASES), 0)
    assert second.totals.saved_seconds > 0
    assert [parts(one) for one in second.results] == [parts(one) for one in first.results]
    assert second.results[0].cost == first.results[0].cost


def test_fresh_judges_again_what_is_known(made: Workspace) -> None:
    first = run(made)
    again = run(made, reuse=False)

    assert again.totals.judged == len(CASES)
    assert [parts(one) for one in again.results] == [parts(one) for one in first.results]


def test_an_edit_judges_the_cases_whose_passages_changed_and_maps_the_others_onto_the_new_release(
    made: Workspace,
) -> None:
    run(made)
    # Above the quote, so that nothing of the document stands where it stood.
    made.write(
        {"tea.md": "# Green tea\n\nA cup costs one coin.\n\nGreen tea from the garden steeps for two minutes.\n"}
    )
    made.ingest()
    found = by_case(run(made))
    fresh = by_case(run(made, reuse=False))

    assert not found["tea"].reused
    for name, result in found.items():
        assert parts(result) == parts(fresh[name])
        chunks = {passage.chunk_id for passage in result.passages}
        assert {citation.chunk_id for citation in result.citations} <= chunks
    reads = {name for name, result in found.items() if any(one.source == "docs/tea.md" for one in result.passages)}
    assert {name for name, result in found.items() if not result.reused} == reads


def test_text_that_moves_keeps_its_answer_and_its_citation_follows(made: Workspace) -> None:
    made.configure((made.root / "ragpress.toml").read_text() + MOVING)
    made.write({"tea.md": TEA.format(price="one coin")})
    made.ingest()
    before = run(made, CASES[1:2]).results[0]
    made.write({"tea.md": TEA.format(price="one coin, or two of the small ones that the islanders use")})
    made.ingest()
    found = run(made, CASES[1:2]).results[0]

    assert found.reused
    assert found.answer == before.answer
    (old,), (new,) = before.citations, found.citations
    assert new.start > old.start
    release = made.open()
    chunks = release.chunk_rows(release.document("docs/tea.md")).to_pylist()
    (chunk,) = [chunk for chunk in chunks if chunk["chunk_id"] == new.chunk_id]
    assert chunk["text"][new.start - chunk["start"] : new.end - chunk["start"]] == new.quote
    assert "steeps for two minutes" in new.quote


def test_a_corrected_reference_is_judged_anew_and_nobody_is_asked_again(made: Workspace) -> None:
    generator = Scripted(lambda question: "The kettle in the valley hut boils at 96 degrees [1].")
    wrong = replace(CASES[0], answer="at 40 degrees")
    first = run(made, (wrong,), subject_with(made, generator)).results[0]
    second = run(made, (CASES[0],), subject_with(made, generator))

    assert first.scores["passed"] == 0.0
    assert second.results[0].scores["passed"] == 1.0
    assert not second.results[0].reused
    assert len(generator.asked) == 1
    assert (second.totals.saved_tokens, second.totals.prompt_tokens) == (14, 0)


def test_other_settings_of_the_generator_or_prompt_ask_again(made: Workspace) -> None:
    run(made, CASES[:1])
    made.configure((made.root / "ragpress.toml").read_text() + "\n[generator]\nsentences = 1\n")
    made.ingest(compact=True)

    assert not run(made, CASES[:1]).results[0].reused


def test_what_fails_in_one_case_is_its_result(made: Workspace) -> None:
    def reply(question: str) -> str:
        if "kettle" in question:
            raise GeneratorRefusedError("the context is too long")
        if "tea" in question:
            raise ZeroDivisionError("a plugin's fault")
        return "The ferry to the island leaves at dawn [1]."

    generator = Scripted(reply)
    cases = (*CASES[:3], Case(id="empty", question=" \u200b"))
    found = by_case(run(made, cases, subject_with(made, generator)))

    kettle, tea, empty = (found[name].error for name in ("kettle", "tea", "empty"))
    assert kettle is not None
    assert (kettle.step, kettle.kind) == ("generate", "GeneratorRefusedError")
    assert "too long" in kettle.message
    assert tea is not None
    assert (tea.step, tea.kind) == ("generate", "ZeroDivisionError")
    assert empty is not None
    assert (empty.step, empty.kind) == ("retrieve", "UsageError")
    assert found["kettle"].hits
    assert found["kettle"].answer is None
    assert not found["kettle"].scores
    assert found["ferry"].error is None


def test_a_failed_case_is_asked_again_and_a_finished_one_is_not(made: Workspace) -> None:
    broken = Scripted(
        lambda question: failing(GeneratorRefusedError("no"))(question) if "tea" in question else "Yes [1]."
    )
    run(made, CASES, subject_with(made, broken))
    mended = Scripted(lambda question: "Green tea steeps for two minutes [1].")
    found = run(made, CASES, subject_with(made, mended))

    assert mended.asked == ["How long does green tea steep?"]
    assert [result.case for result in found.results if not result.reused] == ["tea"]


class _Breaking(Scorer):
    def score(self, case: Case, answer: AnswerFacts) -> Scored:
        raise ValueError("a metric that cannot")


def test_a_metric_that_fails_is_an_error_of_the_step_and_keeps_the_answer(made: Workspace) -> None:
    generator = Scripted(lambda question: "The kettle boils at 96 degrees [1].")
    subject = subject_with(made, generator)
    scorer = _Breaking(None, subject.answerer.parts.checker, 0.38)
    found = run(made, CASES[:1], subject, scorer=scorer).results[0]

    assert found.error is not None
    assert (found.error.step, found.error.kind, found.error.message) == ("score", "ValueError", "a metric that cannot")
    run(made, CASES[:1], subject_with(made, generator))
    assert len(generator.asked) == 1


def test_a_server_that_is_down_ends_the_asking_and_says_so(made: Workspace) -> None:
    cases = asked_often(30)
    generator = Scripted(failing(DOWN))
    found = run(made, cases, subject_with(made, generator), concurrency=1)

    assert len(generator.asked) == 5
    errors = [result.error for result in found.results]
    assert all(error is not None and error.kind == "GeneratorUnavailableError" for error in errors)
    last = errors[-1]
    assert last is not None
    assert last.message.startswith("Not asked: the 5 cases before it got no answer either. nobody listens")


def test_an_answer_in_between_shows_that_the_server_is_there(made: Workspace) -> None:
    cases = asked_often(16)

    def reply(question: str) -> str:
        if question.count("?") % 5 == 0:
            return "Green tea steeps for two minutes [1]."
        raise DOWN

    generator = Scripted(reply)
    run(made, cases, subject_with(made, generator), concurrency=1)

    assert len(generator.asked) == 16


def test_a_case_is_reported_when_its_answer_is_on_the_disk(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.running.evaluate._UNSEALED_SECONDS", 0.0)
    store = made.environment().store
    sealed: list[int] = []

    def progress(result: CaseResult) -> None:
        sealed.append(len(list(store.list(f"memo/{MEMO}/"))))

    run(made, progress=progress)
    assert sealed == [1, 2, 3, 4]


def test_what_cannot_be_kept_ends_the_run(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    create: Callable[..., None] = LocalStore.create
    told: list[str] = []

    def full(self: LocalStore, key: str, data: bytes) -> None:
        if key.startswith(f"memo/{MEMO}/"):
            raise StorageError(f"Cannot write {key}: No space left on device.")
        create(self, key, data)

    monkeypatch.setattr(LocalStore, "create", full)
    with pytest.raises(StorageError, match="No space left on device"):
        run(made, progress=lambda result: told.append(result.case))
    assert told == []


def test_evidence_that_the_source_no_longer_says_is_for_review(made: Workspace) -> None:
    made.write({"kettle.md": DOCUMENTS["kettle.md"].replace("96 degrees", "90 degrees")})
    made.ingest()
    found = by_case(run(made))

    assert "no longer says" in found["kettle"].review
    assert found["kettle"].answer
    assert not found["tea"].review


def test_evidence_that_is_gone_scores_nothing(made: Workspace) -> None:
    (made.docs / "kettle.md").unlink()
    made.ingest()
    result = by_case(run(made))["kettle"]

    assert not result.review
    assert result.scores["recall@10"] == result.scores["passed"] == 0.0


def test_a_case_is_asked_as_its_groups(made: Workspace) -> None:
    settings = (made.root / "ragpress.toml").read_text()
    made.configure(settings + '\n[access]\ndefault = ["everyone"]\nrules = {"docs/kettle.md" = ["engineers"]}\n')
    made.ingest()
    asked = [replace(CASES[0], id=name, principal=groups) for name, groups in (("in", ("engineers",)), ("out", ()))]
    found = by_case(run(made, (*asked, CASES[0])))

    assert found["in"].hits[0].source == found["kettle"].hits[0].source == "docs/kettle.md"
    assert all(hit.source != "docs/kettle.md" for hit in found["out"].hits)
    assert found["out"].scores["recall@10"] == 0.0


def test_a_follow_up_is_rewritten_once(made: Workspace) -> None:
    history = (Turn("user", "Tell me about green tea."), Turn("assistant", "It grows in the garden."))
    follow_up = case("tea", "How long does it steep?", "two minutes", history=history)
    generator = Scripted(lambda question: "Two minutes [1].", lambda request: "How long does green tea steep?")
    first = run(made, (follow_up,), subject_with(made, generator)).results[0]
    second = run(made, (follow_up,), subject_with(made, generator)).results[0]

    assert first.hits[0].source == "docs/tea.md"
    assert second.reused
    assert (generator.rewritten, len(generator.asked)) == (1, 1)


def test_cases_are_answered_at_the_same_time_where_a_server_answers(made: Workspace) -> None:
    serial = run(made, CASES, subject_with(made, Scripted(str.upper)), concurrency=1)
    for folder in ("evaluation",):
        for key, _ in list(made.environment().store.list(f"memo/{folder}/")):
            made.environment().store.delete(key)
    together = run(made, CASES, subject_with(made, Scripted(str.upper)), concurrency=8)

    assert [parts(one) for one in together.results] == [parts(one) for one in serial.results]


def test_small_packs_are_put_together(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.running.kept._MOST_PACKS", 2)
    monkeypatch.setattr("evaluation.running.evaluate._UNSEALED_SECONDS", 0.0)
    run(made)
    store = made.environment().store

    assert len(list(store.list(f"memo/{MEMO}/"))) == 1
    assert run(made).totals.reused == len(CASES)


def test_a_writer_at_work_is_left_alone(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.running.kept._MOST_PACKS", 0)
    environment = made.environment()
    with environment.store.writer("default", 0.0):
        found = run(made)

    assert found.totals.judged == len(CASES)


def test_no_cases_give_no_results(made: Workspace) -> None:
    found = run(made, ())

    assert found.results == ()
    assert found.totals.judged == found.totals.reused == 0


def test_the_evidence_of_several_documents_is_located_each(made: Workspace) -> None:
    both = Case(
        id="both",
        question="When does the ferry leave and how long does green tea steep?",
        evidence=(Evidence("docs/ferry.md", "leaves at dawn"), Evidence("docs/tea.md", "steeps for two minutes")),
    )
    result = run(made, (both,)).results[0]

    assert [item.source for item in result.evidence] == ["docs/ferry.md", "docs/tea.md"]
    assert {place for hit in result.hits for place in hit.covers} == {0, 1}


def test_two_evaluations_at_the_same_time_leave_whole_answers(made: Workspace) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = (one.result() for one in [pool.submit(run, made) for _ in range(2)])
    third = run(made)

    assert [parts(one) for one in first.results] == [parts(one) for one in second.results]
    assert third.totals.reused == len(CASES)
    assert [parts(one) for one in third.results] == [parts(one) for one in first.results]
