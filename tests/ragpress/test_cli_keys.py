"""``ragpress keys``: what it prints, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ragpress.cli import app
from ragpress.errors import UsageError
from serving.callers import Role
from serving.commands.keys_cli import parse_expiry
from serving.keys.ring import KeyRing
from tests.workspace import SETTINGS, Workspace

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
RULES = '\n[access]\nrules = { "docs/hr/**" = ["hr"] }\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, SETTINGS + RULES)


def run(workspace: Workspace, *arguments: str) -> Any:
    done = CliRunner().invoke(app, ["--workspace", str(workspace.root), "keys", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def answer(workspace: Workspace, *arguments: str) -> Any:
    return json.loads(run(workspace, *arguments, "--json").stdout)


def ring(workspace: Workspace) -> KeyRing:
    return KeyRing(workspace.environment().store)


def test_a_key_is_shown_once_and_works(workspace: Workspace) -> None:
    shown = run(workspace, "add", "alice", "--group", "hr", "--role", "ask", "--role", "ingest")
    token = shown.stdout.splitlines()[0]

    caller = ring(workspace).caller(token)

    assert caller is not None
    assert caller.owner == "alice"
    assert caller.roles == {Role.ASK, Role.INGEST}
    assert caller.principal.groups == {"hr"}
    assert "cannot be shown again" in shown.stdout
    for listed in (run(workspace, "list"), run(workspace, "list", "--json"), run(workspace, "revoke", "alice")):
        assert token.split("_")[2] not in listed.output
    assert ring(workspace).caller(token) is None


def test_json_has_every_fact(workspace: Workspace) -> None:
    made = answer(
        workspace, "add", "bob", "--requests-per-minute", "60", "--tokens-per-minute", "9000", "--expires", "1h"
    )

    assert made["key"].startswith(f"rp_{made['id']}_")
    assert {name: made[name] for name in ("name", "state", "roles", "groups", "revoked")} == {
        "name": "bob",
        "state": "in force",
        "roles": ["ask"],
        "groups": [],
        "revoked": None,
    }
    assert (made["requests_per_minute"], made["tokens_per_minute"]) == (60, 9000)
    listed = answer(workspace, "list")["keys"]
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    assert answer(workspace, "revoke", made["id"])["state"] == "revoked"
    assert [key["state"] for key in answer(workspace, "list")["keys"]] == ["revoked"]


def test_groups_that_open_nothing_are_told(workspace: Workspace) -> None:
    assert "No access rule names 'hrr'" in run(workspace, "add", "a", "--group", "hr", "--group", "hrr").stderr
    assert run(workspace, "add", "b", "--group", "hr").stderr == ""
    assert "reads every document" in run(workspace, "add", "c", "--role", "admin", "--group", "hr").stderr


def test_without_keys_the_list_says_what_that_means(workspace: Workspace) -> None:
    assert "listens on this machine only" in run(workspace, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "../x"), "cannot be the name of a key"),
        (("add", "a", "--role", "root"), "Choose among: ask, ingest, admin"),
        (("add", "a", "--expires", "soon"), "expected a span such as 12h, 90d or 8w, or a date"),
        (("add", "a", "--group", "\x1b[31m"), "cannot be a group"),
        (("revoke", "nobody"), "No key in force has the name or id 'nobody'. Keys in force: none"),
    ],
)
def test_what_makes_no_sense_is_refused(workspace: Workspace, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        run(workspace, *arguments)
    assert message in str(refused.value)
    assert not ring(workspace).required


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("8w", NOW + timedelta(weeks=8)),
        ("2031-03-01", datetime(2031, 3, 2, tzinfo=UTC)),
        ("2031-12-31", datetime(2032, 1, 1, tzinfo=UTC)),
    ],
)
def test_expiry_is_a_span_or_the_last_day(text: str, expires: datetime) -> None:
    assert parse_expiry(text, NOW) == expires


@pytest.mark.parametrize(
    "text",
    ["", "d", "0d", "-1d", "1y", "1.5d", "99999999999999999999d", "2031-02-28", "2031-02-30", "٣d", "9999-12-31"],
)
def test_expiries_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="makes no sense"):
        parse_expiry(text, NOW)
