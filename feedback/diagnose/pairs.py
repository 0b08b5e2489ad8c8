"""Two documents that say nearly the same sentence with other words in it, one of which the answer quotes.

Needs nobody's word for what is right: dates, editions and arrival tell which of the two is wrong, as far as they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge, folded
from feedback.diagnose.conflicts import conflict_between, copies_of, likeness, side, text_of
from feedback.diagnose.history import History
from feedback.diagnose.observation import Conflict, Side
from ragpress.errors import ReleaseError
from serving.evidence.sentences import split_sentences, without_citations
from serving.types import Answer

_WORDS = re.compile(r"[\u3400-\u9fff]|\w+")
_NEAR = 0.72
_QUOTED = 0.85
_FEWEST = 5
_MOST_DOCUMENTS = 10
_MOST_COPIES = 7
_MOST_SENTENCES = 400


class Texts(msgspec.Struct, frozen=True):
    """Where a pair is looked for.

    Attributes:
        subject: the release.
        history: the releases before it.
        judge: tells whether texts agree.
        question: what was asked.
        answer: the bad answer.
    """

    subject: Subject
    history: History
    judge: Judge
    question: str
    answer: Answer


def pair_of(where: Texts) -> Conflict | None:
    """The nearest pair of sentences of two documents that differ in some words; None where there is none.

    The wrong side is the older edition; else what came later; else the one that the answer quotes.

    Args:
        where: releases, question and answer.

    Raises:
        ReleaseError: the release cannot be read.
    """
    texts = dict(_texts(where))
    said = _sentences(without_citations(where.answer.answer))
    best, near = None, _NEAR
    for source in [item for item in texts if item in {cited.source for cited in where.answer.citations}]:
        for sentence in _quoted(texts[source], said):
            for other, piece, alike in _others(texts, source, sentence):
                if alike > near:
                    best, near = (source, sentence, other, piece), alike
    return None if best is None else _conflict(where, *best)


def _texts(where: Texts) -> Iterator[tuple[str, str]]:
    """Documents of the passages and near-copies of those that are cited, with their texts."""
    release = where.subject.release
    cited = list(dict.fromkeys(item.source for item in where.answer.citations))
    passages = [name for item in where.answer.context for name in (item.source, *item.copies)]
    copies = [name for source in cited[:3] for name in _copied(where.subject, source)]
    for source in list(dict.fromkeys([*cited, *passages, *copies]))[: _MOST_DOCUMENTS + len(copies)]:
        try:
            yield source, text_of(where.subject, release.document(source))
        except ReleaseError:
            continue


def _copied(subject: Subject, source: str) -> list[str]:
    """Near-copies of a document; none where there are so many that they make a crowd."""
    try:
        found = copies_of(subject, subject.release.document(source))
    except ReleaseError:
        return []
    return [name for _, name in found] if len(found) < _MOST_COPIES else []


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)][:_MOST_SENTENCES]


def _quoted(text: str, said: list[str]) -> list[str]:
    """Sentences of a document that the answer says."""
    known = [set(_words(piece)) for piece in said]
    return [
        piece
        for piece in _sentences(text)
        if len(words := set(_words(piece))) >= _FEWEST
        and any(len(words & one) >= _QUOTED * len(words) for one in known)
    ]


def _others(texts: dict[str, str], source: str, sentence: str) -> Iterator[tuple[str, str, float]]:
    """Sentences of other documents that are nearly this one, each with how near: some words are others in both."""
    said = _words(sentence)
    known = set(said)
    for other, text in texts.items():
        if other == source:
            continue
        for piece in _sentences(text):
            words = _words(piece)
            if len(words) < _FEWEST or len(known & set(words)) < _NEAR * min(len(known), len(set(words))) - 1:
                continue
            if known - set(words) and set(words) - known and folded(piece) not in folded(sentence):
                yield other, piece, likeness(said, words)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def _conflict(where: Texts, source: str, sentence: str, other: str, piece: str) -> Conflict | None:
    one = side(where.subject, where.history, where.question, source, sentence)
    two = side(where.subject, where.history, where.question, other, piece)
    if one is None or two is None:
        return None
    found = conflict_between(where.subject, where.judge, where.question, one, two)
    if found.order == "newer" or (not found.order and _later(two, one, where)):
        found = conflict_between(where.subject, where.judge, where.question, two, one)
    return msgspec.structs.replace(found, pair=True)


def _later(one: Side, other: Side, where: Texts) -> bool:
    """Whether the first is the intruder of two that the answer quotes both: it came later, else it is far shorter."""
    quoted = {item.document_id for item in where.answer.citations}
    if one.document_id not in quoted:
        return False
    if one.arrived != other.arrived:
        return one.arrived > other.arrived
    return 2 * one.characters < other.characters
