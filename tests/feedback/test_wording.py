from __future__ import annotations

import pytest

from evaluation.cases.folding import FoldedText
from feedback.wording.claim import core
from feedback.wording.stated import stated

ENGLISH = [
    "{0}",
    "No, it should be {0}, not 1894.",
    "That is wrong. It's {0}",
    "The right answer is: {0} [2]",
    "As far as I know the answer would be {0}",
    "Not true! {0}",
    "{0} is what you should have said.",
    "our handbook says {0}",
    "Checked with finance, {0}",
    "{0} - please fix",
    "This is out of date. It's {0} now.",
    "It says “{0}” on the page",
    "isn't it {0}?",
    "I asked a colleague and she told me {0}",
    "It is not Paris but {0}",
]
CHINESE = [
    "{0}",
    "不对，应该是{0}，而不是1894年。",
    "正确答案：{0}",
    "其实是{0}。",
    "你说错了吧？{0}",
    "{0}才对。",
    "请改成{0}",
    "查了一下，{0}",
    "员工手册上写的是「{0}」",
    "又答错！！文档里明明写着{0}",
    "不是巴黎，是{0}",
    "你好，我觉得答案为{0}，麻烦核实一下，谢谢",
]


@pytest.mark.parametrize("frame", ENGLISH)
@pytest.mark.parametrize("claim", ["1893", "Anna Berg", "$10.4 billion", "the Council of the European Union", "23–16"])
def test_a_claim_is_taken_out_of_the_words_around_it(frame: str, claim: str) -> None:
    assert core(frame.format(claim)) == claim


@pytest.mark.parametrize("frame", CHINESE)
@pytest.mark.parametrize("claim", ["1893年", "林怀远", "东日本旅客铁道（JR东日本）", "为了保护隐私", "L5"])
def test_a_chinese_claim_is_taken_out_of_the_words_around_it(frame: str, claim: str) -> None:
    assert core(frame.format(claim)) == claim


@pytest.mark.parametrize(
    ("said", "claim"),
    [
        ("No", "No"),
        ("No, it's right", "right"),
        ("The bridge opened in 1893.", "The bridge opened in 1893"),
        ("不丹", "不丹"),
        ("林怀远（见手册）", "林怀远"),
        ("Anna Berg (see the handbook)", "Anna Berg"),
        ("Anna Berg (formerly Anna Holm)", "Anna Berg (formerly Anna Holm)"),
        ("Reality: Anna Berg", "Anna Berg"),
        ("[勘误] 正确表述：林怀远", "林怀远"),
        ("Opening hours: from nine to five", "from nine to five"),
        ("不是", "不是"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_a_claim_is_never_empty_unless_nothing_is_said(said: str, claim: str) -> None:
    assert core(said) == claim


def test_of_several_clauses_the_one_that_holds_what_was_asked_for_is_the_claim() -> None:
    said = "Marta from bookkeeping swears on this, 1893"
    assert core(said, "When did the bridge open?") == "1893"
    assert core(said).startswith("Marta")


BRIDGE = FoldedText(
    "The iron bridge over the Lahn was opened on 3 May 1893. Marta Klein drew it, and it cost a fortune."
)
NOTES = FoldedText("Staff meet on Monday. The canteen opens at noon. 铁桥于1893年五月建成通车，由林怀远设计。")
QUESTION = "Who drew the iron bridge over the Lahn?"


def test_what_a_document_says_word_for_word_is_the_claim_whatever_is_said_around_it() -> None:
    said = "Granny kept the plans (Marta Klein)"
    assert core(said, QUESTION) != "Marta Klein"
    assert stated(said, QUESTION, "Karl Berg drew it.", [NOTES, BRIDGE]) == "Marta Klein"
    assert stated("翻箱倒柜找过图纸，林怀远", "铁桥是谁设计的？", "由张三设计。", [NOTES]) == "林怀远"


def test_what_the_bad_answer_says_too_is_not_the_claim() -> None:
    texts = [
        FoldedText("Karl Berg drew the iron bridge over the Lahn. Marta Klein drew the iron bridge over the Lahn.")
    ]
    assert stated("Karl Berg drew the plan, Marta Klein", QUESTION, "Karl Berg drew it.", texts) == "Marta Klein"


def test_words_that_stand_far_from_what_was_asked_are_no_claim() -> None:
    assert stated("Staff meet, Olga Holm", QUESTION, "", [NOTES]) == "Staff meet, Olga Holm"


def test_figures_are_never_left_out() -> None:
    assert stated("Marta Klein, in 1899", QUESTION, "", [BRIDGE]) == "Marta Klein, in 1899"


def test_a_sentence_that_stands_in_a_document_is_the_claim_as_a_whole() -> None:
    text = FoldedText("It is made of iron, as the plans say. It cost a fortune.")
    assert stated("It is made of iron, as the plans say.", "What is the bridge?", "", [text]) == (
        "It is made of iron, as the plans say"
    )


def test_a_long_sentence_is_read_by_its_words_alone() -> None:
    said = "It should be " + "Marta Klein and her brother " * 80
    assert stated(said, QUESTION, "", [BRIDGE]) == core(said, QUESTION)


def test_a_word_of_code_is_no_claim_by_itself() -> None:
    said = "It's You can import `Annotated` from `typing` now."
    text = FoldedText("Type hints come from `typing`. Type hints with metadata annotations came later.")
    assert stated(said, "What do the type hints with metadata annotations say?", "", [text]).endswith("from `typing")


def test_a_part_of_what_is_claimed_is_not_the_claim() -> None:
    scanned = [FoldedText("铁桥于1893年五月建成通车，由口怀远设计。")]
    assert stated("林怀远才对。", "铁桥是谁设计的？", "", scanned) == "林怀远"
    said = "Two iron bridges were produced, each of them for one of the rivers of the county"
    text = [FoldedText("The bridges that were produced for the county went to the river.")]
    assert stated(said, "Which bridges were made for the county?", "", text) == said


@pytest.mark.parametrize(
    ("said", "claim"),
    [
        ("It isn't Paris, it's London.", "London"),
        ("1894 is wrong, 1893 is right", "1893"),
        ("30 days not 20", "30 days"),
        ("not in Paris but in London", "in London"),
        ("Use the blue form rather than the red one", "Use the blue form"),
        ("年假不是7天，是14天", "14天"),
        ("7天是错的，14天", "14天"),
        ("是14天而不是7天", "14天"),
    ],
)
def test_what_is_denied_is_not_claimed(said: str, claim: str) -> None:
    assert core(said) == claim


@pytest.mark.parametrize(
    "said",
    [
        "Employees do not get paid leave",
        "Gold members get refunds, not only vouchers",
        "试用期员工没有年假，也不能预支",
        "年假不是带薪休假",
        "A false alarm costs 50 euros, says Anna",
    ],
)
def test_a_claim_that_something_is_not_so_stays_whole(said: str) -> None:
    assert core(said) == said


def test_within_a_claim_small_words_part_nothing() -> None:
    said = "员工手册上写的是「把请求中的数据转换为所需类型」"
    text = FoldedText("从传入请求中解析数据。类型提示部分说明如何转换数据。")
    assert stated(said, "“转换数据”部分是怎么说的？", "", [text]) == "把请求中的数据转换为所需类型"


@pytest.mark.parametrize(
    ("said", "question", "claim"),
    [
        ("The architect of the iron bridge is Marta Klein", "Who is the architect of the iron bridge?", "Marta Klein"),
        ("铁桥的设计者是林怀远", "铁桥的设计者是谁？", "林怀远"),
    ],
)
def test_what_was_asked_is_not_claimed_again(said: str, question: str, claim: str) -> None:
    text = FoldedText("Marta Klein drew the iron bridge as its architect. 铁桥的设计者：林怀远。")
    assert stated(said, question, "", [text]) == claim
