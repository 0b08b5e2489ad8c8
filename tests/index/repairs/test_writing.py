"""Repairs that a person makes by a command."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from index.catalogue import quarantine
from index.repairs import files
from index.repairs.records import Erratum, Quarantine, Reparse, Restore, Supersede
from ragpress.cli import app
from ragpress.errors import SettingsError, UsageError
from tests.index.repairs.test_kinds import PUMP, content, signed, version_of
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"pump.md": PUMP + "\nIt gives steam, 40 bar.\n", "old.md": "# Old\n\nThe old pump gives 3 litres.\n"})
    made.ingest()
    monkeypatch.chdir(tmp_path)
    return made


def run(*arguments: str) -> tuple[int, str]:
    """Run a command: its exit code and what it said."""
    result = CliRunner().invoke(app, ["documents", *arguments])
    if isinstance(result.exception, UsageError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_an_erratum_takes_as_much_context_as_its_place_needs(workspace: Workspace) -> None:
    code, output = run(
        "erratum", "docs/pump.md", "--find", "12", "--replace", "24", "--reason", "a slip of the pen", "--json"
    )
    (repair,) = files.load_all(workspace.root, "default")
    workspace.ingest()

    assert code == 0
    assert (workspace.root / json.loads(output)["file"]).is_file()
    assert isinstance(repair, Erratum)
    assert (repair.find, repair.reason) == ("12", "a slip of the pen")
    assert len((repair.before + repair.find + repair.after).encode()) >= 24
    assert "gives 24 litres" in "\n".join(workspace.texts("docs/pump.md"))


def test_a_text_that_stands_in_two_places_is_not_guessed_at(workspace: Workspace) -> None:
    twice = run("erratum", "docs/pump.md", "--find", "40", "--replace", "44", "--reason", "x")
    never = run("erratum", "docs/pump.md", "--find", "77", "--replace", "44", "--reason", "x")
    told = run("erratum", "docs/pump.md", "--find", "40", "--before", "weighs ", "--replace", "44", "--reason", "x")

    assert (twice[0], never[0], told[0]) == (2, 2, 0)
    assert "several places" in twice[1]
    assert "nowhere" in never[1]


def test_superseding_names_a_document_that_can_be_searched(workspace: Workspace) -> None:
    code, _ = run("supersede", "docs/old.md", "--by", "docs/pump.md", "--reason", "replaced in 2026")
    (repair,) = files.load_all(workspace.root, "default")
    workspace.ingest()
    refused = run("supersede", "docs/pump.md", "--by", "docs/old.md", "--reason", "x")

    assert code == 0
    assert isinstance(repair, Supersede)
    assert workspace.rows()["docs/old.md"].state == "superseded"
    assert refused[0] == 2
    assert "nothing would stand in its place" in refused[1]


def test_restore_takes_back_what_a_person_said(workspace: Workspace) -> None:
    before = content(workspace)
    run("supersede", "docs/old.md", "--by", "docs/pump.md", "--reason", "replaced")
    workspace.ingest()

    code, _ = run("restore", "docs/old.md")
    workspace.ingest()

    assert code == 0
    assert files.load_all(workspace.root, "default") == ()
    assert content(workspace) == before


def test_restore_brings_an_earlier_version_back(workspace: Workspace) -> None:
    first = version_of(workspace, "docs/pump.md")
    workspace.write({"pump.md": "# Pump\n\nNothing.\n"})
    workspace.ingest()

    unknown = run("restore", "docs/pump.md", "--version", "beef")
    code, output = run("restore", "docs/pump.md", "--version", first[:10], "--json")
    (repair,) = files.load_all(workspace.root, "default")
    workspace.ingest()

    assert (code, unknown[0]) == (0, 2)
    assert json.loads(output)["repair_id"].startswith("restore-")
    assert isinstance(repair, Restore)
    assert (repair.version, repair.instead_of) == (first, version_of_bytes(b"# Pump\n\nNothing.\n"))
    assert "12 litres" in "\n".join(workspace.texts("docs/pump.md"))


def version_of_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as a version is named."""
    return hashlib.sha256(data).hexdigest()


def test_a_parser_must_fit_and_the_last_one_named_holds_alone(workspace: Workspace) -> None:
    wrong = run("reparse", "docs/pump.md", "--parser", "ocr")
    first = run("reparse", "docs/pump.md", "--parser", "encoding:cp1252")
    second = run("reparse", "docs/pump.md", "--parser", "text")
    (repair,) = files.load_all(workspace.root, "default")
    workspace.ingest()

    assert (wrong[0], first[0], second[0]) == (2, 0, 0)
    assert "encoding:gb18030" in wrong[1].replace("\n", "")
    assert isinstance(repair, Reparse)
    assert workspace.rows()["docs/pump.md"].parser.endswith("(text)")


def test_a_quarantine_ends_a_restore(workspace: Workspace) -> None:
    files.save(workspace.root, signed(Restore, source="docs/pump.md", at="2030-01-01T00:00:00+00:00"))

    quarantine(workspace.environment(), "default", "docs/pump.md", "wrong after all")
    workspace.ingest()

    assert [type(one) for one in files.load_all(workspace.root, "default")] == [Quarantine]
    assert workspace.rows()["docs/pump.md"].state == "quarantined"


def test_files_of_any_name_count_and_are_found_by_id(workspace: Workspace) -> None:
    repair = signed(Quarantine, source="docs/old.md")
    path = files.save(workspace.root, repair)
    by_hand = path.with_name("my own name.json")
    path.rename(by_hand)

    found = files.find(workspace.root, "quarantine-none")
    assert found is None
    assert workspace.ingest().repairs.in_force == 1
    assert files.discard(workspace.root, repair)
    assert not by_hand.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"kind": "quarantine"', "is not a repair"),
        ('{"kind": "quarantine", "sauce": "x"}', "unknown field `sauce`"),
        ('{"kind": "restore", "source": "a", "version": "12", SIGNED}', "'12' is no version"),
        ('{"kind": "reparse", "source": "a", "parser": "", SIGNED}', "parser is empty"),
        ('{"kind": "supersede", "source": "a", "newer": "a", SIGNED}', "is the document itself"),
        ('{"kind": "cleaning", "family": "*.md", "off": ["mask_pii"], SIGNED}', "never unmasks"),
        ('{"kind": "cleaning", "family": "*.md", "drop": ["("], SIGNED}', "not a regular expression"),
        ('{"kind": "cleaning", "family": "*.md", SIGNED}', "nothing would change"),
        ('{"kind": "erratum", "source": "a", "version": "x", "find": "a", "replace": "b", SIGNED}', "version is 'x'"),
        ('{"kind": "settings", "settings": {"access": {}}, SIGNED}', "who may read what"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "repairs" / "mine.json"
    path.parent.mkdir()
    path.write_text(text.replace("SIGNED", '"collection": "default", "reason": "r", "by": "b", "at": "2026-03-01"'))

    with pytest.raises(SettingsError, match=said) as raised:
        files.load_all(tmp_path, "default")
    assert str(path) in str(raised.value)


def test_a_file_that_an_editor_broke_stops_its_own_collection_alone(tmp_path: Path) -> None:
    (tmp_path / "repairs").mkdir()
    (tmp_path / "repairs" / "x.json").write_text('{"kind": "quarantine", "collection": "other", "source": "a.md",,}')
    assert files.load_all(tmp_path, "default") == ()
    with pytest.raises(SettingsError, match=r"x\.json is not a repair.*Mend it or remove it"):
        files.load_all(tmp_path, "other")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "quarantine"}'])
def test_a_file_that_does_not_tell_its_collection_stops_all(tmp_path: Path, text: str) -> None:
    (tmp_path / "repairs").mkdir()
    (tmp_path / "repairs" / "x.json").write_text(text)
    with pytest.raises(SettingsError, match="Mend it or remove it"):
        files.load_all(tmp_path, "default")


def test_what_cannot_be_read_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "repairs" / "x.json").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"x\.json cannot be read"):
        files.load_all(tmp_path, "default")
