"""Questions that no document answers: one that a document does answer, with one thing in it exchanged.

What is put in comes from another document and is of the same kind: a year for a year, a name for a name behind the same
word, a column of one table for a column of another. Then the whole release is looked through: where some passage has
the new combination, the question is dropped. (The exchange of entities follows Rajpurkar, Jia and Liang, *Know What You
Don't Know*, ACL 2018, where people wrote such questions.)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from evaluation.generate.checking import DEPTH, states
from evaluation.generate.drafting import normalised, titled_question
from evaluation.generate.records import UNANSWERABLE, Draft, Reading
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
_NAMED = re.compile(r"\b(?P<before>in|of|by|at|for|from|did|was|with) (?P<name>[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,3})\b")
_HAN_NAME = re.compile(r"(?P<before>)(?P<name>[\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{2,6})+|《[^《》]{2,20}》)")


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
    found = [*_years(drafts, seed), *_names(drafts, seed), *_cells(drafts, seed)]
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


def _names(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    found = [(draft, match) for draft in drafts if not draft.subject for match in _names_in(draft)]
    pool: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for draft, match in found:
        pool[_kind_of(draft, match)].add(match["name"])
    for draft, match in found:
        text = normalised(draft.reading.text)
        others = sorted(name for name in pool[_kind_of(draft, match)] if normalised(name) not in text)
        for name in _picked(others, seed, draft.question):
            yield _exchanged(draft, match.span("name"), name)


def _names_in(draft: Draft) -> Iterator[re.Match[str]]:
    pattern = _HAN_NAME if draft.reading.language == "zh" else _NAMED
    yield from pattern.finditer(draft.about)


def _kind_of(draft: Draft, match: re.Match[str]) -> tuple[str, str, int]:
    return (
        draft.reading.language,
        match["before"] + match["name"][:1] * ("《" in match["name"]),
        len(match["name"].split()),
    )


def _cells(drafts: Sequence[Draft], seed: int) -> Iterator[Swap]:
    rows = [draft for draft in drafts if draft.attribute]
    columns: dict[str, set[str]] = defaultdict(set)
    for draft in rows:
        columns[draft.reading.document_id].add(normalised(draft.attribute))
    for draft in rows:
        reading = draft.reading
        others = {
            other.attribute: other.answer
            for other in rows
            if other.reading.language == reading.language
            and other.reading.document_id != reading.document_id
            and normalised(other.attribute) not in columns[reading.document_id]
            and _is_figure(other.answer) == _is_figure(draft.answer)
        }
        for attribute in _picked(sorted(others), seed, draft.question):
            about = about_cell(reading.language, "", draft.subject, attribute, others[attribute])
            if about:
                yield Swap(_without_answer(draft, about, attribute), draft.subject, attribute)


def _is_figure(value: str) -> bool:
    return re.search(r"\d", value) is not None


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
