from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gate_changes import changes_of
from benchmarks.gate_draws import BETWEEN, NOTHING, REGRESSION, Effect, Rule, disagreements
from benchmarks.gate_report import report
from benchmarks.gate_run import Outcome
from benchmarks.gate_sets import Pool
from evaluation.records import Case, Evidence

METRICS = ("abstention_precision", "answer_correctness", "citation_precision", "ndcg@10", "passed", "recall@10")


def outcome(
    loss: float, *, harmless: bool = False, uncited: float = 0.0, review: float = 0.0, seed: int = 0
) -> Outcome:
    """A change that takes a share of 200 cases all they had, and leaves others uncited or for review."""
    generator = np.random.default_rng(seed)
    before, after = [], []
    for _ in range(200):
        abstained = generator.random() < 0.1
        right = float(generator.random() < 0.8)
        ranks = float(generator.choice([0.3, 0.5, 0.63, 1.0]))
        row = [None if not abstained else 0.0, 0.0 if abstained else right * 0.9, None if abstained else 1.0]
        values: tuple[float | None, ...] = (*row, ranks, 0.0 if abstained else right, 1.0)
        before.append(values)
        if generator.random() < loss:
            values = (0.0, 0.0, None, 0.0, 0.0, 0.0)
        elif generator.random() < uncited:
            values = (*values[:2], None, *values[3:])
        after.append(values)
    return Outcome(
        pool="made up",
        change=f"{loss} {uncited} {review} {seed} {harmless}",
        kind="made up",
        harmless=harmless,
        metrics=METRICS,
        before=tuple(before),
        after=tuple(after),
        review=tuple(bool(drawn < review) for drawn in generator.random(200)),
        failed=(False,) * 200,
        must_abstain=(False,) * 200,
    )


def test_what_a_change_does_is_measured_over_all_cases() -> None:
    assert Effect(outcome(0.0, harmless=True)).truth == NOTHING
    assert Effect(outcome(0.0)).truth == BETWEEN
    assert Effect(outcome(0.2, harmless=True)).truth == REGRESSION
    assert Effect(outcome(0.0, uncited=0.3)).drop == pytest.approx(0.3, abs=0.08)
    assert Effect(outcome(0.0, review=0.3)).truth == REGRESSION


def test_samples_of_what_is_equal_pass_and_of_great_damage_do_not() -> None:
    assert set(Effect(outcome(0.0)).verdicts(100, 20, Rule())) == {""}
    assert all("worse" in found for found in Effect(outcome(0.5)).verdicts(100, 20, Rule()))
    assert all("lost" in found for found in Effect(outcome(0.0, uncited=0.5)).verdicts(100, 20, Rule()))
    assert all("review" in found for found in Effect(outcome(0.0, review=0.5)).verdicts(100, 20, Rule()))


def test_the_shortcut_decides_as_the_product_does() -> None:
    effects = [
        Effect(outcome(loss, uncited=0.05, review=0.03, seed=seed)) for seed, loss in enumerate((0.02, 0.05, 0.1))
    ]
    assert disagreements(effects, 12) == (0, 12)


def test_the_report_has_every_table() -> None:
    found = report(
        [outcome(loss, harmless=loss == 0, seed=seed) for seed, loss in enumerate((0.0, 0.0, 0.1, 0.3))], 2, 2
    )
    assert "false refusals" in found
    assert "| 1200 |" in found
    assert "made up" in found


def test_changes_are_many_and_named_apart() -> None:
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
    files = {f"folder-{number % 4}/{number}.txt": f"{words}\n\nFile {number} ends here.\n" for number in range(12)}
    evidence = Evidence("docs/folder-0/0.txt", "File 0 ends here.")
    pool = Pool("p", "hashing", files, (Case(id="a", question="?", evidence=(evidence,)),), ("something else",) * 3)
    changes = changes_of(pool)
    assert len({change.name for change in changes}) == len(changes) > 150
    assert {change.harmless for change in changes} == {True, False}
