"""What ``make bench-judging`` shows of whole sets must hold for a part of them in every commit."""

from __future__ import annotations

import math

import pytest

from benchmarks.judging import agreements, judged, rated
from benchmarks.judging_sets import halueval_judged, mtrag_damaged, mtrag_judged, xquad_judged
from benchmarks.quality_sets import DATA
from benchmarks.support_sets import faithbench_answers

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.exists(), reason="the benchmark data (shared/data) is not beside the repository"),
]
# The best balanced accuracy of the detectors that FaithBench brings, over all of it (its README).
PUBLISHED = 0.564


def test_faithfulness_is_above_the_published_detectors_of_hard_summaries() -> None:
    found = agreements("faithfulness", {"FaithBench": rated(faithbench_answers())}, resamples=20)
    assert len(found) > 8
    (ours,) = (row for row in found if row.scorer == "ragpress faithfulness")
    assert ours.balanced.value > PUBLISHED
    assert ours.auroc.value > max(row.auroc.value for row in found if not row.scorer.startswith("ragpress"))
    assert all(row.auroc.low <= row.auroc.value <= row.auroc.high for row in found)


def test_right_answers_score_above_wrong_ones() -> None:
    sets = {"HaluEval": halueval_judged()[:900], "XQuAD": xquad_judged("zh", "zh", step=8)}
    found = agreements("correctness", {name: judged(rows, None) for name, rows in sets.items()}, resamples=20)
    ours = {row.set: row for row in found if row.scorer == "ragpress answer_correctness"}
    assert ours["HaluEval"].balanced.value > 0.85
    assert ours["XQuAD"].balanced.value > 0.85
    for row in found:
        if row.scorer == "length of the answer":
            assert ours[row.set].auroc.value > row.auroc.value


def test_no_reference_is_the_answer_itself() -> None:
    people = mtrag_judged()
    for one in (*people, *mtrag_damaged(people), *halueval_judged()[:300], *xquad_judged("en", "zh", step=20)):
        assert one.answer not in one.references
        assert one.rating is None or math.isfinite(one.rating)
