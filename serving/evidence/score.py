"""How well the passages bear on a question, before anything is generated: the calibrated chance that they answer it."""

from __future__ import annotations

from ragpress.types import Embedder
from retrieval.context import Context
from serving.evidence import calibration
from serving.evidence.answer_kind import answer_kind, holds_kind
from serving.evidence.numbers import missing_numbers, numbers_claimed
from serving.evidence.terms import names, script, terms_of
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
        across, cosine = bool(features["across"]), "cosine" in features
        if cosine:
            model = calibration.EVIDENCE_ACROSS if across else calibration.EVIDENCE
        else:
            model = calibration.EVIDENCE_ACROSS_WORDS if across else calibration.EVIDENCE_WORDS
        return model.probability(features)

    def features(self, question: str, context: Context) -> dict[str, float]:
        """What the model sees; empty without passages."""
        if not context.passages:
            return {}
        texts = [read_evidence(passage.text) for passage in context.passages]
        found = question_features(question, texts)
        if self._scale is not None and context.best_cosine is not None:
            found["cosine"] = self._scale.of(context.best_cosine)
        return found


def question_features(question: str, texts: list[EvidenceText]) -> dict[str, float]:
    """What words say about a question and its passages.

    Returns:
        Shares from 0 to 1: ``coverage`` of the question's words by all passages, ``coverage_passage`` by the best one,
        ``coverage_best`` by its best two neighbouring sentences, ``rarest_missing`` word's weight, ``names_missing``,
        ``numbers_missing``, whether the best sentences hold the kind of thing asked for (``kind_held``, 0.5 where none
        is), ``length`` of the question, ``han`` where it is Chinese, ``across`` where no passage is in its script.
    """
    terms = terms_of(question)
    passages = [terms.coverage(frozenset().union(*text.stems)) for text in texts]
    held = all_stems(texts)
    named, claimed = names(question), numbers_claimed(question)
    values = all_numbers(texts) if claimed else frozenset[float]()
    best, near = _best_sentences(terms.weights, texts)
    kind = answer_kind(question)
    return {
        "coverage": terms.coverage(held),
        "coverage_passage": max(passages),
        "coverage_best": best,
        "rarest_missing": max((weight for stem, weight in terms.weights.items() if stem not in held), default=0.0),
        "names_missing": sum(not any(name in text.lowered for text in texts) for name in named) / max(1, len(named)),
        "numbers_missing": missing_numbers(claimed, values) / len(claimed) if claimed else 0.0,
        "kind_held": 0.5 if kind is None else float(holds_kind(kind, near, question)),
        "length": min(len(terms.weights), 12) / 12,
        "han": float(script(question) == "han"),
        "across": float(all(script(question) != script(text.text) for text in texts)),
    }


def _best_sentences(weights: dict[str, float], texts: list[EvidenceText]) -> tuple[float, str]:
    """Coverage by the best two neighbouring sentences, and their text."""
    total = sum(weights.values()) or 1.0
    best, near = -1.0, ""
    for text in texts:
        for at, window in enumerate(text.windows()):
            covered = sum(weight for stem, weight in weights.items() if stem in window) / total
            if covered > best:
                best, near = covered, " ".join(text.sentences[at : at + 2])
    return max(best, 0.0), near
