"""How well the passages bear on a question, before anything is generated: the calibrated chance that they answer it."""

from __future__ import annotations

from collections.abc import Sequence

from ragpress.types import Embedder
from retrieval.context import Context, Passage
from serving.evidence import calibration
from serving.evidence.answer_kind import answer_kind, holds_kind
from serving.evidence.identifiers import holds_identifier, identifiers
from serving.evidence.numbers import missing_numbers, numbers_claimed
from serving.evidence.terms import Terms, holds_script, names, script, stems_of, terms_of
from serving.evidence.texts import EvidenceText, all_numbers, all_stems, read_evidence


class EvidenceScorer:
    """Scores the evidence of a question. Embeds nothing; safe to use from several threads.

    Args:
        embedder: made the cosines in the contexts; its name tells what they mean. None, or one that was never
            measured, leaves them out.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self._scale = calibration.cosine_scale(calibration.QUESTION_COSINES, embedder.name) if embedder else None

    def score(self, question: str, context: Context) -> float:
        """The chance, 0..1, that the passages hold the answer; 0 without passages."""
        features = self.features(question, context)
        if not features:
            return 0.0
        cap = calibration.OTHER_IDENTIFIER if features["identifiers_missing"] == 1.0 else 1.0
        return min(cap, _model(features).probability(features))

    def features(self, question: str, context: Context) -> dict[str, float]:
        """What the model sees; empty without passages."""
        if not context.passages:
            return {}
        texts = [read_evidence(passage.text) for passage in context.passages]
        found = question_features(question, texts, [about(passage) for passage in context.passages])
        if self._scale is not None and context.best_cosine is not None:
            found["cosine"] = self._scale.of(context.best_cosine)
        return found


def about(passage: Passage) -> str:
    """What a passage is about, as its document says: the title, the headings above it, the file's name."""
    return " ".join((passage.title, *passage.heading, passage.source.rsplit("/", maxsplit=1)[-1]))


def _model(features: dict[str, float]) -> calibration.Logistic:
    known = "cosine" in features
    if features["across"]:
        return calibration.EVIDENCE_ACROSS if known else calibration.EVIDENCE_ACROSS_WORDS
    if features["foreign"] > calibration.MIXED_FROM:
        return calibration.EVIDENCE_MIXED if known else calibration.EVIDENCE_MIXED_WORDS
    return calibration.EVIDENCE if known else calibration.EVIDENCE_WORDS


def question_features(question: str, texts: list[EvidenceText], abouts: Sequence[str] = ()) -> dict[str, float]:
    """What words say about a question and its passages.

    Args:
        question: the standalone question.
        texts: the passages, best first.
        abouts: what each of them is about, by title and headings.

    Returns:
        Shares from 0 to 1: ``coverage`` of the question's words by all passages, ``coverage_passage`` by the best one,
        ``coverage_best`` by its best two neighbouring sentences, ``rarest_missing`` word's weight, ``names_missing``,
        ``numbers_missing``, whether the best sentences hold the kind of thing asked for (``kind_held``, 0.5 where none
        is), ``identifiers_missing``, ``length`` of the question, ``han`` where it is Chinese, ``foreign`` passages
        (those further down count less), whether the ``first`` is foreign, ``across`` where all are.
    """
    terms = terms_of(question)
    leads = [frozenset(stems_of(text)) for text in abouts] or [frozenset[str]()] * len(texts)
    passages = [terms.coverage(lead.union(*text.stems)) for text, lead in zip(texts, leads, strict=True)]
    held = all_stems(texts).union(*leads)
    named, claimed, coded = names(question), numbers_claimed(question), identifiers(question)
    values = all_numbers(texts) if claimed else frozenset[float]()
    best, near = _best_sentences(terms, texts, leads)
    kind = answer_kind(question)
    bodies = [*(text.lowered for text in texts), *(text.lower() for text in abouts)]
    own = script(question)
    foreign = [not holds_script(text.text, own) for text in texts]
    places = [1 / place for place in range(1, len(texts) + 1)]
    return {
        "coverage": terms.coverage(held),
        "coverage_passage": max(passages),
        "coverage_best": best,
        "rarest_missing": max((weight for stem, weight in terms.weights.items() if stem not in held), default=0.0),
        "names_missing": sum(not any(name in body for body in bodies) for name in named) / max(1, len(named)),
        "numbers_missing": missing_numbers(claimed, values) / len(claimed) if claimed else 0.0,
        "kind_held": 0.5 if kind is None else float(holds_kind(kind, near, question)),
        "identifiers_missing": sum(not any(holds_identifier(code, body) for body in bodies) for code in coded)
        / max(1, len(coded)),
        "length": min(len(terms.weights), 12) / 12,
        "han": float(own == "han"),
        "foreign": sum(place for place, other in zip(places, foreign, strict=True) if other) / sum(places),
        "first": float(foreign[0]),
        "across": float(all(foreign)),
    }


def _best_sentences(terms: Terms, texts: list[EvidenceText], leads: Sequence[frozenset[str]]) -> tuple[float, str]:
    """Coverage by the best two neighbouring sentences, and their text.

    What a title says counts half: it says what the sentences are about.
    """
    best, near = 0.0, ""
    for text, lead in zip(texts, leads, strict=True):
        for at, window in enumerate(text.windows()):
            covered = (terms.coverage(window) + terms.coverage(window | lead)) / 2
            if covered > best or not near:
                best, near = covered, " ".join(text.sentences[at : at + 2])
    return best, near
