from __future__ import annotations

import math
import string
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.answers import (
    ANSWERABLE,
    ANSWERED,
    NO_EMBEDDER,
    NO_REFERENCE,
    NOTHING_KNOWN,
    Scorer,
    load_scorer,
)
from evaluation.metrics.correctness import WRONG
from evaluation.metrics.grounding import NO_CLAIMS
from evaluation.metrics.overlap import answer_tokens, exact_match, token_f1
from evaluation.metrics.retrieval import MUST_ABSTAIN
from evaluation.records import Evidence, Scored
from ingest.embed import load_embedder
from ragpress.answer_settings import AnswerSettings
from ragpress.settings import EmbedSettings
from serving.evidence.support import SupportChecker
from tests.evaluation.metrics.records import case, facts
from tests.evaluation.metrics.score_pairs import pairs

MODEL = "multilingual-e5-small"
OPENED = "The bridge opened in 1932."
QUESTION = "When did the bridge open?"


def scorer() -> Scorer:
    return Scorer(None, SupportChecker(None), 0.38)


def right(reference: str, answer: str, question: str = QUESTION) -> float:
    return scorer().score(case(reference, question), facts(answer)).scores["answer_correctness"]


def squad_normal(text: str) -> list[str]:
    """The normalisation of SQuAD's evaluation script."""
    bare = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return [word for word in bare.split() if word not in {"a", "an", "the"}]


@given(st.text(alphabet=string.ascii_letters + string.digits + string.punctuation + "  \n", max_size=60))
def test_english_is_normalised_as_squad_does(text: str) -> None:
    assert list(answer_tokens(text)) == squad_normal(text)


def test_chinese_characters_are_tokens_beside_words() -> None:
    assert answer_tokens("《战国无双3》由 KOEI 开发。") == ("战", "国", "无", "双", "3", "由", "koei", "开", "发")
    assert exact_match("光荣和ω－Force。", ["「光荣」和 ω-force"]) == 1.0


@pytest.mark.parametrize(
    ("answer", "references", "value"),
    [
        ("the Yellow cat", ["yellow cat"], 1.0),
        ("a yellow dog", ["yellow cat"], 0.5),
        ("二〇一二年", ["二〇一三年"], 0.8),
        ("", ["x"], 0.0),
        ("the", ["a"], 1.0),
        ("dog", ["cat", "big dog"], 2 / 3),
    ],
)
def test_token_f1_is_the_best_over_the_references(answer: str, references: list[str], value: float) -> None:
    assert token_f1(answer, references) == pytest.approx(value)


def test_citation_marks_are_not_part_of_an_answer() -> None:
    scores = scorer().score(case("in 1932", QUESTION), facts("In 1932 [1].", OPENED)).scores
    assert scores["exact_match"] == scores["token_f1"] == scores["answer_correctness"] == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        "1932",
        "It opened in 1932.",
        "After eight years of work and in front of some 300,000 people, the bridge was opened on 19 March 1932.",
    ],
)
def test_an_answer_that_holds_a_short_reference_is_right_however_long(answer: str) -> None:
    assert right("1932", answer) > 0.8


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("1932", "It opened in 1933."),
        ("2.5 million people", "About 3.5 million people live there."),
        ("售价为 1299 元", "售价为 1399 元"),
        ("The warranty covers the battery.", "The warranty does not cover the battery."),
        ("保修包括电池。", "保修不包括电池。"),
    ],
)
def test_a_wrong_number_or_a_negation_caps_an_answer(reference: str, answer: str) -> None:
    assert right(reference, answer, "What is it?") <= WRONG


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("密码长度不少于 14 个字符。", "密码长度不少于 14 个字符，不得与其他网站相同。[1]"),
        ("采样口应在 2.5 米到 4 米之间。", "采样口应在 2.5 米到 4 米之间，距离墙面不少于 1 米，周围没有遮挡。[1]"),
        ("The pump is covered for 12 months.", "The pump is covered for 12 months, not the filter [1]."),
        ("The pump is not covered.", "No, the pump is not covered, nor is any filter [1]."),
    ],
)
def test_a_negation_in_another_clause_caps_nothing(reference: str, answer: str) -> None:
    assert right(reference, answer, "What is it?") > 0.9


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("The pump is covered for 12 months.", "The pump, unlike the fan, is not covered for 12 months."),
        ("The pump is covered for 12 months.", "The pump is not covered for 12 months, but the cell is."),
        ("密码长度至少 14 个字符。", "密码长度至少 14 个字符，这不是真的。"),
        ("不召回该批次。", "会议决定，召回该批次。"),
    ],
)
def test_a_negation_of_what_the_reference_says_caps_it_in_any_clause(reference: str, answer: str) -> None:
    assert right(reference, answer, "What is it?") <= WRONG


def test_numbers_are_compared_by_value() -> None:
    assert right("2.5 million", "There are 2,500,000 of them.") > WRONG
    assert right("二千五百万", "共有2500万人。", "有多少人？") > WRONG


def test_an_answer_that_says_nothing_of_the_reference_is_wrong() -> None:
    assert right("the Sydney Harbour Bridge", "I like the opera house.") < 0.2


def test_the_best_of_several_references_counts() -> None:
    both = case("Lisbon", QUESTION, answers=("Porto",))
    assert scorer().score(both, facts("Porto")).scores["answer_correctness"] == 1.0


def test_without_reference_nothing_is_compared() -> None:
    missing = scorer().score(case(), facts("Anything.")).missing
    assert {missing[name] for name in ("exact_match", "token_f1", "answer_correctness")} == {NO_REFERENCE}
    assert missing["passed"] == NOTHING_KNOWN
    assert missing["answer_relevancy"] == NO_EMBEDDER


def test_faithfulness_looks_at_everything_that_was_read() -> None:
    answer = facts("The bridge opened in 1932. [2]", OPENED, "Trams ran until 1958.", support=0.01)
    scores = scorer().score(case("1932"), answer).scores
    assert scores["faithfulness"] == 1.0
    assert scores["citation_recall"] == scores["citation_precision"] == 0.0


def test_faithfulness_is_zero_and_never_one_where_nothing_was_read() -> None:
    assert scorer().score(case("1932"), facts("The bridge opened in 1932.")).scores["faithfulness"] == 0.0


def test_what_the_passages_do_not_say_is_less_faithful() -> None:
    said = facts("The bridge opened in 1932 [1]. Paris has a tall iron tower [1].", OPENED)
    assert 0.4 < scorer().score(case("1932"), said).scores["faithfulness"] < 0.7
    wrong = facts("The bridge opened in 1931 [1].", OPENED)
    assert scorer().score(case("1932"), wrong).scores["faithfulness"] <= 0.25


def test_more_passages_take_no_support_back() -> None:
    against = "The bridge did not open in 1931, when the first train should have crossed it."
    alone = facts("The bridge was opened in the year 1932. [1]", OPENED)
    among = facts("The bridge was opened in the year 1932. [1]", OPENED, against, against.replace("1931", "1930"))
    one, many = (scorer().score(case("1932"), answer).scores["faithfulness"] for answer in (alone, among))
    assert many >= one > 0.4


def test_citation_precision_is_that_of_alce() -> None:
    other = "Trams ran over it until 1958."
    useless = scorer().score(case("1932"), facts("The bridge opened in 1932 [1][2].", OPENED, other)).scores
    assert (useless["citation_recall"], useless["citation_precision"]) == (1.0, 0.5)
    both = scorer().score(case("1932"), facts("The bridge opened in 1932 [1][2].", OPENED, OPENED)).scores
    assert both["citation_precision"] == 1.0


def test_claims_without_citations_have_neither_recall_nor_precision_of_them() -> None:
    scores = scorer().score(case("1932"), facts("The bridge opened in 1932.", OPENED)).scores
    assert scores["citation_recall"] == scores["citation_precision"] == 0.0


def test_support_near_the_threshold_is_found_again() -> None:
    near = facts("The bridge opened in 1932 [1].", OPENED, support=0.36)
    assert scorer().score(case("1932"), near).scores["citation_recall"] == 1.0


def test_an_abstention_where_there_is_an_answer_is_wrong_and_claims_nothing() -> None:
    found = scorer().score(case("1932", QUESTION), facts("The documents do not say.", OPENED, abstained=True))
    wrong = ("exact_match", "token_f1", "answer_correctness", "answer_relevancy", "abstention_precision", "passed")
    assert [found.scores[name] for name in wrong] == [0.0] * len(wrong)
    assert found.missing["faithfulness"] == found.missing["citation_recall"] == NO_CLAIMS
    assert found.missing["abstention_recall"] == ANSWERABLE


def test_an_abstention_that_is_asked_for_is_right() -> None:
    found = scorer().score(case(must_abstain=True), facts("The documents do not say.", abstained=True))
    assert found.scores == {"abstention_precision": 1.0, "abstention_recall": 1.0, "passed": 1.0}
    assert found.missing["answer_correctness"] == found.missing["answer_relevancy"] == MUST_ABSTAIN


def test_an_answer_where_an_abstention_is_asked_for_fails() -> None:
    found = scorer().score(case(must_abstain=True), facts(OPENED, OPENED))
    assert found.scores["abstention_recall"] == found.scores["passed"] == 0.0
    assert found.missing["abstention_precision"] == ANSWERED


@pytest.mark.parametrize(
    ("text", "passage", "passes"),
    [("The bridge opened [1].", OPENED, True), ("The bridge opened [1].", "Trams ran until 1958.", False)],
)
def test_without_reference_a_case_passes_by_its_evidence(text: str, passage: str, passes: bool) -> None:
    asked = case(evidence=(Evidence("a.md", "opened in  1932"),))
    assert scorer().score(asked, facts(text, passage)).scores["passed"] == float(passes)


PIECES = [
    *"ab 019.,?!\n[]()|#-*%",
    "the ",
    "not ",
    "不",
    "年",
    "三",
    "万",
    "。",
    "é",
    "１",
    "🙂",
    "∞",
    "[1]",
    "million",
]
WORDS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3), st.booleans(), st.floats(0, 1))
def test_no_score_is_ever_nan_or_out_of_range(
    question: str, reference: str, text: str, passages: list[str], abstained: bool, support: float
) -> None:
    asked = case(reference, question)
    found = scorer().score(asked, facts(text, *passages, abstained=abstained, support=support))
    assert all(math.isfinite(value) and 0.0 <= value <= 1.0 for value in found.scores.values())
    assert not set(found.scores) & set(found.missing)
    again = scorer().score(asked, facts(text, *passages, abstained=abstained, support=support))
    assert again == found


class StrangeChecker:
    name = "strange"

    def support(self, sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[float]:
        return [math.nan for _ in sentences]


def test_a_checker_that_gives_nan_gives_no_support() -> None:
    answer = facts("The bridge opened in 1932 [1].", OPENED, support=0.38)
    scores = Scorer(None, StrangeChecker(), 0.38).score(case("1932"), answer).scores
    assert scores["faithfulness"] == scores["citation_recall"] == 0.0


def test_the_fingerprint_tells_checker_and_threshold_apart() -> None:
    checker = SupportChecker(None)
    prints = {
        scorer().fingerprint,
        Scorer(None, checker, 0.5).fingerprint,
        Scorer(None, StrangeChecker(), 0.38).fingerprint,
        hashing().fingerprint,
    }
    assert len(prints) == 4
    assert scorer().fingerprint == scorer().fingerprint


def hashing() -> Scorer:
    return load_scorer(load_embedder(EmbedSettings(model="hashing"), Path("unused")), AnswerSettings())


def test_relevancy_is_that_of_question_and_answer() -> None:
    asked = case("1932", QUESTION)
    near, far = (
        hashing().score(asked, facts(text, OPENED)).scores["answer_relevancy"]
        for text in ("The bridge did open in 1932.", "Tomatoes like warm soil.")
    )
    assert 0.0 <= far < near <= 1.0


@pytest.mark.model
def test_the_same_text_scores_the_same_alone_in_company_in_another_order_and_process(model_cache: Path) -> None:
    embedder = load_embedder(EmbedSettings(model=MODEL), model_cache)
    together, backwards = load_scorer(embedder, AnswerSettings()), load_scorer(embedder, AnswerSettings())
    first = [together.score(*pair) for pair in pairs()]
    again = [together.score(*pair) for pair in pairs()]
    turned = [backwards.score(*pair) for pair in reversed(pairs())][::-1]
    alone = [load_scorer(embedder, AnswerSettings()).score(*pair) for pair in pairs()]
    script = [sys.executable, "-m", "tests.evaluation.metrics.score_pairs", MODEL, str(model_cache)]
    elsewhere = subprocess.run(script, capture_output=True, check=True, cwd=Path(__file__).parents[3]).stdout
    assert first == again == turned == alone == msgspec.json.decode(elsewhere, type=list[Scored])
    assert first[0].scores["answer_correctness"] >= 0.5
