"""Whether an answer is right for a bad case."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.records import Case
from feedback.records import Claim
from feedback.repairing.check import is_right
from feedback.workbench import Workbench
from index.findings import Cause
from index.repairs.records import Reparse, Restore
from serving.types import Answer, Citation, GeneratorName, Seconds, SentenceCheck, Usage
from tests.feedback.repairing.samples import (
    QUESTION,
    RIGHT,
    WRONG,
    bad_case,
    finding,
    quarantine,
    signed,
    supersede,
)

pytestmark = pytest.mark.workspace

SUPERSEDE = supersede("returns-2019.md", "returns-2025.md")
FOUND = finding(SUPERSEDE)
CASE = Case(id="feedback-1", question=QUESTION, answer="45 days")


def cited(source: str, index: int = 1) -> Citation:
    return Citation(
        index=index,
        chunk_id="c",
        document_id="d",
        source=source,
        title="",
        heading=(),
        page=None,
        start=0,
        end=1,
        quote="q",
        score=1.0,
    )


def answer(*sentences: str, source: str = "docs/returns-2025.md", supported: bool = True, **fields: Any) -> Answer:
    """An answer of sentences that each cite one source."""
    text, checks = "", []
    for sentence in sentences:
        body = f"{sentence} [1]"
        start = len(text) + bool(text)
        text = f"{text} {body}" if text else body
        checks.append(
            SentenceCheck(
                start=start, end=len(text), citations=(1,), support=0.9 if supported else 0.1, supported=supported
            )
        )
    defaults = {
        "id": "a",
        "question": QUESTION,
        "standalone": QUESTION,
        "answer": text,
        "abstained": False,
        "language": "en",
        "citations": (cited(source),),
        "sentences": tuple(checks),
        "evidence": 1.0,
        "release": "r",
        "generator": GeneratorName("extractive", ""),
        "prompt": "default@x",
        "seconds": Seconds(0.0, None, 0.0),
        "usage": Usage(),
    }
    return Answer(**{**defaults, **fields})


ABSTENTION = answer("The documents do not say.", abstained=True, citations=(), sentences=())


def test_the_right_text_supported_by_another_document_is_right(bench: Workbench) -> None:
    right, why = is_right(bench, bad_case(), FOUND, answer(RIGHT))
    assert right, why
    assert "docs/returns-2025.md" in why


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(WRONG), "what is right"),
        (answer(RIGHT, supported=False), "supports"),
        (answer(RIGHT, source="docs/returns-2019.md"), "docs/returns-2019.md"),
        (answer(RIGHT, WRONG), "contradict"),
        (answer("Customers do not have 45 days to return a lamp."), "what is right"),
        (ABSTENTION, "do not answer"),
    ],
)
def test_what_is_not_right_says_why(bench: Workbench, given: Answer, said: str) -> None:
    right, why = is_right(bench, bad_case(), FOUND, given)
    assert not right
    assert said in why


def test_a_correction_is_not_right_by_its_words(bench: Workbench) -> None:
    """The model repeats what a hostile correction says; no document does."""
    hostile = finding(quarantine("returns-2025.md"), expected="Customers have 999 days to return a lamp.")
    given = answer("Customers have 999 days to return a lamp.", supported=False)
    assert not is_right(bench, bad_case(), hostile, given)[0]


def test_a_document_that_was_read_again_may_be_cited(bench: Workbench) -> None:
    reread = finding(
        Reparse(source="docs/returns-2019.md", parser="raw", **signed()), cause=Cause.PARSE_FAULT, expected=RIGHT
    )
    assert is_right(bench, bad_case(), reread, answer(RIGHT, source="docs/returns-2019.md"))[0]


def test_a_case_that_must_abstain_is_right_when_it_does(bench: Workbench) -> None:
    unknown = finding(SUPERSEDE, expected="", expected_from="")
    bad = bad_case(claim=Claim(abstain=True))
    assert is_right(bench, bad, unknown, ABSTENTION)[0]
    assert not is_right(bench, bad, unknown, answer(RIGHT))[0]


def test_with_expected_sources_alone_one_of_them_is_cited(bench: Workbench) -> None:
    unknown = finding(SUPERSEDE, expected="", expected_from="")
    bad = bad_case(claim=Claim(sources=("returns-2025.md",)))
    assert is_right(bench, bad, unknown, answer(RIGHT))[0]
    right, why = is_right(bench, bad, unknown, answer(RIGHT, source="docs/roses.md"))
    assert not right
    assert "returns-2025.md" in why


def test_a_bare_complaint_needs_another_answer(bench: Workbench) -> None:
    bad = bad_case(claim=Claim(), wrong=f"{RIGHT} [4]")
    right, why = is_right(bench, bad, finding(SUPERSEDE, expected_from="source"), answer(RIGHT))
    assert (right, why) == (False, "it is the same answer as before")
    bare = bad_case(claim=Claim())
    assert is_right(bench, bare, finding(SUPERSEDE, expected_from="source"), answer(RIGHT))[0]
    nothing = finding(SUPERSEDE, expected="", expected_from="")
    assert is_right(bench, bare, nothing, answer(RIGHT))[0]
    missed = finding(SUPERSEDE, expected="", expected_from="", cause=Cause.RETRIEVAL_MISS)
    assert not is_right(bench, bare, missed, answer(RIGHT))[0]
    back = Restore(source="docs/returns-2025.md", **signed())
    restored = finding(back, expected="", expected_from="", cause=Cause.QUARANTINED_DOCUMENT, documents=())
    assert is_right(bench, bare, restored, answer(RIGHT))[0]
    assert not is_right(bench, bare, restored, answer(RIGHT, source="docs/roses.md"))[0]


def test_an_accepted_case_says_what_is_right(bench: Workbench) -> None:
    unknown = finding(SUPERSEDE, expected="", expected_from="case")
    bad = bad_case(claim=Claim(), case=CASE)
    assert is_right(bench, bad, unknown, answer(RIGHT))[0]
    assert not is_right(bench, bad, unknown, answer(WRONG, source="docs/delivery.md"))[0]


def test_it_is_the_same_in_chinese(bench: Workbench) -> None:
    question, right = "退货期限是多少天？", "顾客可以在45天内退货。"
    found = finding(SUPERSEDE, question=question, expected=right)
    bad = bad_case(question=question)
    assert is_right(bench, bad, found, answer(right, question=question, language="zh"))[0]
    assert not is_right(bench, bad, found, answer("顾客可以在14天内退货。", question=question, language="zh"))[0]
    assert not is_right(bench, bad, found, answer("顾客不可以在45天内退货。", question=question, language="zh"))[0]
