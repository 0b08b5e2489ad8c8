"""Evidence is found in a release, or it is said what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cases.locate import EvidenceFinder, Place, covers
from evaluation.cases.review import review_reason
from evaluation.records import Case, Evidence, EvidenceState, LocatedEvidence
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

LEAVE = "# Leave\n\nStaff take twenty-five days of leave each year. Ask your lead in time.\n"
TRAVEL = "# Travel\n\nTrains are booked by the office. Flights need a director's consent before booking.\n"
REFUND = "# 退款\n\n退款申请将在七个工作日内处理完毕，并退回原支付账户。\n"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that no test changes."""
    return _made(tmp_path_factory.mktemp("standing"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return _made(tmp_path)


def _made(root: Path) -> Workspace:
    made = Workspace(root)
    made.write({"leave.md": LEAVE, "travel.md": TRAVEL, "zh/refund.md": REFUND})
    made.ingest()
    return made


def _case(source: str, quote: str) -> Case:
    return Case(id="c", question="q", evidence=(Evidence(source, quote),))


def _locate(workspace: Workspace, source: str, quote: str) -> LocatedEvidence:
    return EvidenceFinder(workspace.open()).locate(_case(source, quote))[0]


@pytest.mark.parametrize(
    ("source", "quote", "says"),
    [
        ("docs/leave.md", "staff take twenty-five days of leave", "Staff take twenty-five days of leave"),
        ("leave.md", "twenty‐five days", "twenty-five days"),
        ("./docs/leave.md", "twenty-five days", "twenty-five days"),
        ("docs/zh/refund.md", "七个工作日 内处理完毕,并退回", "七个工作日内处理完毕，并退回"),
    ],
)
def test_a_quote_is_found_at_exact_offsets(standing: Workspace, source: str, quote: str, says: str) -> None:
    found = _locate(standing, source, quote)
    release = standing.open()
    document = EvidenceFinder(release).documents.by_source[found.source]
    assert found.state is EvidenceState.FOUND
    assert found.version == document.version != ""
    assert EvidenceFinder(release).documents.text(document)[found.start : found.end] == says
    assert review_reason((found,)) == ""


def test_a_path_on_disk_is_understood(standing: Workspace) -> None:
    assert _locate(standing, str(standing.docs / "leave.md"), "twenty-five days").found


def test_a_moved_file_counts_and_is_named(workspace: Workspace) -> None:
    (workspace.docs / "leave.md").rename(workspace.docs / "holidays.md")
    workspace.ingest()
    found = _locate(workspace, "docs/leave.md", "Staff take twenty-five days of leave each year.")
    assert (found.state, found.source) == (EvidenceState.MOVED, "docs/holidays.md")
    assert "docs/holidays.md holds the quote" in found.reason
    assert (found.values["named"], found.values["became"]) == ("docs/leave.md", "deleted")
    assert found.values["holder"] == "docs/holidays.md"
    assert found.values["why"] in found.reason
    assert review_reason((found,)) == ""


def test_the_same_file_name_is_preferred(workspace: Workspace) -> None:
    (workspace.docs / "leave.md").unlink()
    workspace.write({"a.md": LEAVE + "\nMore.", "old/leave.md": LEAVE + "\nStill more of it."})
    workspace.ingest()
    found = _locate(workspace, "docs/leave.md", "Staff take twenty-five days of leave each year.")
    assert (found.source, found.copies) == ("docs/old/leave.md", ("docs/a.md",))


def test_changed_evidence_tells_what_stands_there_now(workspace: Workspace) -> None:
    workspace.write({"leave.md": LEAVE.replace("twenty-five", "thirty")})
    workspace.ingest()
    found = _locate(workspace, "docs/leave.md", "Staff take twenty-five days of leave each year.")
    assert (found.state, found.start) == (EvidenceState.CHANGED, None)
    assert "“Staff take thirty days of leave each year.”" in found.reason
    assert review_reason((found,)) == found.reason
    assert found.values == {"now": "Staff take thirty days of leave each year.", "holder": ""}


def test_evidence_that_stands_elsewhere_now_is_for_review_and_names_the_place(workspace: Workspace) -> None:
    workspace.write({"leave.md": "# Leave\n\nSee the handbook.\n", "handbook.md": LEAVE})
    workspace.ingest()
    found = _locate(workspace, "docs/leave.md", "Staff take twenty-five days of leave each year.")
    assert found.state is EvidenceState.CHANGED
    assert "docs/handbook.md holds the quote" in found.reason


def test_what_no_document_says_is_gone(standing: Workspace) -> None:
    found = _locate(standing, "docs/other.md", "Cats may sleep in the office on Mondays.")
    assert (found.state, found.document_id, found.version) == (EvidenceState.GONE, "", "")
    assert "no document 'docs/other.md'" in found.reason


def test_a_short_quote_proves_nothing_about_other_documents(standing: Workspace) -> None:
    assert _locate(standing, "docs/other.md", "office").state is EvidenceState.GONE


def test_a_quarantined_document_is_gone_for_its_reason(workspace: Workspace) -> None:
    workspace.write({"broken.pdf": "%PDF-1.7 and no more"})
    workspace.ingest()
    found = _locate(workspace, "docs/broken.pdf", "Cats may sleep in the office on Mondays.")
    assert found.state is EvidenceState.GONE
    assert found.reason.startswith("docs/broken.pdf is quarantined (")
    assert (found.values["became"], found.values["alike"]) == ("quarantined", "")
    assert found.values["why"] in found.reason


def test_copies_are_found_and_counted(workspace: Workspace) -> None:
    workspace.write(
        {"summary.md": "# Summary\n\nIn short. Flights need a director’s  consent before booking. So it is.\n"}
    )
    workspace.ingest()
    case = _case("docs/travel.md", "Flights need a director's consent before booking.")
    finder = EvidenceFinder(workspace.open())
    located = finder.locate(case)
    (copy,) = finder.copies(case)
    assert located[0].copies == ("docs/summary.md",)
    assert finder.documents.text(finder.documents.by_source[copy.source])[copy.start : copy.end].startswith("Flights")
    assert covers(copy.document_id, copy.source, copy.start, copy.end, located, finder.copies(case)) == (0,)
    assert covers(copy.document_id, copy.source, 0, copy.start, located, finder.copies(case)) == ()


def test_chunks_that_retrieval_finds_cover_the_evidence(standing: Workspace) -> None:
    case = _case("docs/travel.md", "Flights need a director's consent before booking.")
    located = EvidenceFinder(standing.open()).locate(case)
    hits = standing.search("flights director consent")
    held = [covers(hit.document_id, hit.source, hit.start, hit.end, located) for hit in hits]
    assert held[0] == (0,)


@pytest.mark.parametrize(
    ("start", "end", "held"),
    [(0, 150, (0,)), (0, 149, ()), (150, 400, (0,)), (151, 400, ()), (120, 145, (0,)), (120, 144, ()), (0, 100, ())],
)
def test_half_of_a_quote_is_enough_and_a_quarter_of_a_long_one(start: int, end: int, held: tuple[int, ...]) -> None:
    located = [LocatedEvidence(index=0, state=EvidenceState.FOUND, source="a", document_id="d", start=100, end=200)]
    assert covers("d", "a", start, end, located) == held
    assert covers("e", "a", start, end, located) == ()
    assert covers("e", "b", start, end, located, [Place(0, "e", "b", 100, 200)]) == held


def test_every_item_is_told_apart(standing: Workspace) -> None:
    case = Case(
        id="c",
        question="q",
        evidence=(Evidence("docs/leave.md", "twenty-five days"), Evidence("docs/travel.md", "Trains are booked")),
    )
    located = EvidenceFinder(standing.open()).locate(case)
    assert [(item.index, item.source) for item in located] == [(0, "docs/leave.md"), (1, "docs/travel.md")]
