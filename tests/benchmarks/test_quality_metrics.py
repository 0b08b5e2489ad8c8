"""The measures of the quality benchmark on examples worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality_metrics import hit, mean, ndcg, overlap, recall, reciprocal_rank
from benchmarks.quality_report import Comparison, GroupResult, QualityReport, interval
from benchmarks.quality_run import Offsets
from benchmarks.quality_sets import Corpus, Question

RANKING = ["a", "b", "c", "d"]


def test_hits_and_recall_count_the_first_k() -> None:
    assert [hit(RANKING, {"c", "x"}, k) for k in (1, 2, 3)] == [0.0, 0.0, 1.0]
    assert recall(RANKING, {"c", "x"}, 3) == 0.5
    assert recall(RANKING, {"c", "x"}, 2) == 0.0


def test_the_reciprocal_rank_is_that_of_the_first_relevant_item() -> None:
    assert reciprocal_rank(RANKING, {"b", "c"}, 10) == 0.5
    assert reciprocal_rank(RANKING, {"d"}, 3) == 0.0


def test_ndcg_is_one_for_a_perfect_ranking_and_discounts_late_items() -> None:
    assert ndcg(RANKING, {"a", "b"}, 10) == 1.0
    assert ndcg(RANKING, {"b"}, 10) == pytest.approx(1 / math.log2(3))
    assert ndcg(RANKING, {"a", "c"}, 10) == pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3)))
    assert ndcg(RANKING, {"a", *"vwxyz"}, 1) == 1.0
    assert ndcg(RANKING, {"x"}, 10) == 0.0


def test_spans_are_compared_as_unions_of_characters() -> None:
    found = [("f", 0, 10), ("f", 5, 20), ("g", 0, 10)]

    assert overlap(found, [("f", 15, 25)]) == pytest.approx((0.5, 5 / 30, 5 / 35))
    assert overlap(found, [("f", 0, 20), ("g", 0, 10)]) == (1.0, 1.0, 1.0)
    assert overlap([], [("f", 0, 4)]) == (0.0, 0.0, 0.0)
    assert overlap([("g", 0, 4)], [("f", 0, 4)]) == (0.0, 0.0, 0.0)


def test_the_mean_of_nothing_is_not_zero() -> None:
    assert mean([]) is None
    assert mean(iter([1.0, 0.0])) == 0.5


def test_spans_are_mapped_over_changed_white_space() -> None:
    original, text = "  One\r\n\r\n two three", "One\n\ntwo  three"
    offsets = Offsets(original, text)

    start, end = offsets.original(text.index("two"), len(text))

    assert original[start:end] == "two three"
    assert offsets.original(0, 3) == (2, 5)
    with pytest.raises(ValueError, match="more than white space"):
        Offsets("one two", "one too")


def test_the_halves_do_not_depend_on_the_order_of_questions() -> None:
    halves = [Question(str(number), "?", ()).half for number in range(200)]

    assert halves == [Question(str(number), "?", ()).half for number in range(200)]
    assert 80 < halves.count("tune") < 120


def result(mode: str, values: list[float], group: str = "some set") -> GroupResult:
    return GroupResult(
        group=group,
        size=256,
        mode=mode,
        halves=("tune", "report") * (len(values) // 2),
        values={"recall": tuple(values), "iou": tuple(value / 20 for value in values)},
        cpu_ms=1.0,
        embed_ms=None,
    )


def test_hybrid_search_is_compared_with_the_better_single_search() -> None:
    worse = [result("hybrid", [0.0] * 20), result("dense", [1.0] * 20), result("lexical", [0.5] * 20)]
    report = QualityReport(model="m", results=tuple(worse))

    assert report.comparisons() == [Comparison("some set", 256, "recall", "dense", -1.0, -1.0, -1.0)]
    assert len(report.missed()) == 1
    assert "dense" in report.missed()[0]
    equal = [result(mode, [1.0, 0.0] * 10) for mode in ("hybrid", "dense", "lexical")]
    assert QualityReport(model="m", results=tuple(equal)).missed() == []


def test_spans_have_to_beat_the_published_figures_at_one_size() -> None:
    results = tuple(result(mode, [1.0] * 4, "chroma, one speech") for mode in ("hybrid", "dense", "lexical"))

    assert len(QualityReport(model="m", results=results).missed()) == 1


def test_the_means_of_the_halves_are_kept_apart() -> None:
    found = result("dense", [1.0, 0.0, 1.0, 0.0])

    assert (found.mean("recall"), found.mean("recall", "tune"), found.mean("recall", "report")) == (0.5, 1.0, 0.0)


def test_the_interval_holds_the_mean_and_is_repeatable() -> None:
    differences = np.asarray([0.0, 1.0] * 50)
    low, high = interval(differences)

    assert low < 0.5 < high
    assert (low, high) == interval(differences)


def test_a_corpus_is_written_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"\x00\r\n")
    Corpus("name", "page", {"a/b.txt": "one\r\n", "c.bin": source}, ()).write(tmp_path / "docs")

    assert (tmp_path / "docs" / "a" / "b.txt").read_bytes() == b"one\r\n"
    assert (tmp_path / "docs" / "c.bin").read_bytes() == b"\x00\r\n"
