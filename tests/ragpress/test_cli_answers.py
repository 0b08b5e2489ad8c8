"""``ragpress ask``, ``chat`` and ``search`` with callers and filters, as a user calls them: in real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.commands.shared import DONE, FAILED, USAGE
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).parents[2]
ACCESS = '\n[access]\nrules = { "docs/secret/**" = ["staff"] }\n'


def run(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, env=ENVIRONMENT, input=typed, capture_output=True, text=True, check=False
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ragpress", *arguments]


def answer(folder: Path, *arguments: str) -> Any:
    done = run(folder, *arguments, "--json")
    assert done.returncode == DONE, done.stderr + done.stdout
    return json.loads(done.stdout)


ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("answers"), SETTINGS + ACCESS)
    workspace.write(
        {
            "tea.md": "# Tea\n\nGreen tea is served at four in the afternoon. Black tea costs three euros a cup.\n",
            "茶.md": "# 茶\n\n下午四点供应绿茶。红茶每杯三欧元。\n",
            "secret/vault.md": "# Vault\n\nThe vault code of the tea house is narwhal-blue.\n",
        }
    )
    assert workspace.ingest().published
    return workspace.root


def test_ask_gives_the_contracts_json(folder: Path) -> None:
    found = answer(folder, "ask", "When is green tea served?")
    assert set(found) >= {
        *("id", "question", "answer", "abstained", "citations", "release", "generator", "prompt", "seconds", "usage"),
    }
    assert found["answer"] == "Green tea is served at four in the afternoon. [1]"
    assert found["abstained"] is False
    assert found["generator"] == {"kind": "extractive", "model": "hashing"}
    assert set(found["seconds"]) == {"retrieve", "first_token", "total"}
    (citation,) = found["citations"]
    assert set(citation) >= {
        *("index", "chunk_id", "document_id", "source", "title", "heading", "page", "start", "end", "quote", "score"),
    }
    text = (folder / citation["source"]).read_text(encoding="utf-8")
    assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_ask_shows_the_answer_with_its_sources(folder: Path) -> None:
    done = run(folder, "ask", "绿茶几点供应？")
    assert done.returncode == DONE
    lines = done.stdout.splitlines()
    assert lines[0] == "下午四点供应绿茶。[1]"
    assert lines[1].startswith("[1] docs/茶.md")
    assert lines[2].strip() == "下午四点供应绿茶。"
    assert "generator extractive hashing" in lines[-1]


def test_an_unanswerable_question_is_turned_down(folder: Path) -> None:
    found = answer(folder, "ask", "Which volcano erupted on Iceland during the glaciation?")
    assert found["abstained"] is True
    assert found["citations"] == []


def test_groups_decide_what_is_found(folder: Path) -> None:
    question = "What is the vault code of the tea house?"
    assert "narwhal" in answer(folder, "ask", question)["answer"]
    assert "narwhal" in answer(folder, "ask", question, "--as", "staff")["answer"]
    shut_out = run(folder, "ask", question, "--as", "guests", "--json")
    assert shut_out.returncode == DONE
    assert "narwhal" not in shut_out.stdout
    assert "vault.md" not in shut_out.stdout
    sources = {hit["source"] for hit in answer(folder, "search", question, "--as", "guests", "--as", "x")["hits"]}
    assert sources == {"docs/tea.md", "docs/茶.md"}


def test_filters_decide_what_is_found(folder: Path) -> None:
    hits = answer(folder, "search", "tea", "--filter", "source=**/tea.md")["hits"]
    assert [hit["source"] for hit in hits] == ["docs/tea.md"]
    assert answer(folder, "ask", "When is green tea served?", "--filter", "source=docs/secret/**")["abstained"] is True
    wrong = run(folder, "ask", "When?", "--filter", "language")
    assert wrong.returncode == USAGE
    assert "KEY=VALUE" in wrong.stderr


def test_search_explains_its_stages_to_those_who_ask(folder: Path) -> None:
    plain = answer(folder, "search", "green tea", "-k", "2")
    assert all("stages" not in hit for hit in plain["hits"])
    told = answer(folder, "search", "green tea", "-k", "2", "--explain")
    assert [hit["chunk_id"] for hit in told["hits"]] == [hit["chunk_id"] for hit in plain["hits"]]
    assert {"dense", "lexical"} <= set(told["hits"][0]["stages"])
    assert [stage["name"] for stage in told["stages"]][:3] == ["scope", "embed", "dense"]
    shown = run(folder, "search", "green tea", "--explain")
    assert "lexical" in shown.stdout
    assert "fused" in shown.stdout


@pytest.mark.parametrize("command", ["ask", "search"])
def test_bytes_that_are_no_text_are_no_part_of_a_question(folder: Path, command: str) -> None:
    found = answer(folder, command, "When is green\udcff tea served?")
    assert "docs/tea.md" in json.dumps(found)


def test_a_conversation_goes_on_from_what_was_said(folder: Path) -> None:
    typed = "When is green tea served?\n/sources\nAnd black tea, how much?\n/nonsense\n/quit\nnot read\n"
    done = run(folder, "chat", typed=typed)
    assert done.returncode == DONE
    assert done.stdout.startswith("Green tea is served at four in the afternoon. [1]\n[1] docs/tea.md")
    assert "Black tea costs three euros a cup." in done.stdout
    assert "/sources" in done.stderr
    assert "not read" not in done.stdout


def test_bytes_that_are_no_text_do_not_end_a_conversation(folder: Path) -> None:
    typed = b"Green \xff tea\n" + "下午几点供应绿茶？\n".encode()
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command("chat"), cwd=folder, env=environment, input=typed, capture_output=True, check=False)
    assert done.returncode == DONE, done.stderr
    assert "下午四点供应绿茶" in done.stdout.decode()


def test_a_terminal_without_chinese_shows_escapes(folder: Path) -> None:
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii:strict"}
    arguments = command("ask", "下午几点供应绿茶？")
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == DONE, done.stderr
    assert "下午四点".encode("unicode_escape").decode() in done.stdout


def test_a_conversation_as_json_has_a_line_for_each_answer(folder: Path) -> None:
    done = run(folder, "chat", "--json", typed="When is green tea served?\nand black tea?\n/new\nand black tea?")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["question"] for one in found] == ["When is green tea served?", "and black tea?", "and black tea?"]
    assert found[1]["standalone"] == "and black tea? (green served)"
    assert found[2]["standalone"] == "and black tea?"


@pytest.fixture
def silent(folder: Path) -> Iterator[socket.socket]:
    """A server that takes connections and never answers; the workspace's generator is behind it."""
    settings = folder / "ragpress.toml"
    before = settings.read_text(encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(240)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        settings.write_text(f'{before}\n[generator]\nbase_url = "{address}"\nretries = 0\n', encoding="utf-8")
        yield server
    settings.write_text(before, encoding="utf-8")


def test_a_served_model_that_is_not_there_is_an_error_that_says_what_to_do(folder: Path, silent: socket.socket) -> None:
    silent.close()
    done = run(folder, "ask", "When is green tea served?")
    assert done.returncode == FAILED
    assert "base_url" in done.stderr
    told = run(folder, "ask", "When is green tea served?", "--json")
    assert told.returncode == FAILED
    assert json.loads(told.stdout)["error"]["type"] == "GeneratorUnavailableError"
    chat = run(folder, "chat", typed="When is green tea served?\n")
    assert chat.returncode == FAILED
    assert "base_url" in chat.stderr


def test_an_interrupt_stops_the_answer_and_not_the_conversation(folder: Path, silent: socket.socket) -> None:
    with subprocess.Popen(
        command("chat"),
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write("When is green tea served?\n")
        process.stdin.flush()
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            # The client may swallow a cancellation that comes just as it connects: people press again.
            try:
                _, stderr = process.communicate("/nonsense\n/quit\n", timeout=20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=240)
    assert "(stopped)" in stderr
    assert "/sources" in stderr
    assert process.returncode == DONE


def test_a_conversation_takes_up_what_goes_live(tmp_path: Path) -> None:
    space = Workspace(tmp_path, SETTINGS)
    space.write({"tea.md": "# Tea\n\nGreen tea is served at four in the afternoon.\n"})
    first = space.ingest().release
    talks = {name: _talk(space.root, *more) for name, more in {"live": (), "kept": ("--release", str(first))}.items()}
    assert [_said(talk)["release"] for talk in talks.values()] == [first, first]
    space.write({"tea.md": "# Tea\n\nGreen tea is served at nine in the evening.\n"})
    second = space.ingest().release
    answers = {name: _said(talk) for name, talk in talks.items()}
    assert (answers["live"]["release"], answers["kept"]["release"]) == (second, first)
    assert "at nine" in answers["live"]["answer"]
    assert "at four" in answers["kept"]["answer"]
    for talk in talks.values():
        talk.communicate(timeout=30)
        assert talk.returncode == DONE


def _talk(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("chat", "--json", *more),
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _said(talk: subprocess.Popen[str]) -> Any:
    assert talk.stdin is not None
    assert talk.stdout is not None
    talk.stdin.write("When is green tea served?\n")
    talk.stdin.flush()
    return json.loads(talk.stdout.readline())


def test_sources_of_no_answer_and_errors_write_no_answer(folder: Path) -> None:
    done = run(folder, "chat", typed="/sources\n")
    assert (done.returncode, done.stdout) == (DONE, "")
    assert "no answer yet" in done.stderr
    empty = run(folder, "ask", " ")
    assert (empty.returncode, empty.stdout) == (USAGE, "")
