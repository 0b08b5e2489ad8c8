"""Exact match and token F1, as SQuAD and its Chinese siblings reckon them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_ARTICLES = frozenset({"a", "an", "the"})
_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_TOKEN = re.compile(f"[{_HAN}]|[^\\s{_HAN}]+")
# What SQuAD takes out, and the punctuation of other scripts up to that of Chinese.
_PUNCTUATION = dict.fromkeys(
    [*map(ord, string.punctuation), *(at for at in range(0x3100) if unicodedata.category(chr(at)).startswith("P"))]
)


@lru_cache(maxsize=4096)
def answer_tokens(text: str) -> tuple[str, ...]:
    """The tokens that answers are compared by.

    SQuAD's normalisation (Rajpurkar et al., 2016: lower case, no punctuation, no articles) for words; Chinese and
    Japanese characters are tokens each, also between words of other scripts (the mixed segmentation of CMRC 2018 and
    MLQA). Full-width characters are folded first.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return tuple(token for token in _TOKEN.findall(folded.translate(_PUNCTUATION)) if token not in _ARTICLES)


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1.0 where the tokens of the answer are those of a reference, else 0.0 (SQuAD ``exact_match``)."""
    return float(any(answer_tokens(answer) == answer_tokens(reference) for reference in references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """Harmonic mean of the tokens' precision and recall, the best over the references (SQuAD ``f1``).

    Where one side has no token at all the value is 1.0 if the other has none either, else 0.0 (SQuAD 2.0).
    """
    return max((_f1(answer_tokens(answer), answer_tokens(reference)) for reference in references), default=0.0)


def _f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    if not answer or not reference:
        return float(not answer and not reference)
    same = (Counter(answer) & Counter(reference)).total()
    return 2 * same / (len(answer) + len(reference))


def holds_tokens(text: str, part: str) -> bool:
    """Whether the tokens of a part stand in a text side by side, in order; never where the part has none."""
    wanted = answer_tokens(part)
    return bool(wanted) and f" {' '.join(wanted)} " in _line(text)


@lru_cache(maxsize=512)
def _line(text: str) -> str:
    return f" {' '.join(answer_tokens(text))} "
