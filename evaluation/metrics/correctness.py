"""Whether an answer says what a reference answer says: a calibrated chance, without a model that judges.

Words, numbers, names and negations are compared, and the cosine of reference and answer where they leave a doubt; a
logistic model joins them. It was fitted on public sets (docs/benchmarks.md says which, and what it is worth on
others).
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.metrics.overlap import answer_tokens, holds_tokens
from evaluation.metrics.steady import SteadyEmbedder, cosine, passage_vector
from serving.evidence import calibration
from serving.evidence.calibration import Logistic
from serving.evidence.numbers import missing_numbers, numbers_claimed, numbers_held
from serving.evidence.sentences import split_sentences
from serving.evidence.terms import Terms, names, negations, shares_script, stems_of, terms_of
from serving.evidence.texts import plain

# A reference of at most so many tokens is a fact that an answer must hold as it stands.
_SHORT = 8
# From this coverage on two sentences speak of the same, and a negation in one of them contradicts.
_SAME_WORDS = 0.6
# Between these chances of the words alone a cosine is worth its time.
_DOUBT = (0.1, 0.9)
_EMBEDDED = 8
WRONG = 0.25
"""The most that an answer gets that states other numbers than its reference, or the opposite."""

WORDS = Logistic(-3.0, {"recall": 4.0, "contains": 2.5, "f1": 2.0, "names_missing": -1.0, "negation": -1.0})
COSINE = Logistic(
    -4.0, {"recall": 3.5, "contains": 2.5, "f1": 2.0, "names_missing": -1.0, "negation": -1.0, "cosine": 1.5}
)
ACROSS = Logistic(-4.0, {"cosine": 6.0, "recall": 1.0, "contains": 2.0})


def correctness(question: str, answer: str, references: Sequence[str], embedder: SteadyEmbedder | None) -> float:
    """The chance that an answer is right, 0..1: the best over the references.

    An answer whose tokens are those of a reference gets 1.0. One that lacks a number of its reference and states
    others, or negates what it says, gets ``WRONG`` at most.

    Args:
        question: what was asked; words of the question prove nothing.
        answer: without citation marks.
        references: answers that are right, one at least.
        embedder: for doubtful ones; None leaves words alone.
    """
    return max(_one(question, answer, reference, embedder) for reference in references)


def _one(question: str, answer: str, reference: str, embedder: SteadyEmbedder | None) -> float:
    if answer_tokens(answer) == answer_tokens(reference):
        return 1.0
    features = word_features(question, answer, reference)
    chance = chance_of(features)
    if embedder is not None and (features["across"] or _DOUBT[0] < chance < _DOUBT[1]):
        chance = chance_of(features | {"cosine": scaled_cosine(embedder, answer, reference)})
    return chance


def chance_of(features: dict[str, float]) -> float:
    """The chance for some features."""
    within = COSINE if "cosine" in features else WORDS
    return min(features["cap"], (ACROSS if features["across"] else within).probability(features))


def word_features(question: str, answer: str, reference: str) -> dict[str, float]:
    """What words say of an answer and its reference.

    Returns:
        Shares from 0 to 1: ``recall`` of the reference's content words, those of the question left out where others
        remain, ``recall_all`` with them, ``precision`` of the answer's words, ``f1`` of tokens, ``contains`` the
        reference as it stands, ``numbers_missing``, ``names_missing``, ``negation`` where one side negates what the
        other one says, ``short`` for a reference that is a mere fact, ``across`` scripts, and the ``cap``.
    """
    asked = frozenset(stems_of(question))
    wanted, said = terms_of(plain(reference)), terms_of(plain(answer))
    tokens, own = answer_tokens(reference), answer_tokens(answer)
    new = _without(wanted, asked)
    held = frozenset(said.stems)
    named = [name for name in names(reference) if name not in question.lower()]
    found = {
        "recall": new.coverage(held),
        "recall_all": wanted.coverage(held),
        "precision": _without(said, asked).coverage(frozenset(wanted.stems)),
        "f1": 2 * len(set(tokens) & set(own)) / (len(set(tokens)) + len(set(own))) if tokens and own else 0.0,
        "contains": float(holds_tokens(own, tokens)),
        "numbers_missing": _numbers_missing(question, answer, reference),
        "names_missing": sum(name not in answer.lower() for name in named) / max(1, len(named)),
        "negation": _negation_differs(answer, reference, wanted),
        "short": float(len(tokens) <= _SHORT),
        "across": float(not shares_script(answer, reference)),
    }
    return found | {"cap": _cap(question, answer, reference, found)}


def scaled_cosine(embedder: SteadyEmbedder, answer: str, reference: str) -> float:
    """Cosine of the reference with the answer, or with the sentence of it that is nearest, on the embedder's scale."""
    sentences = [plain(answer[start:end]) for start, end in split_sentences(answer)]
    texts = dict.fromkeys([plain(answer), *sentences[:_EMBEDDED]])
    wanted = passage_vector(embedder, plain(reference))
    best = max((cosine(passage_vector(embedder, text), wanted) for text in texts if text), default=0.0)
    scale = calibration.cosine_scale(calibration.SENTENCE_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
    return scale.of(best)


def _without(terms: Terms, asked: frozenset[str]) -> Terms:
    left = {stem: weight for stem, weight in terms.weights.items() if stem not in asked}
    return Terms(tuple(stem for stem in terms.stems if stem in left), left) if left else terms


def _numbers_missing(question: str, answer: str, reference: str) -> float:
    """Share of the reference's numbers, those of the question left out, that the answer does not state."""
    asked = numbers_held(question)
    wanted = [number for number in numbers_claimed(reference) if number.value not in asked]
    return missing_numbers(wanted, numbers_held(answer)) / len(wanted) if wanted else 0.0


def _cap(question: str, answer: str, reference: str, found: dict[str, float]) -> float:
    if found["negation"]:
        return WRONG
    if not found["numbers_missing"]:
        return 1.0
    known = numbers_held(question) | numbers_held(reference)
    states_others = missing_numbers(numbers_claimed(answer), known) > 0
    if found["short"] or (states_others and found["numbers_missing"] == 1.0):
        return WRONG
    return 1.0 - (1.0 - WRONG) * found["numbers_missing"] if states_others else 1.0


def _negation_differs(answer: str, reference: str, wanted: Terms) -> float:
    """Whether the reference and the sentence of the answer that says nearly the same differ in whether they negate."""
    sentences = [plain(answer[start:end]) for start, end in split_sentences(answer)]
    ranked = ((wanted.coverage(frozenset(stems_of(sentence))), sentence) for sentence in sentences)
    covered, nearest = max(ranked, default=(0.0, ""), key=lambda item: item[0])
    return float(covered >= _SAME_WORDS and (negations(nearest) > 0) != (negations(reference) > 0))
