"""A small workspace with cases, and how tests evaluate it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from evaluation.records import Case, CaseResult, EvaluatedRelease, Evidence
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.subjects import Subject, open_subject
from ragpress.errors import GeneratorError
from serving.chain import Answerer
from serving.types import GenerationEvent, GenerationRequest, Generator, GeneratorName, Usage
from tests.workspace import Workspace

DOCUMENTS = {
    "kettle.md": "# Kettle\n\nThe kettle in the valley hut boils at 96 degrees.\n",
    "tea.md": "# Green tea\n\nGreen tea from the garden steeps for two minutes.\n",
    "ferry.md": "# Ferry\n\nThe ferry to the island leaves at dawn from the north quay.\n",
    "lamp.md": "# Lamp\n\nReplace the bulb of the lighthouse lamp every nine months.\n",
}


def case(name: str, question: str, answer: str, quote: str = "", **fields: Any) -> Case:
    """A case whose evidence is a quote in the document of the same name."""
    evidence = (Evidence(f"docs/{name}.md", quote),) if quote else ()
    return Case(id=name, question=question, answer=answer, evidence=evidence, **fields)


CASES = (
    case("kettle", "At how many degrees does the kettle boil?", "96 degrees", "boils at 96 degrees"),
    case("tea", "How long does green tea steep?", "two minutes", "Green tea from the garden steeps for two minutes."),
    case("ferry", "When does the ferry to the island leave?", "at dawn", "The ferry to the island leaves at dawn"),
    case("lamp", "How often is the bulb of the lamp replaced?", "every nine months", "lighthouse lamp every nine"),
)


def workspace(root: Path) -> Workspace:
    """A workspace with the documents, published."""
    root.mkdir(parents=True, exist_ok=True)
    made = Workspace(root)
    made.write(DOCUMENTS)
    made.ingest()
    return made


def run(
    made: Workspace, cases: Sequence[Case] = CASES, subject: Subject | None = None, **options: Any
) -> EvaluatedRelease:
    """Evaluate the live release, or a subject."""
    environment = made.environment()
    opened = subject or open_subject(environment, made.open(), "live")
    return evaluate(environment, opened, cases, RunOptions(**options))


def subject_with(made: Workspace, generator: Generator) -> Subject:
    """The live release with another generator."""
    opened = open_subject(made.environment(), made.open(), "live")
    return replace(opened, answerer=Answerer(replace(opened.answerer.parts, generator=generator)))


def by_case(found: EvaluatedRelease) -> dict[str, CaseResult]:
    """Results by case."""
    return {result.case: result for result in found.results}


class Scripted:
    """A generator that does what a function says, and counts what it was asked.

    Args:
        reply: gives the text for a question, or raises.
        rewrite: gives the standalone question for a follow-up.
    """

    def __init__(
        self,
        reply: Callable[[str], str],
        rewrite: Callable[[GenerationRequest], str] = lambda request: request.question,
    ) -> None:
        self._reply = reply
        self._rewrite = rewrite
        self.asked: list[str] = []
        self.rewritten = 0

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return GeneratorName("scripted", "test")

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """See :class:`serving.types.Generator`."""
        if not request.context.passages:
            self.rewritten += 1
            yield self._rewrite(request)
            return
        self.asked.append(request.typed)
        yield self._reply(request.typed)
        yield Usage(prompt_tokens=11, completion_tokens=3)

    async def aclose(self) -> None:
        """See :class:`serving.types.Generator`."""


def failing(error: GeneratorError) -> Callable[[str], str]:
    """A reply that is an error."""

    def reply(question: str) -> str:
        raise error

    return reply
