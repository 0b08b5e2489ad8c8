"""Questions about what documents usually say of themselves, where they do not: who wrote them, whom to call, the next
review, who approved them.

They are asked where exchanging words gives too few questions that no document answers, as in a small folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evaluation.generate.checking import DEPTH
from evaluation.generate.records import CHINESE, UNANSWERABLE, Draft, Reading
from evaluation.generate.unanswerable import KIND
from ragpress.fingerprint import hexdigest
from retrieval.search import Searcher
from serving.evidence.terms import stems_of, terms_of

_TITLED = 0.6


class Lack(NamedTuple):
    """Something that a document may not say of itself.

    Attributes:
        english: the question.
        chinese: the same.
        said: found wherever something like it is said.
    """

    english: str
    chinese: str
    said: re.Pattern[str]


_LACKS = (
    Lack(
        "Who is named as the author of “{title}”?",
        "《{title}》写明的作者是谁？",
        re.compile(
            r"\b(?:authors?|editors?|(?:written|prepared|drawn up) by)\b|作者|编写|撰写|编制|起草", re.IGNORECASE
        ),
    ),
    Lack(
        "Which telephone number does “{title}” give for questions?",
        "《{title}》给出的咨询电话是多少？",
        re.compile(r"\b(?:tele)?phones?\b|\btel\b|\bcall\b|\bhotline\b|\+\d\d|电话|热线|拨打|分机", re.IGNORECASE),
    ),
    Lack(
        "When is the next review of “{title}” due?",
        "《{title}》下一次修订定在什么时候？",
        re.compile(
            r"\b(?:next|annual|yearly) (?:review|revision)|review(?:ed)? (?:in|on|every|by)|修订|复审|评审",
            re.IGNORECASE,
        ),
    ),
    Lack(
        "Who approved “{title}”?",
        "《{title}》由谁批准？",
        re.compile(r"\bapprov\w+|\bsigned(?: off)? by|批准|审批|核准|签发", re.IGNORECASE),
    ),
)


def lacking(readings: Sequence[Reading], seed: int) -> Iterator[tuple[Draft, Lack]]:
    """Questions to try about documents that lack something, each document once before any twice."""
    found = [
        (turn, _draft(reading, _LACKS[(first + turn) % len(_LACKS)]), _LACKS[(first + turn) % len(_LACKS)])
        for reading in readings
        if reading.title
        for first in [int(hexdigest(seed, reading.source)[:8], 16)]
        for turn in range(len(_LACKS))
        if not _LACKS[(first + turn) % len(_LACKS)].said.search(reading.text)
    ]
    for _, draft, lack in sorted(found, key=lambda one: (one[0], hexdigest(seed, KIND, one[1].question))):
        yield draft, lack


def is_said(draft: Draft, lack: Lack, searcher: Searcher) -> str:
    """Why the release may answer such a question, in few words; "" where nothing in it does."""
    title = terms_of(draft.reading.title)
    for hit in searcher.search(draft.question, DEPTH):
        about = " ".join((hit.title, *hit.heading, hit.text))
        if lack.said.search(hit.text) and title.coverage(set(stems_of(about))) >= _TITLED:
            return "some document states it"
    return ""


def _draft(reading: Reading, lack: Lack) -> Draft:
    template = lack.chinese if reading.language == CHINESE else lack.english
    question = template.format(title=reading.title.strip("《》"))
    return Draft(
        question=question,
        answer="",
        start=0,
        end=0,
        kind=KIND,
        reading=reading,
        titled=True,
        about=question,
        origin=UNANSWERABLE,
    )
