"""The records of an answer and the protocols of what makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from ragpress.prompts import PromptVersion
from retrieval.context import Context, Passage
from retrieval.scope import ANYBODY, Filter, Principal

Role: TypeAlias = Literal["system", "user", "assistant"]
FinishReason: TypeAlias = Literal["stop", "length", "content_filter"]
"""Why a text ends: it is whole; the model was cut by ``max_tokens``; the server's content filter ended it."""


class Turn(msgspec.Struct, frozen=True):
    """One message of a conversation or of a prompt."""

    role: Role
    content: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks.

    Attributes:
        text: the question as typed; in a conversation the last one.
        history: earlier turns of the conversation, oldest first.
        caller: who asks.
        where: which documents the caller wants; None takes all.
        k: hits to retrieve; the release's own number when None.
        id: id of the answer; a random one is made when empty. It also makes the prompt's random delimiter, so an
            answer can be replayed.
    """

    text: str
    history: tuple[Turn, ...] = ()
    caller: Principal = ANYBODY
    where: Filter | None = None
    k: int | None = None
    id: str = ""


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that the answer cites.

    Attributes:
        index: its number in the answer's text.
        chunk_id: the chunk.
        document_id: its document.
        source: the document's source path.
        title: the document's title.
        heading: heading path above the chunk.
        page: 1-based page, slide or sheet; None where the format has none.
        start: first code point of the quote in the version's text.
        end: one past its last.
        quote: the part of the chunk that supports the answer best.
        score: support of the sentences that cite it (0..1), the best of them.
        copies: sources that hold the same text.
    """

    index: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: tuple[str, ...]
    page: int | None
    start: int
    end: int
    quote: str
    score: float
    copies: tuple[str, ...] = ()


class SentenceCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of one sentence of an answer found.

    Attributes:
        start: first code point in the answer's text.
        end: one past its last.
        citations: numbers of the passages it cites.
        support: how well they support it, from 0 to 1; None for a sentence that claims nothing (a greeting, a heading).
        supported: whether that reaches the threshold; True for a sentence that claims nothing.
    """

    start: int
    end: int
    citations: tuple[int, ...]
    support: float | None
    supported: bool


class GeneratorName(msgspec.Struct, frozen=True):
    """Which generator wrote an answer."""

    kind: str
    model: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens of the generator; None where it does not count them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Seconds(msgspec.Struct, frozen=True):
    """Wall-clock seconds from the question: until the prompt, the first token (None: there was none), the end."""

    retrieve: float
    first_token: float | None
    total: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the service said, with all that decided it.

    Attributes:
        id: answer id.
        question: the question as typed.
        standalone: the question that was searched for.
        answer: the text.
        abstained: whether it says that the documents do not answer.
        language: ISO code of the language it is in.
        citations: every passage that the text cites, by number.
        sentences: the check of every sentence.
        evidence: how well the passages bear on the question (0..1), before anything was generated.
        release: id of the release.
        generator: what wrote it; kind ``none`` for an abstention that no generator was asked for.
        prompt: name and fingerprint of the prompt version, ``name@fingerprint``.
        seconds: how long it took.
        usage: tokens.
        context: the passages, in the prompt's order.
        warnings: what a reader should know, for example that a cited document is outdated.
        removed_citations: numbers the generator made up; they never reached the text.
        finish: why the text ends.
    """

    id: str
    question: str
    standalone: str
    answer: str
    abstained: bool
    language: str
    citations: tuple[Citation, ...]
    sentences: tuple[SentenceCheck, ...]
    evidence: float
    release: str
    generator: GeneratorName
    prompt: str
    seconds: Seconds
    usage: Usage
    context: tuple[Passage, ...] = ()
    warnings: tuple[str, ...] = ()
    removed_citations: tuple[int, ...] = ()
    finish: FinishReason = "stop"


class Delta(msgspec.Struct, frozen=True):
    """The next piece of an answer's text, safe to show: it holds no citation that does not exist."""

    text: str


AnswerEvent: TypeAlias = Delta | Answer
"""What a streamed answer yields: deltas, then one answer whose text is theirs joined."""


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generator gets.

    Attributes:
        messages: the whole prompt: system, earlier turns, the last user message.
        context: the passages in it, for generators that quote rather than write.
        question: the standalone question.
        language: ISO code of the language to answer in.
        prompt: the prompt version, for what it says in an abstention.
        typed: the question as typed: in a follow-up its own words weigh more than those taken from earlier turns.
        cache_salt: keeps a served model's prefix cache apart for callers who may read different documents.
    """

    messages: tuple[Turn, ...]
    context: Context
    question: str
    language: str
    prompt: PromptVersion
    typed: str = ""
    cache_salt: str = ""


class Finish(msgspec.Struct, frozen=True):
    """Why a generator's text ends, where it did not come to its own end."""

    reason: FinishReason


GenerationEvent: TypeAlias = str | Usage | GeneratorName | Finish
"""What a generator yields: pieces of text, then why they end where the text was cut, then its usage. A generator that
hands some requests to another one, or that learns from the server which model it has, first yields the name of the one
that writes this answer."""


class Generator(Protocol):
    """Writes an answer's text, with citations ``[n]``.

    Attributes:
        name: its kind and model, as answers report them unless the stream yields another name.
    """

    @property
    def name(self) -> GeneratorName:
        """See the class."""
        ...

    def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
        """Where ``name`` does not tell: who writes; then the text piece by piece as it is written; then (where it
        counts) the usage. Closing the iterator stops the generation, upstream too.

        Raises:
            GeneratorError: it failed; the subclass says how.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and memory."""
        ...


class Checker(Protocol):
    """Scores how well passages support sentences. A word-and-embedding one is built in; an NLI model or an LLM may
    stand in its place.

    Attributes:
        name: as the settings name it.
    """

    name: str

    def support(self, sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[float]:
        """Support of each sentence by its own passages together, from 0 (none) to 1.

        Args:
            sentences: without citation marks.
            evidence: for each sentence the texts it cites.
        """
        ...
