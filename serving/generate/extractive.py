"""The generator that quotes: the sentences of the passages that bear most on the question, each with its citation.

It never invents: every sentence is the text of a passage, less markup (bullets, heading marks, table pipes, citation
marks of the document itself). Sentences that speak to a language model are left out. A passage in another language than
the question's is quoted as it stands. Sentences are ranked by the weighted words they share with the question, by the
cosine with it where there is an embedder, and by whether they hold the kind of thing asked for.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from statistics import fmean

import msgspec

from ragpress.answer_settings import GeneratorSettings
from ragpress.types import Embedder
from retrieval.context import Context
from serving.evidence import calibration
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.identifiers import holds_identifier, identifiers, names_another
from serving.evidence.support import clip
from serving.evidence.terms import Terms, holds_script, script, terms_of
from serving.generate.quotable import Candidate, candidates
from serving.remembered import RememberedEmbedder
from serving.types import GenerationRequest, GeneratorName, Usage

KIND = "extractive"
# Sentences that are embedded for one question: what words and passages rank lower is not looked at again. Where words
# do not tell, across scripts, more of them.
_EMBEDDED = 8
_EMBEDDED_ACROSS = 24
# Sentences of passages whose vectors are kept: 24 MB at 384 dimensions.
_REMEMBERED = 16_384
_DUPLICATE = 0.7
_POINTS_BACK = re.compile(
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their|such|however|but|also|therefore|thus|in addition"
    r"|then)\b"
    r"|(?:他|她|它|这|那|该|此|其|因此|所以|但|然而|而且|同时|此外|并)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?…。！？｡][\"'”’)\]」』）】》]*$")
# A field of a form, as in ``opened: 2026-03-02``; in another language short ones are near any question.
_FIELD = re.compile(r"[A-Za-z_]{2,20}: .{1,40}")
_HAN_END = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]$")


class ExtractiveGenerator:
    """Answers with sentences of the passages; deterministic, without a model of its own.

    Args:
        embedder: ranks sentences by meaning too, and across languages; None ranks by words alone.
        settings: how many sentences.
    """

    def __init__(self, embedder: Embedder | None, settings: GeneratorSettings) -> None:
        self._embedder = None if embedder is None else RememberedEmbedder(embedder, _REMEMBERED)
        self._settings = settings

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return GeneratorName(KIND, self._embedder.name if self._embedder else "words")

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str | Usage]:
        """The quoted sentences, one by one; the prompt's abstention where no passage has a sentence to quote."""
        quotes = await asyncio.to_thread(self.quotes, request.question, request.context, request.typed)
        if not quotes:
            yield request.prompt.prompt.in_language(request.prompt.prompt.abstain, request.language)
            return
        before = ""
        for quote in quotes:
            piece = _separator(before, quote.text) + f"{_spaced(quote.text)}[{quote.passage.index}]"
            before = quote.text
            yield piece

    async def aclose(self) -> None:
        """Nothing to give back."""

    def quotes(self, question: str, context: Context, typed: str = "") -> list[Candidate]:
        """The sentences of the answer, the best one first.

        Args:
            question: the standalone question.
            context: the passages.
            typed: the question as typed; empty where it is the standalone one.
        """
        every = candidates(context.passages)
        asked = _Asked.of(question, every, typed)
        named = asked.naming(every)
        for candidate in named:
            candidate.score = asked.score(candidate)
        shortlist = asked.shortlist(named, self._settings.sentences)
        if self._embedder is not None and shortlist:
            self._add_cosines(self._embedder, question, shortlist)
        return _choose(shortlist, every, asked, self._settings.sentences)

    def _add_cosines(self, embedder: Embedder, question: str, shortlist: list[Candidate]) -> None:
        query = embedder.embed_query(clip(embedder, question))
        vectors = embedder.embed_passages([clip(embedder, _in_place(candidate)) for candidate in shortlist])
        scale = calibration.cosine_scale(calibration.QUESTION_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
        near = [_COSINE_WEIGHT * scale.of(cosine) for cosine in (vectors @ query).tolist()]
        for candidate, added in zip(shortlist, _comparable(shortlist, near), strict=True):
            candidate.score += added


def _comparable(shortlist: Sequence[Candidate], near: list[float]) -> list[float]:
    """Nearness to the question, that of sentences in another script made up for what their script costs them.

    Sentences of one language are near each other whatever they say (``retrieval.scripts``), and no word of the question
    can stand in another script: there a sentence is taken to hold nearly as many as the best of the question's own, as
    far as it is as near.
    """
    groups = [[value for item, value in zip(shortlist, near, strict=True) if item.foreign == side] for side in (0, 1)]
    if not all(groups):
        return near
    shift = _BALANCE * (fmean(groups[0]) - fmean(groups[1]))
    level = [value + shift * item.foreign for item, value in zip(shortlist, near, strict=True)]
    low, high = min(level), max(level)
    held = _HELD_ABROAD * max(item.held for item in shortlist)
    return [
        value + held * (value - low) / ((high - low) or 1.0) * item.foreign
        for item, value in zip(shortlist, level, strict=True)
    ]


_BALANCE = 0.8
_HELD_ABROAD = 0.8
_COSINE_WEIGHT = 1.4
_KIND_WEIGHT = 0.15
_RANK_WEIGHT = 0.15
_OUTSIDE_WEIGHT = 0.1
_BACK_WEIGHT = 0.1
_SHORT_WEIGHT = 0.2
_IDENTIFIER_WEIGHT = 0.6
_FIELD_WEIGHT = 0.4
# What the lines above a sentence say counts less than what it says itself, but nearly as much below a question.
_LEAD_WEIGHT = 0.5
_ASKED_WEIGHT = 0.9
# A further sentence is within this share of the best one's score and adds so much of the question's weight; one that
# adds nothing must be as good as the best.
_WORTH = 0.7
_ADDS = 0.12
_AS_GOOD = 0.87
# Across scripts no word tells whether a sentence adds something, and the first one is less sure.
_AS_GOOD_ACROSS = 0.6
_AS_GOOD_OTHER = 0.96
_WORTH_ACROSS = 0.55
_CARRIED_WEIGHT = 0.3
_SHORT = 40
_HARDLY = 0.25


class _Asked(msgspec.Struct, frozen=True):
    """What a question asks for: its text, its words by weight, the kind of thing, the identifiers it names."""

    text: str
    terms: Terms
    kind: AnswerKind | None
    named: tuple[str, ...]

    @classmethod
    def of(cls, question: str, every: Sequence[Candidate], typed: str = "") -> _Asked:
        """Read a question. A word that stands in most of the sentences tells them apart less than a rare one, and one
        that a follow-up took from earlier turns less than its own."""
        terms = terms_of(question)
        counts = Counter(stem for candidate in every for stem in candidate.stems if stem in terms.weights)
        room = math.log(len(every) + 2)
        rarities = {stem: math.log((len(every) + 2) / (counts[stem] + 1)) / room for stem in terms.weights}
        weights = {stem: weight * (0.4 + 0.6 * rarities[stem]) for stem, weight in terms.weights.items()}
        own = set(terms_of(typed).stems)
        if own & weights.keys():
            weights = {stem: weight * (1.0 if stem in own else _CARRIED_WEIGHT) for stem, weight in weights.items()}
        return cls(question, Terms(terms.stems, weights), answer_kind(question), identifiers(question))

    def naming(self, every: list[Candidate]) -> list[Candidate]:
        """The sentences that may answer: where some name what the question names, those that name another one of the
        series do not; and a heading only where it holds what is asked for."""
        kept = [candidate for candidate in every if not candidate.title or self._answers(candidate)]
        if not any(self._names(candidate) for candidate in kept):
            return kept
        return [candidate for candidate in kept if not names_another(self.named, candidate.text)]

    def score(self, candidate: Candidate) -> float:
        """What words say of a sentence."""
        score = _RANK_WEIGHT / candidate.passage.index - _OUTSIDE_WEIGHT * candidate.outside
        candidate.foreign = not holds_script(candidate.text, script(self.text))
        if not candidate.foreign:
            own = self.terms.coverage(candidate.stems)
            lead = self.terms.coverage(candidate.stems | candidate.lead) - own
            candidate.held = own + (_ASKED_WEIGHT if candidate.asked else _LEAD_WEIGHT) * lead
            score += candidate.held
        score += _IDENTIFIER_WEIGHT * self._names(candidate)
        if self.kind is not None and holds_kind(self.kind, candidate.text, self.text):
            score += _KIND_WEIGHT
        if len(candidate.stems) < 3 and not candidate.asked:
            score -= _SHORT_WEIGHT
        if candidate.foreign and _FIELD.fullmatch(candidate.text):
            score -= _FIELD_WEIGHT
        return score - _BACK_WEIGHT * (_POINTS_BACK.match(candidate.text) is not None)

    def shortlist(self, every: Sequence[Candidate], limit: int) -> list[Candidate]:
        """The sentences worth embedding, best first: more of those in another script, where words do not tell."""
        ranked = sorted(every, key=_rank)
        own = [candidate for candidate in ranked if not candidate.foreign]
        abroad = [candidate for candidate in ranked if candidate.foreign]
        return own[: max(_EMBEDDED, 3 * limit)] + abroad[: max(_EMBEDDED_ACROSS - len(own[:_EMBEDDED]), 3 * limit)]

    def _names(self, candidate: Candidate) -> float:
        """Share of the question's identifiers that a sentence names; half where the line above does."""
        found = 0.0
        for identifier in self.named:
            if holds_identifier(identifier, candidate.text):
                found += 1.0
            elif holds_identifier(identifier, candidate.led):
                found += 0.5 + 0.4 * candidate.asked
        return found / max(1, len(self.named))

    def _answers(self, title: Candidate) -> bool:
        held = self.kind is not None and holds_kind(self.kind, title.text, self.text)
        return held and any(holds_identifier(identifier, title.text) for identifier in self.named)


def _rank(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.passage.index, candidate.order


def _in_place(candidate: Candidate) -> str:
    """What is embedded: a short sentence or row together with what stands above it."""
    if len(candidate.text) > _SHORT and not candidate.asked:
        return candidate.text
    return f"{candidate.led[-_LONGEST_LEAD:]} {candidate.text}".strip()


_LONGEST_LEAD = 120


def _choose(shortlist: list[Candidate], every: list[Candidate], asked: _Asked, limit: int) -> list[Candidate]:
    """The best sentence, further ones that add something asked for; one that points back has the one before it."""
    places = {(candidate.passage.index, candidate.order): candidate for candidate in every}
    ranked = _telling(sorted(shortlist, key=_rank))
    chosen: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) >= limit or (chosen and not _belongs(candidate, ranked[0])):
            break
        if any(_repeats(candidate, other) for other in chosen) or not _adds(candidate, chosen, asked, ranked[0]):
            continue
        before = places.get((candidate.passage.index, _needs(candidate)))
        if (
            before is not None
            and before is not candidate
            and not before.title
            and before not in chosen
            and len(chosen) + 1 < limit
        ):
            chosen.append(before)
        chosen.append(candidate)
    return _with_halves_in_order(chosen)


def _with_halves_in_order(chosen: list[Candidate]) -> list[Candidate]:
    """The same, but what was cut off in the middle of a sentence stands before the rest of it, as in the document."""
    ordered: list[Candidate] = []
    for candidate in chosen:
        place = (candidate.passage.index, candidate.order + 1)
        rest = next((at for at, one in enumerate(ordered) if (one.passage.index, one.order) == place), None)
        unended = _ENDS.search(candidate.text) is None and not candidate.title
        ordered.insert(rest if rest is not None and unended else len(ordered), candidate)
    return ordered


def _telling(ranked: list[Candidate]) -> list[Candidate]:
    """Without the sentences that have hardly a word of the question though they could, where others cannot."""
    if not any(candidate.foreign for candidate in ranked):
        return ranked
    return [candidate for candidate in ranked if candidate.foreign or candidate.held >= _HARDLY]


def _needs(candidate: Candidate) -> int:
    """The place of the sentence without which one cannot be read: what it points back to, or what its item is about."""
    if _POINTS_BACK.match(candidate.text):
        return candidate.order - 1
    return candidate.opener if len(candidate.text) <= _SHORT else candidate.order


def _belongs(candidate: Candidate, best: Candidate) -> bool:
    return candidate.score >= (_WORTH_ACROSS if best.foreign else _WORTH) * best.score


def _adds(candidate: Candidate, chosen: list[Candidate], asked: _Asked, best: Candidate) -> bool:
    if not chosen:
        return True
    if candidate.foreign != best.foreign:
        return candidate.score >= _AS_GOOD_OTHER * best.score
    if candidate.score >= (_AS_GOOD_ACROSS if best.foreign else _AS_GOOD) * best.score:
        return True
    held = frozenset[str]().union(*(other.stems for other in chosen))
    return asked.terms.coverage(held | candidate.stems) - asked.terms.coverage(held) >= _ADDS


def _repeats(one: Candidate, other: Candidate) -> bool:
    shared = len(one.stems & other.stems)
    return shared >= _DUPLICATE * min(len(one.stems), len(other.stems)) and shared > 0


def _spaced(text: str) -> str:
    return text if _HAN_END.search(text) else f"{text} "


def _separator(before: str, text: str) -> str:
    if not before:
        return ""
    if not _ENDS.search(before):
        return "\n"
    return "" if _HAN_END.search(before) and not text[:1].isascii() else " "
