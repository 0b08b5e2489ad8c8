from __future__ import annotations

import math
import random
from typing import Any

import pytest

from evaluation.metrics.retrieval import MUST_ABSTAIN, NO_EVIDENCE, cutoffs, metric_names, retrieval_scores
from evaluation.records import Case, RankedHit
from tests.evaluation.metrics.records import case, case_with, gone, hit, hits

K = 10
FEW, MANY = 200, 3000
# Thousands of runs and an import of seconds: these belong to the slow tests, though they need no data.
SLOW = pytest.mark.data


def scores(asked: Case, ranked: list[RankedHit], k: int = K) -> dict[str, float]:
    return retrieval_scores(asked, ranked, (), k).scores


def random_runs(seed: int, count: int) -> list[tuple[int, list[RankedHit]]]:
    """Numbers of items, and hits that hold one of them each or none, again and again the same one."""
    drawn = random.Random(seed)
    made = []
    for _ in range(count):
        items = drawn.randint(1, 6)
        held = [drawn.choice([(), (), (drawn.randrange(items),)]) for _ in range(drawn.randint(0, 14))]
        made.append((items, hits(*held)))
    return made


def as_lists(items: int, ranked: list[RankedHit], k: int = K) -> tuple[dict[str, int], dict[str, float]]:
    """The judgements and the run of a case, as the other libraries take them."""
    seen = set[int]()
    run = {}
    for one in ranked[:k]:
        new = [place for place in one.covers if place not in seen]
        run[f"item{new[0]}" if new else f"other{one.rank}"] = 100.0 - one.rank
        seen.update(new)
    return {f"item{place}": 1 for place in range(items)}, run


def textbook(items: int, ranked: list[RankedHit], k: int) -> dict[str, float]:
    """The definitions, written down once more."""
    seen, gains = set[int](), []
    for one in ranked[:k]:
        gains.append(sum(place not in seen for place in one.covers))
        seen.update(one.covers)
    found = {}
    for cut in cutoffs(k):
        found[f"recall@{cut}"] = sum(gains[:cut]) / items
        found[f"precision@{cut}"] = sum(gain > 0 for gain in gains[:cut]) / cut
        found[f"hit_rate@{cut}"] = float(any(gains[:cut]))
    found["mrr"] = next((1 / rank for rank, gain in enumerate(gains, start=1) if gain), 0.0)
    left = items - sum(gains)
    best = sorted([*(gain for gain in gains if gain), *[1] * left], reverse=True)[:k]
    found[f"ndcg@{k}"] = discounted(gains) / discounted(best)
    relevant = sum(gain > 0 for gain in gains) + left
    precisions = [sum(gain > 0 for gain in gains[:rank]) / rank for rank, gain in enumerate(gains, start=1) if gain]
    found[f"map@{k}"] = sum(precisions) / relevant
    found["context_recall"] = sum(gains) / items
    return found


def discounted(gains: list[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def test_agrees_with_the_textbook_on_random_runs() -> None:
    for items, ranked in random_runs(1, FEW):
        found = scores(case_with(items), ranked)
        for name, value in textbook(items, ranked, K).items():
            assert found[name] == pytest.approx(value, abs=1e-9), name


def test_hits_that_hold_several_items_agree_with_the_textbook() -> None:
    drawn = random.Random(2)
    for _ in range(FEW):
        items = drawn.randint(1, 6)
        held = [drawn.sample(range(items), drawn.randint(0, min(3, items))) for _ in range(drawn.randint(1, 12))]
        found = scores(case_with(items), hits(*held), k=5)
        assert all(0.0 <= value <= 1.0 for value in found.values())
        for name, value in textbook(items, hits(*held), 5).items():
            assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=SLOW)])
def test_agrees_with_pytrec_eval_on_whole_random_runs(count: int) -> None:
    import pytrec_eval

    made = random_runs(3, count)
    lists = {f"q{place}": as_lists(*run) for place, run in enumerate(made)}
    measures = {"recall.1,3,5,10", "P.1,3,5,10", "success.1,3,5,10", "recip_rank", "ndcg_cut.10", "map_cut.10"}
    evaluator = pytrec_eval.RelevanceEvaluator({name: qrels for name, (qrels, _) in lists.items()}, measures)
    theirs: dict[str, dict[str, float]] = evaluator.evaluate({name: run for name, (_, run) in lists.items()})
    names = {f"{ours}@{cut}": f"{trec}_{cut}" for ours, trec in TREC.items() for cut in cutoffs(K)}
    names |= {"mrr": "recip_rank", "ndcg@10": "ndcg_cut_10", "map@10": "map_cut_10"}
    for place, (items, ranked) in enumerate(made):
        found = scores(case_with(items), ranked)
        for ours, trec in names.items():
            assert found[ours] == pytest.approx(theirs[f"q{place}"][trec], abs=1e-9), ours


TREC = {"recall": "recall", "precision": "P", "hit_rate": "success"}


@SLOW
def test_agrees_with_ranx_on_random_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would compile its metrics for a minute.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    from ranx import Qrels, Run, evaluate

    made = [(items, ranked) for items, ranked in random_runs(4, MANY) if ranked]
    lists = {f"q{place:05d}": as_lists(*run) for place, run in enumerate(made)}
    names = [f"{name}@{cut}" for name in ("recall", "precision", "hit_rate") for cut in cutoffs(K)]
    names += ["mrr", "ndcg@10", "map@10"]
    qrels = Qrels({name: qrels for name, (qrels, _) in lists.items()})
    run = Run({name: run for name, (_, run) in lists.items()})
    theirs: dict[str, Any] = evaluate(qrels, run, names, return_mean=False)
    for place, (items, ranked) in enumerate(made):
        found = scores(case_with(items), ranked)
        for name in names:
            assert found[name] == pytest.approx(float(theirs[name][place]), abs=1e-9), name


def test_recall_is_the_share_of_the_evidence_whatever_the_chunks() -> None:
    small = scores(case_with(2), hits((0,), (1,), ()))
    large = scores(case_with(2), hits((0, 1), ()))
    assert (small["recall@1"], small["recall@3"]) == (0.5, 1.0)
    assert large["recall@1"] == large["ndcg@10"] == small["ndcg@10"] == 1.0


def test_a_second_copy_of_the_same_evidence_brings_nothing() -> None:
    found = scores(case_with(1), hits((0,), (0,), (0,)))
    assert found["precision@3"] == pytest.approx(1 / 3)
    assert found["context_precision"] == 1.0


def test_hits_are_taken_by_rank_and_only_as_far_as_k() -> None:
    ranked = [hit(2, 0), hit(1), hit(6, 1)]
    found = scores(case_with(2), ranked, k=5)
    assert (found["mrr"], found["recall@5"]) == (0.5, 0.5)
    assert set(found) == set(metric_names(5))
    assert "recall@10" not in found


def test_evidence_that_is_gone_counts_as_not_retrieved() -> None:
    found = retrieval_scores(case_with(2), hits((0,)), (gone(1),), K)
    assert found.scores["recall@10"] == 0.5


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(case("yes"), NO_EVIDENCE), (case(must_abstain=True), MUST_ABSTAIN)],
    ids=["no evidence", "abstain"],
)
def test_without_evidence_everything_is_missing_with_the_reason(asked: Case, reason: str) -> None:
    found = retrieval_scores(asked, hits((), ()), (), K)
    assert not found.scores
    assert found.missing == dict.fromkeys(metric_names(K), reason)


def test_nothing_retrieved_is_zero_and_has_no_precision_of_its_own() -> None:
    found = retrieval_scores(case_with(1), [], (), K)
    assert found.scores["recall@10"] == found.scores["mrr"] == 0.0
    assert "context_precision" in found.missing


@pytest.mark.parametrize(("k", "expected"), [(10, (1, 3, 5, 10)), (4, (1, 3, 4)), (1, (1,)), (20, (1, 3, 5, 10, 20))])
def test_cut_offs_go_up_to_k(k: int, expected: tuple[int, ...]) -> None:
    assert cutoffs(k) == expected
