"""How far the sentences of an answer are supported: by what they cite (ALCE), and by all that was read (faithfulness).

A sentence counts where it claims something; greetings, headings and questions do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from evaluation.metrics.claims import supported
from evaluation.records import Scored
from retrieval.context import Passage
from serving.evidence.sentences import without_citations
from serving.evidence.support import SupportChecker
from serving.evidence.terms import shares_script
from serving.types import Checker, SentenceCheck

NO_CLAIMS = "the answer claims nothing"
SURE = 0.5
"""From this chance on by texts of its own script a claim is not held against those of other scripts."""
_MARGIN = 0.05
"""A support that the service found and that is nearer to the threshold is found again: the service embeds sentences
together, and in bf16 a cosine then differs in its last bits with the company."""


class Claim(msgspec.Struct, frozen=True):
    """A sentence of an answer that claims something, with what it cites.

    Attributes:
        text: without citation marks.
        cited: the texts that it cites.
        support: by those together, as the service found it.
    """

    text: str
    cited: tuple[str, ...]
    support: float


class Grounding:
    """Scores the support of an answer's sentences.

    Args:
        checker: scores how well texts support a sentence.
        threshold: support from which a sentence counts as supported.
    """

    def __init__(self, checker: Checker, threshold: float) -> None:
        self._checker = checker
        self._threshold = threshold

    def scores(self, claims: Sequence[Claim], passages: Sequence[str]) -> Scored:
        """Faithfulness, citation recall and citation precision of an answer, each from 0 to 1.

        - ``faithfulness``: the share of the claims that the passages support, as expected from each claim's chance:
          the mean of the chances (ragas ``faithfulness`` is the share itself; it asks a model to find the claims and to
          judge them). 0 where nothing was read. With the built-in check the chance is that of
          :mod:`evaluation.metrics.claims`, and the check's own where no text is in the claim's script; with another
          checker it is that checker's score. A claim's chance is the better of those by what it cites and by all
          passages: more text takes no support back.
        - ``citation_recall``: share of the claims that their citations together support (ALCE; Gao et al., *Enabling
          Large Language Models to Generate Text with Citations*, EMNLP 2023, which asks an NLI model).
        - ``citation_precision``: share of the citations that contribute (ALCE): the claim is supported by its
          citations, and this one supports it alone or is needed beside the others. 0 where claims cite nothing.

        Args:
            claims: of the answer.
            passages: all texts that the generator read.
        """
        names = ("faithfulness", "citation_recall", "citation_precision")
        if not claims:
            return Scored({}, dict.fromkeys(names, NO_CLAIMS))
        cited = [self._cited(claim) for claim in claims]
        faithful = [self._chance(claim, passages) for claim in claims]
        useful = [self._useful(claim) if held else 0 for claim, held in zip(claims, cited, strict=True)]
        citations = sum(len(claim.cited) for claim in claims)
        return Scored(
            {
                "faithfulness": math.fsum(faithful) / len(claims),
                "citation_recall": sum(cited) / len(claims),
                "citation_precision": sum(useful) / citations if citations else 0.0,
            },
            {},
        )

    def _chance(self, claim: Claim, passages: Sequence[str]) -> float:
        chance = self._by(claim.text, passages)
        if chance < 1.0 and claim.cited and len(claim.cited) < len(passages):
            chance = max(chance, self._by(claim.text, claim.cited))
        return chance

    def _by(self, claim: str, texts: Sequence[str]) -> float:
        if not isinstance(self._checker, SupportChecker):
            return self._support(claim, texts)
        own = [text for text in texts if shares_script(claim, text)]
        chance = supported(claim, own)
        foreign = [text for text in texts if text not in own]
        return max(chance, self._support(claim, foreign)) if foreign and chance < SURE else chance

    def _cited(self, claim: Claim) -> bool:
        if not claim.cited:
            return False
        if abs(claim.support - self._threshold) > _MARGIN:
            return claim.support >= self._threshold
        return self._holds(claim.text, claim.cited)

    def _useful(self, claim: Claim) -> int:
        """How many citations of a supported claim contribute."""
        if len(claim.cited) == 1:
            return 1
        others = (claim.cited[:at] + claim.cited[at + 1 :] for at in range(len(claim.cited)))
        return sum(
            self._holds(claim.text, (one,)) or not self._holds(claim.text, rest)
            for one, rest in zip(claim.cited, others, strict=True)
        )

    def _holds(self, claim: str, texts: Sequence[str]) -> bool:
        return self._support(claim, texts) >= self._threshold

    def _support(self, claim: str, texts: Sequence[str]) -> float:
        # One claim at a time: what a checker computes together may depend on the company.
        found = self._checker.support([claim], [list(texts)])[0] if texts else 0.0
        return min(1.0, max(0.0, found)) if math.isfinite(found) else 0.0


def claims_of(text: str, sentences: Sequence[SentenceCheck], passages: Sequence[Passage]) -> list[Claim]:
    """The sentences of an answer that claim something, with the texts of the passages they cite."""
    texts = {passage.index: passage.text for passage in passages}
    return [
        Claim(
            without_citations(text[check.start : check.end]),
            tuple(texts[number] for number in check.citations if number in texts),
            check.support,
        )
        for check in sentences
        if check.support is not None
    ]
