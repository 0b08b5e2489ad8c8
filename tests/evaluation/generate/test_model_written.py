from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evaluation.generate.model_written import Chunk, Written, checked, find_quote, is_supported
from evaluation.generate.records import Draft, GenerateReport, GenerateRequest, Reading
from evaluation.generate.run import generate
from tests.evaluation.generate.samples import FILES
from tests.evaluation.model_judge.samples import Grades, completion
from tests.serving.generate.scripted_server import Exchange, ScriptedServer
from tests.workspace import SETTINGS, Workspace

TEXT = "# Ferry\n\nThe crossing takes\n45 minutes. The deck costs EUR 24 for two days.\n"
READING = Reading(document_id="d", source="ferry.md", title="Ferry", language="en", text=f"Before. {TEXT}", elements=())
CHUNK = Chunk(READING, 8, 8 + len(TEXT), "Ferry")
GOOD = Written("How long does the ferry's crossing take?", "45 minutes", "The crossing takes 45 minutes.")


def test_what_is_right_becomes_a_draft_with_the_exact_words() -> None:
    draft = checked(GOOD, CHUNK)
    assert isinstance(draft, Draft)
    assert draft.quote == "The crossing takes\n45 minutes."
    assert draft.answer == "45 minutes"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (Written("How long does the crossing take", "45 minutes", GOOD.quote), "fitting length"),
        (Written(f"How {'long ' * 60}is it?", "45 minutes", GOOD.quote), "fitting length"),
        (Written(GOOD.question, "?", GOOD.quote), "no answer"),
        (Written("What does the passage say of the crossing?", "45 minutes", GOOD.quote), "speaks of the passage"),
        (Written("According to this text, how long is it?", "45 minutes", GOOD.quote), "speaks of the passage"),
        (Written("渡轮单程需要多长时间？", "45 minutes", GOOD.quote), "another language"),
        (Written("Does the crossing take 45 minutes?", "45 minutes", GOOD.quote), "holds the answer"),
        (Written(GOOD.question, "45 minutes", "The crossing takes 54 minutes."), "not in the chunk"),
        (Written(GOOD.question, "45 minutes", "Before."), "not in the chunk"),
        (Written(GOOD.question, "46 minutes", GOOD.quote), "not supported"),
        (Written(GOOD.question, "It depends on weather and tides", GOOD.quote), "not supported"),
        (Written("How long does it\u200b take on the ferry?", "45 minutes", GOOD.quote), "hidden characters"),
    ],
)
def test_what_is_wrong_is_dropped_with_its_reason(written: Written, reason: str) -> None:
    found = checked(written, CHUNK)
    assert isinstance(found, str)
    assert reason in found


def test_a_quote_is_found_whatever_its_spaces_and_width() -> None:
    text = "码头 停车场 可以\n停放（１２０）辆汽车。"
    place = find_quote("停车场可以停放(120)辆汽车", text)
    assert place is not None
    assert text[place[0] : place[1]] == "停车场 可以\n停放（１２０）辆汽车"
    assert find_quote("", text) is None


def test_an_answer_in_other_words_needs_its_numbers() -> None:
    quote = "The gateway brings EUR 1,200 a year for each of the stations."
    assert is_supported("EUR 1,200 for each of the stations", quote)
    assert not is_supported("EUR 1,300 for each of the stations", quote)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(Grades("{}")) as running:
        yield running


async def run_of(server: ScriptedServer, root: Path, **changes: object) -> GenerateReport:
    """Generate with the server's model, beside the server's event loop."""
    workspace = Workspace(root, SETTINGS + f'\n[generator]\nbase_url = "{server.base_url}"\nretries = 0\n')
    workspace.write({"ferry.md": FILES["ferry.md"], "island.md": FILES["island.md"]})
    await asyncio.to_thread(workspace.ingest)
    request = GenerateRequest(**{"count": 6, "unanswerable": 0, "model": True, **changes})  # type: ignore[arg-type]
    return await asyncio.to_thread(generate, workspace.environment(), request)


def reply(*cases: dict[str, str]) -> bytes:
    """A completion with questions."""
    return completion(json.dumps({"cases": list(cases)}))


@pytest.mark.workspace
async def test_questions_of_the_model_are_checked_against_the_release(server: ScriptedServer, tmp_path: Path) -> None:
    good = {
        "question": "How long does the crossing to Norholm take?",
        "answer": "45 minutes",
        "quote": "The crossing takes 45 minutes.",
    }
    bad = {"question": "What is the moon made of?", "answer": "Cheese", "quote": "The moon is made of cheese."}

    async def write(exchange: Exchange) -> None:
        about_ferry = "crossing takes" in exchange.question
        await exchange.plain("200 OK", reply(good, bad) if about_ferry else reply(bad))

    server.script = write
    report = await run_of(server, tmp_path)
    (case,) = report.cases
    assert (case.question, case.answer) == (good["question"], "45 minutes")
    assert case.origin.startswith("generated:model:served-model@")
    assert case.evidence[0].quote == good["quote"]
    assert case.state == "proposed"
    assert report.model is not None
    assert report.model.asked == len(server.chats)
    assert report.model.prompt_tokens == 50 * len(server.chats)
    assert report.dropped["model: quote is not in the chunk"] == len(server.chats)


@pytest.mark.workspace
async def test_an_error_in_one_chunk_is_data(server: ScriptedServer, tmp_path: Path) -> None:
    async def fails(exchange: Exchange) -> None:
        bodies = [b"<html>", completion("Sure, here they are!"), completion("{", finish="length")]
        await exchange.plain("200 OK", bodies[len(server.chats) % 3])

    server.script = fails
    report = await run_of(server, tmp_path)
    assert report.written == 0
    assert report.file == ""
    assert report.model is not None
    assert sum(report.dropped.values()) == report.model.asked > 1
    assert set(report.dropped) <= {
        "model: server failed",
        "model: reply is not the JSON that was asked for",
        "model: reply cut off",
    }


@pytest.mark.workspace
async def test_document_text_is_data_in_the_prompt(server: ScriptedServer, tmp_path: Path) -> None:
    await run_of(server, tmp_path)
    marks = set()
    for asked in server.chats:
        text = asked.body["messages"][-1]["content"]
        mark = text.partition("<<<")[2].split()[0]
        marks.add(mark)
        assert text.count(f"<<<{mark} ") == 2
        assert asked.body["response_format"]["json_schema"]["name"] == "cases"
    assert len(marks) == len(server.chats)
