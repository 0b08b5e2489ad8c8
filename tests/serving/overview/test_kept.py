from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from index.environment import Environment
from ragpress.errors import IntegrityError
from ragpress.serve_settings import JournalSettings
from serving.journal.answers import ANSWERS, FEEDBACK, AnswerJournal
from serving.journal.sealing import seal_journals
from serving.overview.kept import ANSWER_FACTS, RATING_FACTS, KeptFacts
from tests.serving.api.services import workspace_of
from tests.serving.journalled import answered, keep, rated

NOW = datetime(2026, 6, 10, tzinfo=UTC)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return workspace_of(tmp_path)


@pytest.fixture
def journal(environment: Environment) -> Iterator[AnswerJournal]:
    opened = AnswerJournal(environment, JournalSettings())
    yield opened
    opened.close()


def facts(environment: Environment, folder: Path) -> KeptFacts[object]:
    return KeptFacts(environment.journal(ANSWERS), ANSWER_FACTS, folder)  # type: ignore[arg-type]


def ids(kept: KeptFacts[object]) -> list[str]:
    found: list[str] = sorted(kept.table()["id"].to_pylist())
    return found


def test_a_journal_that_nobody_wrote_is_empty(environment: Environment, tmp_path: Path) -> None:
    assert ids(facts(environment, tmp_path / "facts")) == []


def test_what_was_written_since_the_last_look_is_added(
    environment: Environment, journal: AnswerJournal, tmp_path: Path
) -> None:
    kept = facts(environment, tmp_path / "facts")
    records = [answered(NOW) for _ in range(4)]
    keep(journal, *records[:2])
    assert ids(kept) == sorted(record.id for record in records[:2])
    keep(journal, *records[2:])
    assert ids(kept) == sorted(record.id for record in records)


def test_torn_and_foreign_lines_are_left_out_until_they_are_whole(
    environment: Environment, journal: AnswerJournal, tmp_path: Path
) -> None:
    keep(journal, record := answered(NOW))
    (path,) = (environment.local / "journal" / "answers").glob("*.jsonl")
    whole = path.read_bytes()
    kept = facts(environment, tmp_path / "facts")
    path.write_bytes(whole + b'{"id": 1}\nnot json\n' + whole[:50])
    assert ids(kept) == [record.id]
    path.write_bytes(whole + b'{"id": 1}\nnot json\n' + whole.replace(record.id.encode(), b"f" * 32))
    assert ids(kept) == [record.id, "f" * 32]


def test_a_file_that_was_cut_back_is_read_anew(
    environment: Environment, journal: AnswerJournal, tmp_path: Path
) -> None:
    first, second = answered(NOW), answered(NOW)
    keep(journal, first)
    (path,) = (environment.local / "journal" / "answers").glob("*.jsonl")
    before = path.read_bytes()
    keep(journal, second)
    kept = facts(environment, tmp_path / "facts")
    assert len(ids(kept)) == 2
    path.write_bytes(before)
    assert ids(kept) == [first.id]


def test_sealing_changes_nothing_and_is_remembered_beyond_the_process(
    environment: Environment, journal: AnswerJournal, tmp_path: Path
) -> None:
    records = [answered(NOW) for _ in range(3)]
    keep(journal, *records, rated(records[0], NOW))
    kept, ratings = (
        facts(environment, tmp_path / "facts"),
        KeptFacts(environment.journal(FEEDBACK), RATING_FACTS, tmp_path / "facts"),
    )
    before = kept.table().sort_by("id")
    journal.close()
    assert seal_journals(environment).files > 0
    assert kept.table().sort_by("id").equals(before)
    assert ratings.table()["rating"].to_pylist() == ["down"]
    stored = sorted((tmp_path / "facts").glob("answers-*.arrow"))
    assert len(stored) == 1
    again = facts(environment, tmp_path / "facts")
    assert again.table().sort_by("id").equals(before)


def test_what_is_remembered_wrongly_is_taken_anew(
    environment: Environment, journal: AnswerJournal, tmp_path: Path
) -> None:
    keep(journal, record := answered(NOW))
    journal.close()
    seal_journals(environment)
    assert ids(facts(environment, tmp_path / "facts")) == [record.id]
    (stored,) = (tmp_path / "facts").glob("answers-*.arrow")
    stored.write_bytes(b"no table")
    assert ids(facts(environment, tmp_path / "facts")) == [record.id]


def test_a_damaged_sealed_file_is_named(environment: Environment, journal: AnswerJournal, tmp_path: Path) -> None:
    keep(journal, answered(NOW))
    journal.close()
    seal_journals(environment)
    (key,) = [key for key, _ in environment.store.list("journal/answers/")]
    environment.store.local_path(key).write_bytes(b"no parquet")
    with pytest.raises(IntegrityError, match="no readable journal file"):
        facts(environment, tmp_path / "facts").table()
