"""Answers and their scores as the store keeps them, so that what was made or judged once is not made or judged again.

A key names all that decided an answer, and nothing else: no ids of chunks, versions or releases, no retrieval scores.
So an edit elsewhere, another chunk id or a new release leaves the key as it is; citations are kept by the passage's
number and the place in its chunk, and mapped onto the release at hand. Scores have a key of their own, with the case
and the metrics in it: a corrected reference is judged anew, and no model is asked for the answer again. A generator
that samples (``temperature`` above 0) is taken at its first word: it is asked again only where the caller wants that.
The sources that made an answer count too (:mod:`evaluation.sources`): an upgrade never shows old answers as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from evaluation.records import Case, Cost, Scored
from evaluation.sources import ANSWERING, LOCAL, QUOTING, SERVED, source_digest
from index.answering import Answering
from ingest.memo import Memo
from ragpress import __version__
from ragpress.errors import NotFoundError, WriterBusyError
from ragpress.fingerprint import Part, digest
from ragpress.plugins import load_plugin
from ragpress.storage.store import Store
from retrieval.context import Passage
from serving.chain import AnswerParts, Prompted
from serving.evidence.support import CHECKERS, COMBINED, LEXICAL
from serving.generate.kinds import EXTRACTIVE, OPENAI, TRANSFORMERS, chosen_kind, generator_plugin
from serving.types import Answer, Citation, GenerationRequest, GeneratorName, SentenceCheck

MEMO = "evaluation"
"""Name of the memo, in ``memo/evaluation/`` of the store."""

_VERSION = 1
"""Raised by hand when the same key could hold another answer or other scores, and our sources do not show it."""
_WRITING = {EXTRACTIVE: QUOTING, OPENAI: SERVED, TRANSFORMERS: LOCAL}

_MOST_PACKS = 32

Value = TypeVar("Value")


class _Quote(msgspec.Struct, frozen=True, array_like=True):
    """A citation: the passage's number, the quote's place in its chunk, and the support of what cites it."""

    passage: int
    start: int
    end: int
    score: float


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True):
    """An answer without anything that belongs to one release.

    Attributes:
        answer: the text.
        abstained: whether it says that the documents do not answer.
        sentences: the check of every sentence.
        quotes: its citations.
        generator: what wrote it.
        cost: what it cost.
    """

    answer: str
    abstained: bool
    sentences: tuple[SentenceCheck, ...]
    quotes: tuple[_Quote, ...]
    generator: GeneratorName
    cost: Cost

    def citations(self, passages: Sequence[Passage]) -> tuple[Citation, ...]:
        """Its citations in the release whose passages these are."""
        by_number = {passage.index: passage for passage in passages}
        return tuple(_citation(by_number[quote.passage], quote) for quote in self.quotes)


def keep(answer: Answer, embedded: int) -> KeptAnswer:
    """What is worth keeping of an answer for which so many texts were embedded."""
    starts = {passage.index: passage.start for passage in answer.context}
    quotes = tuple(
        _Quote(cited.index, cited.start - starts[cited.index], cited.end - starts[cited.index], cited.score)
        for cited in answer.citations
    )
    cost = Cost(
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        retrieve_seconds=answer.seconds.retrieve,
        first_token_seconds=answer.seconds.first_token,
        total_seconds=answer.seconds.total,
        embedded=embedded,
    )
    return KeptAnswer(answer.answer, answer.abstained, answer.sentences, quotes, answer.generator, cost)


def _citation(passage: Passage, quote: _Quote) -> Citation:
    return Citation(
        index=passage.index,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        source=passage.source,
        title=passage.title,
        heading=passage.heading,
        page=passage.page,
        start=passage.start + quote.start,
        end=passage.start + quote.end,
        quote=passage.chunk[quote.start : quote.end],
        score=quote.score,
        copies=passage.copies,
    )


class Keys(msgspec.Struct, frozen=True):
    """The keys of one case, 16 bytes each: of its answer, and of that answer's scores."""

    answer: bytes
    scores: bytes


class AnswerKeys:
    """The keys of one release's answers.

    Args:
        parts: what its answers are made of.
        answering: what it seals.
        embedder: fingerprint of its embedder.
        scorer: fingerprint of the metrics.
        model: the served model, where the settings leave it to the server; "" elsewhere.
    """

    def __init__(self, parts: AnswerParts, answering: Answering, embedder: str, scorer: str, model: str) -> None:
        settings = msgspec.json.encode(msgspec.structs.replace(parts.answer, prompt=""), order="sorted")
        self._generator = digest(
            "evaluation",
            _VERSION,
            __version__,
            source_digest(_WRITING.get(chosen_kind(answering.generator), ())),
            msgspec.json.encode(answering.generator, order="sorted"),
            _generator(chosen_kind(answering.generator), parts.generator.name, model),
        )
        checker = [parts.checker.name, _checker(parts.answer.checker)]
        self._common = digest(
            self._generator, source_digest(ANSWERING), parts.prompt.fingerprint, settings, checker, embedder
        )
        self._scorer = scorer

    def of(self, case: Case, prompted: Prompted) -> Keys:
        """The keys of a case."""
        retrieved, request = prompted.retrieved, prompted.request
        messages = None if request is None else _said(request)
        seen = [_seen(passage) for passage in retrieved.context.passages]
        answer = digest(self._common, case.question, retrieved.standalone, retrieved.language, messages, seen)
        return Keys(answer, digest("scores", answer, case.fingerprint, self._scorer))

    def of_rewrite(self, request: GenerationRequest) -> bytes:
        """The key of a follow-up that a model makes a standalone question of: 16 bytes."""
        return digest("rewrite", self._generator, _said(request))


def _said(request: GenerationRequest) -> list[Part]:
    return [[turn.role, turn.content] for turn in request.messages]


def _seen(passage: Passage) -> list[Part]:
    """All of a passage that a generator, the check or a metric looks at."""
    return [
        passage.index,
        passage.source,
        passage.title,
        list(passage.heading),
        passage.chunk,
        passage.text,
        passage.start - passage.text_start,
        list(passage.marks),
        list(passage.copies),
    ]


def _generator(kind: str, name: GeneratorName, model: str) -> list[str]:
    own = "" if kind in {EXTRACTIVE, OPENAI, TRANSFORMERS} else generator_plugin(kind).fingerprint
    return [kind, name.kind, model or name.model, own]


def _checker(name: str) -> str:
    own = name in {COMBINED, LEXICAL} or name.startswith("nli:")
    return name if own else load_plugin(CHECKERS, name).fingerprint


class KeptAnswers:
    """What a store keeps of earlier evaluations.

    Args:
        store: where it is.
        read: whether to look for what earlier runs kept; what is added is kept either way.
    """

    def __init__(self, store: Store, read: bool = True) -> None:
        self._store = store
        # One reads and one writes, so that what is written is not opened and sorted again with every pack.
        self._earlier = Memo(store, MEMO) if read else None
        self._new = Memo(store, MEMO)
        self._fresh: dict[bytes, bytes] = {}

    def answer(self, key: bytes) -> KeptAnswer | None:
        """The answer of a key; None where none is kept, or it cannot be read."""
        return self._decoded(key, _ANSWERS)

    def scores(self, key: bytes) -> Scored | None:
        """The scores of a key; None where none are kept, or they cannot be read."""
        return self._decoded(key, _SCORES)

    def text(self, key: bytes) -> str | None:
        """The text of a key; None where none is kept, or it cannot be read."""
        return self._decoded(key, _TEXTS)

    def add(self, key: bytes, value: KeptAnswer | Scored | str) -> None:
        """Keep something; it is durable after :meth:`seal`."""
        self._fresh[key] = _ENCODER.encode(value)
        self._new.put(key, self._fresh[key])

    def _decoded(self, key: bytes, decoder: msgspec.msgpack.Decoder[Value]) -> Value | None:
        value = self._fresh.get(key)
        if value is None and self._earlier is not None:
            value = self._earlier.get(key)
        try:
            return None if value is None else decoder.decode(value)
        except msgspec.DecodeError:  # written by another version
            return None

    def seal(self) -> None:
        """Make durable what was added.

        Raises:
            StorageError: it cannot be written.
        """
        self._new.seal()

    def tidy(self, collection: str) -> None:
        """Put many small packs into one, unless somebody writes just now.

        Raises:
            StorageError: it cannot be written.
        """
        if sum(1 for _ in self._store.list(f"memo/{MEMO}/")) <= _MOST_PACKS:
            return
        try:
            with self._store.writer(collection, 0.0):
                Memo(self._store, MEMO).merge_packs(_MOST_PACKS)
        except (WriterBusyError, NotFoundError):
            # Another one tidies, or will.
            return


_ENCODER = msgspec.msgpack.Encoder()
_ANSWERS = msgspec.msgpack.Decoder(KeptAnswer)
_SCORES = msgspec.msgpack.Decoder(Scored)
_TEXTS = msgspec.msgpack.Decoder(str)
