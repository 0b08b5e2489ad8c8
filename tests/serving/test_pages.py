"""The pages' files: what is served, how, and that they keep to the rules that no browser checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient

import serving.pages
from index.findings import Cause, EventKind, FindingState
from index.repairs.records import RepairKind
from ragpress.loop_settings import RepairName
from tests.browser.stub_service import StubService

FOLDER = Path(serving.pages.__path__[0])
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".html", ".js", ".css", ".svg"))
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
PAGES = [path for path in FILES if path.suffix == ".html"]
NOT_FOUND = ["/static/", "/static/__init__.py", "/static/chat.html", "/static/..%2fapi%2fpages.py", "/static/%2e%2e"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    stub = StubService(languages=("zh",))
    with TestClient(stub.app) as client:
        yield client
    stub.close()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/static/chat.js", "text/javascript; charset=utf-8"),
        ("/static/base.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/service.js", "text/javascript; charset=utf-8"),
    ],
)
def test_files_have_a_type_and_are_sent_once(client: TestClient, path: str, media_type: str) -> None:
    first = client.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, media_type)
    assert first.headers["x-content-type-options"] == "nosniff"
    again = client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    assert client.head(path).content == b""


@pytest.mark.parametrize("path", NOT_FOUND)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_service_says_its_languages(client: TestClient) -> None:
    assert 'LANGUAGES = ["zh"];' in client.get("/static/service.js").text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_keep_to_the_content_security_policy(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\ssrc=\"/static/)[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", page) == []
    loaded = re.findall(r"(?:src|href)=\"([^\"#]+)\"", page)
    assert [one for one in loaded if not (one.startswith("/static/") or one in ("/", "/admin"))] == []
    missing = [one for one in loaded if one.startswith("/static/") and not (FOLDER / one[8:]).is_file()]
    assert missing == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_read_html_and_name_no_other_host(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser|setHTML"
    assert re.findall(forbidden, script) == []
    hosts = re.findall(r"https?://[\w./-]+", script)
    assert [one for one in hosts if not one.startswith(("http://www.w3.org/", "https://html.spec.whatwg.org/"))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"url\(|@import|//cdn|fonts\.g", text) == []


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    english, chinese = (_words(name) for name in ("ENGLISH", "CHINESE"))
    assert english.keys() == chinese.keys()
    values = {key: (_values(english[key]), _values(chinese[key])) for key in english}
    assert {key: both for key, both in values.items() if both[0] != both[1]} == {}
    assert len(english) > 80


def test_every_word_that_the_chat_page_names_exists() -> None:
    known = _words("ENGLISH").keys() | _key_words()
    chat = [path for path in SCRIPTS if not path.name.startswith("admin")] + [FOLDER / "chat.html"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in chat if path.name != "chat_words.js")
    named = set(
        re.findall(r"(?:words|wordsLabel|wordsPlaceholder|data-words(?:-label|-placeholder)?)[:=] ?\"([\w.]+)\"", text)
    )
    named |= set(re.findall(r"\bsay\(\"([\w.]+)\"", text)) | set(re.findall(r"setWords\(\w+, \"([\w.]+)\"", text))
    assert named - known == set()
    assert len(named) > 60


def test_every_icon_that_is_drawn_exists() -> None:
    page = (FOLDER / "chat.html").read_text(encoding="utf-8")
    known = set(re.findall(r'id="icon-(\w+)"', page))
    text = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS if not path.name.startswith("admin"))
    drawn = set(re.findall(r"\bicon\(\"(\w+)\"\)", text)) | set(re.findall(r"#icon-(\w+)\"", page))
    assert drawn - known == set()


def test_findings_have_words_for_every_state_cause_and_repair_in_both_languages() -> None:
    text = (FOLDER / "admin_words_findings.js").read_text(encoding="utf-8")
    english, chinese = (
        dict(re.findall(r"^\s+\"([\w.]+)\": \"(.*)\",$", part, re.MULTILINE)) for part in text.split("const zh = {")
    )
    assert english.keys() == chinese.keys()
    assert {key for key in english if _values(english[key]) != _values(chinese[key])} == set()
    wanted = {f"event.{kind}" for kind in get_args(EventKind)} | {f"finding.{kind}" for kind in get_args(FindingState)}
    wanted |= {f"cause.{cause}{end}" for cause in Cause for end in ("", ".what")}
    wanted |= {f"repair.{kind}" for kind in get_args(RepairKind)} | {f"kind.{kind}" for kind in get_args(RepairName)}
    assert wanted - english.keys() == set()


def _words(table: str) -> dict[str, str]:
    text = (FOLDER / "chat_words.js").read_text(encoding="utf-8")
    body = text.split(f"const {table} = {{")[1].split("\n};")[0]
    return dict(re.findall(r"^\s+\"?([\w.]+)\"?:\s+\"(.*)\",$", body, re.MULTILINE))


def _key_words() -> set[str]:
    return set(re.findall(r"\"(key\.\w+)\":", (FOLDER / "key_dialog.js").read_text(encoding="utf-8")))


def _values(words: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", words))
