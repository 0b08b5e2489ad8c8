"""Answers in the terminal: streamed, with their sources; and the conversation of ``ragpress chat``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ragpress import console
from ragpress.errors import RagpressError
from serving.evidence.sentences import unwrapped
from serving.prompting import without_hidden
from serving.types import Answer, Citation, Delta, Question, Turn

if TYPE_CHECKING:
    from rich.console import Console

    from serving.chain import Answerer
    from serving.journal.attempts import Attempt, Attempts

_QUIT = frozenset({"/quit", "/exit", "/q"})
_HELP = "Ask a question. /sources shows the last answer's sources, /new forgets the conversation, /quit ends. "


def ask(answerer: Answerer, question: Question, attempts: Attempts, as_json: bool) -> None:
    """Answer one question: streamed with its sources, or as one JSON object. The journal keeps what becomes of it.

    Raises:
        RagpressError: there is no answer.
    """
    with asyncio.Runner() as runner:
        try:
            with attempts.attempt(question) as attempt:
                answer = attempt.answer = runner.run(_answered(answerer, attempt, as_json))
            console.show(answer, as_json, sources)
        finally:
            runner.run(answerer.aclose())
            attempts.close()


async def streamed(answerer: Answerer, attempt: Attempt) -> Answer:
    """Write the answer on standard output as it comes; a broken one ends its line too."""
    wrote = False
    async with contextlib.aclosing(answerer.stream(attempt.question)) as events:
        try:
            async for event in events:
                if isinstance(event, Answer):
                    return event
                _write(event)
                attempt.add(event.text)
                wrote = True
        finally:
            if wrote:
                sys.stdout.write("\n")
                sys.stdout.flush()
    raise AssertionError("a stream of an answer ends with the answer")


def sources(answer: Answer, out: Console) -> None:
    """What an answer cites, what to know about it, and who wrote it."""
    for citation in answer.citations:
        out.print(f"[{citation.index}] {_place(citation)}", style="bold", markup=False)
        out.print(f"    {_line(unwrapped(citation.quote))}", style="dim", markup=False)
    warnings(answer, out)
    writer = " ".join(part for part in (answer.generator.kind, answer.generator.model) if part)
    facts = (f"generator {writer}", f"release {answer.release}", f"{answer.seconds.total:.1f} s", answer.id)
    out.print(" · ".join(facts), style="dim", markup=False)


def warnings(answer: Answer, out: Console) -> None:
    """What a reader should know of an answer, for example that a cited document is outdated."""
    for warning in answer.warnings:
        out.print(f"! {without_hidden(warning)}", style="yellow", markup=False)


class Chat:
    """A conversation: a question a line, until the input ends or says ``/quit``.

    Ctrl-C stops the answer that is being written; at the prompt it only starts a new line.

    Args:
        answers: gives what answers the next question: the one it gave last, or another one, whose release went live
            meanwhile. The conversation goes on with it; what answered before is closed.
        question: what every question has in common: who asks, and which documents are wanted.
        attempts: keep what becomes of every question.
        as_json: print each answer as one line of JSON.

    Attributes:
        failures: questions that got no answer.
    """

    def __init__(self, answers: Callable[[], Answerer], question: Question, attempts: Attempts, as_json: bool) -> None:
        self._answers = answers
        self._attempts = attempts
        self._answerer: Answerer | None = None
        self._question = question
        self._as_json = as_json
        self._history: tuple[Turn, ...] = ()
        self._last: Answer | None = None
        self.failures = 0

    def run(self, read: Callable[[], str]) -> None:
        """Hold the conversation.

        Args:
            read: gives the next line with its line end; "" at the end of the input.
        """
        with asyncio.Runner() as runner:
            try:
                while (line := self._next(read)) and line.strip() not in _QUIT:
                    self._take(runner, line.strip())
            finally:
                if self._answerer is not None:
                    runner.run(self._answerer.aclose())
                self._attempts.close()

    def _current(self, runner: asyncio.Runner) -> Answerer:
        before, self._answerer = self._answerer, self._answers()
        if before is not None and before is not self._answerer:
            runner.run(before.aclose())
        return self._answerer

    def _next(self, read: Callable[[], str]) -> str:
        while True:
            if sys.stdin.isatty():
                sys.stdout.write("> ")
                sys.stdout.flush()
            try:
                return read()
            except KeyboardInterrupt:
                sys.stdout.write("\n")

    def _take(self, runner: asyncio.Runner, line: str) -> None:
        if line == "/sources":
            if self._last is None:
                console.note("There is no answer yet.")
            else:
                console.show(self._last, self._as_json, sources)
        elif line == "/new":
            self._history, self._last = (), None
        elif line.startswith("/"):
            sys.stderr.write(_HELP + "\n")
        elif line:
            self._answer(runner, line)

    def _answer(self, runner: asyncio.Runner, text: str) -> None:
        question = msgspec.structs.replace(self._question, text=text, history=self._history)
        try:
            with self._attempts.attempt(question) as attempt:
                answerer = self._current(runner)
                answer = attempt.answer = runner.run(_answered(answerer, attempt, self._as_json))
            console.show(answer, self._as_json, sources if self._as_json else warnings)
        except KeyboardInterrupt:
            sys.stderr.write("(stopped)\n")
            return
        except RagpressError as error:
            self.failures += 1
            console.fail(error, self._as_json)
            return
        self._last = answer
        self._history = (*self._history, Turn("user", text), Turn("assistant", answer.answer))


async def _answered(answerer: Answerer, attempt: Attempt, as_json: bool) -> Answer:
    return await (answerer.answer(attempt.question) if as_json else streamed(answerer, attempt))


def _write(delta: Delta) -> None:
    sys.stdout.write(delta.text)
    sys.stdout.flush()


def _place(citation: Citation) -> str:
    page = f", page {citation.page}" if citation.page else ""
    parts = (citation.source + page, " > ".join(citation.heading) or citation.title)
    return _line(" · ".join(part for part in parts if part))


def _line(text: str) -> str:
    """A text of a document on one line, without anything a terminal would obey."""
    return " ".join(without_hidden(text).split())
