"""The metrics of answers against people: ``python -m benchmarks.judging``.

Faithfulness and answer correctness on public sets whose answers people judged, or are known to be right or wrong:
rank correlation, AUROC and balanced accuracy, each with an interval (bootstrap over questions), beside the length of
the answer, token overlap, and the detectors whose scores the sets bring. What was fitted, the thresholds of the
baselines too, was fitted on the other half of a set, or on other sets. ``--fit`` prints the constants instead.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.evidence_sets import FIT
from benchmarks.fitting import auroc, best_threshold, operating_point, spearman
from benchmarks.judging_fit import ACROSS_STEP, print_fit, written
from benchmarks.judging_sets import (
    REPORT,
    Judged,
    cmrc_judged,
    halueval_answers,
    halueval_judged,
    halueval_statements,
    mtrag_damaged,
    mtrag_judged,
    mtrag_preferred,
    ramdocs_judged,
    rgb_judged,
    uhgeval_answers,
    uhgeval_claims,
    xquad_judged,
)  # fmt: skip
from benchmarks.support_sets import Rated, faithbench_answers, mtrag_answers
from benchmarks.vector_cache import VectorCache
from evaluation.metrics.answers import PASS
from evaluation.metrics.correctness import correctness
from evaluation.metrics.grounding import Claim, Grounding
from evaluation.metrics.overlap import token_f1
from evaluation.metrics.steady import SteadyEmbedder
from ingest.embed import load_embedder
from ragpress.answer_settings import AnswerSettings
from ragpress.settings import EmbedSettings
from serving.evidence.support import SupportChecker

RESAMPLES = 400
_LENGTH = "length of the answer"


class Labelled(msgspec.Struct, frozen=True):
    """One judged answer with what scorers say of it.

    Attributes:
        group: the question; answers to one are drawn together.
        half: ``fit`` or ``report``.
        rating: of people.
        good: the label.
        scores: by scorer; one that did not score it is left out.
    """

    group: str
    half: str
    rating: float
    good: bool
    scores: dict[str, float]


class Figure(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Agreement(msgspec.Struct, frozen=True):
    """How well a scorer agrees with people on a set.

    Attributes:
        metric: ``faithfulness`` or ``correctness``.
        set: the set.
        scorer: the scorer.
        answers: number of answers.
        bad: number of those that people judge bad.
        spearman: rank correlation with the rating; None where people gave no more than a label.
        auroc: chance that a good answer scores above a bad one.
        balanced: balanced accuracy at the threshold.
        threshold: fixed beforehand.
    """

    metric: str
    set: str
    scorer: str
    answers: int
    bad: int
    spearman: Figure | None
    auroc: Figure
    balanced: Figure
    threshold: float


def main() -> None:
    """Run the benchmark and print its tables, or the fitted constants."""
    options = _options()
    options.vectors.parent.mkdir(parents=True, exist_ok=True)
    real = load_embedder(EmbedSettings(model=options.model), options.cache)
    embedder = SteadyEmbedder(VectorCache(real, options.vectors))
    if options.fit:
        sys.stdout.write(print_fit(embedder) + "\n")
        return
    rows = report(embedder, options.resamples)
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(rows), ensure_ascii=False) + "\n")
        return
    for metric in dict.fromkeys(row.metric for row in rows):
        print_table(metric, [row for row in rows if row.metric == metric])


def report(embedder: SteadyEmbedder | None, resamples: int = RESAMPLES) -> list[Agreement]:
    """Every set, every scorer. Without an embedder words alone are compared."""
    faithful = {
        "MTRAG": written(mtrag_answers()),
        "FaithBench": faithbench_answers(),
        "HaluEval": halueval_answers(),
        "HaluEval, behind the question": halueval_statements(),
        "UHGEval, answers": uhgeval_answers(),
        "UHGEval, key words": uhgeval_claims(),
    }
    rows = agreements("faithfulness", {name: rated(answers) for name, answers in faithful.items()}, resamples)
    return rows + agreements("correctness", {name: judged(found, embedder) for name, found in answered()}, resamples)


def answered() -> list[tuple[str, list[Judged]]]:
    """The sets of answers with references."""
    people = mtrag_judged()
    return [
        ("MTRAG, completeness and appropriateness", people),
        ("MTRAG, win rate", mtrag_preferred()),
        ("MTRAG, damaged", mtrag_damaged(people)),
        ("HaluEval", halueval_judged()),
        ("RAMDocs", ramdocs_judged()),
        ("RGB", rgb_judged()),
        ("CMRC 2018", cmrc_judged()),
        ("XQuAD, both English", xquad_judged("en", "en")),
        ("XQuAD, both Chinese", xquad_judged("zh", "zh")),
        ("XQuAD, reference English, answer Chinese", xquad_judged("en", "zh", ACROSS_STEP)),
        ("XQuAD, reference Chinese, answer English", xquad_judged("zh", "en", ACROSS_STEP)),
    ]


def rated(answers: Sequence[Rated]) -> list[Labelled]:
    """Faithfulness of answers by every scorer."""
    checker, threshold = SupportChecker(None), AnswerSettings().support
    grounding = Grounding(checker, threshold)
    found = []
    for one in answers:
        claims = [Claim(text, (), 0.0) for text in one.claims]
        supports = checker.support(one.claims, [one.evidence] * len(one.claims))
        scores = {
            "ragpress faithfulness": grounding.scores(claims, one.evidence).scores["faithfulness"],
            "ragpress check, share supported": statistics.fmean(support >= threshold for support in supports),
            "ragpress check, mean support": statistics.fmean(supports),
            _LENGTH: -float(sum(map(len, one.claims))),
        }
        group = f"{zlib.crc32(''.join(one.evidence).encode()):08x}"
        found.append(Labelled(group, one.half, one.rating, one.faithful, scores | one.others))
    return found


def judged(answers: Sequence[Judged], embedder: SteadyEmbedder | None) -> list[Labelled]:
    """Correctness of answers by every scorer."""
    found = []
    for one in answers:
        scores = {
            "ragpress answer_correctness": correctness(one.question, one.answer, one.references, embedder),
            "token_f1": token_f1(one.answer, one.references),
            _LENGTH: float(len(one.answer)),
        }
        rating = float(one.right) if one.rating is None else one.rating
        found.append(Labelled(one.group, one.half, rating, one.right, scores | one.others))
    return found


def agreements(metric: str, sets: dict[str, list[Labelled]], resamples: int) -> list[Agreement]:
    """Agreement of every scorer on the report half of every set."""
    lengths = [one for rows in sets.values() for one in rows if one.half == FIT]
    found = []
    for name, rows in sets.items():
        held = [one for one in rows if one.half == REPORT]
        fit = [one for one in rows if one.half == FIT] or lengths
        for scorer in dict.fromkeys(scorer for one in held for scorer in one.scores):
            having = [one for one in held if scorer in one.scores]
            if scorer == _LENGTH and not _varies([one.good for one in fit]):
                continue
            if _varies([one.good for one in having]) and _varies([one.scores[scorer] for one in having]):
                found.append(_agreement(metric, name, scorer, _turned(having, fit, scorer), resamples))
    return found


def _varies(values: Sequence[object]) -> bool:
    return len(set(values)) > 1


def _turned(rows: Sequence[Labelled], fit: Sequence[Labelled], scorer: str) -> tuple[Sequence[Labelled], float]:
    """The rows with the threshold; for lengths, which say nothing by themselves, that and their direction are those
    that were best on the part that is not reported."""
    if scorer != _LENGTH:
        return rows, AnswerSettings().support if scorer.endswith("mean support") else PASS
    lengths, good = [one.scores[scorer] for one in fit], [one.good for one in fit]
    sign = 1.0 if auroc(lengths, good) >= 0.5 else -1.0
    turned = [msgspec.structs.replace(one, scores={scorer: sign * one.scores[scorer]}) for one in rows]
    return turned, best_threshold([sign * length for length in lengths], good).threshold


def _agreement(
    metric: str, name: str, scorer: str, chosen: tuple[Sequence[Labelled], float], resamples: int
) -> Agreement:
    rows, threshold = chosen
    scores = np.array([one.scores[scorer] for one in rows])
    ratings, good = np.array([one.rating for one in rows]), np.array([one.good for one in rows])

    def measured(of: Callable[[np.ndarray], float]) -> Figure:
        return _interval(of, [one.group for one in rows], good, resamples)

    return Agreement(
        metric,
        name,
        scorer,
        len(rows),
        int((~good).sum()),
        measured(lambda at: spearman(scores[at], ratings[at])) if len(set(ratings)) > 2 else None,
        measured(lambda at: auroc(scores[at], good[at])),
        measured(lambda at: operating_point(scores[at], good[at], threshold).balanced),
        threshold,
    )


def _interval(of: Callable[[np.ndarray], float], groups: Sequence[str], good: np.ndarray, resamples: int) -> Figure:
    """A figure with its percentile interval; questions are drawn, with all their answers."""
    _, number = np.unique(np.array(groups), return_inverse=True)
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(number))[:-1])
    drawn = np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        at = np.concatenate([members[place] for place in drawn.integers(0, len(members), len(members))])
        if 0 < good[at].sum() < len(at):
            with np.errstate(invalid="ignore"):  # a rank correlation of equal scores is left out below
                values.append(of(at))
    low, high = np.nanquantile(values, (0.025, 0.975)) if values else (np.nan, np.nan)
    return Figure(of(np.arange(len(good))), float(low), float(high))


def print_table(metric: str, rows: Sequence[Agreement]) -> None:
    """Print the agreement on every set."""
    table = Table("set", "scorer", "answers, bad", "Spearman", "AUROC", "balanced accuracy", title=metric)
    for row in rows:
        figures = (_words(figure) for figure in (row.spearman, row.auroc, row.balanced))
        table.add_row(row.set, row.scorer, f"{row.answers}, {row.bad}", *figures)
    Console(width=170).print(table)


def _words(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="multilingual-e5-small", help="the embedder")
    parser.add_argument("--cache", type=Path, default=Path("build/models"), help="folder of exported models")
    parser.add_argument("--vectors", type=Path, default=Path("build/vectors.db"), help="file that keeps the vectors")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="of the bootstrap")
    parser.add_argument("--fit", action="store_true", help="print the fitted constants")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
