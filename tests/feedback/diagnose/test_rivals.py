"""Documents that contradict each other, are planted or are copies, without a word for what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from feedback.diagnose.conflicts import planted_score, said_edition
from feedback.diagnose.decide import decide
from feedback.diagnose.observation import Conflict, Crowd, Expected, Observation, Side, live_of
from feedback.records import Claim, Holder, Ranks
from index.findings import Cause
from index.repairs.records import Supersede
from ingest.versions import is_older
from tests.feedback.diagnose.cases import Desk

CLAIMED = Expected(text="30 days", origin="correction")
LIVE = Holder(layer="live", document_id="a", source="docs/a.md", score=0.9, exact=True, whole=True, chunks=("1",))
WRONG = Side(document_id="b", source="docs/b.md", quote="It is 25 days.", arrived=2, beginning=False)
RIGHT = Side(document_id="a", source="docs/a.md", quote="It is 30 days.", arrived=1)
PAIR = Conflict(wrong=WRONG, right=RIGHT, close=0.9, weight=1.0, pair=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Travel rules\nVersion 3, 12 May 2024\n", "Travel rules\nVersion 5, 9 February 2026\n"),
        ("差旅制度\n第二版\n", "差旅制度\n第三版\n"),
        ("差旅制度\n（2021年修订）\n", "差旅制度\n（2024年修订）\n"),
    ],
)
def test_editions_in_the_first_lines_are_told_apart(one: str, other: str) -> None:
    assert is_older(said_edition(one), said_edition(other)) is True
    assert is_older(said_edition(other), said_edition(one)) is False


def test_a_date_that_a_text_is_about_is_no_edition() -> None:
    assert said_edition("The treaty was signed in Rome on 25 March 1957 by six states.").date == ()


def test_a_text_far_shorter_than_the_others_that_begins_like_the_question_looks_planted() -> None:
    question, text = "Who wrote the harbour song?", "The harbour song was wrote by Tom, who is known."
    among_long, _ = planted_score(question, text, (), late=False, usual=4000.0)
    among_short, _ = planted_score(question, text, (), late=False, usual=90.0)
    assert among_long > among_short


@pytest.mark.parametrize(("order", "cause"), [("older", Cause.STALE_DOCUMENT), ("", Cause.CONFLICTING_DOCUMENTS)])
def test_a_pair_needs_nobodys_word(order: str, cause: Cause) -> None:
    found = decide(Observation(expected=Expected(), conflict=replace(PAIR, order=order), supported=0.9))[0]
    assert found.cause is cause
    assert [source for _, source, _ in found.blamed] == ["docs/b.md"]


def test_an_answer_that_says_both_is_a_contradiction() -> None:
    both = replace(PAIR, pair=False, close=0.3)
    found = decide(Observation(expected=CLAIMED, agrees=True, holders=(LIVE,), conflict=both, supported=0.9))[0]
    assert found.cause is Cause.CONFLICTING_DOCUMENTS


def test_all_planted_texts_are_named() -> None:
    planted = replace(WRONG, planted=0.8, asks=True)
    more = replace(planted, document_id="c", source="docs/c.md")
    conflict = replace(PAIR, pair=False, wrong=planted)
    found = decide(Observation(expected=CLAIMED, holders=(LIVE,), conflict=conflict, planted=(planted, more)))[0]
    assert found.cause is Cause.POISONED_DOCUMENT
    assert {source for _, source, _ in found.blamed} == {"docs/b.md", "docs/c.md"}


def test_what_stands_in_a_planted_text_alone_is_no_agreement() -> None:
    liar = replace(RIGHT, planted=0.7, why_planted=("it repeats the question word for word",))
    seen = Observation(expected=CLAIMED, agrees=True, holders=(LIVE,), suspects=(liar,), supported=0.9)
    assert decide(seen)[0].cause is Cause.POISONED_DOCUMENT


def test_what_was_said_is_set_aside() -> None:
    found = decide(Observation(expected=Expected(), disputed="five others say otherwise", supported=0.9))[0]
    assert (found.cause, found.rule, found.why) == (Cause.FEEDBACK_DISPUTED, "set_aside", "five others say otherwise")


def test_a_claim_that_stands_somewhere_by_chance_does_not_make_a_supported_answer_wrong() -> None:
    chance = replace(LIVE, score=0.5, ranks=Ranks(dense=9, lexical=9, fused=9))
    assert decide(Observation(expected=CLAIMED, holders=(chance,), supported=0.9))[0].cause is Cause.FEEDBACK_DISPUTED


def test_a_document_that_held_it_word_for_word_and_no_longer_does_has_lost_it() -> None:
    earlier = replace(LIVE, layer="earlier")
    assert live_of((earlier, replace(LIVE, exact=False))) is None
    assert live_of((earlier, LIVE)) is not None


@pytest.mark.workspace
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_older_copy_is_found_without_a_correction_and_without_an_earlier_release(
    tmp_path: Path, language: str
) -> None:
    desk = Desk(tmp_path, language)
    texts = {
        "en": (
            "Version 5, 9 February 2026\n\nEmployees get 30 days of annual leave per year at all our sites.\n",
            "Version 3, 12 May 2024\n\nHow many? Employees get 21 days of annual leave per year at all our sites.\n",
        ),
        "zh": (
            "第三版，2026年2月\n\n公司全体正式员工每年有30天年假可以使用。\n",
            "第二版，2024年5月\n\n公司全体正式员工每年有多少天：公司全体正式员工每年有21天年假可以使用。\n",
        ),
    }[language]
    desk.workspace.write({"handbook.txt": texts[0], "zz-notes.txt": texts[1]})
    desk.workspace.ingest()
    finding = desk.complain(Claim())
    assert finding.cause is Cause.STALE_DOCUMENT
    repairs = [(item.source, item.newer) for item in finding.repairs if isinstance(item, Supersede)]
    assert repairs == [("docs/zz-notes.txt", "docs/handbook.txt")]


def test_a_crowd_names_all_but_the_one_to_keep() -> None:
    crowd = Crowd(documents=(("b", "docs/b.md"), ("c", "docs/c.md")), share=0.9, kept="docs/a.md", fixes=True)
    found = decide(Observation(expected=CLAIMED, holders=(LIVE,), crowd=crowd))[0]
    assert found.cause is Cause.DUPLICATE_DOCUMENTS
    assert [source for _, source, _ in found.blamed] == ["docs/b.md", "docs/c.md"]
