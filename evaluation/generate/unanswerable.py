"""Questions that no document answers: one that a document does answer, with one thing in it exchanged.

What is put in comes from elsewhere and is of the same kind: a year for a year, a place for a place, a name that does
something for a name that does the same, a column of one table for a column of another. Then the whole release is
looked through: where some passage has the new combination, the question is dropped. (The exchange of entities follows Rajpurkar, Jia and Liang, *Know What You
Don't Know*, ACL 2018, where people wrote such questions.)
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from evaluation.generate.checking import DEPTH, states
from evaluation.generate.chinese import is_place
from evaluation.generate.drafting import normalised, titled_question
from evaluation.generate.records import CHINESE, ENGLISH, LANGUAGES, UNANSWERABLE, Draft, Reading
from evaluation.generate.rows import about_cell
from ragpress.fingerprint import hexdigest
from retrieval.search import Searcher
from serving.evidence.terms import Terms, stems_of, terms_of

KIND = "unanswerable"
# A passage with the exchanged words and so much of the others may answer the question.
_STATED = 0.6
_TRIES = 3
_FEWEST_TERMS = 2
_YEAR = re.compile(r"(?<!\d)(?:1[1-9]\d{2}|20\d{2})(?!\d)")
_NAME = r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2}"
_PLACE = re.compile(
    rf"\b(?:in|from|near|at) (?P<name>{_NAME})(?=[,.;:?]| (?:in|on|by|from|and|to|for|with|is|was|were|during)\b)"
)
_HAN_PLACE = re.compile(
    r"(?:位于|来自|前往|抵达|到达|在)(?P<name>[\u4e00-\u9fff]{2,6}?)"
    r"(?=[，。；、？的]|(?:成立|建立|举行|出生|创立|去世|进行|开设))"
)
_DOER = re.compile(
    rf"\b(?:did|does|was|is|has) (?P<name>{_NAME}) (?P<verb>(?!(?:and|or|of|in|to|the|as|at|on|by|for|with)\b)[a-z]{(3,)})\b"
)
_PLACE_COUNT = 2
_NO_PLACES = frozenset(
    [
        *["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"],
        *["November", "December", "English", "German", "French", "Latin", "Chinese", "Greek", "Spanish", "Part"],
    ]
)


class Swap(NamedTuple):
    """A question whose answer is nowhere, if the check agrees.

    Attributes:
        draft: it, without an answer.
        value: what was put in; in a table, the row's name.
        rest: what else it asks: no passage may have both.
    """

    draft: Draft
    value: str
    rest: str


def swaps(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """Questions to try, in an order that the seed decides."""
    found = [*_years(drafts, seed), *_places(drafts, seed), *_subjects(drafts, seed), *_cells(drafts, seed)]
    yield from sorted(found, key=lambda swap: hexdigest(seed, KIND, swap.draft.question))


def is_stated(swap: Swap, readings: Iterable[Reading], searcher: Searcher) -> str:
    """Why the release may answer such a question, in few words; "" where nothing in it does."""
    terms = terms_of(swap.rest)
    if len(terms.stems) < (1 if swap.draft.attribute else _FEWEST_TERMS):
        return "says too little"
    value = normalised(swap.value)
    if any(states(reading, terms, value, _STATED) for reading in readings):
        return "some document states it"
    for hit in searcher.search(swap.draft.question, DEPTH):
        if value in normalised(hit.text) and _covers(terms, hit.text):
            return "some document states it"
    return ""


def _covers(terms: Terms, text: str) -> bool:
    return terms.coverage(set(stems_of(text))) >= _STATED


def _years(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    pool: dict[str, list[str]] = defaultdict(list)
    for draft in drafts:
        pool[draft.reading.language] += _YEAR.findall(draft.quote)
    for draft in drafts:
        match = _YEAR.search(draft.about)
        if match is None or draft.kind == "when" or draft.subject:
            continue
        others = sorted({year for year in pool[draft.reading.language] if year not in draft.reading.text})
        for year in _picked(others, seed, draft.question):
            yield _exchanged(draft, match.span(), year)


def _places(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """A place exchanged for a place that another document names."""
    prose = [draft for draft in drafts if not draft.subject]
    texts = {draft.reading.document_id: draft.reading for draft in prose}
    known = {language: _known_places(texts.values(), language) for language in LANGUAGES}
    for draft in prose:
        places = known[draft.reading.language]
        for span in _places_in(draft, places):
            others = sorted(place for place in places if place not in draft.reading.text)
            for place in _picked(others, seed, draft.question):
                yield _exchanged(draft, span, place)


def _known_places(readings: Iterable[Reading], language: str) -> frozenset[str]:
    """Names that stand behind words of place often enough."""
    counts: Counter[str] = Counter()
    for reading in readings:
        if reading.language == ENGLISH == language:
            counts.update(match["name"] for match in _PLACE.finditer(" ".join(reading.text.split())))
        elif reading.language == CHINESE == language:
            counts.update(match["name"] for match in _HAN_PLACE.finditer(reading.text))
    names = {name for name, count in counts.items() if count >= _PLACE_COUNT and name not in _NO_PLACES}
    return frozenset(name for name in names if language == ENGLISH or is_place(name))


def _places_in(draft: Draft, places: frozenset[str]) -> Iterator[tuple[int, int]]:
    pattern = _HAN_PLACE if draft.reading.language == CHINESE else _PLACE
    yield from (match.span("name") for match in pattern.finditer(draft.about) if match["name"] in places)


def _subjects(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """A name that does something exchanged for a name that does the same in another document."""
    found = [(draft, match) for draft in drafts for match in [_DOER.search(draft.about)] if match and not draft.subject]
    for draft, match in found:
        others = sorted(
            {
                other["name"]
                for one, other in found
                if other["verb"] == match["verb"] and one.reading.document_id != draft.reading.document_id
            }
        )
        text = normalised(draft.reading.text)
        absent = [name for name in others if normalised(name) not in text]
        for name in _picked(absent, seed, draft.question):
            yield _exchanged(draft, match.span("name"), name)


def _cells(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """A column exchanged for one of another table of the same kind of rows: its first column has the same header."""
    rows = [draft for draft in drafts if draft.attribute]
    for draft in rows:
        here = {normalised(column) for column in draft.columns}
        others = {
            other.attribute: other.answer
            for other in rows
            if other.reading.language == draft.reading.language
            and normalised(other.columns[0]) == normalised(draft.columns[0])
            and normalised(other.attribute) not in here
        }
        for attribute in _picked(sorted(others), seed, draft.question):
            about = about_cell(draft.reading.language, draft.columns[0], draft.subject, attribute, others[attribute])
            if about:
                yield Swap(_without_answer(draft, about, attribute), draft.subject, attribute)


def _picked(others: Sequence[str], seed: int, question: str) -> list[str]:
    return sorted(others, key=lambda other: hexdigest(seed, question, other))[:_TRIES]


def _exchanged(draft: Draft, span: tuple[int, int], value: str) -> Swap:
    before, after = draft.about[: span[0]], draft.about[span[1] :]
    # Under its document's title a question would be about that document, which does not speak of the other thing.
    return Swap(_without_answer(draft, before + value + after, ""), value, f"{before} {after}")


def _without_answer(draft: Draft, about: str, attribute: str) -> Draft:
    titled = draft.titled
    question = titled_question(about, draft.reading.title, draft.reading.language) if titled else about
    return msgspec.structs.replace(
        draft, question=question, about=about, answer="", kind=KIND, attribute=attribute, origin=UNANSWERABLE
    )
