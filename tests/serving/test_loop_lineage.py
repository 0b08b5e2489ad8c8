"""Lineage through the loop: answer, feedback, case, finding, repairs, release; and back from each of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from index.findings import BlamedDocument, finding_states
from index.repairs import files
from index.repairs.records import repair_id
from ragpress.errors import ReleaseError
from retrieval.access import Principal
from serving.callers import LOCAL, Role
from tests.serving.found import finding, happened, keep
from tests.serving.test_lineage import ALICE, BOB, Traced, trace

pytestmark = pytest.mark.workspace

TEA = "docs/tea.md"
SOME_ADMIN = msgspec.structs.replace(BOB, roles=frozenset({Role.ADMIN}), principal=Principal())


class Repaired(Traced):
    """The same, and a finding about it whose repair was published and rolled back."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        row = self.workspace.rows()[TEA]
        blamed = (BlamedDocument(row.document_id, TEA, "It is outdated."),)
        made = finding(
            answer_id=self.answer.id, feedback=(self.feedback.id,), documents=blamed, release=self.release, case_id="c1"
        )
        repair = msgspec.structs.replace(made.repairs[0], source=TEA)
        self.finding = msgspec.structs.replace(made, repairs=(repair,))
        self.repair = repair_id(repair)
        files.save(self.workspace.root, repair)
        keep(self.environment, self.finding)
        self.workspace.write({"tea.md": "# Tea\n\nTea is at five.\n"})
        self.repaired = self.workspace.ingest().release or ""
        names = {"repairs": (self.repair,), "release": self.repaired}
        happened(self.environment, "approved", "f1", by="Ada")
        happened(self.environment, "published", "f1", **names, to=self.release)
        happened(self.environment, "rolled_back", release=self.repaired, to=self.release, text="It turned out worse.")


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Repaired:
    return Repaired(tmp_path_factory.mktemp("repaired"))


def used_by(repaired: Repaired, thing: str) -> list[str]:
    """The names of what was made of a thing, releases with what became of them."""
    from serving.lineage import trace_anything

    found = trace_anything(repaired.environment, repaired.journal, "default", thing, None, LOCAL)
    return [f"{link['link']} {link['event']}" if "event" in link else link["link"] for link in found.used_by]


def test_an_answer_leads_to_the_release_that_repaired_it(repaired: Repaired) -> None:
    story = ["feedback", "case", "finding", "repair", "event approved", "release published", "release rolled_back"]
    # The feedback's own case is reckoned from its question; the finding of this test names another one.
    names = used_by(repaired, repaired.answer.id)
    assert list(dict.fromkeys(names)) == story
    _, text = trace(repaired, repaired.answer.id)
    for part in ("stale_document", "0.93", "It is outdated.", repaired.repair, repaired.repaired, "turned out worse"):
        assert part in text


def test_a_finding_is_followed_both_ways(repaired: Repaired) -> None:
    chain, text = trace(repaired, "f1")
    assert chain == ["finding", "case", "answer", "feedback", "release"]
    assert used_by(repaired, "f1") == ["repair", "event approved", "release published", "release rolled_back"]
    assert repaired.answer.id in text


def test_a_repair_and_a_release_lead_back_to_the_answer_that_was_bad(repaired: Repaired) -> None:
    chain, _ = trace(repaired, repaired.repair)
    assert chain == ["repair", "finding", "case", "answer"]
    assert used_by(repaired, repaired.repair) == ["release published", "release rolled_back"]
    chain, text = trace(repaired, repaired.repaired)
    assert chain == ["release", "repair", "finding", "case", "answer"]
    assert used_by(repaired, repaired.repaired) == ["release published", "release rolled_back"]
    assert repaired.answer.id in text
    assert used_by(repaired, repaired.release) == ["release published", "release rolled_back"]


def test_a_document_names_the_findings_that_blame_it_and_its_repairs(repaired: Repaired) -> None:
    assert {"finding", "repair"} <= set(used_by(repaired, TEA))
    assert "finding" not in used_by(repaired, "docs/secret.md")


def test_who_may_not_see_what_others_said_sees_nothing_of_it(repaired: Repaired) -> None:
    for caller in (ALICE, BOB, SOME_ADMIN):
        for thing in ("f1", repaired.repair, repaired.repaired):
            with pytest.raises(ReleaseError) as refused:
                trace(repaired, thing, caller)
            with pytest.raises(ReleaseError) as unknown:
                trace(repaired, "nothing", caller)
            assert str(refused.value).replace(repr(thing), "'nothing'") == str(unknown.value)
        for word in ("finding", "repair", "stale_document"):
            assert f'"{word}"' not in trace(repaired, TEA, caller)[1]
    own = trace(repaired, repaired.answer.id, ALICE)[1]
    assert repaired.feedback.id in own
    assert "stale_document" not in own


def test_damaged_repairs_hide_nothing_else(tmp_path: Path) -> None:
    repaired = Repaired(tmp_path)
    (repaired.workspace.root / "repairs" / "torn.json").write_text("{", encoding="utf-8")
    assert '"kept":false' in trace(repaired, "f1")[1]
    assert finding_states([repaired.finding], []) == {"f1": "proven"}
