"""The command line as a user calls it: real processes, JSON on standard output, the contract's exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.commands.shared import DONE, FAILED, QUARANTINED, USAGE

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "ragpress", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def answer(folder: Path, *arguments: str, code: int = DONE) -> Any:
    done = run(folder, *arguments, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "docs").mkdir()
    (folder / "docs" / "tea.md").write_text("# Tea\n\nGreen tea is served at four.\n", encoding="utf-8")
    (folder / "docs" / "茶.md").write_text("# 茶\n\n下午四点供应绿茶。\n", encoding="utf-8")
    answer(folder, "init", ".", "--source", "docs")
    settings = folder / "ragpress.toml"
    text = settings.read_text(encoding="utf-8").replace('"multilingual-e5-small"\n\n[ret', '"hashing"\n\n[ret')
    settings.write_text(text, encoding="utf-8")
    return folder


def test_the_whole_way_from_a_folder_to_a_rollback(workspace: Path) -> None:
    plan = answer(workspace, "ingest", "--plan")
    assert plan["plan"]["added"] == 2
    assert plan["release"] is None

    first = answer(workspace, "ingest")
    assert first["published"] is True
    assert set(first) >= {
        "run",
        "collection",
        "release",
        "published",
        "plan",
        "chunks",
        "steps",
        "quarantined",
        "seconds",
    }
    assert set(first["plan"]) >= {"added", "changed", "moved", "deleted", "unchanged", "quarantined"}
    assert set(first["chunks"]) == {"total", "embedded", "reused", "deleted"}
    assert set(first["steps"]) == {"parse", "clean", "audit", "chunk", "embed"}

    found = answer(workspace, "search", "green tea", "-k", "1", "--explain")
    hit = found["hits"][0]
    assert found["release"] == first["release"]
    assert hit["source"] == "docs/tea.md"
    assert set(hit["stages"]) == {"dense", "lexical"}
    plain = answer(workspace, "search", "绿茶", "-k", "1")["hits"][0]
    assert plain["source"] == "docs/茶.md"
    assert "stages" not in plain
    assert set(plain) >= {
        "rank", "chunk_id", "document_id", "source", "title", "heading", "page", "start", "end", "text", "score",
    }  # fmt: skip

    chain = answer(workspace, "trace", hit["chunk_id"])
    assert chain["kind"] == "chunk"
    assert [link["link"] for link in chain["chain"]][-1] == "release"

    (workspace / "docs" / "tea.md").write_text("# Tea\n\nBlack tea is served at five.\n", encoding="utf-8")
    second = answer(workspace, "ingest")
    compared = answer(workspace, "releases", "diff", first["release"], second["release"])
    assert (compared["chunks_added"], compared["chunks_removed"]) == (1, 1)
    assert "Black tea" in answer(workspace, "search", "tea served", "-k", "1")["hits"][0]["text"]
    assert answer(workspace, "releases", "rollback")["release"] == first["release"]
    assert "Green tea" in answer(workspace, "search", "tea served", "-k", "1")["hits"][0]["text"]

    listed = answer(workspace, "releases", "list")
    assert listed["live"] == first["release"]
    assert [item["state"] for item in listed["releases"]] == ["previous", "live"]
    documents = answer(workspace, "documents", "list")["documents"]
    assert {item["source"]: item["state"] for item in documents} == {"docs/tea.md": "live", "docs/茶.md": "live"}
    state = answer(workspace, "status")["collections"][0]
    assert (state["name"], state["live"], state["documents"]) == ("default", first["release"], 2)
    assert answer(workspace, "doctor")["healthy"] is True


def test_quarantined_documents_give_exit_code_three(workspace: Path) -> None:
    broken = workspace / "docs" / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    report = answer(workspace, "ingest", code=QUARANTINED)

    assert [item["source"] for item in report["quarantined"]] == ["docs/broken.pdf"]
    broken.unlink()
    answer(workspace, "ingest")


def test_people_get_tables_and_sentences(workspace: Path) -> None:
    for arguments in (["documents", "list"], ["releases", "list"], ["status"], ["search", "tea"], ["releases", "show"]):
        done = run(workspace, *arguments)
        assert done.returncode == DONE, done.stderr
        assert done.stdout.strip()
    assert "Nothing changed" in run(workspace, "ingest").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("search", "tea", "--release", "r99"), FAILED, "there is no release 'r99'"),
        (("trace", "nothing"), FAILED, "No chunk or document 'nothing'"),
        (("search", " "), USAGE, "The query is empty"),
        (("ingest", "--collection", "absent"), USAGE, "There is no collection 'absent'"),
        (("init", "."), USAGE, "already has a ragpress.toml"),
        (("documents", "list", "--state", "odd"), USAGE, "There is no state 'odd'"),
        (("ingest", "--nonsense"), USAGE, "No such option"),
    ],
)
def test_errors_say_what_to_do(workspace: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(workspace, *arguments)

    assert done.returncode == code
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_outside_a_workspace_the_way_in_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "status", "--json")

    assert done.returncode == USAGE
    assert json.loads(done.stdout)["error"]["type"] == "SettingsError"
    assert "ragpress init" in done.stderr


def test_a_workspace_without_documents_is_no_error(tmp_path: Path) -> None:
    answer(tmp_path, "init", ".")
    (tmp_path / "ragpress.toml").write_text('[sources]\nfolders = ["docs"]\n[embed]\nmodel = "hashing"\n')

    assert answer(tmp_path, "ingest")["plan"]["added"] == 0
    assert answer(tmp_path, "search", "anything")["hits"] == []
