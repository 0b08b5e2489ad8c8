"""The whole chain with a real vLLM: a real ingest, retrieval, the prompt, the served model, the check of citations."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.vllm_server import HOST, SMOLLM2, Served, free_port, wait_until
from ragpress.errors import GeneratorUnavailableError
from serving.chain import Answerer
from serving.evidence.sentences import parse_citations
from serving.opening import open_answers
from serving.types import Answer, AnswerEvent, Delta, GeneratorName, Question, Turn
from tests.vllm.conftest import SETTINGS, Metric
from tests.workspace import Workspace

pytestmark = pytest.mark.vllm

# A place and its code: every document, question and answer is about one of them.
CODES = {
    "Amberfield": "KQ7-2218",
    "Birchhaven": "TZ4-9065",
    "Cliffmouth": "WM1-7734",
    "Dunmarsh": "RB8-4402",
    "Eaglecrest": "LX3-5517",
    "Foxholm": "HV6-8390",
    "Greywater": "NJ9-1126",
    "Hollowbrook": "PD2-6673",
}
# What else is said of it, so that no two documents are near-duplicates of each other.
FACTS = {
    "Amberfield": "Swallows nest under the roof of the old turbine hall, which may not be repaired before they leave.",
    "Birchhaven": "Two rowing boats lie in the shed behind the sluice, to inspect the upper reservoir at low water.",
    "Cliffmouth": "Salt from the sea eats the bolts of the outer gate, so divers replace a dozen of them each autumn.",
    "Dunmarsh": "Peat colours the water brown; a filter of sand and charcoal takes most of it out within an hour.",
    "Eaglecrest": "A cable car brings tools and food up the mountain, because no road is open from November to May.",
    "Foxholm": "School classes visit on Fridays and measure how much electricity the small wheel at the weir produces.",
    "Greywater": "Laundries of the town send their waste here, and foam must be skimmed off the basin twice a day.",
    "Hollowbrook": "The brook runs underground for a mile, and microphones listen there for stones that may block it.",
}
DOCUMENT = """\
# The pumping station of {place}

The access code of the pumping station of {place} is {code}.

{fact}
"""


def document(place: str) -> str:
    """The document about a place."""
    return DOCUMENT.format(place=place, code=CODES[place], fact=FACTS[place])


def question(place: str, **changes: object) -> Question:
    """What is asked about a place."""
    return Question(text=f"What is the access code of the pumping station of {place}?", **changes)  # type: ignore[arg-type] # fields of a question


@pytest.fixture(scope="module")
def workspace(vllm: Served, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of eight documents, embedded by the default model."""
    settings = SETTINGS.format(embedder="multilingual-e5-small", base_url=vllm.base_url)
    made = Workspace(tmp_path_factory.mktemp("workspace"), settings)
    made.write({f"{place}.md": document(place) for place in CODES})
    assert made.ingest().published
    return made


@contextlib.asynccontextmanager
async def answering(workspace: Workspace) -> AsyncIterator[Answerer]:
    """The workspace's chain, closed after the block."""
    answerer = open_answers(workspace.environment(), "default")
    try:
        yield answerer
    finally:
        await answerer.aclose()


async def events_of(answerer: Answerer, asked: Question) -> list[AnswerEvent]:
    """Every event of a stream."""
    return [event async for event in answerer.stream(asked)]


def answer_of(events: list[AnswerEvent]) -> Answer:
    """The answer at the end of a stream; its text is that of the deltas joined."""
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert answer.answer == "".join(event.text for event in events if isinstance(event, Delta))
    return answer


async def test_eight_streams_at_once_keep_apart(workspace: Workspace) -> None:
    async with answering(workspace) as answerer:
        streams = await asyncio.gather(*(events_of(answerer, question(place, k=1)) for place in CODES))
    named = 0
    for place, events in zip(CODES, streams, strict=True):
        answer = answer_of(events)
        of_others = [word for other, code in CODES.items() if other != place for word in (other, code)]
        assert [passage.source for passage in answer.context] == [f"docs/{place}.md"]
        assert CODES[place] in answer.context[0].text
        assert place in answer.question
        assert len(events) > 3
        assert [word for word in of_others if word in answer.answer] == []
        named += place in answer.answer or CODES[place] in answer.answer
    # Else the line above would hold of answers that say nothing.
    assert named >= 5


async def test_every_answer_names_its_maker_and_cites_only_what_it_read(workspace: Workspace) -> None:
    async with answering(workspace) as answerer:
        streams = await asyncio.gather(*(events_of(answerer, question(place)) for place in CODES))
    for answer in map(answer_of, streams):
        numbers = {passage.index for passage in answer.context}
        assert answer.generator == GeneratorName("openai", SMOLLM2)
        assert len(numbers) > 1
        assert {number for mark in parse_citations(answer.answer) for number in mark.numbers} <= numbers
        assert {citation.index for citation in answer.citations} <= numbers
        assert answer.usage.completion_tokens is not None
        assert answer.usage.completion_tokens <= 64
        assert answer.seconds.retrieve <= (answer.seconds.first_token or 0.0) <= answer.seconds.total


async def test_a_reader_who_leaves_frees_the_server(workspace: Workspace, metric: Metric) -> None:
    async with answering(workspace) as answerer:
        stream = answerer.stream(question("Foxholm"))
        event = await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(wait_until, lambda: metric("num_requests_running") == 0, 10)
    assert isinstance(event, Delta)


async def test_prompts_share_their_beginning(workspace: Workspace, metric: Metric) -> None:
    async with answering(workspace) as answerer:
        await answerer.answer(question("Dunmarsh"))
        asked, found = metric("prefix_cache_queries_total"), metric("prefix_cache_hits_total")
        await answerer.answer(question("Greywater"))
    # The instructions alone are some 250 tokens, and the cache keeps blocks of 16 to 128.
    assert metric("prefix_cache_queries_total") > asked
    assert metric("prefix_cache_hits_total") >= found + 128


async def test_a_follow_up_is_understood_with_the_models_help(workspace: Workspace) -> None:
    history = (
        Turn("user", "When do the pumps of Cliffmouth run?"),
        Turn("assistant", "The pumps of Cliffmouth run from April to October [1]."),
    )
    asked = Question(text="And what is the access code of its pumping station?", history=history)
    async with answering(workspace) as answerer:
        answer = await answerer.answer(asked)
    assert "Cliffmouth" in answer.standalone
    assert answer.context[0].source == "docs/Cliffmouth.md"


async def test_a_server_that_is_down_is_unavailable(workspace: Workspace, tmp_path: Path) -> None:
    down = SETTINGS.format(embedder="hashing", base_url=f"http://{HOST}:{free_port()}/v1") + "retries = 0\n"
    other = Workspace(tmp_path, down)
    other.write({"a.md": document("Amberfield")})
    other.ingest()
    async with answering(other) as answerer:
        with pytest.raises(GeneratorUnavailableError, match="cannot be reached"):
            await answerer.answer(question("Amberfield"))
