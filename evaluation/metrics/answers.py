"""The metrics of an answer: against the reference, against what it cites and read, and whether it should have said so.

All of them are reckoned without a model that judges; an embedder tells where words leave a doubt. The same case and
answer always get the same scores. A metric that has no meaning for a case is missing, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from evaluation.metrics.correctness import correctness
from evaluation.metrics.grounding import Grounding, claims_of
from evaluation.metrics.overlap import exact_match, token_f1
from evaluation.metrics.plugins import MetricPlugin
from evaluation.metrics.quotes import find_quote
from evaluation.metrics.retrieval import MUST_ABSTAIN
from evaluation.metrics.steady import SteadyEmbedder, cosine, passage_vector, query_vector, steady
from evaluation.records import Case, Scored
from evaluation.sources import SCORING, source_digest
from ragpress.answer_settings import AnswerSettings
from ragpress.fingerprint import hexdigest
from ragpress.types import Embedder
from retrieval.context import Passage
from serving.evidence import calibration
from serving.evidence.sentences import without_citations
from serving.evidence.support import load_checker
from serving.types import Answer, Checker, Citation, SentenceCheck

VERSION = "1"
"""Raised by hand when a score of the same answer changes for a reason that our sources do not show."""
PASS = 0.5
"""Correctness from which an answer passes."""

NO_REFERENCE = "the case has no reference answer"
ANSWERED = "the service answered"
ANSWERABLE = "the documents answer the question"
NO_EMBEDDER = "there is no embedder"
NOTHING_KNOWN = "the case has neither reference answer nor evidence"
_AGAINST_REFERENCE = ("exact_match", "token_f1", "answer_correctness")


class AnswerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a service made of a question, as the metrics need it.

    Attributes:
        text: the answer, with its citation marks.
        abstained: whether it says that the documents do not answer.
        citations: what it cites.
        sentences: the check of every sentence.
        passages: what the generator read.
    """

    text: str
    abstained: bool
    citations: tuple[Citation, ...] = ()
    sentences: tuple[SentenceCheck, ...] = ()
    passages: tuple[Passage, ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> AnswerFacts:
        """The facts of an answer."""
        return cls(
            text=answer.answer,
            abstained=answer.abstained,
            citations=answer.citations,
            sentences=answer.sentences,
            passages=answer.context,
        )

    @property
    def plain(self) -> str:
        """The text without its citation marks."""
        return without_citations(self.text)


class Scorer:
    """Scores answers. Safe to use from several threads.

    Args:
        embedder: for what words do not tell; None leaves words alone, and ``answer_relevancy`` out.
        checker: scores how well texts support a sentence; over a steady embedder (:func:`load_scorer` sees to it).
        support: score from which a sentence counts as supported, ``[answer] support``.
        plugins: further metrics.

    Attributes:
        fingerprint: decides every score of the same case and answer; the sources of the metrics and of the check
            count, so that what an earlier version scored is scored again.
    """

    def __init__(
        self, embedder: Embedder | None, checker: Checker, support: float, plugins: Sequence[MetricPlugin] = ()
    ) -> None:
        self._embedder = steady(embedder) if embedder else None
        self._grounding = Grounding(checker, support)
        self._plugins = tuple(plugins)
        self.fingerprint = hexdigest(
            "scorer",
            VERSION,
            source_digest(SCORING),
            embedder.fingerprint if embedder else "",
            checker.name,
            support,
            [plugin.fingerprint for plugin in plugins],
        )

    def score(self, case: Case, answer: AnswerFacts) -> Scored:
        """Every metric of an answer. No value is NaN or infinite.

        See :mod:`evaluation.metrics.catalogue` for the list, docs/metrics.md for what each one means.
        """
        parts = [
            self._against_reference(case, answer),
            self._grounded(answer),
            abstention_scores(case, answer),
            self._relevancy(case, answer),
        ]
        scores = {name: value for part in parts for name, value in part.scores.items()}
        missing = {name: reason for part in parts for name, reason in part.missing.items()}
        passing = passed(case, answer, scores.get("answer_correctness"))
        if passing is None:
            missing["passed"] = NOTHING_KNOWN
        else:
            scores["passed"] = float(passing)
        for plugin in self._plugins:
            value = plugin.score(case, answer)
            if value is None or not math.isfinite(value):
                missing[plugin.name] = "the plugin gives no value" if value is None else f"the plugin gives {value}"
            else:
                scores[plugin.name] = value
        return Scored(scores, missing)

    def _against_reference(self, case: Case, answer: AnswerFacts) -> Scored:
        """Against the reference answers; an abstention where there is an answer is wrong."""
        if case.must_abstain or not case.references:
            return Scored({}, dict.fromkeys(_AGAINST_REFERENCE, MUST_ABSTAIN if case.must_abstain else NO_REFERENCE))
        if answer.abstained:
            return Scored(dict.fromkeys(_AGAINST_REFERENCE, 0.0), {})
        text, references = answer.plain, case.references
        right = correctness(case.question, text, references, self._embedder)
        values = (exact_match(text, references), token_f1(text, references), right)
        return Scored(dict(zip(_AGAINST_REFERENCE, values, strict=True)), {})

    def _grounded(self, answer: AnswerFacts) -> Scored:
        claims = [] if answer.abstained else claims_of(answer.text, answer.sentences, answer.passages)
        return self._grounding.scores(claims, [passage.text for passage in answer.passages])

    def _relevancy(self, case: Case, answer: AnswerFacts) -> Scored:
        """How near the answer is to the question.

        ``answer_relevancy`` is the cosine of question and answer on the scale of the embedder, from 0 (they have
        nothing to do with each other) to 1. ragas asks a model for questions that the answer would answer and compares
        those with the question; its value for an answer that says nothing is 0, as here for an abstention.
        """
        if case.must_abstain and answer.abstained:
            return Scored({}, {"answer_relevancy": MUST_ABSTAIN})
        if answer.abstained or not answer.plain:
            return Scored({"answer_relevancy": 0.0}, {})
        if self._embedder is None:
            return Scored({}, {"answer_relevancy": NO_EMBEDDER})
        return Scored({"answer_relevancy": relevancy(self._embedder, case.question, answer.plain)}, {})


def load_scorer(embedder: Embedder, settings: AnswerSettings, plugins: Sequence[MetricPlugin] = ()) -> Scorer:
    """The scorer for a release's settings, everything over one steady embedder.

    Args:
        embedder: the release's.
        settings: name the checker and the threshold of support.
        plugins: further metrics.

    Raises:
        SettingsError: there is no such checker.
        ModelError: its model cannot be loaded.
    """
    calm = steady(embedder)
    return Scorer(calm, load_checker(settings.checker, calm), settings.support, plugins)


def relevancy(embedder: SteadyEmbedder, question: str, answer: str) -> float:
    """Cosine of question and answer on the embedder's scale, 0..1."""
    scale = calibration.cosine_scale(calibration.QUESTION_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
    found = cosine(query_vector(embedder, question), passage_vector(embedder, answer))
    return min(1.0, max(0.0, scale.of(found)))


def abstention_scores(case: Case, answer: AnswerFacts) -> Scored:
    """Whether the service abstains where it should, as precision and recall over cases.

    - ``abstention_precision``: 1 or 0 for a case in which the service abstains: whether it should. The mean over cases
      is the share of the abstentions that are right.
    - ``abstention_recall``: 1 or 0 for a case whose right answer is to abstain: whether it does. The mean is the share
      of such cases that are found.
    """
    scores, missing = dict[str, float](), dict[str, str]()
    if answer.abstained:
        scores["abstention_precision"] = float(case.must_abstain)
    else:
        missing["abstention_precision"] = ANSWERED
    if case.must_abstain:
        scores["abstention_recall"] = float(answer.abstained)
    else:
        missing["abstention_recall"] = ANSWERABLE
    return Scored(scores, missing)


def passed(case: Case, answer: AnswerFacts, right: float | None) -> bool | None:
    """Whether a case passes.

    One that must be abstained from passes where the service abstains. Another one passes where it does not and
    ``answer_correctness`` is ``PASS`` at least; without a reference, where the passages hold all of its evidence.

    Args:
        case: the case.
        answer: what the service made of it.
        right: ``answer_correctness``, None where it is missing.

    Returns:
        None where the case has neither reference nor evidence.
    """
    if case.must_abstain:
        return answer.abstained
    if right is not None:
        return right >= PASS
    if not case.evidence:
        return None
    texts = [passage.text for passage in answer.passages]
    return not answer.abstained and all(any(find_quote(item.quote, text) for text in texts) for item in case.evidence)
