"""A workspace of a few documents in English and Chinese, for tests of where an answer is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feedback.diagnose.holders import find_holders
from feedback.records import BadCase, Holder
from feedback.workbench import Workbench
from serving.journal.answers import AnswerJournal
from tests.workspace import Workspace

LEAVE = "# Leave\n\nStaff take twenty-five days of leave each year. Ask your team lead two weeks ahead.\n"
TRAVEL = "# Travel\n\nTrips are paid within 30 days. Keep every receipt. Taxis need a written reason.\n"
BRIDGE = (
    "# 红石大桥\n\n红石大桥横跨清江，全长1420米。大桥于1893年建成通车，由工程师林怀远主持设计。\n\n"
    "大桥每天有三万辆汽车通过。夜间有灯光照明。\n"
)
TOWER = "# 望海塔\n\n望海塔位于东港半岛，高86米。塔内有一座小型博物馆，周一闭馆。\n"
FILES = {"leave.md": LEAVE, "travel.md": TRAVEL, "bridge.md": BRIDGE, "tower.md": TOWER}
LEAVE_QUESTION = "How many days of leave do staff take each year?"
BRIDGE_QUESTION = "红石大桥是哪一年建成通车的？"


def workspace(root: Path, settings: str | None = None, files: dict[str, str] | None = None) -> Workspace:
    """A workspace whose first release is live."""
    made = Workspace(root) if settings is None else Workspace(root, settings)
    made.write(FILES if files is None else files)
    made.ingest()
    return made


@contextmanager
def bench_of(made: Workspace) -> Iterator[Workbench]:
    """The workspace's workbench."""
    environment = made.environment()
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    try:
        yield Workbench(environment, "default", journal)
    finally:
        journal.close()


def bad(question: str, **fields: Any) -> BadCase:
    """A complaint about the answer to a question."""
    return BadCase(**{"case_id": "case", "collection": "default", "question": question, **fields})


def holders(made: Workspace, case: BadCase, claim: str, sources: tuple[str, ...] = ()) -> tuple[Holder, ...]:
    """Where a claim stands, as the live release sees it."""
    with bench_of(made) as bench:
        subject = bench.live()
        assert subject is not None
        return find_holders(bench, subject, case, claim, sources)
