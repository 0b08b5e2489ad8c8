"""What a draft must pass: its evidence can be found, and no other document says something else.

The release itself is asked, with the search that answers would use.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.generate.drafting import normalised
from evaluation.generate.records import Draft, Reading
from retrieval.hits import Hit
from retrieval.search import Searcher
from serving.evidence.numbers import numbers_held
from serving.evidence.sentences import readable, split_sentences
from serving.evidence.terms import Terms, stems_of, terms_of

DEPTH = 20
"""Hits among which the evidence must be."""

# Another document's sentence that has so much of the question's words speaks of the same.
_SAME = 0.8
_FEWEST_TERMS = 2
# What something is can be asked in its name alone; who else uses the name says nothing of what it is.
_DEFINING = frozenset({"definition", "entry"})


def fault_of(draft: Draft, searcher: Searcher, titles: dict[str, str]) -> str:
    """Why a draft cannot be used, in few words; "" where it can.

    Args:
        draft: the draft.
        searcher: searches the release.
        titles: what questions call each document, by document id.

    Raises:
        RagpressError: as :meth:`retrieval.search.Searcher.search` does.
    """
    hits = searcher.search(draft.question, DEPTH)
    if not any(_holds(hit, draft) for hit in hits):
        return "evidence not found by search"
    terms = _without_title(draft)
    if len(terms.stems) < (1 if draft.kind in _DEFINING else _FEWEST_TERMS):
        return "says too little"
    for hit in hits:
        if hit.document_id == draft.reading.document_id or hit.text == draft.quote:
            continue
        apart = draft.titled and titles.get(hit.document_id, "").lower() != draft.reading.title.lower()
        if not apart and draft.kind not in _DEFINING and _says_otherwise(hit, draft, terms):
            return "answered differently elsewhere"
    return ""


def with_several_answers(drafts: Sequence[Draft]) -> set[int]:
    """Places of the drafts whose question has several answers among them."""
    answers: dict[str, set[str]] = {}
    for draft in drafts:
        answers.setdefault(normalised(draft.question), set()).add(normalised(draft.answer))
    return {at for at, draft in enumerate(drafts) if len(answers[normalised(draft.question)]) > 1}


def states(reading: Reading, terms: Terms, value: str, share: float) -> bool:
    """Whether some passage of a document has a value beside so much of a question's words.

    Args:
        reading: the document.
        terms: words of the question, the value's left out.
        value: normalised; looked for in each element and the headings above it.
        share: of the words' weight.
    """
    if value not in normalised(reading.text) and value not in normalised(reading.title):
        return False
    for element in reading.elements:
        words = " ".join((reading.title, *element.heading, reading.text[element.start : element.end]))
        if value in normalised(words) and terms.coverage(set(stems_of(words))) >= share:
            return True
    return False


def _holds(hit: Hit, draft: Draft) -> bool:
    """Whether a hit has at least half of the quote, or is a copy that says the same."""
    if hit.document_id != draft.reading.document_id:
        return any(copy.document_id == draft.reading.document_id for copy in hit.copies)
    return 2 * (min(hit.end, draft.end) - max(hit.start, draft.start)) >= draft.end - draft.start


def _without_title(draft: Draft) -> Terms:
    terms = terms_of(draft.about)
    title = set(stems_of(draft.reading.title)) if draft.titled else set()
    kept = tuple(stem for stem in terms.stems if stem not in title)
    return Terms(kept, {stem: terms.weights[stem] for stem in kept})


def _says_otherwise(hit: Hit, draft: Draft, terms: Terms) -> bool:
    """Whether a hit speaks of what is asked without the answer's value."""
    answer = normalised(draft.answer)
    wanted = numbers_held(draft.answer)
    for start, end in split_sentences(hit.text):
        sentence = readable(hit.text[start:end])
        if terms.coverage(set(stems_of(sentence))) < _SAME or answer in normalised(sentence):
            continue
        found = numbers_held(sentence)
        if not wanted or (found and not wanted <= found):
            return True
    return False
