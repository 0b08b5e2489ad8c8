"""Loaders and blob parsers of LangChain as parser plugins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseBlobParser, BaseLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from ingest.langchain.loaders import LoaderParser
from ragpress.errors import ParseError, SettingsError, TooLargeError
from ragpress.settings import ParseSettings
from ragpress.types import ElementKind
from tests.plugins import PluginFolder, plugins
from tests.workspace import SETTINGS, Workspace

__all__ = ["plugins"]

PLAIN = ParseSettings()


class PageLoader(BaseLoader):
    """Pages between form feeds, as LangChain's PDF loaders give them."""

    def __init__(self, path: str, shout: bool = False) -> None:
        self.path = path
        self.shout = shout

    def lazy_load(self) -> Iterator[Document]:
        text = Path(self.path).read_text(encoding="utf-8")
        for number, page in enumerate(text.split("\f")):
            body = page.upper() if self.shout else page
            yield Document(body, metadata={"source": self.path, "page": number, "author": "A. Nonymous"})


class LineParser(BaseBlobParser):
    """A Document for each line; what stands before a colon is its category."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        for line in blob.as_string().splitlines():
            category, _, text = line.partition(":")
            yield Document(text, metadata={"source": blob.source, "category": category, "page_number": 3})


class HeaderParser(BaseBlobParser):
    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        yield Document("intro", metadata={"title": "Guide"})
        yield Document("cups", metadata={"Header 1": "Tea", "Header 2": "Green", "title": "Guide"})
        yield Document("plain", metadata={"Header 1": "Coffee", "title": "Guide"})


class FailingLoader(BaseLoader):
    def __init__(self, path: str) -> None:
        self.path = path

    def lazy_load(self) -> Iterator[Document]:
        raise OSError(f"no table of contents in {self.path}")


def test_pages_paragraphs_and_shared_metadata() -> None:
    document = LoaderParser(PageLoader)(b"one\n\ntwo\fthree", "docs/a.txt", PLAIN)

    assert document.text == "one\n\ntwo\n\nthree"
    assert [(element.page, document.text[element.start : element.end]) for element in document.elements] == [
        (1, "one"),
        (1, "two"),
        (2, "three"),
    ]
    assert document.pages == 2
    assert document.metadata == {"author": "A. Nonymous"}
    assert document.parser.endswith("PageLoader")


def test_options_reach_the_loader() -> None:
    assert LoaderParser(PageLoader, shout=True)(b"one", "a.txt", PLAIN).text == "ONE"


def test_categories_become_kinds() -> None:
    document = LoaderParser(LineParser)(b"Title:Menu\nNarrativeText:Tea is served.\nTable:a|b", "a.menu", PLAIN)

    assert [element.kind for element in document.elements] == [
        ElementKind.TITLE,
        ElementKind.PARAGRAPH,
        ElementKind.TABLE,
    ]
    assert [element.heading for element in document.elements] == [("Menu",)] * 3
    assert {element.page for element in document.elements} == {3}


def test_headers_become_heading_paths_and_the_title_is_kept() -> None:
    document = LoaderParser(HeaderParser)(b"", "a.x", PLAIN)

    assert [element.heading for element in document.elements] == [(), ("Tea", "Green"), ("Coffee",)]
    assert (document.title, document.metadata) == ("Guide", {})


def test_a_failing_loader_is_a_reason_without_this_machines_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    with pytest.raises(ParseError, match=r"FailingLoader failed \(OSError: no table of contents in a.txt\)") as caught:
        LoaderParser(FailingLoader).parse_file(path, b"", "a.txt", PLAIN)

    assert str(tmp_path) not in str(caught.value)


def test_too_much_text_is_refused() -> None:
    with pytest.raises(TooLargeError, match="more than 3 characters"):
        LoaderParser(PageLoader)(b"one two", "a.txt", ParseSettings(max_characters=3))


def test_a_loader_by_its_path_is_imported_when_it_reads() -> None:
    name = f"{__name__}.PageLoader"

    assert LoaderParser(name)(b"one", "a.txt", PLAIN).text == "one"
    assert LoaderParser(name).fingerprint == LoaderParser(PageLoader).fingerprint
    for missing in ("not_installed_here.Loader", f"{__name__}.Missing", "Loader"):
        with pytest.raises(ParseError, match="cannot be imported"):
            LoaderParser(missing)(b"one", "a.txt", PLAIN)


def test_the_fingerprint_follows_options_and_package() -> None:
    makers: list[LoaderParser] = [
        LoaderParser(PageLoader),
        LoaderParser(LineParser),
        LoaderParser(PageLoader, shout=True),
        LoaderParser(PageLoader, fingerprint="2"),
    ]

    assert len({made.fingerprint for made in makers}) == 4
    options: dict[str, Any] = {"shout": object()}
    with pytest.raises(SettingsError, match="no plain data"):
        _ = LoaderParser(PageLoader, **options).fingerprint


@pytest.mark.process
def test_it_reads_in_a_worker_of_a_real_ingest(plugins: PluginFolder, tmp_path: Path) -> None:
    plugins.install(
        "pages",
        "from pathlib import Path\n"
        "from langchain_core.document_loaders import BaseLoader\n"
        "from langchain_core.documents import Document\n"
        "class PageLoader(BaseLoader):\n"
        "    def __init__(self, path):\n        self.path = path\n"
        "    def lazy_load(self):\n"
        "        for number, text in enumerate(Path(self.path).read_text().split('\\f')):\n"
        "            yield Document(text, metadata={'page': number})\n",
        {},
    )
    plugins.install(
        "pages_plugin",
        "from ingest.langchain.loaders import LoaderParser\nparser = LoaderParser('pages.PageLoader')\n",
        {"ragpress.parsers": "pages = pages_plugin:parser"},
    )
    (tmp_path / "workspace").mkdir()
    workspace = Workspace(tmp_path / "workspace", SETTINGS + '\n[parse]\nplugins = { ".pages" = "pages" }\n')
    workspace.write({"tea.pages": "Green tea is served at four.\fBlack tea at five."})

    workspace.ingest()

    assert "pages" not in sys.modules, "only the worker imports the loader"
    assert workspace.rows()["docs/tea.pages"].pages == 2
    assert workspace.texts("docs/tea.pages") == ["Green tea is served at four.\n\nBlack tea at five."]
