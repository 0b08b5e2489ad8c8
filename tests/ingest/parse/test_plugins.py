"""Parsers of other packages: which files they read, where they run, what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest.parse.pool import ParserPool
from ingest.parse.registry import ParseKeys, parse_bytes
from ragpress.errors import ParseError, SettingsError
from ragpress.settings import ParseSettings, WorkerSettings, parse_workspace
from tests.plugins import PluginFolder, plugins
from tests.workspace import SETTINGS, Workspace

__all__ = ["plugins"]

GROUP = "ragpress.parsers"
LOG = ParseSettings(plugins={".log": "logbook"})
CODE = """\
from ragpress.errors import ParseError
from ragpress.types import Element, ElementKind, ParsedDocument

def read(data, name, settings):
    text = data.decode().strip()
    if text == "wrong":
        return text
    if text == "bare":
        return ParsedDocument(text=text, elements=())
    if text == "beyond":
        return ParsedDocument(text=text, elements=(Element(ElementKind.PARAGRAPH, 0, 99),))
    if text == "network":
        import socket
        socket.create_connection(("127.0.0.1", 9))
    if text == "refused":
        raise ParseError("This log has no lines.")
    text = "LOG " + text
    return ParsedDocument(text=text, elements=(Element(ElementKind.PARAGRAPH, 0, len(text)),), title="A log")
"""


def install(plugins: PluginFolder, version: str = "1.0", code: str = CODE) -> None:
    plugins.install("logbook", code, {GROUP: "logbook = logbook:read"}, version)


def test_a_plugin_reads_the_files_of_its_extension(plugins: PluginFolder) -> None:
    install(plugins)

    document = parse_bytes(b"one two", "a/B.LOG", LOG)

    assert (document.text, document.parser, document.title) == ("LOG one two", "logbook 1.0", "A log")
    assert parse_bytes(b"one two", "a.txt", LOG).text == "one two"


def test_it_runs_in_a_worker_process_without_network(plugins: PluginFolder, tmp_path: Path) -> None:
    install(plugins)
    files = {"good.log": b"one two", "network.log": b"network"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    with ParserPool(LOG, WorkerSettings(processes=1)) as pool:
        good, network = pool.parse_many((name, str(tmp_path / name), name) for name in files)

    assert not isinstance(good.outcome, ParseError)
    assert good.outcome.text == "LOG one two"
    assert good.sha256 == hashlib.sha256(files["good.log"]).hexdigest()
    assert isinstance(network.outcome, ParseError)
    assert "never allowed" in str(network.outcome)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"wrong", "gave a str: expected a ParsedDocument"),
        (b"bare", "left the text from 0 on in no element"),
        (b"beyond", "gave an element at 0:99: expected ascending spans"),
        (b"refused", "This log has no lines"),
    ],
)
def test_what_is_no_document_is_a_reason(plugins: PluginFolder, text: bytes, message: str) -> None:
    install(plugins)

    with pytest.raises(ParseError, match=message):
        parse_bytes(text, "a.log", LOG)


def test_too_much_text_is_refused(plugins: PluginFolder) -> None:
    install(plugins)
    small = ParseSettings(plugins={".log": "logbook"}, max_characters=20)

    with pytest.raises(ParseError, match="gave 35 characters: expected at most the 20 of"):
        parse_bytes(b"thirty characters of a log-file", "a.log", small)


def test_a_file_parser_gets_the_path_and_a_file_that_changes_meanwhile_is_refused(
    plugins: PluginFolder, tmp_path: Path
) -> None:
    code = CODE + (
        "class Reader:\n"
        "    def __call__(self, data, name, settings):\n        return read(data, name, settings)\n"
        "    def parse_file(self, path, data, name, settings):\n"
        "        if b'append' in data:\n            path.write_bytes(data + b'more')\n"
        "        return read(path.name.encode(), name, settings)\n"
        "reader = Reader()\n"
    )
    plugins.install("logbook", code, {GROUP: "logbook = logbook:reader"})
    steady, moving = tmp_path / "steady.log", tmp_path / "moving.log"
    steady.write_bytes(b"one")
    moving.write_bytes(b"append")

    assert parse_bytes(b"one", "x.log", LOG, str(steady)).text == "LOG steady.log"
    assert parse_bytes(b"one", "x.log", LOG).text == "LOG one"
    with pytest.raises(ParseError, match="changed while it was read"):
        parse_bytes(b"append", "x.log", LOG, str(moving))


def test_only_the_files_of_a_changed_plugin_are_parsed_again(plugins: PluginFolder, tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    workspace = Workspace(tmp_path / "workspace", SETTINGS + '\n[parse]\nplugins = { ".log" = "logbook" }\n')
    workspace.write({"a.log": "one two\n", "b.md": "# Title\n\nText of a page.\n"})
    install(plugins)
    first = workspace.ingest()
    again = workspace.ingest()
    install(plugins, "1.1", CODE.replace("LOG ", "LOGBOOK "))
    changed = workspace.ingest()

    assert first.steps["parse"].computed == 2
    assert again.steps["parse"].computed == 0
    assert (changed.steps["parse"].computed, changed.steps["parse"].reused) == (1, 1)
    assert workspace.texts("docs/a.log") == ["LOGBOOK one two"]
    assert workspace.rows()["docs/a.log"].parser == "logbook 1.1"


def test_keys_follow_plugin_and_settings(plugins: PluginFolder) -> None:
    install(plugins)
    plain, with_plugin = ParseKeys(ParseSettings()), ParseKeys(LOG)
    longer = ParseKeys(ParseSettings(plugins=LOG.plugins, max_characters=5))

    assert plain.fingerprint != with_plugin.fingerprint
    assert plain.of(b"v", "a.md") == with_plugin.of(b"v", "a.md")
    assert len({keys.of(b"v", "a.log") for keys in (plain, with_plugin, longer)}) == 3


def test_a_missing_plugin_ends_the_run_before_anything_is_quarantined(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + '\n[parse]\nplugins = { ".log" = "not-installed" }\n')
    workspace.write({"a.log": "one two\n"})

    with pytest.raises(SettingsError, match="No installed package offers a plugin 'not-installed'"):
        workspace.ingest()


@pytest.mark.parametrize("extension", ["log", ".LOG", ".tar.gz", "."])
def test_an_extension_that_no_file_has_is_refused(extension: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[parse.plugins\].*is written like"):
        parse_workspace(tmp_path, {"parse": {"plugins": {extension: "logbook"}}})
