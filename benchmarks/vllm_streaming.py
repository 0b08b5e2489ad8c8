"""What ragpress adds to a stream of vLLM: ``python -m benchmarks.vllm_streaming --base-url URL`` (``make bench-vllm``).

A real workspace of the sample documents is ingested, and questions are asked through the whole chain: retrieval,
prompt, the generator of kind ``openai``, citations checked. The very same prompts go straight to the server through a
bare HTTP client. Both are timed from the moment the prompt is complete, one question at a time and eight at once, in
alternating order. Before each pass the server's prefix cache is emptied and then filled with the system prompt, so that
both find it in the same state, and the citation check forgets what it embedded. Ratios are taken within a pair of
passes; medians over all pairs are shown.

- Time to first token: until the first piece of text reaches the caller.
- Tokens per second: tokens of an answer over the time until its end; for ragpress until its citations are checked.

The server must run with VLLM_SERVER_DEV_MODE=1, which lets its prefix cache be emptied; ``make bench-vllm`` starts one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.vllm_workspace import QUESTIONS, Asker, opened_asker
from serving.types import Answer, Delta, GenerationEvent, GenerationRequest, Generator, GeneratorName, Question

GOAL = 0.95
AT_ONCE = (1, 8)


class Timing(msgspec.Struct, frozen=True):
    """One answer, in seconds from the complete prompt.

    Attributes:
        first: until the first text.
        last: until the last text.
        end: until the answer was whole, and checked where it is checked.
        tokens: tokens that the server counted.
    """

    first: float
    last: float
    end: float
    tokens: int

    @property
    def rate(self) -> float:
        """Tokens per second."""
        return self.tokens / self.end


class Pair(msgspec.Struct, frozen=True):
    """The same prompts through ragpress and straight to the server."""

    ragpress: list[Timing]
    direct: list[Timing]

    @property
    def first_ratio(self) -> float:
        """Time to first token, direct over ragpress: 1 is equal, more is better for ragpress."""
        return _median(self.direct, "first") / _median(self.ragpress, "first")

    @property
    def rate_ratio(self) -> float:
        """Tokens per second, ragpress over direct."""
        return _median(self.ragpress, "rate") / _median(self.direct, "rate")

    @property
    def same_tokens(self) -> bool:
        """Whether both got as many tokens for every prompt, in all."""
        return sum(timing.tokens for timing in self.ragpress) == sum(timing.tokens for timing in self.direct)


class Handover:
    """A generator that notes when it gets a prompt, and lets prompts pass together.

    Args:
        generator: what then writes.
        together: so many prompts are waited for.
    """

    def __init__(self, generator: Generator, together: int) -> None:
        self._generator = generator
        self._barrier = asyncio.Barrier(together)
        self.requests: dict[str, GenerationRequest] = {}
        self.moments: dict[str, float] = {}

    @property
    def name(self) -> GeneratorName:
        """The generator's."""
        return self._generator.name

    async def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
        """The generator's, from the moment when all prompts are there."""
        self.requests[request.question] = request
        await self._barrier.wait()
        self.moments[request.question] = time.perf_counter()
        async with contextlib.aclosing(self._generator.stream(request)) as events:  # type: ignore[type-var] # an async generator
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Nothing: the generator is used again."""


class Direct:
    """A bare client of the same server.

    Args:
        base_url: of the server.
        max_tokens: the most tokens of an answer.
    """

    def __init__(self, base_url: str, max_tokens: int) -> None:
        self._client = httpx2.AsyncClient(base_url=base_url, timeout=300)
        model = httpx2.get(f"{base_url}/models").json()["data"][0]["id"]
        self._fixed = {"model": model, "max_tokens": max_tokens, "temperature": 0.0, "seed": 0}

    async def ask(self, request: GenerationRequest) -> Timing:
        """Send a prompt and read its stream to the end."""
        body = self._fixed | {
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "cache_salt": request.cache_salt or None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        first = last = tokens = 0.0
        start = time.perf_counter()
        async with self._client.stream("POST", "chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk = json.loads(line[6:])
                if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                    last = time.perf_counter() - start
                    first = first or last
                tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
        return Timing(first, last, time.perf_counter() - start, int(tokens))

    async def prepare(self, system: str) -> None:
        """Empty the prefix cache, then fill it with the system prompt.

        Raises:
            SystemExit: the server does not let its cache be emptied.
        """
        for _ in range(50):
            reply = await self._client.post(str(self._client.base_url).removesuffix("/v1/") + "/reset_prefix_cache")
            if reply.status_code != 200:
                raise SystemExit("The server's prefix cache cannot be emptied. Start it with: make bench-vllm")
            if reply.json()["success"]:
                break
            await asyncio.sleep(0.05)  # an answer that was just read to its end is still being put away
        else:
            raise SystemExit("The server's prefix cache cannot be emptied: it goes on answering somebody else.")
        await self._client.post(
            "chat/completions",
            json=self._fixed | {"messages": [{"role": "system", "content": system}], "max_tokens": 1},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def through_ragpress(asker: Asker, questions: Sequence[Question]) -> tuple[list[Timing], list[GenerationRequest]]:
    """Ask questions at once through the whole chain.

    Returns:
        Their timings and the prompts, in the questions' order.
    """
    handover = Handover(asker.generator, len(questions))
    timings = await asyncio.gather(*(_timed(asker, handover, question) for question in questions))
    return list(timings), [handover.requests[question.text] for question in questions]


async def _timed(asker: Asker, handover: Handover, question: Question) -> Timing:
    first = last = 0.0
    async for event in asker.ask(question, handover):
        now = time.perf_counter()
        if isinstance(event, Delta):
            last = now
            first = first or now
        elif isinstance(event, Answer):
            start = handover.moments[question.text]
            return Timing(first - start, last - start, now - start, event.usage.completion_tokens or 0)
    raise AssertionError("a stream ended without its answer")


async def from_the_question(asker: Asker, questions: Sequence[Question]) -> list[float]:
    """Seconds from asking, retrieval included, until the first text; questions are asked at once."""

    async def first(question: Question) -> float:
        start = time.perf_counter()
        stream = asker.ask(question, asker.generator)
        seconds = 0.0
        async for event in stream:
            if isinstance(event, Delta) and not seconds:
                seconds = time.perf_counter() - start
        return seconds

    return list(await asyncio.gather(*map(first, questions)))


async def measure(asker: Asker, direct: Direct, at_once: int, pairs: int) -> list[Pair]:
    """Pairs of passes, the order alternating."""
    found = []
    # A pass that is not counted renders the prompts and warms everything up.
    questions = [Question(text=text, id=f"question-{place}") for place, text in enumerate(QUESTIONS[:at_once])]
    _, prompts = await through_ragpress(asker, questions)
    system = prompts[0].messages[0].content
    for number in range(pairs):
        timings: dict[bool, list[Timing]] = {}
        for ours in (True, False) if number % 2 else (False, True):
            await direct.prepare(system)
            if ours:
                asker.forget()
                timings[ours], sent = await through_ragpress(asker, questions)
                assert [one.messages for one in sent] == [one.messages for one in prompts], "the prompts differ"
            else:
                timings[ours] = list(await asyncio.gather(*map(direct.ask, prompts)))
        found.append(Pair(timings[True], timings[False]))
    return found


class Row(msgspec.Struct, frozen=True):
    """What was found for one number of questions at once; seconds and tokens per second are medians over all answers.

    Attributes:
        at_once: questions at once.
        pairs: pairs of passes.
        tokens: mean tokens of an answer.
        equal: pairs in which both ways got as many tokens.
        first: time to first token, straight to the server and through ragpress.
        rate: tokens per second of one answer, likewise.
        unchecked_rate: through ragpress, until the last text.
        first_ratios: of every pair, sorted; 1 is equal, above it ragpress is faster.
        rate_ratios: likewise.
        question: time to first token from the question, retrieval included.
    """

    at_once: int
    pairs: int
    tokens: float
    equal: int
    first: tuple[float, float]
    rate: tuple[float, float]
    unchecked_rate: float
    first_ratios: list[float]
    rate_ratios: list[float]
    question: float


def row(at_once: int, pairs: Sequence[Pair], questions: Sequence[float]) -> Row:
    """The figures of one number of questions at once."""
    ours = [timing for pair in pairs for timing in pair.ragpress]
    direct = [timing for pair in pairs for timing in pair.direct]
    return Row(
        at_once=at_once,
        pairs=len(pairs),
        tokens=statistics.fmean(timing.tokens for timing in ours),
        equal=sum(pair.same_tokens for pair in pairs),
        first=(_median(direct, "first"), _median(ours, "first")),
        rate=(_median(direct, "rate"), _median(ours, "rate")),
        unchecked_rate=statistics.median(timing.tokens / timing.last for timing in ours),
        first_ratios=sorted(pair.first_ratio for pair in pairs),
        rate_ratios=sorted(pair.rate_ratio for pair in pairs),
        question=statistics.median(questions),
    )


async def measured(asker: Asker, direct: Direct, pairs: int) -> list[Row]:
    """The figures for every number of questions at once."""
    rows = []
    for at_once in AT_ONCE:
        found = await measure(asker, direct, at_once, pairs)
        questions = [Question(text=text) for text in QUESTIONS[:at_once]]
        asked = [await from_the_question(asker, questions) for _ in range(3)]
        rows.append(row(at_once, found, [seconds for each in asked for seconds in each]))
    await asker.generator.aclose()
    await direct.aclose()
    return rows


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table."""
    table = Table(
        "at once", "tokens", "first token: direct", "ragpress", "ratio (range)", "tokens/s: direct", "ragpress"
    )
    for heading in ("ratio (range)", "until the last text", "first token from the question"):
        table.add_column(heading)
    for one in rows:
        table.add_row(
            str(one.at_once),
            f"{one.tokens:.0f} ({one.equal}/{one.pairs} pairs equal)",
            f"{one.first[0] * 1000:.0f} ms",
            f"{one.first[1] * 1000:.0f} ms",
            _ratio(one.first_ratios),
            f"{one.rate[0]:.1f}",
            f"{one.rate[1]:.1f}",
            _ratio(one.rate_ratios),
            f"{one.unchecked_rate:.1f}",
            f"{one.question * 1000:.0f} ms",
        )
    console.print(table)


def main() -> int:
    """Measure and print; the exit code is 1 when a median ratio is below the goal."""
    parser = argparse.ArgumentParser(description="Streams through ragpress against streams straight from vLLM.")
    parser.add_argument("--base-url", required=True, help="of a vLLM with VLLM_SERVER_DEV_MODE=1")
    parser.add_argument("--pairs", type=int, default=8, help="pairs of passes for each number of questions at once")
    parser.add_argument("--max-tokens", type=int, default=128, help="the most tokens of an answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_asker(Path(folder), options.base_url, options.max_tokens) as asker,
    ):
        rows = asyncio.run(measured(asker, Direct(options.base_url, options.max_tokens), options.pairs))
    if options.json:
        print(msgspec.json.encode(rows).decode())
    else:
        show(rows, Console())
    ratios = [statistics.median(found) for one in rows for found in (one.first_ratios, one.rate_ratios)]
    return int(min(ratios) < GOAL)


def _ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.3f} ({ratios[0]:.3f}–{ratios[-1]:.3f})"


def _median(timings: Sequence[Timing], name: str) -> float:
    values: list[float] = [getattr(timing, name) for timing in timings]
    return statistics.median(values)


if __name__ == "__main__":
    raise SystemExit(main())
