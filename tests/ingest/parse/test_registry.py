"""Fingerprint, hint, and errors of the registry."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from ingest.parse import registry
from ingest.parse.registry import LIBRARIES, hint, parse_bytes, parse_fingerprint
from ragpress.errors import ParseError
from ragpress.settings import ParseSettings


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_the_fingerprint_names_the_libraries_installed(name: str) -> None:
    assert version(name) == LIBRARIES[name], "raise CODE_VERSION and write the new version into LIBRARIES"


def test_the_fingerprint_follows_the_settings() -> None:
    assert parse_fingerprint(ParseSettings()) == parse_fingerprint(ParseSettings())
    assert parse_fingerprint(ParseSettings()) != parse_fingerprint(ParseSettings(ocr=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/B.MD", ".md"), ("c.tar.GZ", ".gz"), ("README", ""), ("x/Makefile", "makefile"), (".hidden", "")],
)
def test_the_hint_is_what_can_change_the_parse(name: str, expected: str) -> None:
    assert hint(name) == expected


def test_a_parsers_own_failure_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("part")

    monkeypatch.setattr("ingest.parse.registry._load", lambda _: fail)
    with pytest.raises(ParseError, match=r"Its parser failed \(KeyError: 'part'\)"):
        parse_bytes(b"x", "a.md", ParseSettings())


def test_binary_data_is_named() -> None:
    with pytest.raises(ParseError, match="not a document"):
        parse_bytes(b"\x7fELF\x02\x01\x01" + bytes(200), "a.md", ParseSettings())


@pytest.mark.process
def test_every_parser_can_be_the_first_that_a_process_loads() -> None:
    code = "import importlib, sys; importlib.import_module(sys.argv[1])"
    modules = sorted(
        {path.partition(":")[0] for path in [*registry._PARSERS.values(), *dict(registry._FAMILIES).values()]}
    )

    for module in (*modules, "ingest.parse.xml_runs"):
        done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{module}: {done.stderr[-300:]}"
