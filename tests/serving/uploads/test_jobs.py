"""Jobs: what becomes of uploads, in whichever order processes die."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from index.environment import Environment
from ragpress.storage import disk
from ragpress.storage.journal_seal import seal
from serving.uploads.folder import ArrivedFile
from serving.uploads.ingest_process import IngestDiedError, IngestFailedError, IngestOutcome, read_outcome
from serving.uploads.job_log import KIND, describe_event
from serving.uploads.jobs import JobBoard, NewJob
from serving.uploads.records import Failed, Finished, Job, UploadedDocument
from serving.uploads.runner import MOST_DEATHS
from tests.serving.uploads.boards import board_of, finished, runner_of
from tests.workspace import Workspace

TEXT = "# Leave\n\nEvery employee has 25 days of annual leave. It is asked for two weeks ahead.\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def environment(workspace: Workspace) -> Environment:
    return workspace.environment()


@pytest.fixture
def board(environment: Environment) -> JobBoard:
    return board_of(environment)


def place(board: JobBoard, name: str, text: str, owner: str = "alice") -> UploadedDocument:
    """Put an upload in its place, as the endpoint does."""
    path = disk.temp_path(board.uploads.arriving())
    path.write_text(text, encoding="utf-8")
    data = path.read_bytes()
    file = ArrivedFile(name, path, len(data), hashlib.sha256(data).hexdigest())
    (placed,) = board.uploads.place("default", owner, [file])
    return placed


async def queue(board: JobBoard, *documents: UploadedDocument, action: str = "upload") -> str:
    new = NewJob(collection="default", action=action, documents=documents, key="k1", owner="alice")  # type: ignore[arg-type]
    return (await board.submit(new)).queued.job


def states(job: Job) -> list[str]:
    assert isinstance(job.ended, Finished)
    return [result.state for result in job.ended.results]


async def test_an_upload_is_live_when_its_job_is_done(environment: Environment, board: JobBoard) -> None:
    document = place(board, "请假.md", TEXT)
    name = await queue(board, document)
    assert [job.queued.job for job in await board.unfinished()] == [name]
    job = await finished(environment, board, name)
    assert (job.state, states(job)) == ("done", ["live"])
    assert isinstance(job.ended, Finished)
    assert job.ended.release == environment.releases("default").live_id()
    assert job.ended.counts.published
    assert job.ended.counts.plan["added"] == 1
    assert job.ended.results[0].chunks == 1
    assert await board.unfinished() == []


async def test_what_becomes_of_each_document_is_read_from_the_release(
    workspace: Workspace, environment: Environment, board: JobBoard
) -> None:
    (workspace.root / "uploads" / "default").mkdir(parents=True)
    (workspace.root / "uploads" / "default" / ".ragpressignore").write_text("*.secret\n", encoding="utf-8")
    first = place(board, "a.md", TEXT)
    broken = place(board, "broken.pdf", "%PDF-1.7 this is no PDF")
    left_out = place(board, "x.secret", TEXT)
    job = await finished(environment, board, await queue(board, first, broken, left_out))
    assert states(job) == ["live", "quarantined", "ignored"]
    assert isinstance(job.ended, Finished)
    assert job.ended.results[1].reason
    assert ".ragpressignore" in job.ended.results[2].reason

    again, replaced = place(board, "a.md", TEXT), place(board, "b.md", "first")
    newer = place(board, "b.md", TEXT + "\nSecond version.\n")
    old_job, new_job = await queue(board, again, replaced), await queue(board, newer)
    await finished(environment, board, old_job)
    old, new = await board.find(old_job), await board.find(new_job)
    assert old is not None
    assert new is not None
    assert states(old) == ["unchanged", "replaced"]
    assert states(new) == ["live"]

    found = board.uploads.find(first.document_id, ["default"], "alice")
    assert found is not None
    board.uploads.remove(found)
    gone = await finished(environment, board, await queue(board, first, action="delete"))
    assert states(gone) == ["deleted"]


async def test_two_owners_of_one_name_have_two_documents(environment: Environment, board: JobBoard) -> None:
    mine, yours = place(board, "plan.md", TEXT, "alice"), place(board, "plan.md", "# Other\n\nAnother text.\n", "bob")
    assert mine.document_id != yours.document_id
    job = await finished(environment, board, await queue(board, mine, yours))
    assert states(job) == ["live", "live"]
    assert board.uploads.find(yours.document_id, ["default"], "alice") is None


async def test_a_run_that_is_killed_leaves_the_job_to_the_next_runner(
    environment: Environment, board: JobBoard
) -> None:
    name = await queue(board, place(board, "a.md", TEXT))

    async def killed(_: Sequence[str]) -> IngestOutcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await runner_of(environment, board, killed).step()
    board.close()
    other = board_of(environment)
    waiting = await other.find(name)
    assert waiting is not None
    assert waiting.state == "running"
    job = await finished(environment, other, name)
    assert states(job) == ["live"]


async def test_a_run_that_was_killed_after_the_publish_is_reported_all_the_same(
    workspace: Workspace, environment: Environment, board: JobBoard
) -> None:
    name = await queue(board, place(board, "a.md", TEXT))

    async def killed_late(_: Sequence[str]) -> IngestOutcome:
        workspace.ingest()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await runner_of(environment, board, killed_late).step()
    job = await finished(environment, board, name)
    assert states(job) == ["live"]
    assert isinstance(job.ended, Finished)
    assert not job.ended.counts.published


@pytest.mark.parametrize("kind", ["WriterBusyError", "ConflictError"])
async def test_a_busy_writer_is_waited_for(environment: Environment, board: JobBoard, kind: str) -> None:
    name = await queue(board, place(board, "a.md", TEXT))

    async def busy(_: Sequence[str]) -> IngestOutcome:
        raise IngestFailedError(kind, "somebody else")

    runner = runner_of(environment, board, busy)
    await runner.step()
    waiting = await board.find(name)
    assert waiting is not None
    assert waiting.state == "running"
    assert states(await finished(environment, board, name)) == ["live"]


async def test_settings_that_are_wrong_end_the_job_with_words_for_the_caller(
    environment: Environment, board: JobBoard
) -> None:
    name = await queue(board, place(board, "a.md", TEXT))

    async def wrong(_: Sequence[str]) -> IngestOutcome:
        raise IngestFailedError("SettingsError", "/srv/secret/ragpress.toml is wrong")

    await runner_of(environment, board, wrong).step()
    job = await board.find(name)
    assert job is not None
    assert isinstance(job.ended, Failed)
    assert job.ended.code == "settings_wrong"
    assert "/srv" not in job.ended.message
    assert "/srv" in job.ended.detail


async def test_a_run_that_dies_again_and_again_ends_the_job(environment: Environment, board: JobBoard) -> None:
    name = await queue(board, place(board, "a.md", TEXT))
    runs = 0

    async def dies(_: Sequence[str]) -> IngestOutcome:
        nonlocal runs
        runs += 1
        raise IngestDiedError("killed by signal 9")

    runner = runner_of(environment, board, dies)
    for _ in range(MOST_DEATHS):
        runner._later.clear()
        await runner.step()
    job = await board.find(name)
    assert job is not None
    assert runs == MOST_DEATHS
    assert isinstance(job.ended, Failed)
    assert job.ended.code == "ingest_died"


async def test_a_release_that_the_gate_refused_fails_the_job(environment: Environment, board: JobBoard) -> None:
    document = place(board, "a.md", TEXT)
    name = await queue(board, document)
    report = b"""{"run": "r", "collection": "default", "release": "r1", "parent": null, "published": false, "plan": {},
      "chunks": {"total": 1, "embedded": 1, "reused": 0, "deleted": 0}, "steps": {},
      "quarantined": [], "gate": "refuse", "gate_reasons": ["a document is missing"], "seconds": 0.5}"""

    async def refused(_: Sequence[str]) -> IngestOutcome:
        return read_outcome(4, report, b"")

    await runner_of(environment, board, refused).step()
    job = await board.find(name)
    assert job is not None
    assert isinstance(job.ended, Failed)
    assert "a document is missing" in job.ended.message
    assert [result.state for result in job.ended.results] == ["not_published"]


async def test_jobs_gather_for_a_moment(environment: Environment, board: JobBoard) -> None:
    name = await queue(board, place(board, "a.md", TEXT))
    runner = runner_of(environment, board)
    queued = await board.find(name)
    assert queued is not None
    for age, due in ((0.1, False), (0.6, True), (-3.0, True)):
        board.age = lambda _, age=age: age  # type: ignore[method-assign, misc]
        assert runner._is_due("default", [queued]) is due


async def test_every_process_sees_the_jobs_of_the_others_also_when_they_are_sealed(environment: Environment) -> None:
    one, other = board_of(environment), board_of(environment)
    document = UploadedDocument(document_id="d1", source="uploads/default/alice/a.md", name="a.md")
    first = await queue(one, document)
    assert await other.find(first) is not None
    second = await queue(one, document)
    one.close()
    seal(environment.journal(KIND), describe_event, 1)
    assert [job.queued.job for job in await other.all()] == [second, first]
    late = board_of(environment)
    third = await queue(late, document)
    late.close()
    seal(environment.journal(KIND), describe_event, 1)
    assert await other.find(third) is not None
    assert await other.find("0" * 32) is None
    assert await other.find("no id") is None


def test_what_an_ingest_says_is_read_or_it_has_died() -> None:
    with pytest.raises(IngestFailedError, match="busy") as failed:
        read_outcome(1, b'{"error": {"type": "WriterBusyError", "message": "busy"}}', b"")
    assert failed.value.kind == "WriterBusyError"
    with pytest.raises(IngestDiedError, match="exit code -9"):
        read_outcome(-9, b"", b"")
    with pytest.raises(IngestDiedError, match="Traceback"):
        read_outcome(1, b"", b"Traceback: something")
