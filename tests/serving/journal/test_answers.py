"""The journal of answers and feedback."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.environment import Environment
from ragpress.errors import UsageError
from ragpress.serve_settings import JournalSettings
from ragpress.storage import disk
from ragpress.storage.record_ids import new_record_id
from retrieval.filters import Filter
from serving.journal.answers import AnswerJournal, AnswerQuery, FeedbackQuery, first_id_since
from serving.journal.codec import decode, encode
from serving.journal.records import AnswerRecord, ErrorRecord, FeedbackRecord
from serving.journal.sealing import seal_journals, sealed_regularly
from serving.types import Turn
from tests.serving.journal.samples import answer_record, feedback_record
from tests.workspace import Workspace


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Workspace(tmp_path).environment()


@pytest.fixture
def journal(environment: Environment) -> Iterator[AnswerJournal]:
    opened = AnswerJournal(environment, JournalSettings())
    yield opened
    opened.close()


def reopened(environment: Environment) -> AnswerJournal:
    return AnswerJournal(environment, JournalSettings())


async def test_what_was_recorded_is_found_by_others(environment: Environment, journal: AnswerJournal) -> None:
    records = [
        answer_record(where=Filter(tags=("a",), metadata={"b": ("c",)}), history=(Turn("user", "hi"),), groups=("x",)),
        answer_record(status="failed", answer=None, error=ErrorRecord("GeneratorError", "it broke"), text="At f"),
        answer_record(status="cancelled", answer=None, via="mcp", k=3, stream=True, model="default@r1"),
    ]
    await asyncio.gather(*(journal.record(record) for record in records))

    for record in records:
        assert reopened(environment).find(record.id) == record
    journal.close()
    assert seal_journals(environment).records == 3
    for record in records:
        assert reopened(environment).find(record.id) == record
    assert reopened(environment).find("no id") is None


async def test_a_caller_that_leaves_does_not_take_the_record_along(
    environment: Environment, journal: AnswerJournal
) -> None:
    record = answer_record()
    task = asyncio.create_task(journal.record(record))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    journal.close()

    assert reopened(environment).find(record.id) == record


async def test_feedback_is_found_by_its_answer_oldest_first(environment: Environment, journal: AnswerJournal) -> None:
    answers = [answer_record(), answer_record()]
    given = [feedback_record(answers[0], rating="up"), feedback_record(answers[1]), feedback_record(answers[0])]
    given.sort(key=lambda record: record.id)
    for record in given:
        await journal.record_feedback(record)

    expected = [record for record in given if record.answer_id == answers[0].id]
    assert journal.feedback_of(answers[0].id) == expected
    assert journal.find_feedback(given[0].id) == given[0]
    assert journal.feedback_of("x' OR '1'='1") == []
    assert journal.feedback(FeedbackQuery(rating="up")) == [record for record in given if record.rating == "up"]
    assert journal.feedback(FeedbackQuery(limit=2)) == given[:0:-1]
    journal.close()
    seal_journals(environment)
    assert reopened(environment).feedback_of(answers[0].id) == expected


@pytest.mark.parametrize("sealed", [True, False])
async def test_answers_are_listed_by_what_they_used_and_what_was_said(
    environment: Environment, journal: AnswerJournal, sealed: bool
) -> None:
    records = sorted(
        (answer_record(("d1", "d2"), key="k1"), answer_record(("d2",), collection="other"), answer_record(("d3",))),
        key=lambda record: record.id,
    )
    for record in records:
        await journal.record(record)
    rated = next(record for record in records if record.key == "k1")
    for order, rating in enumerate(("up", "down", None)):
        said = feedback_record(rated, rating=rating)
        await journal.record_feedback(msgspec.structs.replace(said, id=f"{order}{said.id[1:]}"))
    if sealed:
        journal.close()
        seal_journals(environment)

    def listed(**query: object) -> list[AnswerRecord]:
        return reopened(environment).answers(msgspec.convert(query, AnswerQuery))

    assert listed() == records[::-1]
    assert listed(limit=1) == records[:1:-1]
    assert listed(document="d2") == [record for record in records[::-1] if record.key or record.collection == "other"]
    assert listed(chunk="c-d1") == [rated]
    assert listed(key="k1") == [rated]
    assert listed(collection="other") == [record for record in records if record.collection == "other"]
    assert listed(rating="down") == [rated]
    assert listed(rating="up") == []
    assert listed(since="2099-01-01") == []
    assert listed(since="2020-01-01T00:00:00Z") == records[::-1]


def test_a_wrong_time_is_named() -> None:
    with pytest.raises(UsageError, match="yesterday"):
        first_id_since("yesterday")
    assert first_id_since("2026-01-01") == first_id_since("2026-01-01T01:00:00+01:00")


def test_a_later_versions_fields_are_ignored() -> None:
    record = answer_record()
    line = encode(record)
    later = line[:-1] + b',"mood":"good","answer_quality":{"a":[1]}}'

    assert decode(later, AnswerRecord) == record


def whole(text: str) -> str:
    """What a text is once it can be UTF-8: halves of surrogate pairs that stand together are one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=6))
def test_any_text_comes_back_and_stays_on_its_line(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = Workspace(Path(folder)).environment()
        journal = reopened(environment)
        answer = answer_record(question=texts[0])
        records = [feedback_record(answer, comment=text, correction=text[::-1]) for text in texts]
        for kept in [journal.keep(answer), *(journal.keep(record) for record in records)]:
            kept.result()
        journal.close()

        found = reopened(environment).feedback_of(answer.id)
        assert {item.id: (item.comment, item.correction) for item in found} == {
            item.id: (whole(item.comment), whole(item.correction)) for item in records
        }
        stored = reopened(environment).find(answer.id)
        assert stored is not None
        assert stored.question == whole(texts[0])
        lines = b"".join(path.read_bytes() for path in environment.journal("feedback").folder.iterdir())
        assert len(lines.decode().splitlines()) == len(texts)


async def test_a_running_service_seals(environment: Environment, journal: AnswerJournal) -> None:
    await journal.record(answer_record())
    journal.close()

    async with sealed_regularly(environment, seconds=3600):
        pass

    assert [path.suffix for path in environment.journal("answers").folder.iterdir() if path.suffix] == [".parquet"]


def test_reading_writes_nothing(environment: Environment) -> None:
    events: list[str] = []
    disk.set_observer(lambda event, path: events.append(event))
    try:
        journal = reopened(environment)
        assert journal.find(new_record_id()) is None
        assert journal.answers(AnswerQuery()) == []
        assert journal.feedback_of(new_record_id()) == []
        journal.close()
    finally:
        disk.set_observer(None)
    assert events == []


def test_feedback_of_an_older_version_without_a_rating_reads() -> None:
    line = b'{"id":"%s","at":"t","answer_id":"a","collection":"c","release":"r"}' % new_record_id().encode()
    assert decode(line, FeedbackRecord).rating is None
