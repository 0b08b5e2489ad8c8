"""Small fixed samples of the benchmark: scores must stay clear of chance."""

import statistics
from pathlib import Path

import pytest

from benchmarks.evidence import quoted_rows
from benchmarks.evidence_sets import Asked, xquad
from benchmarks.fitting import auroc, best_threshold, fit_logistic, operating_point, spearman
from benchmarks.quality_sets import DATA
from benchmarks.support_sets import Rated, faithbench_answers, mtrag_answers
from ingest.embed import load_embedder
from ingest.embed.hashing import HashingEmbedder
from ragpress.settings import EmbedSettings
from serving.evidence.score import EvidenceScorer
from serving.evidence.support import load_checker
from serving.types import Checker

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared benchmark data is not at {DATA}")


def told_apart(asked: list[Asked], scorer: EvidenceScorer) -> float:
    return auroc([scorer.score(one.question, one.context) for one in asked], [one.answerable for one in asked])


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(("language", "least"), [("en", 0.9), ("zh", 0.87)])
def test_words_alone_tell_answerable_questions_from_those_whose_paragraph_is_gone(language: str, least: float) -> None:
    asked = [one for one in xquad(HashingEmbedder(), language, language, 12) if "article" not in one.name]
    assert told_apart(asked, EvidenceScorer(None)) > least


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(("language", "least"), [("en", 0.8), ("zh", 0.8)])
def test_quoted_answers_hold_the_right_words(language: str, least: float) -> None:
    (row,) = quoted_rows(xquad(HashingEmbedder(), language, language, 10), None)
    assert row.figures["answer quoted"] > least


def agreement(answers: list[Rated], checker: Checker) -> tuple[float, float]:
    scores = [
        statistics.fmean(checker.support(answer.claims, [answer.evidence] * len(answer.claims))) for answer in answers
    ]
    return auroc(scores, [answer.faithful for answer in answers]), spearman(scores, [one.rating for one in answers])


@pytest.mark.data
@needs_data
def test_words_alone_agree_with_people_on_answers() -> None:
    answers = [one for one in mtrag_answers() if one.half == "report" and one.model != "reference"]
    told, ranked = agreement(answers, load_checker("lexical", None))
    assert told > 0.75
    assert ranked > 0.4


@pytest.mark.data
@needs_data
def test_words_alone_are_better_than_chance_on_hard_summaries() -> None:
    told, _ = agreement(faithbench_answers()[::3], load_checker("lexical", None))
    assert told > 0.55


@pytest.mark.model
def test_across_languages_embeddings_tell_support(model_cache: Path) -> None:
    embedder = load_embedder(EmbedSettings(model="multilingual-e5-small"), model_cache)
    checker = load_checker("combined", embedder)
    chinese = ["这座桥于1907年建成，横跨港口。", "博物馆每周一闭馆。", "渔民们用手工编织的网捕鱼。"]
    english = [
        "The bridge across the harbour was finished in 1907.",
        "The museum is closed on Mondays.",
        "The fishermen use nets that they weave by hand.",
    ]
    right = checker.support(chinese, [[text] for text in english])
    wrong = checker.support(chinese, [[text] for text in english[1:] + english[:1]])
    assert min(right) > max(wrong)


def test_the_measures_are_what_their_names_say() -> None:
    scores, labels = [0.1, 0.4, 0.4, 0.9], [False, False, True, True]
    assert auroc(scores, labels) == 0.875
    assert spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert operating_point(scores, labels, 0.4).recall == 1.0
    assert operating_point(scores, labels, 0.4).specificity == 0.5
    assert best_threshold(scores, labels).threshold == 0.4


def test_a_fitted_model_finds_the_direction() -> None:
    rows = [{"x": value / 10, "noise": float(value % 2)} for value in range(20)]
    model = fit_logistic(rows, [value >= 10 for value in range(20)], [1.0] * 20, ["x", "noise"])
    assert model.weights["x"] > 1 > abs(model.weights["noise"])
    assert model.probability({"x": 2}) > 0.5 > model.probability({"x": 0})
