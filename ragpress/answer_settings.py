"""The sections of ``ragpress.toml`` that decide who may read what and how an answer is made.

A release seals ``[rerank]``, ``[context]``, ``[answer]`` and ``[generator]``, less the fields that only say how to
reach a server (:func:`reconnected`): those, and ``[access]``, are always read from the settings as they are now, so
a right that was taken back is gone from every release at once, and a server that moved is found by old releases too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec

from ragpress.bounds import PositiveFloat, PositiveInt, Share

EVERYONE = "everyone"


class AccessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may read which documents.

    Attributes:
        default: groups that may read a document no rule names. Every caller is in the group ``everyone``.
        rules: gitignore-style pattern of sources → groups that may read them. Of the rules that match a
            document the last one counts, as in a CODEOWNERS file; an empty list shuts everybody out.
    """

    default: tuple[str, ...] = (EVERYONE,)
    rules: dict[str, tuple[str, ...]] = {}


class RerankerKind(StrEnum):
    """Where reranking scores come from."""

    NONE = "none"
    CROSS_ENCODER = "cross_encoder"
    SERVED = "served"


class RerankSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A second look at the best fused candidates.

    Attributes:
        kind: ``none``, ``cross_encoder`` (a sentence-transformers CrossEncoder) or ``served`` (``/v1/rerank``), or
            the name of an installed plugin (entry point ``ragpress.rerankers``).
        model: folder or name of the cross-encoder, or name of the served model.
        depth: candidates that are scored; those below keep their fused order.
        base_url: of the server, for example ``http://127.0.0.1:8001/v1``.
        api_key_env: environment variable that holds the server's key.
        seconds: the most that one request may take; then the fused order stands and the answer says so.
    """

    kind: str = RerankerKind.NONE.value
    model: str = ""
    depth: PositiveInt = 30
    base_url: str = ""
    api_key_env: str = "RAGPRESS_RERANK_KEY"
    seconds: PositiveFloat = 10.0


class ContextSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which passages the generator reads.

    Attributes:
        passages: the most passages.
        tokens: the most tokens of all passages together, in the embedder's tokens.
        neighbours: chunks of the same section added before and after each hit while the budget lasts.
        per_source: the most passages of one document.
        per_family: the most passages out of one family of near-duplicates.
        family: similarity (Jaccard of word shingles) from which two passages are of one family.
        outdated: ``last`` (passages of documents that a newer one replaces come after all others) or ``keep``.
    """

    passages: PositiveInt = 6
    tokens: Annotated[int, msgspec.Meta(ge=64)] = 1600
    neighbours: Annotated[int, msgspec.Meta(ge=0)] = 1
    per_source: PositiveInt = 3
    per_family: PositiveInt = 1
    family: Share = 0.5
    outdated: Literal["last", "keep"] = "last"


class Unsupported(StrEnum):
    """What happens to a sentence that its citations do not support."""

    KEEP = "keep"
    MARK = "mark"
    REMOVE = "remove"


class AnswerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an answer is made from the passages and checked against them.

    Attributes:
        prompt: name of the prompt version: a file ``prompts/NAME.toml``; ``default`` is built in.
        unsupported: ``keep``, ``mark`` (the sentence gets a sign, the answer streams token by token) or ``remove``
            (the answer streams sentence by sentence).
        checker: ``combined`` (words and embeddings), ``lexical``, or the name of an installed plugin (entry point
            ``ragpress.checkers``).
        support: a sentence counts as supported from this score on.
        abstain: evidence below this score is answered with an abstention; 0 never abstains for weak evidence.
        rewrite: let a served model turn a follow-up into a standalone question; else a rule does.
    """

    prompt: str = "default"
    unsupported: Unsupported = Unsupported.MARK
    checker: str = "combined"
    support: Share = 0.38
    abstain: Share = 0.38
    rewrite: bool = True


class GeneratorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What writes the answer.

    Attributes:
        kind: ``auto`` (``openai`` where a base_url is set, else ``extractive``), ``extractive``, ``openai`` (vLLM or
            any compatible server), ``transformers`` (a small local model), or the name of an installed plugin
            (entry point ``ragpress.generators``).
        model: the served model's name, or a local model; empty takes the server's only one, or SmolLM2.
        temperature: 0 is greedy.
        max_tokens: the most tokens of an answer.
        seed: of the sampling, where the server takes one.
        sentences: the most sentences of an extractive answer.
        fallback: ``none`` (an error reaches the caller) or ``extractive`` when no served model answers.
        base_url: of the server, for example ``http://127.0.0.1:8000/v1``.
        api_key_env: environment variable that holds the server's key.
        first_token_seconds: the longest wait for the first token.
        idle_seconds: the longest wait between two tokens.
        seconds: the most that one answer may take.
        retries: further tries, with growing pauses, while nothing was streamed yet.
        circuit_failures: failures in a row that open the circuit.
        circuit_seconds: how long an open circuit refuses before it lets one request try.
    """

    kind: str = "auto"
    model: str = ""
    temperature: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    max_tokens: PositiveInt = 512
    seed: int = 0
    sentences: PositiveInt = 3
    fallback: str = "none"
    base_url: str = ""
    api_key_env: str = "RAGPRESS_GENERATOR_KEY"
    first_token_seconds: PositiveFloat = 60.0
    idle_seconds: PositiveFloat = 30.0
    seconds: PositiveFloat = 300.0
    retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    circuit_failures: PositiveInt = 5
    circuit_seconds: PositiveFloat = 15.0


_CONNECTION = frozenset(
    {
        "base_url",
        "seconds",
        "api_key_env",
        "first_token_seconds",
        "idle_seconds",
        "retries",
        "circuit_failures",
        "circuit_seconds",
    }
)

Section = TypeVar("Section", RerankSettings, GeneratorSettings)


def sealable(section: Section) -> Section:
    """A section as a release keeps it: what only says how to reach a server is left at its default."""
    defaults = type(section)()
    names = _CONNECTION.intersection(section.__struct_fields__)
    return msgspec.structs.replace(section, **{name: getattr(defaults, name) for name in names})


def reconnected(sealed: Section, current: Section) -> Section:
    """A sealed section that reaches servers as the settings say now."""
    names = _CONNECTION.intersection(current.__struct_fields__)
    return msgspec.structs.replace(sealed, **{name: getattr(current, name) for name in names})
