"""What became of one case."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.comparing.case_diff import Rules, by_harm, changed_case, is_read, rank_of
from evaluation.comparing.records import ChangedCase, HitChange, ScoreChange
from evaluation.records import CaseResult, EvidenceState
from tests.evaluation.comparing.samples import case, citation, failed, hit, located, passage, result

RULES = Rules(tested=("recall@10", "passed"), lower_is_better=frozenset())


def changed(before: CaseResult, after: CaseResult, rules: Rules = RULES, **fields: Any) -> ChangedCase:
    found = changed_case(case(**fields), before, after, rules)
    assert found is not None
    return found


def test_a_case_of_which_nothing_counts_is_not_changed() -> None:
    other_chunks = (hit(1, covers=(0,), chunk_id="another id"), hit(2, "docs/c.md"))
    assert changed_case(case(), result(), result(), RULES) is None
    assert changed_case(case(), result(), result(hits=other_chunks, reused=True), RULES) is None


def test_a_lost_answer_is_worse_and_newly_failed() -> None:
    after = result(answer="I could not find it.", scores={"recall@10": 0.5, "passed": 0.0}, citations=())
    found = changed(result(), after, tags=("must",))
    assert (found.direction, found.harm, found.newly_failed, found.newly_passed) == ("worse", 1.5, True, False)
    assert found.scores == (ScoreChange("passed", 1.0, 0.0), ScoreChange("recall@10", 1.0, 0.5))
    assert (found.citations_before, found.citations_after) == (("docs/a.md",), ())
    assert not found.same_answer
    assert found.tags == ("must",)


def test_the_other_way_round_it_is_better() -> None:
    before = result(scores={"recall@10": 0.5, "passed": 0.0})
    found = changed(before, result())
    assert (found.direction, found.harm, found.newly_passed) == ("better", -1.5, True)


def test_metrics_that_are_not_tested_do_no_harm() -> None:
    scores = {"recall@10": 1.0, "passed": 1.0, "token_f1": 0.5}
    found = changed(result(scores=scores), result(scores=scores | {"token_f1": 0.1}))
    assert (found.direction, found.harm) == ("other", 0.0)


def test_less_is_better_where_it_is() -> None:
    rules = Rules(tested=("total_seconds",), lower_is_better=frozenset({"total_seconds"}))
    found = changed(result(scores={"total_seconds": 1.0}), result(scores={"total_seconds": 3.0}), rules)
    assert (found.direction, found.harm) == ("worse", 2.0)


def test_a_score_that_is_missing_on_a_side_is_told_and_does_no_harm() -> None:
    found = changed(result(), result(scores={"recall@10": 1.0}))
    assert found.scores == (ScoreChange("passed", 1.0, None),)
    assert (found.harm, found.newly_failed) == (0.0, False)


def test_an_error_is_worse_than_any_loss() -> None:
    error = changed(result(), result(error=failed(), answer=None, scores={}, evidence=()))
    lost = changed(result(), result(scores={"recall@10": 0.0, "passed": 0.0}, answer="x"))
    assert error.harm > lost.harm
    mended = changed(result(error=failed(), answer=None, scores={}, evidence=()), result())
    assert mended.direction == "better"


def test_a_case_for_review_counts_nowhere() -> None:
    after = result(review="it changed", scores={"recall@10": 0.0, "passed": 0.0}, answer="x")
    found = changed(result(review="it changed"), after)
    assert (found.direction, found.harm, found.scores) == ("other", 0.0, ())


def test_chunks_are_known_by_their_place() -> None:
    before = result(hits=(hit(1, covers=(0,)), hit(2, "docs/b.md"), hit(3, "docs/c.md")))
    after = result(hits=(hit(1, "docs/new.md"), hit(2, covers=(0,)), hit(3, "docs/c.md")))
    assert changed(before, after).hits == (
        HitChange(source="docs/a.md", start=0, end=100, before=1, after=2, covers=(0,)),
        HitChange(source="docs/b.md", start=0, end=100, before=2, after=None),
        HitChange(source="docs/new.md", start=0, end=100, before=None, after=1),
    )


def test_evidence_is_followed_from_side_to_side() -> None:
    lost = result(evidence=(located(EvidenceState.GONE),), hits=(), passages=())
    (item,) = changed(result(), lost).evidence
    assert (item.before, item.after) == (EvidenceState.FOUND, EvidenceState.GONE)
    assert (item.rank_before, item.rank_after, item.read_before, item.read_after) == (1, None, True, False)
    assert not item.same


def test_a_rank_of_the_evidence_counts_without_any_score() -> None:
    after = result(hits=(hit(1, "docs/b.md"), hit(2, covers=(0,))))
    assert changed(result(), after).evidence[0].rank_after == 2


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (passage(chunk_id="docs/a.md#1"), True),
        (passage(chunk_id="its neighbour", text_start=0, text_end=20), True),
        (passage(chunk_id="its neighbour", text_start=0, text_end=15), False),
        (passage(chunk_id="elsewhere", source="docs/b.md"), False),
    ],
)
def test_what_is_read_holds_half_of_the_evidence(read: Any, expected: bool) -> None:
    assert is_read(result(passages=(read,)), 0) is expected


def test_the_first_hit_that_holds_it_counts() -> None:
    hits = (hit(3, covers=(0,)), hit(2, covers=(0, 1)), hit(1))
    assert (rank_of(hits, 0), rank_of(hits, 1), rank_of(hits, 2)) == (2, 2, None)


def test_cited_sources_are_compared() -> None:
    after = result(citations=(citation("docs/b.md"),))
    found = changed(result(), after)
    assert (found.citations_before, found.citations_after) == (("docs/a.md",), ("docs/b.md",))


def test_the_most_harmed_come_first() -> None:
    half = result(case="b", scores={"recall@10": 0.5, "passed": 1.0})
    fails = result(case="c", scores={"recall@10": 1.0, "passed": 0.0})
    nothing = result(case="a", answer="other words")
    gains = changed(result(scores={"recall@10": 0.5, "passed": 1.0}), result(), id="d")
    rows = [gains, *(changed(result(), one, id=one.case) for one in (nothing, half, fails))]
    assert [row.case for row in by_harm(rows)] == ["c", "b", "a", "d"]
