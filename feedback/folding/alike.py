"""Whether two questions are the same one, put in almost the same words.

Two problems that are taken for one would share a claim, and a right correction of the one would damage the other; two
that are one only cost a second diagnosis. So both questions must have the same telling words, numbers, names, negations
and question words; only words that say little, and inflections, may differ; and an embedder must find them as near as
two sentences that say the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from serving.evidence import calibration
from serving.evidence.answer_kind import answer_kind
from serving.evidence.identifiers import identifiers
from serving.evidence.numbers import numbers_held
from serving.evidence.terms import names, negations, stems_of

NEAR = 0.8
"""From here on, on the embedder's scale of sentences (0: unrelated, 1: they say the same), questions are near."""
_MOST_COMPARED = 4
# What stop lists leave out and a question turns on.
_TURNS = re.compile(
    r"\b(?:who|whom|whose|what|which|when|where|why|how|can|could|may|must|should|will|would|was|were|had|before|after"
    r"|over|under|above|below|between|within|without|until|since|more|most|less|least|fewer|only|all|any|each|both"
    r"|every|other|up|down|in|out|on|off|again|during|against|ever|he|she|they|his|her|hers|him|their|them|same|such|own)\b"
    r"|[谁哪何几怎否能应须可前后上下内外里最更再每全各只仅年月日天周时分秒次个号以超低高多少大小新旧首末左右人名位种他她它被把给]",
    re.IGNORECASE,
)
# Where one of these stands, who comes first is not the same as who comes second.
_DIRECTED = re.compile(
    r"\b(?:from|to|than|by|for|versus|vs|into|onto|over|of|with|replac\w+|before|after|against|between|and|or)\b"
    r"|[从到至往向比给对被由把让替将和与或]",
    re.IGNORECASE,
)
_FEW = 2
# Words that say nothing of what is asked for.
_SMALL = (
    "get gets got need needs want wants give gives given take takes receive receives know tell say says see find look "
    "exactly actually currently please kindly really simply generally normally usually total altogether "
    "目前 现在 当前 具体 一共 总共 大概 到底 究竟 需要 进行 情况 咱们 我们 我司 公司 一般 通常 实际 一下 得到 获得"
)
_HAN_TAIL = re.compile("[\u3040-\u9fff].*")
_SMALL_HAN = re.compile("目前|当前")

Cosine = Callable[[str, str], float]
"""How near two questions are on an embedder's scale of sentences, 0..1."""


class Gist(NamedTuple):
    """What a question is about, whatever small words it is put in.

    Attributes:
        strong: its telling words, in order.
        numbers: its numbers, ascending.
        identifiers: error codes, part numbers and the like.
        negated: whether it negates.
        kind: what it asks for.
        turns: question words, prepositions and units that it turns on.
    """

    strong: tuple[str, ...]
    numbers: tuple[float, ...]
    identifiers: tuple[str, ...]
    negated: bool
    kind: str
    turns: tuple[str, ...]

    @property
    def bag(self) -> Hashable:
        """Equal for questions that may be alike."""
        return frozenset(self.strong), self.numbers, self.identifiers, self.negated, self.kind, self.turns


@lru_cache(maxsize=1 << 14)
def gist_of(question: str) -> Gist:
    """The gist of a question in English or Chinese."""
    text = unicodedata.normalize("NFKC", question)
    kind = answer_kind(text)
    return Gist(
        strong=tuple(stem for stem in dict.fromkeys(stems_of(text)) if stem not in _small()),
        numbers=tuple(sorted(numbers_held(text))),
        identifiers=tuple(sorted(set(identifiers(text)))),
        negated=negations(text) > 0,
        kind="" if kind is None else kind.value,
        turns=tuple(sorted(found.lower() for found in _TURNS.findall(_SMALL_HAN.sub("", text)))),
    )


def are_alike(one: str, other: str, cosine: Cosine) -> bool:
    """Whether two questions are the same one in almost the same words."""
    first, second = gist_of(one), gist_of(other)
    if not first.strong or first.bag != second.bag or not _same_names(one, other):
        return False
    return _same_order(one, other, first, second) and cosine(one, other) >= NEAR


def merged(questions: Mapping[str, tuple[Hashable, str]], cosine: Cosine) -> dict[str, str]:
    """For each problem the first one that asks the same.

    Linear: only questions of equal gist are compared, each with a few.

    Args:
        questions: by problem, the oldest first: who may read what after which turns, and the question.
        cosine: how near two questions are; called for very few of them.
    """
    by_bag: dict[Hashable, list[str]] = {}
    found: dict[str, str] = {}
    for problem, (scope, question) in questions.items():
        heads = by_bag.setdefault((scope, gist_of(question).bag), [])
        alike = (head for head in heads[:_MOST_COMPARED] if are_alike(questions[head][1], question, cosine))
        found[problem] = next(alike, problem)
        if found[problem] == problem:
            heads.append(problem)
    return found


def scaled(embedder: str, cosine: float) -> float:
    """A cosine of two questions on the scale of an embedder."""
    scale = calibration.cosine_scale(calibration.SENTENCE_COSINES, embedder) or calibration.UNKNOWN_COSINES
    return scale.of(cosine)


@lru_cache(maxsize=1)
def _small() -> frozenset[str]:
    return frozenset(stems_of(_SMALL))


def _same_names(one: str, other: str) -> bool:
    """Whether each name in Latin letters stands in both."""
    return _holds(one, names(other)) and _holds(other, names(one))


def _holds(text: str, wanted: Iterable[str]) -> bool:
    lowered = text.lower()
    # Without a space between them, Chinese words seem to go on with a Latin name.
    return all(_HAN_TAIL.sub("", name) in lowered for name in wanted)


def _same_order(one: str, other: str, first: Gist, second: Gist) -> bool:
    if first.strong == second.strong:
        return True
    directed = {found.lower() for text in (one, other) for found in _DIRECTED.findall(text)} - {"of"}
    if directed:
        return False
    return len(first.strong) <= _FEW or _one_swap(first.strong, second.strong)


def _one_swap(first: Sequence[str], second: Sequence[str]) -> bool:
    differing = [at for at, (left, right) in enumerate(zip(first, second, strict=True)) if left != right]
    return (
        len(differing) == 2
        and differing[1] == differing[0] + 1
        and first[differing[0]] == second[differing[1]]
        and first[differing[1]] == second[differing[0]]
        and all(stem.isascii() for stem in (first[differing[0]], first[differing[1]]))
    )
