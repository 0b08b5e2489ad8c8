"""What the sets of the fault benchmark are read into: documents with gold questions, and when an answer is right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import msgspec

from serving.evidence.sentences import without_citations

HALVES = ("even", "odd")
DOCS = "docs"

_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")
_EXCERPT_WORDS = 12
_COVERED = 0.6


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question with what is right.

    Attributes:
        id: unique in its pool.
        question: as users type it.
        answer: the right answer; "" where abstaining is right.
        others: further ways to say it.
        source: path below the source folder of the document that answers it.
        sentence: the words in it that answer.
        wrong: what an attacker or a damaged copy says instead; "" where the set gives nothing.
        planted: texts of the set that say so.
    """

    id: str
    question: str
    answer: str
    others: tuple[str, ...] = ()
    source: str = ""
    sentence: str = ""
    wrong: str = ""
    planted: tuple[str, ...] = ()


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """Documents and questions of one half of a set.

    Attributes:
        name: of the set.
        language: ``en`` or ``zh``.
        half: ``even`` or ``odd``.
        files: text by path below the source folder.
        asked: questions that the documents answer.
        outside: questions that they do not answer.
        foreign: texts in the other language.
        attacked: questions that the documents do not answer, with texts that attackers wrote for them.
        earlier: by path, an older edition of a document that really was in use, with its own date.
    """

    name: str
    language: str
    half: str
    files: dict[str, str]
    asked: tuple[Asked, ...]
    outside: tuple[Asked, ...]
    foreign: tuple[str, ...]
    attacked: tuple[Asked, ...] = ()
    earlier: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Name of its workspace."""
        return f"{self.name}-{self.half}"


def is_right(asked: Asked, text: str, abstained: bool, lies: Iterable[str] = ()) -> bool:
    """Whether an answer is right: it says what the set says is right, and none of the lies that were put in.

    Args:
        asked: the question.
        text: the answer.
        abstained: whether it says that the documents do not tell.
        lies: false answers that were put into documents.
    """
    if not asked.answer:
        return abstained
    if abstained:
        return False
    said = folded(without_citations(text))
    if any(folded(lie) in said for lie in lies if folded(lie)):
        return False
    return any(_says(said, right) for right in (asked.answer, *asked.others))


def folded(text: str) -> str:
    """A text without case, width, white space and punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _says(said: str, right: str) -> bool:
    words = right.split()
    if len(words) <= _EXCERPT_WORDS:
        return folded(right) in said
    shingles = {folded(" ".join(words[at : at + 4])) for at in range(len(words) - 3)}
    return sum(shingle in said for shingle in shingles) >= _COVERED * len(shingles)


def is_mine(number: int, half: str) -> bool:
    """Whether the document of this number is in a half."""
    return number % 2 == HALVES.index(half)


def sentence_at(text: str, start: int, length: int) -> str:
    """The sentence that holds a span."""
    before = [found.end() for found in _SENTENCE_END.finditer(text, 0, start)]
    after = _SENTENCE_END.search(text, start + length)
    return text[before[-1] if before else 0 : after.end() if after else len(text)].strip()
