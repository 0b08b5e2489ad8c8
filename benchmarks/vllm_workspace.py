"""The workspace, the questions and the chain that ``benchmarks.vllm_streaming`` measures."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment
from serving.chain import Answerer, AnswerParts
from serving.evidence.support import load_checker
from serving.opening import open_answers
from serving.types import AnswerEvent, Checker, Generator, Question

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "sample"
SETTINGS = """\
[sources]
folders = ["documents"]

[context]
tokens = 600
passages = 3

[answer]
# Every question reaches the generator: what is measured is the stream, not whether the evidence suffices.
abstain = 0.0

[generator]
kind = "openai"
base_url = "{base_url}"
max_tokens = {max_tokens}
"""

QUESTIONS = (
    "Describe the warranty of the Skylark 200 in detail. What is covered, for how long, and what is not?",
    "Which steps does the quick start of the Lark Mini describe? Explain each of them.",
    "Summarise the changes in firmware 4.2.0 of the Skylark 200.",
    "What does the battery safety sheet say about storage, charging and transport?",
    "Explain the rules for working remotely: who may, how often, and what must be agreed.",
    "What was discussed and decided in the product review of March 2026?",
    "How is a Skylark 200 installed? Describe the place, the mounting and the first start.",
    "How are travel expenses claimed, and which limits apply?",
)


class Asker:
    """Asks the questions of one release.

    Args:
        answerer: the chain as ``ragpress ask`` uses it.
        checker: makes a new checker of its kind.
    """

    def __init__(self, answerer: Answerer, checker: Callable[[], Checker]) -> None:
        self._parts: AnswerParts = answerer.parts
        self._checker = checker

    @property
    def generator(self) -> Generator:
        """The chain's own generator."""
        return self._parts.generator

    def forget(self) -> None:
        """Check what follows with a checker that has embedded nothing yet."""
        self._parts = msgspec.structs.replace(self._parts, checker=self._checker())

    def ask(self, question: Question, generator: Generator) -> AsyncIterator[AnswerEvent]:
        """The answer's events, its text written by a generator."""
        return Answerer(msgspec.structs.replace(self._parts, generator=generator)).stream(question)


@contextlib.contextmanager
def opened_asker(folder: Path, base_url: str, max_tokens: int) -> Iterator[Asker]:
    """A workspace of the sample documents, ingested and published, and its chain.

    Args:
        folder: an empty folder.
        base_url: of the server.
        max_tokens: the most tokens of an answer.
    """
    shutil.copytree(SAMPLE, folder / "documents")
    (folder / "ragpress.toml").write_text(SETTINGS.format(base_url=base_url, max_tokens=max_tokens), encoding="utf-8")
    environment = open_environment(folder)
    report = ingest(IngestRequest(), environment)
    assert report.published, "the sample documents were not published"
    answerer = open_answers(environment, "default")
    embedder = environment.embedders.load(environment.workspace.collection("default").embed)
    yield Asker(answerer, lambda: load_checker(answerer.parts.answer.checker, embedder))
