"""Checks an answer while it streams: its citations exist, and what it says is supported by what it cites.

Three parts in a row: ``safe_text`` lets no made-up citation, link target or markup through; ``sentence_stream`` tells
where sentences end; :class:`VerifiedText` has each sentence judged and does what the policy says. Whatever the pieces
in which a generator writes, the verified text is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec

from ragpress.answer_settings import Unsupported
from ragpress.prompts import Prompt
from retrieval.context import Passage
from serving.abstention import says_no_answer
from serving.evidence.sentences import parse_citations, without_citations
from serving.evidence.support import is_claim
from serving.safe_text import SafeText
from serving.sentence_stream import Ended, SentenceStream
from serving.types import Checker, SentenceCheck


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of one sentence found.

    Attributes:
        citations: numbers of the passages it cites, or that was found for it.
        support: how well they support it, 0..1; None where it claims nothing.
        supported: whether that reaches the threshold; True where it claims nothing.
        found: number of the passage that was found for a sentence without a citation.
    """

    citations: tuple[int, ...] = ()
    support: float | None = None
    supported: bool = True
    found: int | None = None


class SentenceJudge:
    """Judges sentences by the passages of one answer.

    Args:
        checker: scores support.
        passages: what may be cited.
        threshold: support from which a sentence counts as supported.
        prompt: its texts of abstention claim nothing.
    """

    def __init__(self, checker: Checker, passages: Sequence[Passage], threshold: float, prompt: Prompt) -> None:
        self._checker = checker
        self._texts = {passage.index: passage.text for passage in passages}
        self._threshold = threshold
        self._prompt = prompt

    def __call__(self, sentence: str) -> Verdict:
        """Judge one sentence. A claim that cites nothing is given the passage that supports it best, if one does."""
        marks = parse_citations(sentence)
        cited = tuple(dict.fromkeys(one for mark in marks for one in mark.numbers if one in self._texts))
        if not is_claim(sentence) or says_no_answer(sentence, self._prompt):
            return Verdict(citations=cited)
        body = without_citations(sentence)
        if cited:
            support = self._checker.support([body], [[self._texts[number] for number in cited]])[0]
            return Verdict(citations=cited, support=support, supported=support >= self._threshold)
        return self._attribute(body)

    def _attribute(self, body: str) -> Verdict:
        if not self._texts:
            return Verdict(support=0.0, supported=False)
        numbers = list(self._texts)
        scores = self._checker.support([body] * len(numbers), [[self._texts[number]] for number in numbers])
        support, negative = max(zip(scores, (-number for number in numbers), strict=True))
        if support < self._threshold:
            return Verdict(support=support, supported=False)
        return Verdict(citations=(-negative,), support=support, found=-negative)


class VerifiedText:
    """The text of one answer as it may leave, and what was found of its sentences.

    Args:
        safe: makes pieces safe.
        judge: judges a sentence; called in a thread.
        policy: what happens to unsupported sentences.
        sign: what ``mark`` puts behind one.

    Attributes:
        text: what has left so far.
        checks: of the sentences in it.
        claims: each sentence in it, and whether it claims anything.
        dropped: number of sentences that the policy removed.
    """

    def __init__(self, safe: SafeText, judge: Callable[[str], Verdict], policy: Unsupported, sign: str) -> None:
        self._safe = safe
        self._stream = SentenceStream()
        self._judge = judge
        self._policy = policy
        self._sign = sign
        self._held = ""
        self._read = 0
        self._shifts: list[tuple[int, int]] = []
        self.text = ""
        self.checks: list[SentenceCheck] = []
        self.claims: list[tuple[str, bool]] = []
        self.dropped = 0

    @property
    def removed_citations(self) -> tuple[int, ...]:
        """Numbers that the generator made up."""
        return tuple(self._safe.removed)

    async def feed(self, piece: str) -> AsyncIterator[str]:
        """What may leave after the generator's next piece."""
        async for text in self._passed(self._stream.feed(self._safe.feed(piece))):
            yield text

    async def finish(self) -> AsyncIterator[str]:
        """What may leave after its last piece."""
        async for text in self._passed(self._stream.feed(self._safe.finish())):
            yield text
        async for text in self._passed(self._stream.finish()):
            yield text
        if text := self._release():
            yield text

    async def _passed(self, parts: Iterable[str | Ended]) -> AsyncIterator[str]:
        at_once = self._policy is not Unsupported.REMOVE
        for part in parts:
            if isinstance(part, str):
                self._held += part
                self._read += len(part)
                continue
            if at_once and (text := self._release()):
                yield text
            await self._end(part)
            if not at_once and (text := self._release(self._read - part.end)):
                yield text
        if at_once and (text := self._release()):
            yield text

    async def _end(self, ended: Ended) -> None:
        verdict = Verdict() if ended.code else await asyncio.to_thread(self._judge, ended.text)
        claims = verdict.support is not None
        if claims and not verdict.supported and self._policy is Unsupported.REMOVE:
            # An end may be known late: what came after it stays.
            gone = len(self._held) - (self._read - ended.end)
            self._shifts.append((ended.end, -gone))
            self._held = self._held[gone:]
            self.dropped += 1
            return
        self._trim()
        added = "" if ended.code else self._addition(ended.text, verdict)
        if not ended.code:
            self.claims.append((ended.text, claims))
            self.checks.append(self._check(ended, verdict))
        self._held += added
        if added:
            self._shifts.append((self._read, len(added)))

    def _addition(self, sentence: str, verdict: Verdict) -> str:
        # A cell more would break a table's row.
        if sentence.lstrip().startswith("|"):
            return ""
        if verdict.found is not None:
            return f"{' ' if sentence[-1:].isascii() else ''}[{verdict.found}]"
        marked = self._policy is Unsupported.MARK and not verdict.supported
        return self._sign if marked else ""

    def _check(self, ended: Ended, verdict: Verdict) -> SentenceCheck:
        return SentenceCheck(
            start=ended.start + sum(length for place, length in self._shifts if place <= ended.start),
            end=ended.end + sum(length for place, length in self._shifts if place < ended.end),
            citations=verdict.citations,
            support=verdict.support,
            supported=verdict.supported,
        )

    def _trim(self) -> None:
        """An answer begins with no white space, also where its first sentences were removed."""
        if self.text:
            return
        kept = self._held.lstrip()
        if len(kept) < len(self._held):
            self._shifts.append((self._read - len(kept), len(kept) - len(self._held)))
            self._held = kept

    def _release(self, behind: int = 0) -> str:
        """Let what is held leave, but for so many characters at its end."""
        self._trim()
        until = max(0, len(self._held) - behind)
        text, self._held = self._held[:until], self._held[until:]
        self.text += text
        return text
