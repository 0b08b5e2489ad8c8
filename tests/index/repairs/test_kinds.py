"""Every kind of repair, from a file in ``repairs/`` to the release, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from index.history import diff
from index.repairs import files
from index.repairs.records import (
    CleaningRule,
    Erratum,
    MissingDocument,
    PromptChoice,
    Quarantine,
    Repair,
    Reparse,
    Restore,
    SettingsChange,
    Supersede,
    repair_id,
)
from ragpress.errors import SettingsError
from ragpress.prompts import built_in_text
from ragpress.types import AuditMark
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

Made = TypeVar("Made")
AT = "2026-03-01T12:00:00+00:00"
PUMP = "# Pump\n\nThe pump gives 12 litres.\n\nIt weighs 40 kilograms.\n"
OLD = "# Old pump\n\nThe old pump gives 3 litres.\n"
REPORT = "# Report\n\nADVERT buy now\n\nSales rose in spring.\n"
GBK = "# 报告\n\n春季销售额上升。仓库位于上海市。\n".encode("gb18030").decode("latin-1")


def signed(kind: Callable[..., Made], **fields: Any) -> Made:
    """A repair of a kind, made by somebody."""
    return kind(**{"collection": "default", "reason": "It is wrong.", "by": "Ada", "at": AT, **fields})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"pump.md": PUMP, "old.md": OLD, "reports/spring.md": REPORT, "garbled.md": GBK})
    made.ingest()
    return made


def content(workspace: Workspace) -> str:
    """Digest of what can be found in the live release."""
    return workspace.open().manifest.content


def version_of(workspace: Workspace, source: str) -> str:
    found = workspace.rows()[source].seen_version
    assert found is not None
    return found.hex()


def marks(workspace: Workspace, source: str) -> dict[str, AuditMark]:
    found = msgspec.json.decode(workspace.rows()[source].marks, type=tuple[AuditMark, ...])
    return {mark.audit: mark for mark in found}


def of_kind(workspace: Workspace, kind: str) -> Repair:
    """A repair of a kind that changes what can be found."""
    match kind:
        case "quarantine":
            return signed(Quarantine, source="docs/pump.md")
        case "supersede":
            return signed(Supersede, source="docs/old.md", newer="docs/pump.md")
        case "erratum":
            version = version_of(workspace, "docs/pump.md")
            return signed(Erratum, source="docs/pump.md", version=version, find="12", replace="24", before="gives ")
        case "reparse":
            return signed(Reparse, source="docs/garbled.md", parser="recode:latin-1:gb18030")
        case "cleaning":
            return signed(CleaningRule, family="docs/reports/*.md", drop=("ADVERT.*",))
        case _:
            return signed(
                SettingsChange, settings={"chunk": {"max_tokens": 16, "min_tokens": 4}, "retrieval": {"k": 3}}
            )


EFFECT = {
    "quarantine": ("docs/pump.md", None),
    "supersede": ("docs/old.md", None),
    "erratum": ("docs/pump.md", "gives 24 litres"),
    "reparse": ("docs/garbled.md", "春季销售额上升"),
    "cleaning": ("docs/reports/spring.md", "Sales rose in spring."),
}
KINDS = (*EFFECT, "settings")


@pytest.mark.parametrize("kind", KINDS)
def test_a_repair_takes_effect_as_in_a_fresh_build_and_goes_without_a_trace(workspace: Workspace, kind: str) -> None:
    before = content(workspace)
    repair = of_kind(workspace, kind)
    files.save(workspace.root, repair)

    report = workspace.ingest()
    repaired, manifest = content(workspace), workspace.open().manifest

    assert report.published
    assert (report.repairs.in_force, report.repairs.flagged, report.repairs.notes) == (1, 0, ())
    assert manifest.repairs == (repair_id(repair),)
    assert repaired != before
    if kind in EFFECT:
        source, text = EFFECT[kind]
        found = "\n".join(workspace.texts(source))
        assert (text in found) if text else not found
    assert not workspace.ingest().published

    workspace.ingest(rebuild=True)
    assert content(workspace) == repaired

    assert files.remove_repair(workspace.root, repair_id(repair))
    workspace.ingest()
    assert content(workspace) == before
    assert workspace.open().manifest.repairs == ()


@pytest.mark.parametrize("kind", ["erratum", "reparse", "cleaning"])
def test_only_what_a_repair_touches_is_computed_again(workspace: Workspace, kind: str) -> None:
    files.save(workspace.root, of_kind(workspace, kind))

    report = workspace.ingest()

    assert report.plan["reprocess"] == 1
    assert report.plan["unchanged"] == 3
    assert report.steps["parse"].computed == (1 if kind == "reparse" else 0)
    assert report.steps["clean"].computed == 1


def test_a_trial_gives_what_the_files_give_and_leaves_nothing_behind(workspace: Workspace) -> None:
    live = workspace.open().manifest
    repair = of_kind(workspace, "erratum")

    tried = workspace.ingest(trial=(repair,), publish=False)

    assert tried.release is not None
    trial = workspace.open(tried.release).manifest
    assert trial.repairs == (repair_id(repair),)
    assert not (workspace.root / "repairs").exists()
    assert workspace.open().manifest.id == live.id
    assert not workspace.ingest().published

    files.save(workspace.root, repair)
    report = workspace.ingest()
    assert content(workspace) == trial.content
    assert report.steps["clean"].computed == report.chunks.embedded == 0

    without = workspace.ingest(without=(repair_id(repair),), publish=False)
    assert without.release is not None
    assert workspace.open(without.release).manifest.content == live.content


def test_a_superseded_document_says_by_what_and_who(workspace: Workspace) -> None:
    files.save(workspace.root, of_kind(workspace, "supersede"))
    workspace.ingest()

    row = workspace.rows()["docs/old.md"]

    assert (row.state, row.chunks) == ("superseded", 0)
    assert row.reason == f"It is wrong. Superseded by 'docs/pump.md' (by Ada, {AT})"


def test_nothing_is_superseded_by_what_is_not_there(workspace: Workspace) -> None:
    repair = signed(Supersede, source="docs/old.md", newer="docs/none.md")
    back = signed(Supersede, source="docs/pump.md", newer="docs/reports/spring.md")
    forth = signed(Supersede, source="docs/reports/spring.md", newer="docs/pump.md")
    for one in (repair, back, forth):
        files.save(workspace.root, one)

    report = workspace.ingest()

    assert report.repairs.flagged == 3
    assert workspace.rows()["docs/old.md"].state == "live"
    assert "expected 'docs/none.md' in its place" in marks(workspace, "docs/old.md")["supersede_stale"].reason
    assert "supersede one another" in marks(workspace, "docs/pump.md")["supersede_stale"].reason


def test_a_document_is_not_lost_unnoticed_with_the_one_in_its_place(workspace: Workspace) -> None:
    files.save(workspace.root, of_kind(workspace, "supersede"))
    (workspace.docs / "pump.md").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(200))

    (note,) = workspace.ingest(rebuild=True, override="as it is").repairs.notes

    assert note.startswith("'docs/old.md' is superseded by 'docs/pump.md', of which nothing can be found")


def test_a_run_over_one_folder_leaves_what_is_restored_elsewhere(workspace: Workspace) -> None:
    version = version_of(workspace, "docs/pump.md")
    (workspace.docs / "pump.md").unlink()
    workspace.ingest()
    files.save(workspace.root, signed(Restore, source="docs/pump.md", version=version))
    workspace.ingest()
    workspace.write({"reports/spring.md": REPORT + "\nMore.\n"})

    report = workspace.ingest(paths=(str(workspace.docs / "reports"),))

    assert report.published
    assert workspace.rows()["docs/pump.md"].state == "live"
    assert not workspace.ingest().published


def test_a_later_word_on_a_document_holds(workspace: Workspace) -> None:
    files.save(workspace.root, signed(Quarantine, source="docs/pump.md"))
    files.save(workspace.root, signed(Restore, source="docs/pump.md", at="2026-03-02T12:00:00+00:00"))

    report = workspace.ingest()

    assert workspace.rows()["docs/pump.md"].state == "live"
    assert "gives way to restore-" in report.repairs.notes[0]


def test_a_stale_erratum_is_flagged_and_never_misapplied(workspace: Workspace) -> None:
    repair = of_kind(workspace, "erratum")
    files.save(workspace.root, repair)
    workspace.ingest()
    workspace.write({"pump.md": PUMP.replace("12 litres", "15 litres")})

    report = workspace.ingest()

    mark = marks(workspace, "docs/pump.md")["erratum_stale"]
    assert report.repairs.flagged == workspace.open().manifest.counts.flagged == 1
    assert "gives 15 litres" in "\n".join(workspace.texts("docs/pump.md"))
    assert f"{repair_id(repair)} was not applied: expected 'gives 12' once" in mark.reason
    assert "ragpress documents erratum" in mark.reason


def test_an_erratum_goes_on_holding_where_its_anchor_stands_in_a_new_version(workspace: Workspace) -> None:
    long = signed(
        Erratum,
        source="docs/pump.md",
        version=version_of(workspace, "docs/pump.md"),
        before="The pump gives ",
        find="12",
        replace="24",
        after=" litres.",
    )
    short = signed(
        Erratum, source="docs/pump.md", version=version_of(workspace, "docs/pump.md"), find="40", replace="44"
    )
    for one in (long, short):
        files.save(workspace.root, one)
    workspace.ingest()
    assert "weighs 44" in "\n".join(workspace.texts("docs/pump.md"))
    workspace.write({"pump.md": PUMP + "\nIt is blue.\n"})

    workspace.ingest()

    text = "\n".join(workspace.texts("docs/pump.md"))
    assert "gives 24 litres" in text
    assert "weighs 40" in text
    assert "too short to tell" in marks(workspace, "docs/pump.md")["erratum_stale"].reason


def test_an_unknown_parser_is_flagged_and_the_document_is_read_as_before(workspace: Workspace) -> None:
    files.save(workspace.root, signed(Reparse, source="docs/pump.md", parser="magic"))

    workspace.ingest()

    assert workspace.rows()["docs/pump.md"].state == "live"
    assert "there is no parser 'magic'" in marks(workspace, "docs/pump.md")["reparse_stale"].reason


def test_settings_changed_by_repairs_are_sealed_and_the_later_of_two_holds(workspace: Workspace) -> None:
    files.save(workspace.root, signed(SettingsChange, settings={"retrieval": {"k": 3}, "context": {"tokens": 900}}))
    later = "2026-03-02T12:00:00+00:00"
    files.save(workspace.root, signed(SettingsChange, settings={"retrieval": {"k": 4}}, at=later))

    report = workspace.ingest()
    manifest = workspace.open().manifest

    assert manifest.retrieval.k == 4
    assert manifest.answering is not None
    assert manifest.answering.context.tokens == 900
    assert len(report.repairs.notes) == 1
    assert "both decide k of [retrieval]" in report.repairs.notes[0]
    assert report.plan["unchanged"] == 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"access": {"default": ["everyone"]}}, "never changes who may read what"),
        ({"sources": {"folders": ["x"]}}, r"cannot change \[sources\]"),
        ({"retrieval": {"kk": 3}}, "unknown field `kk`"),
    ],
)
def test_settings_that_no_repair_may_change_are_refused(
    workspace: Workspace, settings: dict[str, dict[str, Any]], said: str
) -> None:
    repair = signed(SettingsChange, settings=settings)

    with pytest.raises(SettingsError, match=said):
        workspace.ingest(trial=(repair,), publish=False)
    files.save(workspace.root, repair)
    with pytest.raises(SettingsError, match=said):
        workspace.ingest()


def test_a_missing_document_changes_no_release(workspace: Workspace) -> None:
    repair = signed(MissingDocument, questions=("How loud is it?",), wanted="A data sheet.")
    files.save(workspace.root, repair)

    assert not workspace.ingest().published
    assert files.load_all(workspace.root, "default") == (repair,)


def test_a_prompt_that_is_tried_is_sealed_in_the_candidate_alone(workspace: Workspace) -> None:
    (workspace.root / "prompts").mkdir()
    built_in = workspace.open().manifest.answering
    assert built_in is not None
    (workspace.root / "prompts" / "terse.toml").write_text(built_in_text())

    report = workspace.ingest(trial=(signed(PromptChoice, prompt="terse"),), publish=False)

    assert report.release is not None
    sealed = workspace.open(report.release).manifest.answering
    assert sealed is not None
    assert (sealed.prompt.name, built_in.prompt.name) == ("terse", "default")


def test_the_difference_of_two_releases_names_repairs(workspace: Workspace) -> None:
    before = workspace.open()
    repair = of_kind(workspace, "erratum")
    files.save(workspace.root, repair)
    workspace.ingest()

    found = diff(before, workspace.open())

    assert (f"repairs.{repair_id(repair)}", "", "in force") in found.settings
    assert [change.source for change in found.documents] == ["docs/pump.md"]


def test_cleaning_rules_keep_and_switch_off(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + '\n[clean]\ndrop_patterns = ["NOTE.*", "X.*"]\n')
    text = "# A\n\nNOTE the valve opens left.\n\nNOTE buy now\n\nX marks the spot.\n"
    workspace.write({"a.md": text, "b.md": text})
    workspace.ingest()
    untouched = workspace.rows()["docs/b.md"]
    files.save(workspace.root, signed(CleaningRule, family="a.md", keep=("NOTE the valve.*",), off=("X.*",)))

    report = workspace.ingest()

    found = "\n".join(workspace.texts("docs/a.md"))
    assert "valve opens left" in found
    assert "X marks" in found
    assert "buy now" not in found
    assert report.plan["reprocess"] == 1
    row = workspace.rows()["docs/b.md"]
    assert (row.derived, row.indexed) == (untouched.derived, untouched.indexed)


def test_a_repair_of_a_document_that_is_not_there_is_told(workspace: Workspace) -> None:
    files.save(workspace.root, signed(Reparse, source="docs/none.md", parser="text"))

    assert "'docs/none.md' is not among the sources" in workspace.ingest().repairs.notes[0]
