"""From a document to drafts: every question that the templates can ask of it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from evaluation.generate.chinese import ask_chinese
from evaluation.generate.english import ask_english, without_names
from evaluation.generate.records import CHINESE, Asked, Draft, Reading
from evaluation.generate.rows import RowFact, row_facts
from ragpress.types import Element, ElementKind
from serving.evidence.sentences import readable, split_sentences, unwrapped
from serving.prompting import without_hidden

_PROSE = frozenset({ElementKind.PARAGRAPH, ElementKind.LIST})
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_BOLD = re.compile(r"(?<!\*)\*(?!\*)(\S(?:[^*\n]*?\S)?)\*(?!\*)")
_REFERENCE = re.compile(r"\[(?:\d+|note \d+|[a-z ]+\?*|[a-z ]+ needed)\]")
# In so many documents a sentence is no document's own.
_BOILERPLATE = 3
_LONGEST_QUESTION = 240


def drafts_of(reading: Reading, common: frozenset[str]) -> list[Draft]:
    """Every question that the templates can ask of a document, in the order of its text.

    Args:
        reading: the document.
        common: words that English documents write in small letters (:func:`evaluation.generate.english.small_words`).
    """
    found = [_of_row(reading, fact) for fact in row_facts(reading)]
    words = without_names(common, reading.text)
    for element in reading.elements:
        if element.kind in _PROSE:
            found += _of_prose(reading, element, words)
    kept = [draft for draft in found if draft is not None and _is_sound(draft)]
    return sorted(kept, key=lambda draft: (draft.start, draft.end))


def titled_question(about: str, title: str, language: str) -> str:
    """A question that names its document."""
    if language == CHINESE:
        return f"根据《{title.strip('《》')}》，{about}"
    return f"According to “{title}”, {_lower_start(about)}"


def normalised(text: str) -> str:
    """A text without case, width, white space and punctuation: what two equal questions have in common."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def boilerplate(readings: Iterable[Reading]) -> frozenset[str]:
    """Normalised sentences that stand in several documents."""
    counts = Counter[str]()
    for reading in readings:
        lines = {normalised(line) for line in reading.text.split("\n")}
        counts.update(line for line in lines if line)
    return frozenset(line for line, count in counts.items() if count >= _BOILERPLATE)


def _of_prose(reading: Reading, element: Element, common: frozenset[str]) -> Iterator[Draft | None]:
    body = reading.text[element.start : element.end]
    for span in split_sentences(body):
        raw = body[span.start : span.end]
        sentence = _spoken(raw)
        asked = ask_chinese(sentence) if reading.language == CHINESE else ask_english(sentence, common)
        chosen = next((one for one in asked if _answered_literally(one, raw)), None)
        if chosen is not None:
            start = element.start + span.start
            yield _of_sentence(reading, chosen, start, start + len(raw))


def _of_sentence(reading: Reading, asked: Asked, start: int, end: int) -> Draft | None:
    if not reading.title and not asked.named:
        return None
    # A name tells what is meant, also without the document.
    titled = not asked.named and bool(reading.title)
    question = titled_question(asked.question, reading.title, reading.language) if titled else asked.question
    return Draft(
        question=question[:1].upper() + question[1:],
        answer=asked.answer,
        start=start,
        end=end,
        kind=asked.kind,
        reading=reading,
        titled=titled,
        about=asked.question,
    )


def _of_row(reading: Reading, fact: RowFact) -> Draft | None:
    question = fact.about
    if not fact.whole:
        if not reading.title:
            return None
        question = titled_question(fact.about, reading.title, reading.language)
    return Draft(
        question=question,
        answer=fact.answer,
        start=fact.start,
        end=fact.end,
        kind=fact.kind,
        reading=reading,
        titled=not fact.whole,
        about=fact.about,
        subject=fact.subject,
        attribute=fact.attribute,
        columns=fact.columns,
    )


def _spoken(raw: str) -> str:
    """A sentence as a person reads it: no markup, tags, footnote marks, line breaks."""
    text = _REFERENCE.sub("", _TAG.sub("", raw))
    return _BOLD.sub(r"\1", readable(text))


def _answered_literally(asked: Asked, raw: str) -> bool:
    """Whether the answer's words stand in the text, white space aside."""
    return "".join(asked.answer.split()) in "".join(unwrapped(raw).split())


def _is_sound(draft: Draft) -> bool:
    text = draft.question + draft.answer
    if without_hidden(text) != text or "\n" in text or len(draft.question) > _LONGEST_QUESTION:
        return False
    # The answer must not stand in the question.
    return normalised(draft.answer) not in normalised(draft.question) and bool(normalised(draft.answer))


def _lower_start(question: str) -> str:
    first, _, rest = question.partition(" ")
    return f"{first.lower()} {rest}" if first[1:].islower() else question
