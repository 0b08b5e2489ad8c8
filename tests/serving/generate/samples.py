"""Requests for generators, and what they answer with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from ragpress.prompts import built_in
from retrieval.context import Context, Passage
from serving.types import GenerationEvent, GenerationRequest, GeneratorName, Turn, Usage

PASSAGES = (
    "The Skylark sensor is calibrated every twelve months. The certificate lists three gas concentrations.",
    "The Lark battery lasts nine days. It charges in two hours from a wall socket.",
)


def passage(index: int, text: str) -> Passage:
    """A numbered passage of a document of its own."""
    return Passage(
        index=index,
        chunk_id=f"chunk-{index}",
        document_id=f"document-{index}",
        source=f"manual-{index}.md",
        title="Manual",
        heading=("Care",),
        page=None,
        start=0,
        end=len(text),
        chunk=text,
        text=text,
        text_start=0,
        text_end=len(text),
        score=1.0 / index,
    )


def request(question: str = "How often is the sensor calibrated?", cache_salt: str = "") -> GenerationRequest:
    """What a generator gets for a question over the sample passages."""
    prompt = built_in()
    context = Context(
        release="release-1",
        query=question,
        passages=tuple(passage(index, text) for index, text in enumerate(PASSAGES, start=1)),
    )
    passages = "\n".join(f"[{found.index}] {found.text}" for found in context.passages)
    return GenerationRequest(
        messages=(Turn("system", prompt.prompt.system), Turn("user", f"{passages}\n\n{question}")),
        context=context,
        question=question,
        language="en",
        prompt=prompt,
        cache_salt=cache_salt,
    )


class Told(msgspec.Struct):
    """What a stream yielded, by kind, and the order of the kinds."""

    text: str
    pieces: list[str]
    usage: list[Usage]
    names: list[GeneratorName]
    order: list[str]


async def told(events: AsyncIterator[GenerationEvent]) -> Told:
    """Everything that a stream yields."""
    found = [event async for event in events]
    pieces = [event for event in found if isinstance(event, str)]
    return Told(
        text="".join(pieces),
        pieces=pieces,
        usage=[event for event in found if isinstance(event, Usage)],
        names=[event for event in found if isinstance(event, GeneratorName)],
        order=[type(event).__name__ for event in found],
    )
