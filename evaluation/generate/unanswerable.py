"""Questions that no document answers: one that a document does answer, with one thing in it exchanged.

What is put in comes from elsewhere and is of the same kind: a year for a year, a place or name for another, what
somebody has for what somebody else has, a column of one table for a column of another. Then the whole release is
looked through: where some passage has the new combination, the question is dropped. (The exchange of entities follows
Rajpurkar, Jia and Liang, *Know What You Don't Know*, ACL 2018, where people wrote such questions.)
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from evaluation.generate.checking import DEPTH, states
from evaluation.generate.chinese import places_in
from evaluation.generate.drafting import normalised, titled_question
from evaluation.generate.english_words import finite_forms
from evaluation.generate.records import CHINESE, ENGLISH, UNANSWERABLE, Draft, Reading
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
_WHOLE_NAME = re.compile(rf"(?<=[a-z,] )(?P<name>{_NAME})(?=[,?]| (?P<next>[a-z]+))")
_AFTER_NAME = frozenset("in on by from and to for with at as during after before under over of".split())  # noqa: SIM905
_ENDS = r"(?=[,.;:?)]| (?:in|on|by|from|and|to|for|with|is|was|were|during|as|at|had|has)\b)"
_KINDS = {
    "place": re.compile(rf"\b(?:in|from|near|at|throughout|across) (?P<name>{_NAME}){_ENDS}"),
    "person": re.compile(
        rf"\b(?P<name>{_NAME})(?= (?:died|wrote|married|said|argued|believed|claimed|was born|proposed|discovered|"
        r"invented|appointed|himself|herself|refused|decided|thought|painted|composed)\b)"
    ),
    "organisation": re.compile(
        r"\b(?P<name>(?:[A-Z][\w’'-]+ ){1,3}(?:University|College|Company|Party|Church|Council|Parliament|Court|School|"
        r"Institute|Museum|Society|Association|Network)|University of [A-Z]\w+)\b"
    ),
}
_DOER = re.compile(rf"\b(?:did|does|was|is|has) (?P<name>{_NAME}) (?P<verb>(?!(?:and|the|for|with)\b)[a-z]{{3,}})\b")
_COUNTED = re.compile(
    rf"\b[Hh]ow many (?P<name>[a-z][a-z -]+?) (?:does|did|do) (?:(?:the|a|an) [a-z ]+?|{_NAME}) "
    r"(?P<verb>have|use|employ|include|contain|own|win|sell|ship|make|build|produce|need|hold|take)\b"
)
_NEAR_YEARS = 60
# Documents tell of lives in so many words ("his death") that a check by words cannot see whether they do.
_LIFE = re.compile(r"\b(?:die|born|live|marry)\b")
_TO = ("位于", "来自", "前往", "抵达", "到", "从", "在")
_NO_NAMES = frozenset(
    [
        *["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"],
        *["November", "December", "English", "German", "French", "Latin", "Chinese", "Greek", "Spanish", "Part"],
        *["Parliament", "Congress", "Senate", "Court", "Church", "Council", "Islam", "Christianity", "God", "Mr"],
        *["The", "In", "He", "She", "It", "They", "This", "These", "Who", "At", "On"],
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
    found = [
        *_years(drafts, seed),
        *_doers(drafts, seed),
        *_names(drafts, seed),
        *_cells(drafts, seed),
    ]
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
        if draft.kind == "when":
            pool[draft.reading.language] += _YEAR.findall(draft.answer)
    for draft in drafts:
        match = _YEAR.search(draft.about)
        if match is None or draft.kind == "when" or draft.subject:
            continue
        others = {year for year in pool[draft.reading.language] if abs(int(year) - int(match.group())) <= _NEAR_YEARS}
        yield from _put_in(draft, match.span(), others, seed)


def _names(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """The name of a place, a person or an organisation exchanged for one that another document names."""
    prose = [draft for draft in drafts if not draft.subject and not _LIFE.search(draft.about)]
    texts = {draft.reading.document_id: draft.reading for draft in prose}
    english = [" ".join(reading.text.split()) for reading in texts.values() if reading.language == ENGLISH]
    for kind in _KINDS:
        known = names_of(kind, english)
        for draft in prose:
            if draft.reading.language == ENGLISH:
                for match in _WHOLE_NAME.finditer(draft.about):
                    if match["name"] in known and _ends_a_name(match["next"]):
                        yield from _put_in(draft, match.span("name"), known, seed)
    han = [(draft, span) for draft in prose if draft.reading.language == CHINESE for span in places_in(draft.about)]
    chinese = [reading.text for reading in texts.values() if reading.language == CHINESE]
    named = {draft.about[start:end] for draft, (start, end) in han}
    known = frozenset(name for name in named if any(f"{word}{name}" in text for word in _TO for text in chinese))
    for draft, (start, end) in han:
        if draft.about[start:end] in known:
            yield from _put_in(draft, (start, end), known, seed)


def _ends_a_name(word: str | None) -> bool:
    """Whether no noun follows that would make a name part of another one (``Oxford University press``)."""
    return word is None or word in _AFTER_NAME or word in {lemma for lemma, _ in finite_forms().values()}


def names_of(kind: str, texts: Iterable[str]) -> frozenset[str]:
    """English names that stand where only names of a kind stand: ``place``, ``person`` or ``organisation``."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in _KINDS}
    for text in texts:
        for name, pattern in _KINDS.items():
            counts[name].update(match["name"] for match in pattern.finditer(text))
    mine = counts.pop(kind)
    # A state refuses and proposes as people do: what is ever a place is no person.
    weight = 2 if kind != "person" else sum(mine.values())
    return frozenset(
        name
        for name, count in mine.items()
        if name not in _NO_NAMES and all(count > weight * other[name] for other in counts.values())
    )


def _doers(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """A name exchanged for one that does the same in another document, or a thing for what others have as many of."""
    prose = [draft for draft in drafts if not draft.subject and not _LIFE.search(draft.about)]
    for pattern in (_DOER, _COUNTED):
        found = [(draft, match) for draft in prose for match in pattern.finditer(draft.about)]
        for draft, match in found:
            alike = {other["name"] for _, other in found if other["verb"] == match["verb"]}
            yield from _put_in(draft, match.span("name"), alike, seed)


def _put_in(draft: Draft, span: tuple[int, int], alike: Iterable[str], seed: int) -> Iterator[Swap]:
    """The draft with each of a few words that its document does not have."""
    text = normalised(draft.reading.text)
    absent = sorted(word for word in alike if normalised(word) not in text)
    for word in _picked(absent, seed, draft.question):
        yield _exchanged(draft, span, word)


def _cells(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    """A column exchanged for one of another table of the same kind of rows: its first column has the same header."""
    rows = [draft for draft in drafts if draft.attribute and not re.search(r"[,，、]|^\d", draft.subject)]
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
