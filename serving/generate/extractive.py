"""The generator that quotes: the sentences of the passages that bear most on the question, each with its citation.

It never invents: every sentence is the text of a passage, less markup (bullets, heading marks, table pipes, citation
marks of the document itself). Sentences that speak to a language model are left out. A passage in another language than
the question's is quoted as it stands. Sentences are ranked by the weighted words they share with the question, by the
cosine with it where there is an embedder, and by whether they hold the kind of thing asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import msgspec

from ingest.injection import injection_phrases
from ragpress.answer_settings import GeneratorSettings
from ragpress.types import Embedder
from retrieval.context import Context, Passage
from serving.evidence import calibration
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.sentences import Span, is_heading, readable, split_sentences, without_citations
from serving.evidence.support import clip
from serving.evidence.terms import Terms, shares_script, stems_of, terms_of
from serving.types import GenerationRequest, GeneratorName, Usage

KIND = "extractive"
# Sentences that are embedded for one question: what words and passages rank lower is not looked at again. Where words
# do not tell, across scripts, more of them.
_EMBEDDED = 8
_EMBEDDED_ACROSS = 24
# A longer sentence (a line without a full stop) is quoted in part, cut at a comma.
_LONGEST = 360
_DUPLICATE = 0.7
_POINTS_BACK = re.compile(
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their|such|however|but|also|therefore|thus|in addition"
    r"|then)\b"
    r"|(?:他|她|它|这|那|该|此|其|因此|所以|但|然而|而且|同时|此外|并)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:，；：、](?:\s|(?<=[，；：、]))|\n|\s{2,}")
_ENDS = re.compile(r"[.!?…。！？｡][\"'”’)\]」』）】》]*$")
_HAN_END = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]$")


class Candidate(msgspec.Struct, kw_only=True):
    """A sentence that may be quoted.

    Attributes:
        passage: where it stands.
        order: its place among the passage's sentences.
        text: what would be said.
        stems: its content words.
        outside: it stands beside the chunk that was found, in its neighbours.
        score: how much it bears on the question.
    """

    passage: Passage
    order: int
    text: str
    stems: frozenset[str]
    outside: bool
    score: float = 0.0


class ExtractiveGenerator:
    """Answers with sentences of the passages; deterministic, without a model of its own.

    Args:
        embedder: ranks sentences by meaning too, and across languages; None ranks by words alone.
        settings: how many sentences.
    """

    def __init__(self, embedder: Embedder | None, settings: GeneratorSettings) -> None:
        self._embedder = embedder
        self._settings = settings

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return GeneratorName(KIND, self._embedder.name if self._embedder else "words")

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str | Usage]:
        """The quoted sentences, one by one; the prompt's abstention where no passage has a sentence to quote."""
        quotes = await asyncio.to_thread(self.quotes, request.question, request.context)
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

    def quotes(self, question: str, context: Context) -> list[Candidate]:
        """The sentences of the answer, in the order in which they are said.

        Args:
            question: the standalone question.
            context: the passages.
        """
        terms, kind = terms_of(question), answer_kind(question)
        candidates = _candidates(context.passages)
        for candidate in candidates:
            candidate.score = _word_score(candidate, question, terms, kind)
        shortlist = sorted(candidates, key=lambda item: (-item.score, item.passage.index, item.order))
        shortlist = shortlist[: max(self._shortlist(question, context), 3 * self._settings.sentences)]
        if self._embedder is not None and shortlist:
            self._add_cosines(self._embedder, question, shortlist)
        chosen = _choose(shortlist, candidates, self._settings.sentences)
        return _in_order(chosen)

    def _shortlist(self, question: str, context: Context) -> int:
        same = all(shares_script(question, passage.text) for passage in context.passages)
        return _EMBEDDED if same else _EMBEDDED_ACROSS

    def _add_cosines(self, embedder: Embedder, question: str, shortlist: list[Candidate]) -> None:
        asked = embedder.embed_query(clip(embedder, question))
        vectors = embedder.embed_passages([clip(embedder, candidate.text) for candidate in shortlist])
        scale = calibration.cosine_scale(calibration.QUESTION_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
        for candidate, cosine in zip(shortlist, (vectors @ asked).tolist(), strict=True):
            candidate.score += _COSINE_WEIGHT * scale.of(cosine)


_COSINE_WEIGHT = 1.0
_KIND_WEIGHT = 0.15
_RANK_WEIGHT = 0.15
_OUTSIDE_WEIGHT = 0.1
_BACK_WEIGHT = 0.1
# Sentences this far below the best say something else.
_WORTH = 0.6


def _candidates(passages: Sequence[Passage]) -> list[Candidate]:
    found: list[Candidate] = []
    for passage in passages:
        pieces = [piece for span in split_sentences(passage.text) for piece in _pieces(passage.text, span)]
        flagged = _speaks_to_a_model(passage.text, pieces)
        for order, piece in enumerate(pieces):
            raw = passage.text[piece.start : piece.end]
            text = without_citations(readable(raw))
            stems = frozenset(stems_of(text))
            if stems and not is_heading(raw) and not flagged[order]:
                outside = not passage.start <= passage.text_start + piece.start < passage.end
                found.append(Candidate(passage=passage, order=order, text=text, stems=stems, outside=outside))
    return found


def _pieces(text: str, span: Span) -> list[Span]:
    """A sentence, or its parts where it is too long to be quoted whole."""
    if span.end - span.start <= _LONGEST:
        return [span]
    pieces, left, last = [], span.start, span.start
    for clause in _CLAUSE.finditer(text, span.start, span.end):
        if clause.end() - left > _LONGEST and last > left:
            pieces.append(Span(left, last))
            left = last
        last = clause.end()
    return [*pieces, Span(left, span.end)]


def _speaks_to_a_model(text: str, pieces: Sequence[Span]) -> list[bool]:
    """Which sentences have a phrase that is addressed to a language model, or have one together with the next.

    So does the next one of the same paragraph, where such a phrase is followed by what it orders.
    """
    alone = [bool(injection_phrases(text[piece.start : piece.end])) for piece in pieces]
    found = list(alone)
    for at, (one, other) in enumerate(pairwise(pieces)):
        if alone[at] and "\n" not in text[one.end : other.start]:
            found[at + 1] = True
        elif not (alone[at] or alone[at + 1]) and injection_phrases(text[one.start : other.end]):
            found[at] = found[at + 1] = True
    return found


def _word_score(candidate: Candidate, question: str, terms: Terms, kind: AnswerKind | None) -> float:
    score = _RANK_WEIGHT / candidate.passage.index - _OUTSIDE_WEIGHT * candidate.outside
    if shares_script(question, candidate.text):
        score += terms.coverage(candidate.stems)
    if kind is not None and holds_kind(kind, candidate.text, question):
        score += _KIND_WEIGHT
    if candidate.text.endswith(("?", "？", ":", "：")) or len(candidate.stems) < 3:
        score -= 0.2
    return score - _BACK_WEIGHT * (_POINTS_BACK.match(candidate.text) is not None)


def _choose(shortlist: list[Candidate], every: list[Candidate], limit: int) -> list[Candidate]:
    """The best sentences that do not repeat one another, with the sentence before one that points back to it."""
    places = {(candidate.passage.index, candidate.order): candidate for candidate in every}
    ranked = sorted(shortlist, key=lambda item: (-item.score, item.passage.index, item.order))
    chosen: list[Candidate] = []
    for candidate in ranked:
        if len(chosen) >= limit or (chosen and candidate.score < _WORTH * ranked[0].score):
            break
        if any(_repeats(candidate, other) for other in chosen):
            continue
        chosen.append(candidate)
        before = places.get((candidate.passage.index, candidate.order - 1))
        if before and before not in chosen and len(chosen) < limit and _POINTS_BACK.match(candidate.text):
            chosen.append(before)
    return chosen


def _repeats(one: Candidate, other: Candidate) -> bool:
    shared = len(one.stems & other.stems)
    return shared >= _DUPLICATE * min(len(one.stems), len(other.stems)) and shared > 0


def _in_order(chosen: list[Candidate]) -> list[Candidate]:
    """Passages by their best sentence, the sentences of one passage as they stand in it."""
    ranks = {candidate.passage.index: rank for rank, candidate in reversed([*enumerate(chosen)])}
    return sorted(chosen, key=lambda candidate: (ranks[candidate.passage.index], candidate.order))


def _spaced(text: str) -> str:
    return text if _HAN_END.search(text) else f"{text} "


def _separator(before: str, text: str) -> str:
    if not before:
        return ""
    if not _ENDS.search(before):
        return "\n"
    return "" if _HAN_END.search(before) and not text[:1].isascii() else " "
