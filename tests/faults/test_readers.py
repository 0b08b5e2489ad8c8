"""C6: readers search while releases are published, rolled back and collected."""

from __future__ import annotations

import re
import traceback
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec
import pytest

from index.history import rollback
from ragpress.errors import RagpressError
from retrieval.opening import open_search
from tests.faults.crash_child import Fault, run
from tests.faults.harness import (
    SETTINGS,
    environment_of,
    live_id,
    make_event,
    make_pipe,
    make_workspace,
    start_process,
    write,
)

QUERIES = ("edition of the handbook", "手册的版本")
DOCUMENTS = 5
LIMIT = 60.0


class Report(msgspec.Struct):
    """What one reader saw: answers by release and the editions in them, and what went wrong."""

    answers: int = 0
    seen: dict[str, set[int]] = msgspec.field(default_factory=dict)
    incomplete: int = 0
    errors: list[str] = msgspec.field(default_factory=list)


def edition(root: Path, number: int) -> None:
    """Write every document anew; each chunk says which edition it is of."""
    write(
        root,
        {
            f"d{n}.md": f"# Part {n}\n\nThis is edition {number} of the handbook, 手册的版本。\n"
            for n in range(DOCUMENTS)
        },
    )


def read(root: Path, stop: Event, reports: Connection) -> None:
    """Open what is live and search it, again and again."""
    report = Report()
    try:
        while not stop.is_set():
            look(root, report)
    except Exception:  # noqa: BLE001 - whatever it was is what the test is about
        report.errors.append(traceback.format_exc())
    reports.send(report)


def look(root: Path, report: Report) -> None:
    """One look at what is live."""
    opened, searcher = open_search(environment_of(root), "default", None)
    for query in QUERIES:
        hits = searcher.search(query, 50)
        editions = {int(found) for hit in hits for found in re.findall(r"edition (\d+)", hit.text)}
        report.seen.setdefault(opened.manifest.id, set()).update(editions)
        report.answers += 1
        report.incomplete += len([hit for hit in hits if "edition" in hit.text]) != DOCUMENTS


def publish(root: Path, number: int) -> str:
    """Publish an edition, go back to the one before, and back again; collect what is old."""
    edition(root, number)
    call(root, "ingest", "--json")
    made = live_id(root)
    if number:
        environment = environment_of(root)
        with environment.store.writer("default", 5):
            rollback(environment, "default", None)
            rollback(environment, "default", None)
    call(root, "releases", "gc", "--json")
    return made


def call(root: Path, *arguments: str) -> None:
    """Run a command in a process of its own."""
    process = start_process(run, root, arguments, root / "last", Fault())
    process.join(LIMIT)
    assert process.exitcode == 0, (root / "last.err").read_text(encoding="utf-8")


def campaign(root: Path, readers: int, publishes: int) -> list[Report]:
    """Publish while readers read, and check what each saw."""
    make_workspace(root, SETTINGS + "\n[release]\nkeep = 0\n")
    (root / "docs/backup.rar").unlink()
    expected = {publish(root, 0): {0}}
    stop, (receive, send) = make_event(), make_pipe()
    processes = [start_process(read, root, stop, send) for _ in range(readers)]
    try:
        for number in range(1, publishes + 1):
            expected[publish(root, number)] = {number}
    finally:
        stop.set()
        reports = [receive.recv() for _ in range(readers) if receive.poll(LIMIT)]
        for process in processes:
            process.join(LIMIT)
    assert len(reports) == readers
    for report in reports:
        assert report.errors == []
        assert report.seen == {release: expected[release] for release in report.seen}
        assert report.incomplete == 0
    return reports


@pytest.mark.fault
def test_every_answer_is_of_one_release_while_releases_come_and_go(tmp_path: Path) -> None:
    reports = campaign(tmp_path / "workspace", readers=2, publishes=7)

    assert sum(report.answers for report in reports) > 50
    assert len({release for report in reports for release in report.seen}) >= 3


@pytest.mark.campaign
def test_16_readers_while_the_pointer_moves_200_times(tmp_path: Path) -> None:
    reports = campaign(tmp_path / "workspace", readers=16, publishes=67)

    answers = sum(report.answers for report in reports)
    print(f"\n{answers} answers of {len({r for report in reports for r in report.seen})} releases, none of them mixed")
    assert answers > 1000


@pytest.mark.fault
def test_a_reader_keeps_its_release_when_that_is_collected(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    make_workspace(root, SETTINGS + "\n[release]\nkeep = 0\n")
    (root / "docs/backup.rar").unlink()
    publish(root, 0)
    opened, searcher = open_search(environment_of(root), "default", None)
    for number in (1, 2):
        publish(root, number)

    hits = searcher.search(QUERIES[0], 50)

    assert [hit.text for hit in hits if "edition 0" in hit.text]
    assert not [hit.text for hit in hits if re.search("edition [12]", hit.text)]
    with pytest.raises(RagpressError, match=opened.manifest.id):
        open_search(environment_of(root), "default", opened.manifest.id)
