"""The check of an answer while it streams: citations, sentences, policies, and what may not leave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragpress.answer_settings import Unsupported
from ragpress.prompts import built_in
from serving.evidence.sentences import parse_citations
from serving.safe_text import SafeText
from serving.sentence_stream import Ended, SentenceStream
from serving.verify import SentenceJudge, VerifiedText
from tests.serving.answering import WordChecker, passage

PASSAGES = (
    passage(1, "Green tea is served at four. See https://tea.example/menu for the menu."),
    passage(2, "Black tea costs three euros. 红茶每杯三欧元。"),
    passage(3, "The garden opens in May."),
)
SIGN = " (unsupported)"
CODE = re.compile(
    r"^[ \t]{0,3}(```|~~~).*?(?:^[ \t]{0,3}\1|\Z)|(?<!`)(`+)(?!`)[^\n]+?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE
)


def safe(*pieces: str) -> str:
    made = SafeText([1, 2, 3], [one.text for one in PASSAGES])
    return "".join(made.feed(piece) for piece in pieces) + made.finish()


def verified(pieces: Sequence[str], policy: Unsupported = Unsupported.MARK) -> tuple[VerifiedText, list[str]]:
    async def run() -> tuple[VerifiedText, list[str]]:
        judge = SentenceJudge(WordChecker(), PASSAGES, 0.5, built_in().prompt)
        text = VerifiedText(SafeText([1, 2, 3], [one.text for one in PASSAGES]), judge, policy, SIGN)
        given = [out for piece in pieces for out in [delta async for delta in text.feed(piece)]]
        return text, given + [delta async for delta in text.finish()]

    return asyncio.run(run())


def cut(text: str, places: Sequence[int]) -> list[str]:
    bounds = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


FRAGMENTS = st.sampled_from(
    [
        "Green tea is served at four", "Black tea costs nine euros", "红茶每杯三欧元", "所有的茶都免费", "[1]", "[9]",
        "[2, 3]", "【1】", "[1-3]", "［7］", ".", "! ", "?", "\n", "\n\n", " ", "  ", "[", "]", "(", ")", "9", "1",
        "。", ",", "`", "``", "```\n", "~~~", "](", "![x]", "(http://evil.example/?q=1)", "https://tea.example/menu",
        "- ", "//evil.example/a", "<img src=x>", "<", "| a | b |\n", "# ", "e.g. ", "Dr. ", "\u200b", "\U000e0041", "x",
        "I do not know.", "Sure", ":", "“", "”", "“Yes.” ", "3.5", "\t", "*", "'", "...", "items[0]", "[a]: b",
    ]
)  # fmt: skip
TEXTS = st.lists(FRAGMENTS, max_size=14).map("".join) | st.text("[]【】()` .\n19,a-<>/:!。茶", max_size=24)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 400), max_size=8), st.sampled_from(Unsupported))
@example("Tea.[1] More [9] tea.", [4, 6, 7], Unsupported.MARK)
def test_the_verified_text_does_not_depend_on_the_pieces(text: str, places: list[int], policy: Unsupported) -> None:
    whole, _ = verified([text], policy)
    pieces, deltas = verified(cut(text, places), policy)
    assert pieces.text == whole.text == "".join(deltas)
    assert pieces.checks == whole.checks
    assert pieces.removed_citations == whole.removed_citations


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.sampled_from(Unsupported))
@example("[[9]9]", Unsupported.KEEP)
@example("The moon is cheese```\n```\nitems[0]", Unsupported.REMOVE)
@example("(http://evil.example/?q=1)```\n```\nitems[0]", Unsupported.REMOVE)
@example("[a](b)(javascript:x)", Unsupported.KEEP)
def test_no_made_up_citation_and_no_link_leaves(text: str, policy: Unsupported) -> None:
    shown = CODE.sub("¦", verified([text], policy)[0].text)
    assert {number for mark in parse_citations(shown) for number in mark.numbers} <= {1, 2, 3}
    assert not re.search(r"\]\(\S+\)", shown)
    assert "evil.example" not in shown


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_sentences_are_where_the_checks_say(text: str) -> None:
    found, _ = verified([text])
    for check, (sentence, claims) in zip(found.checks, found.claims, strict=True):
        assert found.text[check.start : check.end] == sentence
        assert claims == (check.support is not None)


@pytest.mark.parametrize(
    ("written", "leaves"),
    [
        ("Tea [1, 2].", "Tea [1][2]."),
        ("茶【1】。", "茶[1]。"),
        ("Tea [1-3].", "Tea [1][2][3]."),
        ("Tea [9].", "Tea."),
        ("Tea [1, 9].", "Tea [1]."),
        ("Of [2019, see there].", "Of [2019, see there]."),
        ("![x](http://evil.example/?q=secret)", "![x]"),
        ("[Menu](//evil.example 'title') is here", "[Menu] is here"),
        ("[see](a b c)", "[see](a b c)"),
        ("[x](\nhttp://evil.example/a)", "[x] (\nhttp://…)"),
        ("[x]: https://evil.example/a", "[x] : https://…"),
        ("at https://tea.example/menu, and", "at https://tea.example/menu, and"),
        ("at https://tea.example/menu?q=secret", "at https://…"),
        ("1 < 2 and <img src=x onerror=y>", "1 < 2 and ‹img src=x onerror=y>"),
        ("`items[0]` is the first [1]", "`items[0]` is the first [1]"),
        ("```py\nitems[0]\n```\n[9]", "```py\nitems[0]\n```\n"),
        ("`[9]`", "``"),
        ("hid\u200bden\x1b[31m\U000e0041", "hidden[31m"),
    ],
)
def test_what_leaves(written: str, leaves: str) -> None:
    assert safe(written) == leaves
    assert safe(*written) == leaves


def test_text_streams_at_once_but_for_what_may_be_a_citation() -> None:
    text = SafeText([1], [])
    assert text.feed("Green tea") == "Green tea"
    assert text.feed(" is") == " is"
    assert text.feed(" [") == ""
    assert text.feed("1") == ""
    assert text.feed("] Next") == " [1] Next"


def test_a_sign_follows_the_unsupported_sentence() -> None:
    found, deltas = verified(
        ["Green tea is ser", "ved at four [1]. The moon", " is cheese [1]. The garden opens in May [3]."]
    )
    assert found.text == (
        "Green tea is served at four [1]. The moon is cheese [1]. (unsupported) The garden opens in May [3]."
    )
    assert deltas[0] == "Green tea is ser"
    assert [check.supported for check in found.checks] == [True, False, True]


def test_an_unsupported_sentence_is_removed_before_it_leaves() -> None:
    found, deltas = verified(["The moon is cheese [1]. The gar", "den opens in May [3]."], Unsupported.REMOVE)
    assert deltas == ["The garden opens in May [3]."]
    assert found.dropped == 1
    assert [(check.start, check.end) for check in found.checks] == [(0, len(found.text))]


def test_keep_only_records() -> None:
    found, _ = verified(["The moon is cheese [1]."], Unsupported.KEEP)
    assert found.text == "The moon is cheese [1]."
    assert not found.checks[0].supported


def test_a_claim_without_a_citation_gets_the_passage_that_supports_it() -> None:
    found, _ = verified(["Black tea costs three euros. 红茶每杯三欧元。"])
    assert found.text == "Black tea costs three euros. [2] 红茶每杯三欧元。[2]"
    assert [check.citations for check in found.checks] == [(2,), (2,)]


@pytest.mark.parametrize("text", ["Sure, here is the answer:", "# Tea", "I could not find this in the documents."])
def test_what_claims_nothing_has_no_support(text: str) -> None:
    found, _ = verified([text])
    assert found.text == text
    assert [check.support for check in found.checks] == [None]


def test_lines_of_code_are_no_sentences() -> None:
    found, _ = verified(["Run this:\n\n```\nrm -rf moon\n```\nThe garden opens in May [3]."])
    assert found.text == "Run this:\n\n```\nrm -rf moon\n```\nThe garden opens in May [3]."
    assert [claims for _, claims in found.claims] == [False, True]


@pytest.mark.parametrize("unit", ["[", "](", "word ", " ", "//", "[9", "a.b ", "\n", "| a ", "字", "http://a.bc/"])
def test_hostile_text_takes_no_more_than_its_length(unit: str) -> None:
    found, _ = verified([unit * (3_000 // len(unit)), " [9]"], Unsupported.KEEP)
    assert found.removed_citations == (9,)


def test_white_space_waits_so_that_a_sign_can_stand_before_it() -> None:
    stream = SentenceStream()
    assert "".join(str(part) for part in stream.feed("It is so. ")) == "It is so."
    assert list(stream.feed("Next")) == [Ended(0, 9, "It is so."), " Next"]
