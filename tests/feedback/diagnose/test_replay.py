"""An answer is made again as it was, and what differs is told with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback.diagnose.replay import replay, why_not
from feedback.records import BadCase
from feedback.workbench import Workbench
from ragpress.storage.record_ids import new_record_id
from serving.types import Answer, Question
from tests.feedback.diagnose.places import LEAVE, LEAVE_QUESTION, bad, bench_of, workspace
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace


def _case(bench: Workbench, groups: tuple[str, ...] | None = None) -> BadCase:
    """A complaint about an answer that the live release gave just now."""
    subject = bench.live()
    assert subject is not None
    question = Question(text=LEAVE_QUESTION, id=new_record_id())
    answer: Answer = bench.ask(subject, question)
    return bad(
        LEAVE_QUESTION,
        groups=groups,
        answer_id=answer.id,
        release=answer.release,
        wrong=answer.answer,
        answer=answer,
    )


def test_the_same_release_gives_the_same_passages_and_text(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    with bench_of(made) as bench:
        case = _case(bench, groups=())
        made.write({"leave.md": LEAVE.replace("twenty-five", "thirty")})
        made.ingest()
        again = replay(bench, case)
    assert again is not None
    assert (again.release, again.same_passages, again.same_text, again.differs) == (case.release, True, True, "")
    assert again.answer.id == case.answer_id


def test_a_release_that_is_gone_cannot_be_asked(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    with bench_of(made) as bench:
        gone = bad(LEAVE_QUESTION, release="r00099-0123456789")
        assert replay(bench, gone) is None
        assert "is gone" in why_not(bench, gone)
        assert why_not(bench, bad(LEAVE_QUESTION)) == "no release is known that answered it"


def test_access_rules_that_changed_are_named(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    with bench_of(made) as bench:
        case = _case(bench, groups=("sales",))
    made.configure(SETTINGS + '[access.rules]\n"docs/leave.md" = ["hr"]\n')
    with bench_of(made) as bench:
        again = replay(bench, case)
    assert again is not None
    assert not again.same_passages
    assert "may no longer read docs/leave.md" in again.differs


def test_an_answer_that_is_not_in_the_journal_is_compared_by_its_text(tmp_path: Path) -> None:
    made: Workspace = workspace(tmp_path)
    release = made.open().manifest.id
    with bench_of(made) as bench:
        again = replay(bench, bad(LEAVE_QUESTION, release=release, wrong="Nobody knows."))
    assert again is not None
    assert (again.same_passages, again.same_text) == (False, False)
    assert "not in the journal" in again.differs
