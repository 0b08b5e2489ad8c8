import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.evidence.sentences import (
    complete_until,
    parse_citations,
    readable,
    split_sentences,
    unwrapped,
    without_citations,
)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rose by 3.5 percent. Dr. Smith (of the U.S. office) agreed, e.g. in May. Fine!", 3),
        ("他说：“可以。”随后离开。第二天下雨！真的吗？", 4),
        ("One line that was\nwrapped by a mail program. Another.", 2),
        (
            "文件编号 DOC-12，版本 3.4，2024 年 8 月 3 日，编写人：王芳。本规程适用于南京仓库存\n"
            "放的冷藏药品。每天清点两次。",
            3,
        ),
        ("联系人：王芳，电话 025-555-0101，分机 12，传真 025-555-0102\n联系人：李明", 2),
        ("# Fees\n\n1. Pay the fee. It is due in May.\n2. Wait", 4),
        ("| item | price |\n|---|---|\n| pen | 1. 20 |", 2),
        ("```\ncall(a[1]). then\nnext. line\n```", 2),
        ("“Really?” she asked. Yes.", 2),
        ("", 0),
    ],
)
def test_sentences_rows_items_and_lines_stand_by_themselves(text: str, sentences: int) -> None:
    assert len(cut(text)) == sentences, cut(text)


def test_a_mark_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    assert cut("It is so. [1] Next is that.[2][3] iOS came [4]. End") == [
        "It is so. [1]",
        "Next is that.[2][3]",
        "iOS came [4].",
        "End",
    ]
    assert cut("价格上涨。[1]随后下跌【2】。") == ["价格上涨。[1]", "随后下跌【2】。"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a [1] b [2][3]", [(1,), (2,), (3,)]),
        ("a [1, 2] b 【3】 c ［４，5］", [(1, 2), (3,), (4, 5)]),
        ("a [2-4] b [1990-2020]", [(2, 3, 4), (1990, 2020)]),
        ("x[i] [a1] [] [1.5] (1)", []),
    ],
)
def test_citation_marks_of_every_spelling_are_read(text: str, numbers: list[tuple[int, ...]]) -> None:
    marks = parse_citations(text)
    assert [mark.numbers for mark in marks] == numbers
    assert all(text[mark.start] in "[【［" and text[mark.end - 1] in "]】］" for mark in marks)


def test_text_without_its_marks_reads_as_before() -> None:
    assert without_citations("It is so [1][2], he said【3】.") == "It is so, he said."


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("- **Fee:** see [the list](https://example.org/a)", "Fee: see the list"),
        ("| pen | 1.20 |", "pen; 1.20"),
        ("## Fees", "Fees"),
        ("3) third\nitem", "third item"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
    ],
)
def test_readable_takes_markup_away_and_leaves_the_words(raw: str, plain: str) -> None:
    assert readable(raw) == plain


def test_an_unfinished_text_tells_which_sentences_are_final() -> None:
    assert complete_until("It is so. [1") == 0
    assert complete_until("It is so. [1] N") == len("It is so. [1]")
    assert complete_until("价格上涨。") == 0


_TEXT = st.lists(
    st.sampled_from(
        ["It is", " so", ". ", "。", "? ", "[1]", " [2]", "【3】", "\n", "\n\n", "- a", "| b |", "U.S.", "价格", "x"]
    ),
    max_size=14,
).map("".join)


@given(_TEXT)
def test_what_was_called_final_never_changes(text: str) -> None:
    whole = split_sentences(text)
    for end in range(len(text) + 1):
        final = complete_until(text[:end])
        assert [span for span in split_sentences(text[:end]) if span.end <= final] == [
            span for span in whole if span.end <= final
        ]


@given(st.text(alphabet="a.。?!\n |-#[1]【】`~*(）x", max_size=60))
def test_spans_ascend_lose_no_word_and_hold_no_outer_space(text: str) -> None:
    spans = split_sentences(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    for start, end in spans:
        assert text[start:end].strip() == text[start:end] != ""


def test_wrapped_chinese_reads_on_and_other_lines_stay() -> None:
    assert unwrapped("本规程适用于南京仓\n库。\nLine one\nline two") == "本规程适用于南京仓库。\nLine one\nline two"
