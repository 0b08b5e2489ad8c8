"""A user's sentence cut into words that say something, words that frame a claim, and marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from feedback.wording.terms import ENDING, HAN_ENDING, HAN_TALK, HAN_TURNING, TALK, TURNING

_TOKEN = re.compile(
    r"(?P<clause>\.{2,}|…+|[。！!？?；;\n]|\.(?!\w)|(?<!\d)[,，、]|[,，、](?!\d)|(?<!\d)[:：]|[:：](?!\d)"
    r"|(?<![^\s])[-–—=]+>?(?=\s)|——)"
    r"|(?P<mark>[\"“”「」『』]|(?<!\w)['‘’`]+|['‘’`]+(?!\w))"
    rf"|(?P<han_talk>{HAN_TALK})"
    r"|(?P<han>[\u3400-\u9fff])"
    r"|(?P<short>['’](?:s|re|m|ll|d|ve)\b)"
    r"|(?P<word>[^\W_\u3400-\u9fff]+(?:(?:['’](?!(?:s|re|m|ll|d|ve)\b)|[.,:_/&@–-])[^\W_\u3400-\u9fff]+)*)",
    re.IGNORECASE,
)
# So many words may be left out behind "is", "says" or "per": fewer where each is an ideograph.
FEW, _FEW_HAN = 4, 6
QUOTES = frozenset('"“”「」『』')
"""Marks around what is quoted."""


class Token(msgspec.Struct, frozen=True):
    """A piece of a sentence: where, what kind, how much it says, and whether a claim may begin behind or end before."""

    start: int
    end: int
    kind: str
    weight: float
    turning: bool
    ending: bool

    @property
    def says(self) -> bool:
        """Whether it is a word that says something, talk and marks apart."""
        return self.kind in ("word", "han")


def tokens_of(text: str, question: str) -> tuple[Token, ...]:
    """A sentence cut into pieces; where nothing of it says more than was asked, all of its words count alike.

    Args:
        text: the sentence.
        question: what was asked: its words weigh nothing.
    """
    made = tuple(_read(text, question))
    if any(token.weight for token in made):
        return made
    # All of it is asked, or is talk: then that is what is claimed.
    return tuple(
        msgspec.structs.replace(token, weight=1.0 if token.kind not in ("clause", "mark") else 0.0) for token in made
    )


def _read(text: str, question: str) -> Iterator[Token]:
    asked_words, asked_pairs = _asked(question)
    turning = False
    for found in _TOKEN.finditer(text):
        kind, word = str(found.lastgroup), found.group().lower()
        start, end = found.span()
        if kind == "han":
            known = text[start - 1 : end] in asked_pairs or text[start : end + 1] in asked_pairs
            yield Token(start, end, kind, 0.0 if known else 0.5, False, False)
            turning = False
            continue
        kind = "talk" if kind in ("short", "han_talk") or (kind == "word" and word in TALK) else kind
        if kind == "word":
            weight = 2.0 if any(map(str.isdigit, word)) else 1.0
            yield Token(start, end, kind, 0.0 if _known(word, asked_words) else weight, False, False)
            turning = False
            continue
        # "Is it 5?", "she told me 5": what stands between a turn and the claim belongs to the turn.
        before = text[:start].rstrip().lower()
        turning = (
            kind == "clause"
            or word in QUOTES
            or _turns(word)
            or (turning and word in ("me", "us"))
            or (word in ("it", "that", "this") and before.endswith(("isn't", "is", "not", "wasn't")))
        )
        ending = (
            kind == "clause"
            or word in QUOTES
            or _turns(word)
            or word in ENDING
            or HAN_ENDING.fullmatch(word) is not None
        )
        yield Token(start, end, kind, 0.0, turning, ending)


def _turns(word: str) -> bool:
    return word in TURNING or HAN_TURNING.fullmatch(word) is not None or word.startswith(("'", "’"))


def _known(word: str, asked: frozenset[str]) -> bool:
    return word in asked or (len(word) > 4 and (word + "s" in asked or word.rstrip("s") in asked))


@lru_cache(maxsize=256)
def _asked(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words of a question, and pairs of its ideographs."""
    words = frozenset(found.group().lower() for found in _TOKEN.finditer(question) if found.lastgroup == "word")
    pairs = frozenset(one + two for one, two in pairwise(question) if one >= "\u3400" and two >= "\u3400")
    return words, pairs


def clauses_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each clause that says something, without the marks between them."""
    clauses: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "clause":
            clauses.append([])
        else:
            clauses[-1].append(token)
    return [clause for clause in clauses if any(token.says for token in clause)]


def is_small_talk(text: str, left: Sequence[Token]) -> bool:
    """Whether tokens are small talk: a few words without a name or a figure."""
    says = [one for one in left if one.says]
    # A sentence begins with a capital whatever it says.
    plain = not any(map(_telling, "".join(text[max(1, one.start) : one.end] for one in says)))
    return plain and len(says) <= (_FEW_HAN if any(one.kind == "han" for one in says) else FEW)


def _telling(sign: str) -> bool:
    return sign.isdigit() or sign.isupper()
