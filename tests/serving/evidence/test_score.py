from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from ingest.embed.hashing import HashingEmbedder
from retrieval.context import Context, Passage
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.score import EvidenceScorer

FERRY = "The ferry to Skarvoya leaves at 7:40 every morning from pier 3. Captain Ingrid Moen has run it since 1998."
ZH_FERRY = "开往斯卡沃亚岛的渡轮每天早上7点40分从3号码头出发。船长莫恩自1998年起负责该航线。"
BREAD = "Sourdough needs a long, cool rise. Flour, water and salt are all that goes into it."

ZH_BREAD = "酸面包需要长时间低温发酵。面粉、水和盐就是全部原料。"


def context(*texts: str, cosine: float | None = None) -> Context:
    return Context(release="r", query="", passages=tuple(passages(texts)), best_cosine=cosine)


def passages(texts: Sequence[str]) -> list[Passage]:
    return [
        Passage(
            index=at, chunk_id=str(at), document_id=str(at), source="", title="", heading=(), page=None, start=0,
            end=len(text), chunk=text, text=text, text_start=0, text_end=len(text), score=1.0,
        )
        for at, text in enumerate(texts, start=1)
    ]  # fmt: skip


class Named(HashingEmbedder):
    name = "intfloat/multilingual-e5-small"


ASKED = [
    ("When does the ferry to Skarvoya leave every morning?", FERRY),
    ("开往斯卡沃亚岛的渡轮每天早上几点出发？", ZH_FERRY),
]


@pytest.mark.parametrize(("question", "answers"), ASKED)
@pytest.mark.parametrize(
    ("embedder", "near", "far"), [(None, None, None), (HashingEmbedder(), 0.7, 0.1), (Named(), 0.9, 0.76)]
)
def test_passages_that_answer_score_higher(
    question: str, answers: str, embedder: HashingEmbedder | None, near: float | None, far: float | None
) -> None:
    scorer = EvidenceScorer(embedder)
    good = scorer.score(question, context(BREAD, answers, cosine=near))
    bad = scorer.score(question, context(BREAD if answers == FERRY else ZH_BREAD, cosine=far))
    assert bad < 0.3
    assert good > 0.5


def test_no_passage_is_no_evidence() -> None:
    assert EvidenceScorer(None).score("When does the ferry leave?", context()) == 0.0


def test_a_cosine_counts_only_where_its_embedder_was_measured() -> None:
    question = "When does it leave?"
    unknown, known = EvidenceScorer(HashingEmbedder()), EvidenceScorer(Named())
    assert unknown.score(question, context(BREAD, cosine=0.9)) == unknown.score(question, context(BREAD, cosine=0.1))
    assert known.score(question, context(BREAD, cosine=0.9)) > known.score(question, context(BREAD, cosine=0.7))
    assert known.score(question, context(BREAD)) == unknown.score(question, context(BREAD))


def test_across_languages_the_cosine_decides() -> None:
    scorer = EvidenceScorer(Named())
    features = scorer.features("渡轮几点出发？", context(FERRY, cosine=0.86))
    assert features["across"] == 1
    assert features["han"] == 1
    near = scorer.score("渡轮几点出发？", context(FERRY, cosine=0.86))
    assert near > 0.5 > scorer.score("渡轮几点出发？", context(FERRY, cosine=0.74))
    assert EvidenceScorer(None).score("渡轮几点出发？", context(FERRY)) == pytest.approx(0.5, abs=0.15)


def test_beside_passages_in_the_questions_script_the_others_count_by_their_rank_and_the_cosine() -> None:
    question, scorer = "渡轮几点出发？", EvidenceScorer(Named())
    features = scorer.features(question, context(FERRY, ZH_BREAD, cosine=0.86))
    assert features["across"] == 0
    assert features["first"] == 1
    assert features["foreign"] == pytest.approx(2 / 3)
    first = scorer.score(question, context(FERRY, ZH_BREAD, cosine=0.86))
    assert first > 0.5
    assert first > scorer.score(question, context(ZH_BREAD, FERRY, cosine=0.86))
    assert first > scorer.score(question, context(FERRY, ZH_BREAD, cosine=0.76))
    assert EvidenceScorer(None).score(question, context(FERRY, ZH_BREAD)) > 0.5


def test_an_english_form_filled_in_chinese_is_not_foreign_to_a_chinese_question() -> None:
    ticket = f"ticket: T-7 opened: 2026-03-02 customer: North Harbour Company subject: delay resolution: {ZH_FERRY}"
    assert EvidenceScorer(None).features("渡轮几点出发？", context(ticket))["foreign"] == 0


def test_passages_about_another_identifier_are_no_evidence() -> None:
    scorer = EvidenceScorer(Named())
    table = "Error E21: the pump does not turn. Error E31: the storage is full."
    assert scorer.score("What does error E21 mean?", context(table, cosine=0.9)) > 0.5
    assert scorer.score("What does error E22 mean?", context(table, cosine=0.9)) <= 0.25
    assert scorer.features("What does error E22 mean?", context(table))["identifiers_missing"] == 1


def test_what_the_title_and_the_headings_say_counts() -> None:
    row = context("40008 battery_voltage V 0.01 below 11.80 the pump stops")
    passage = msgspec.structs.replace(row.passages[0], title="Modbus registers", heading=("Skylark",))
    titled = msgspec.structs.replace(row, passages=(passage,))
    question, scorer = "Which Modbus register of the Skylark is the battery voltage?", EvidenceScorer(None)
    assert scorer.features(question, row)["names_missing"] == 1
    assert scorer.features(question, titled)["names_missing"] == 0
    assert scorer.score(question, titled) > scorer.score(question, row)


def test_missing_names_and_numbers_are_seen() -> None:
    features = EvidenceScorer(None).features("Did Olav Brekke sail in 1985?", context(FERRY))
    assert features["names_missing"] == 1
    assert features["numbers_missing"] == 1


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who runs the ferry?", AnswerKind.PERSON),
        ("谁负责该航线？", AnswerKind.PERSON),
        ("When was it built?", AnswerKind.DATE),
        ("何时出发？", AnswerKind.DATE),
        ("In what year did it sink?", AnswerKind.DATE),
        ("How many seats are there?", AnswerKind.NUMBER),
        ("有多少个座位？", AnswerKind.NUMBER),
        ("Where does it dock?", AnswerKind.PLACE),
        ("码头在哪里？", AnswerKind.PLACE),
        ("Why is it late?", None),
        ("为什么晚点？", None),
    ],
)
def test_what_a_question_asks_for(question: str, kind: AnswerKind | None) -> None:
    assert answer_kind(question) is kind


def test_what_the_question_says_itself_is_no_answer() -> None:
    assert not holds_kind(AnswerKind.DATE, "It was so in 1998.", "What happened before 1998, and when?")
    assert holds_kind(AnswerKind.DATE, "It was so in 1998.", "When was it?")
    assert not holds_kind(AnswerKind.NUMBER, "3 boats", "How many of the 3?")
    assert holds_kind(AnswerKind.PERSON, "Ask captain Ingrid Moen.", "Who is the captain?")
    assert not holds_kind(AnswerKind.PERSON, "Ask captain Ingrid.", "Who is Ingrid?")


def test_threads_may_score_at_once() -> None:
    scorer = EvidenceScorer(None)
    questions = [f"When does ferry {number} leave? 渡轮{number}何时出发？" for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda question: scorer.score(question, context(FERRY, ZH_FERRY)), questions))
    assert found == [scorer.score(question, context(FERRY, ZH_FERRY)) for question in questions]
