"""Whether an answer says what a reference answer says: a calibrated chance, without a model that judges.

Words, wording, numbers and negations are compared, and a logistic model joins them. Where answer and reference are in
different scripts words cannot tell, and embeddings speak. Within one language a cosine added nothing that words did not
tell: right and wrong answers to a question are about the same. Fitted on public sets; docs/benchmarks.md says which,
and what it is worth on others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.metrics.negation import negation_differs
from evaluation.metrics.overlap import answer_tokens, holds_tokens, token_f1
from evaluation.metrics.steady import SteadyEmbedder, cosine, passage_vector
from serving.evidence import calibration
from serving.evidence.calibration import Logistic
from serving.evidence.numbers import missing_numbers, numbers_claimed, numbers_held
from serving.evidence.sentences import split_sentences
from serving.evidence.terms import Terms, names, shares_script, stems_of, terms_of
from serving.evidence.texts import plain

# A reference of at most so many tokens is a fact that an answer must hold as it stands.
_FACT = 8
# An answer that is so many times as long as its reference is a text that may hold it.
_LONGER = 3
_EMBEDDED = 8
_NUMERAL = re.compile(r"\d+|(?:thousand|million|billion|trillion)s?|[零〇一二三四五六七八九十百千万亿两萬億]+")
WRONG = 0.25
"""The most that an answer gets that states other numbers than its reference, or the opposite."""

# python -m benchmarks.judging --fit
WITHIN = Logistic(-3.181, {"recall": 3.127, "precision": 0.689, "contains": 2.691, "f1": 3.888, "negation": -1.279})
ACROSS = Logistic(-0.051, {"fact": 4.98, "is_fact": -0.913, "text": 4.293, "numbers_missing": -1.472})


def correctness(question: str, answer: str, references: Sequence[str], embedder: SteadyEmbedder | None) -> float:
    """The chance that an answer is right, 0..1: the best over the references.

    An answer whose tokens are those of a reference gets 1.0. One that lacks a number of its reference and states
    others, or negates what it says, gets ``WRONG`` at most.

    Args:
        question: what was asked; words of the question prove nothing.
        answer: without citation marks.
        references: answers that are right, one at least.
        embedder: for those in another script; None leaves words alone.
    """
    return max(_one(question, answer, reference, embedder) for reference in references)


def _one(question: str, answer: str, reference: str, embedder: SteadyEmbedder | None) -> float:
    if answer_tokens(answer) == answer_tokens(reference):
        return 1.0
    features = word_features(question, answer, reference)
    if features["across"] and embedder is not None:
        features |= cosine_features(embedder, question, answer, reference)
    return chance_of(features)


def chance_of(features: dict[str, float]) -> float:
    """The chance for some features."""
    return min(features["cap"], (ACROSS if features["across"] else WITHIN).probability(features))


def word_features(question: str, answer: str, reference: str) -> dict[str, float]:
    """What words say of an answer and its reference.

    Returns:
        Shares from 0 to 1: ``recall`` of the reference's content words, those of the question left out where others
        remain; ``precision`` of the answer's words; ``f1`` of tokens; whether the answer ``contains`` the reference as
        it stands; ``numbers_missing`` and ``names_missing`` of the reference, ``numbers_other`` and ``names_other`` of
        the answer; ``negation``: sentences of the answer that negate what the reference affirms, or the other way
        round; ``across`` scripts, where words cannot tell; and the ``cap``.
    """
    asked = frozenset(stems_of(question))
    wanted, said = terms_of(plain(reference)), terms_of(plain(answer))
    known = f"{question} {reference}".lower()
    named, own = [name for name in names(reference) if name not in question.lower()], names(answer)
    missing = _numbers_missing(question, answer, reference)
    # A number that is written otherwise is the same number.
    figures = frozenset[str]() if missing else frozenset(filter(_NUMERAL.fullmatch, wanted.stems))
    contains = holds_tokens(answer, reference) or (bool(figures) and figures.issuperset(wanted.stems))
    found = {
        "recall": _without(wanted, asked).coverage(figures.union(said.stems)),
        "precision": _without(said, asked).coverage(frozenset(wanted.stems)),
        "f1": token_f1(answer, [reference]),
        "contains": float(contains),
        "numbers_missing": missing,
        "numbers_other": _numbers_missing(question, reference, answer),
        "names_missing": sum(name not in answer.lower() for name in named) / max(1, len(named)),
        "names_other": sum(name not in known for name in own) / max(1, len(own)),
        "negation": negation_differs(answer, reference),
        "across": float(not contains and not shares_script(answer, reference)),
    }
    return found | {"cap": _cap(found, len(answer_tokens(reference)) <= _FACT)}


def cosine_features(embedder: SteadyEmbedder, question: str, answer: str, reference: str) -> dict[str, float]:
    """What embeddings say of an answer and its reference, on the embedder's scale of sentences.

    Returns:
        ``fact`` (and ``is_fact`` = 1): cosine of both, where the answer is about as short as the reference; else
        ``text``: cosine of question and reference together with the answer, or with the nearest sentence of it.
    """
    body = plain(answer)
    scale = calibration.cosine_scale(calibration.SENTENCE_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
    if len(body.encode()) <= _LONGER * len(reference.encode()):
        both = cosine(passage_vector(embedder, body), passage_vector(embedder, plain(reference)))
        return {"fact": scale.of(both), "is_fact": 1.0}
    sentences = [plain(answer[start:end]) for start, end in split_sentences(answer)]
    texts = dict.fromkeys([body, *sentences[:_EMBEDDED]])
    wanted = passage_vector(embedder, f"{question} {plain(reference)}")
    best = max((cosine(passage_vector(embedder, text), wanted) for text in texts if text), default=0.0)
    return {"text": scale.of(best)}


def _without(terms: Terms, asked: frozenset[str]) -> Terms:
    left = {stem: weight for stem, weight in terms.weights.items() if stem not in asked}
    return Terms(tuple(stem for stem in terms.stems if stem in left), left) if left else terms


def _numbers_missing(question: str, answer: str, reference: str) -> float:
    """Share of the reference's numbers, those of the question left out, that the answer does not state."""
    asked = numbers_held(question)
    wanted = [number for number in numbers_claimed(reference) if number.value not in asked]
    return missing_numbers(wanted, numbers_held(answer)) / len(wanted) if wanted else 0.0


def _cap(found: dict[str, float], fact: bool) -> float:
    """The most that the answer can get: what is wrong with it no other words make good."""
    wrong = found["negation"]
    if found["numbers_missing"] and (fact or found["numbers_other"]):
        wrong = max(wrong, 1.0 if fact else found["numbers_missing"])
    return 1.0 - (1.0 - WRONG) * wrong
