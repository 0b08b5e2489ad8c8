"""One answer of the service, from the question to the durable record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime

from index.canary import conversation_of
from ragpress.errors import GeneratorTimeoutError, ReleaseError, UsageError
from serving.api.chat_request import Wish, model_not_found
from serving.api.errors import ApiError
from serving.api.keeping import keep_answer
from serving.api.service import Service
from serving.callers import Caller
from serving.journal.records import AnswerRecord, AnswerStatus, ErrorRecord
from serving.live import Served
from serving.prompting import count_tokens, new_answer_id
from serving.types import Answer, Delta, Question

Emit = Callable[[str], Awaitable[None]]
"""Takes the next piece of an answer's text."""

_UNHINDERED: set[asyncio.Task[None]] = set()


class CallerLeftError(Exception):
    """The connection to the caller broke while something was sent."""


class Answering:
    """Makes one answer and journals what becomes of it.

    Args:
        service: what endpoints share.
        caller: who asks.
        wish: what is asked.

    Attributes:
        id: the answer's id.
        created: when the question came.
    """

    def __init__(self, service: Service, caller: Caller, wish: Wish) -> None:
        self.id = new_answer_id()
        self.created = datetime.now(UTC)
        self._service = service
        self._caller = caller
        self._wish = wish
        self._text: list[str] = []
        self._release = ""
        self._budget = 0
        self._stopped: ErrorRecord | None = None

    async def run(self, emit: Emit) -> Answer:
        """Make the answer. When this returns its record is on the disk.

        Args:
            emit: hears every piece of the text, in order.

        Raises:
            ApiError: 404 where the model does not exist; 503 where the journal fails.
            CallerLeftError: the caller is gone.
            RagpressError: it failed; the journal has why.
        """
        try:
            answer = await self._made(emit)
        except (asyncio.CancelledError, CallerLeftError):
            if not self._stopped:
                # Who leaves before the end has used the generator all the same.
                self._service.limits.spend(self._caller, self._tokens_so_far())
            await self._note(self._record("failed" if self._stopped else "cancelled", self._stopped))
            raise
        except (ApiError, UsageError):
            raise
        except Exception as error:
            await self._note(self._record("failed", ErrorRecord(type(error).__name__, str(error))))
            raise
        # Whoever leaves from here on has the whole text: it is recorded as it was made.
        await _unhindered(self._finish(answer))
        return answer

    def stop(self, error: ErrorRecord) -> None:
        """From here on a cancelled answer counts as failed, for this reason: it is not the caller who leaves."""
        self._stopped = error

    async def _made(self, emit: Emit) -> Answer:
        wish, limit = self._wish, self._service.settings.serve.answer_seconds
        try:
            using = self._service.answers.use(wish.collection, wish.release, self._conversation())
            async with asyncio.timeout(limit), using as served:
                self._release = served.release
                self._budget = served.answerer.parts.context.tokens
                with self._service.telemetry.chat(
                    wish.collection, served.release, self.id, model=wish.model, stream=wish.stream
                ):
                    return await self._written(served, emit)
        except ReleaseError as error:
            raise model_not_found(str(error)) from error
        except TimeoutError as error:
            raise GeneratorTimeoutError(
                f"The answer was not complete within {limit:g} s (answer_seconds in [serve])."
            ) from error

    async def _written(self, served: Served, emit: Emit) -> Answer:
        async with aclosing(served.answerer.stream(self._question())) as events:
            async for event in events:
                if isinstance(event, Delta):
                    self._text.append(event.text)
                    await _sent(emit, event.text)
                else:
                    return event
        raise AssertionError("a stream of an answer ends with the answer")

    def _tokens_so_far(self) -> int:
        """An estimate: what was written, and once something was, the most that the passages may have."""
        written = count_tokens("".join(self._text))
        return written + (self._budget + count_tokens(self._wish.text) if written else 0)

    def _conversation(self) -> str:
        turns = (turn.content for turn in self._wish.history if turn.role == "user")
        return conversation_of(self._caller.key, next(turns, self._wish.text))

    def _question(self) -> Question:
        wish = self._wish
        return Question(
            text=wish.text,
            history=wish.history,
            caller=self._caller.principal,
            where=wish.where,
            k=wish.k,
            id=self.id,
        )

    def _record(
        self, status: AnswerStatus, error: ErrorRecord | None = None, answer: Answer | None = None
    ) -> AnswerRecord:
        wish, principal = self._wish, self._caller.principal
        return AnswerRecord(
            id=self.id,
            at=self.created.isoformat(timespec="milliseconds"),
            collection=wish.collection,
            release=self._release,
            status=status,
            key=self._caller.key,
            groups=None if principal.unrestricted else tuple(sorted(principal.groups)),
            model=wish.model,
            stream=wish.stream,
            question=wish.text,
            history=wish.history,
            where=wish.where,
            k=wish.k,
            text="".join(self._text),
            answer=answer,
            error=error,
        )

    async def _finish(self, answer: Answer) -> None:
        await keep_answer(self._service, self._record("complete", answer=answer))
        self._service.limits.spend(self._caller, tokens_of(answer))

    async def _note(self, record: AnswerRecord) -> None:
        """Keep the record of an answer that is told as failed anyway, also where the caller has left."""
        # What the caller is told is why the answer failed; the log has that the journal did, too.
        with contextlib.suppress(ApiError):
            await _unhindered(keep_answer(self._service, record))


async def _sent(emit: Emit, text: str) -> None:
    try:
        await emit(text)
    except OSError as error:
        raise CallerLeftError from error


async def _unhindered(work: Coroutine[None, None, None]) -> None:
    """Do something to its end, also when whoever waits for it is cancelled."""
    task = asyncio.get_running_loop().create_task(work)
    _UNHINDERED.add(task)
    task.add_done_callback(_UNHINDERED.discard)
    await asyncio.shield(task)


def tokens_of(answer: Answer) -> int:
    """Tokens that an answer counts for in its caller's limit: the generator's own numbers, else an estimate."""
    usage = answer.usage
    if usage.prompt_tokens is not None and usage.completion_tokens is not None:
        return usage.prompt_tokens + usage.completion_tokens
    read = sum(count_tokens(passage.text) for passage in answer.context)
    return count_tokens(answer.question) + read + count_tokens(answer.answer)
