"""Cases whose sources changed are listed with what stands there now, and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cases import files
from evaluation.cases.review import (
    CaseChange,
    changed_case,
    find_case,
    mend,
    mend_moved,
    review,
    set_state,
    update_case,
)
from evaluation.records import Case, Evidence, EvidenceState
from ragpress.errors import UsageError
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

LEAVE = "# Leave\n\nStaff take twenty-five days of leave each year. Ask your lead in time.\n"
TRAVEL = "# Travel\n\nTrains are booked by the office. Flights need a director's consent before booking.\n"
DAYS = "Staff take twenty-five days of leave each year."
FLIGHTS = "Flights need a director's consent before booking."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, SETTINGS + '\n[gate]\ncases = "off"\n')
    made.write({"leave.md": LEAVE, "travel.md": TRAVEL})
    made.ingest()
    files.save_cases(
        tmp_path,
        "own",
        [
            Case(id="days", question="How many days?", answer="25", evidence=(Evidence("docs/leave.md", DAYS),)),
            Case(id="fly", question="May I fly?", evidence=(Evidence("docs/travel.md", FLIGHTS),)),
            Case(
                id="later",
                question="?",
                state="proposed",
                evidence=(Evidence("docs/none.md", "Cats sleep here on Mondays."),),
            ),
        ],
    )
    return made


def _edit(workspace: Workspace) -> None:
    workspace.write({"leave.md": LEAVE.replace("twenty-five", "thirty")})
    (workspace.docs / "travel.md").rename(workspace.docs / "trips.md")
    workspace.ingest()


def _case(workspace: Workspace, name: str) -> Case:
    return find_case(workspace.environment(), "default", name)


def test_nothing_is_to_be_looked_at_where_nothing_changed(workspace: Workspace) -> None:
    found = review(workspace.environment(), "default")
    assert (found.cases, found.items) == (2, ())


def test_what_changed_and_what_moved_is_listed_with_a_suggestion(workspace: Workspace) -> None:
    _edit(workspace)
    days, fly = review(workspace.environment(), "default").items
    assert (days.case, days.state, days.quote, days.evidence) == ("days", EvidenceState.CHANGED, DAYS, 1)
    assert days.suggestion == Evidence("docs/leave.md", "Staff take thirty days of leave each year.")
    assert (fly.case, fly.state, fly.suggestion) == ("fly", EvidenceState.MOVED, Evidence("docs/trips.md", FLIGHTS))


def test_what_moved_is_followed_in_bulk_and_what_changed_is_not(workspace: Workspace) -> None:
    _edit(workspace)
    assert mend_moved(workspace.environment(), "default").cases == ("fly",)
    assert _case(workspace, "fly").evidence == (Evidence("docs/trips.md", FLIGHTS),)
    assert [item.case for item in review(workspace.environment(), "default").items] == ["days"]


def test_a_suggestion_is_taken_for_one_case(workspace: Workspace) -> None:
    _edit(workspace)
    mend(workspace.environment(), _case(workspace, "days"))
    assert _case(workspace, "days").evidence[0].quote == "Staff take thirty days of leave each year."
    with pytest.raises(UsageError, match="Nothing is suggested"):
        mend(workspace.environment(), _case(workspace, "days"))


def test_a_case_is_mended_by_hand_with_words_that_the_source_says(workspace: Workspace) -> None:
    _edit(workspace)
    environment, case = workspace.environment(), _case(workspace, "days")
    with pytest.raises(UsageError, match=r"stays as it is.*no longer says this"):
        update_case(environment, case, CaseChange(quote="Staff take forty days of leave each year."))
    done = update_case(environment, case, CaseChange(quote="thirty days of leave", answer="30"))
    assert (done.cases, done.files) == (("days",), ("own.jsonl",))
    assert _case(workspace, "days").answer == "30"


def test_a_candidate_is_reviewed_before_it_is_live(workspace: Workspace) -> None:
    workspace.write({"leave.md": LEAVE.replace("twenty-five", "thirty")})
    candidate = workspace.ingest(publish=False).release
    environment, change = workspace.environment(), CaseChange(quote="thirty days of leave")
    assert review(environment, "default").items == ()
    assert [item.case for item in review(environment, "default", candidate).items] == ["days"]
    with pytest.raises(UsageError, match="give --release"):
        update_case(environment, _case(workspace, "days"), change)
    assert update_case(environment, _case(workspace, "days"), change, candidate).cases == ("days",)


def test_items_are_added_and_changed_by_number() -> None:
    case = Case(id="a", question="q", evidence=(Evidence("a.md", "one"),))
    added = changed_case(case, CaseChange(evidence=2, source="b.md", quote="two"))
    assert added.evidence == (Evidence("a.md", "one"), Evidence("b.md", "two"))
    assert changed_case(added, CaseChange(evidence=1, source="c.md")).evidence[0] == Evidence("c.md", "one")
    for change in (CaseChange(evidence=3, quote="x"), CaseChange(), CaseChange(question="q")):
        with pytest.raises(UsageError):
            changed_case(case, change)


def test_accepting_says_what_the_release_lacks(workspace: Workspace) -> None:
    _edit(workspace)
    done = set_state(workspace.environment(), [_case(workspace, "later")], "accepted")
    assert _case(workspace, "later").state == "accepted"
    assert done.notes == ("later: The release has no document 'docs/none.md', and no other document holds the quote.",)


def test_an_unknown_case_is_said(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no case 'x'"):
        find_case(workspace.environment(), "default", "x")
