"""A repair is tried in a scratch release, and its case asked again."""

from __future__ import annotations

import pytest

from feedback.records import Signal
from feedback.repairing.prove import prove
from feedback.workbench import Workbench
from index.findings import Cause
from index.repairs.records import MissingDocument, SettingsChange
from tests.feedback.repairing.samples import (
    AT,
    QUESTION,
    ask,
    bad_case,
    bench_of,
    finding,
    quarantine,
    signed,
    supersede,
)
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

SUPERSEDE = supersede("returns-2019.md", "returns-2025.md")


def releases(bench: Workbench) -> list[str]:
    return [manifest.id for manifest in bench.environment.releases("default").list()]


@pytest.mark.parametrize("repair", [SUPERSEDE, quarantine("returns-2019.md")])
def test_a_repair_that_helps_is_proven_and_nothing_goes_live(bench: Workbench, repair: object) -> None:
    before = bench.environment.releases("default").live_id()
    found = prove(bench, bad_case(), finding(repair))  # type: ignore[arg-type]
    assert found.proof is not None
    assert found.proof.fixed, found.proof.reason
    assert found.proof.sources == ("docs/returns-2025.md",)
    assert "14 days" in found.proof.before
    assert "45 days" in found.proof.after
    assert found.proof.embedded == 0
    assert found.proof.release in releases(bench)
    assert bench.environment.releases("default").live_id() == before
    assert not (bench.environment.workspace.root / "repairs").exists()
    assert "14 days" in ask(bench).answer


def test_a_repair_that_does_not_help_says_so_and_leaves_no_release(bench: Workbench) -> None:
    before = releases(bench)
    found = prove(bench, bad_case(), finding(quarantine("roses.md")))
    assert found.proof is not None
    assert not found.proof.fixed
    assert found.proof.reason.startswith("the repair does not help")
    assert found.proof.release == ""
    assert releases(bench) == before


def test_a_repair_of_a_document_that_there_is_not_changes_nothing(bench: Workbench) -> None:
    found = prove(bench, bad_case(), finding(quarantine("nowhere.md")))
    assert found.proof is not None
    assert not found.proof.fixed


def test_a_case_that_is_answered_rightly_needs_no_repair(bench: Workbench) -> None:
    found = prove(bench, bad_case(question="When are roses pruned?"), finding(SUPERSEDE, expected="in March"))
    assert found.proof is not None
    assert not found.proof.fixed
    assert "without any repair" in found.proof.reason


def test_what_is_not_needed_is_left_out(bench: Workbench) -> None:
    found = prove(bench, bad_case(), finding(SUPERSEDE, quarantine("roses.md"), quarantine("vpn.md")))
    assert found.proof is not None
    assert found.proof.fixed
    assert found.repairs == (SUPERSEDE,)
    assert "2 of the proposed repairs were not needed" in found.proof.reason
    assert len(releases(bench)) == 2


def test_of_planted_copies_none_is_left_out(bench: Workbench) -> None:
    repairs = (quarantine("returns-2019.md"), quarantine("roses.md"))
    found = prove(bench, bad_case(), finding(*repairs, cause=Cause.POISONED_DOCUMENT))
    assert found.proof is not None
    assert found.proof.fixed
    assert found.repairs == repairs


def test_nothing_to_try_is_left_open(bench: Workbench) -> None:
    ask_for = MissingDocument(questions=(QUESTION,), wanted="the terms", **signed())
    assert prove(bench, bad_case(), finding()).proof is None
    assert prove(bench, bad_case(), finding(ask_for)).proof is None


def test_settings_that_no_chunk_depends_on_build_no_release(bench: Workbench) -> None:
    before = releases(bench)
    fewer = SettingsChange(settings={"context": {"passages": 1}}, **signed())
    found = prove(bench, bad_case(), finding(fewer, cause=Cause.RETRIEVAL_MISS))
    assert found.proof is not None
    assert found.proof.release == ""
    assert found.proof.fixed, found.proof.reason
    assert "45 days" in found.proof.after
    assert releases(bench) == before


def test_a_setting_that_there_is_not_cannot_be_tried(bench: Workbench) -> None:
    wrong = SettingsChange(settings={"retrieval": {"nonsense": 1}}, **signed())
    found = prove(bench, bad_case(), finding(wrong))
    assert found.proof is not None
    assert not found.proof.fixed
    assert "nonsense" in found.proof.reason


def test_other_words_of_the_same_question_are_asked_as_well(bench: Workbench) -> None:
    other = Signal(kind="rephrased", at=AT, answer_id="a", text="In how many days may customers return a lamp?")
    found = prove(bench, bad_case(signals=(other,)), finding(SUPERSEDE))
    assert found.proof is not None
    assert found.proof.fixed
    assert "1 of 1 times" in found.proof.reason


def test_sources_that_changed_meanwhile_are_told(workspace: Workspace) -> None:
    workspace.write({"delivery.md": "# Delivery\n\nA parcel comes by drone.\n"})
    found = prove(bench_of(workspace), bad_case(), finding(SUPERSEDE))
    assert found.proof is not None
    assert found.proof.fixed
    assert "docs/delivery.md" in found.proof.reason


def test_the_loop_speaks_chinese(workspace: Workspace) -> None:
    settings = (workspace.root / "ragpress.toml").read_text(encoding="utf-8")
    workspace.configure(settings + '\n[loop]\nlanguage = "zh"\n')
    found = prove(bench_of(workspace), bad_case(), finding(SUPERSEDE))
    assert found.proof is not None
    assert found.proof.fixed
    assert found.proof.reason.startswith("修复之后答案正确")
