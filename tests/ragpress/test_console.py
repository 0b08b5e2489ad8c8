"""What people see: nothing out of a document, a file name or an error reaches the terminal as an order."""

from __future__ import annotations

import re

import msgspec
import pytest
from rich.console import Console

from ragpress import console
from ragpress.errors import UsageError

EVIL = "evil\x1b[31mname\x9b2J\u202e\udcff\nline.md"
SHOWN = r"evil\x1b[31mname\x9b2J\u202e\udcff\nline.md"
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\udcff]")


class Listed(msgspec.Struct):
    state: str
    source: str
    title: str
    chunks: int
    reason: str
    marks: tuple[str, ...] = ()


class Documents(msgspec.Struct):
    documents: tuple[Listed, ...]


class Release(msgspec.Struct):
    id: str
    state: str
    created: str
    documents: int
    chunks: int
    reason: str


class Releases(msgspec.Struct):
    releases: tuple[Release, ...]


def test_names_cannot_order_the_terminal_about(capsys: pytest.CaptureFixture[str]) -> None:
    item = Listed("quarantined", EVIL, "[bold]:apple:\x07", 0, f"bad {EVIL}")
    console.show(Documents((item,)), False, console.documents)
    out = capsys.readouterr().out
    assert not ORDERS.search(out)
    assert out.splitlines() == [f"quarantined {SHOWN} · [bold]:apple:\\x07 · 0 chunks", f"            bad {SHOWN}"]


def test_titles_and_table_cells_cannot_either(capsys: pytest.CaptureFixture[str]) -> None:
    def render(record: str, out: Console) -> None:
        out.rule(record)
        table = console._table("a")
        table.add_row(record)
        out.print(table)

    console.show("a\x1b[2Jb", False, render)
    out = capsys.readouterr().out
    assert out.count(r"a\x1b[2Jb") == 2
    assert not ORDERS.search(out)


def test_errors_cannot_either(capsys: pytest.CaptureFixture[str]) -> None:
    console.fail(UsageError("no \x1b]0;title\x07 here"), False)
    assert capsys.readouterr().err == "error no \\x1b]0;title\\x07 here\n"


def test_a_release_says_why_it_was_made_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "a reason that is far too long for the column of a narrow table, and " * 3
    found = Release("r00001-abcdef0123", "live", "2026-01-01T00:00:00+00:00", 3, 9, reason)
    console.show(Releases((found,)), False, console.releases)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == [found.id, "live", found.created, "·", "3", "documents", "·", "9", "chunks"]
    assert second.strip() == reason.strip()


def test_no_release_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    console.show(Releases(()), False, console.releases)
    assert "ragpress ingest" in capsys.readouterr().out
