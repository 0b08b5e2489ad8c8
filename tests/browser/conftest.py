"""A real Chromium for the tests of the pages. What a page writes to its console, an open dialog, or a request to any
other host fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.sample import sample_workspace
from tests.browser.stub_service import StubService
from tests.serving.service_process import ServiceProcess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDE = {"width": 1360, "height": 860}
PATIENCE_MS = 20_000
"""So long may a page take on a busy machine."""

OpenPage = Callable[..., Any]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """The browser. It is gone after these tests: while its event loop runs, no other test can have one."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra test)")
    path = os.environ.get("RAGPRESS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium: install one (apt-get install chromium) or name it in RAGPRESS_CHROMIUM")
    sync_api.expect.set_options(timeout=PATIENCE_MS)
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=options)
        yield opened
        opened.close()


class Watched:
    """What went wrong in the pages of a test.

    Attributes:
        faults: what fails the test.
        expected: beginnings of console messages that the test causes on purpose.
        popups: whether the test opens other tabs on purpose.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.expected: list[str] = []
        self.popups = False

    def watch(self, page: Any, base_url: str) -> None:
        """Listen to a page."""
        host = urlsplit(base_url).netloc
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("dialog", self._dialog)
        page.on("popup", self._popup)
        page.context.on("request", lambda request: self._request(request.url, host))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(message.text.startswith(one) for one in self.expected):
            self.faults.append(f"console: {message.text}")

    def _popup(self, popup: Any) -> None:
        if not self.popups:
            self.faults.append(f"popup: {popup.url}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != host:
            self.faults.append(f"request: {url}")


@pytest.fixture
def watched() -> Iterator[Watched]:
    """What goes wrong in the pages; must be nothing in the end."""
    watcher = Watched()
    yield watcher
    assert watcher.faults == []


@pytest.fixture
def services() -> Iterator[ExitStack]:
    """Services of one test: they end after its pages are closed, so that nothing a page still fetches fails."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def open_page(browser: Any, watched: Watched, services: ExitStack) -> Iterator[OpenPage]:
    """Opens a page of a service in a browser profile of its own: ``open_page(base_url, path="/", **context)``."""
    contexts = []

    def opened(base_url: str, path: str = "/", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watched.watch(page, base_url)
        page.goto(base_url + path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def stub(services: ExitStack) -> StubService:
    """A service that does as it is told."""
    return services.enter_context(StubService())


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A real service over the sample, with the quoting generator."""
    workspace = sample_workspace(tmp_path_factory.mktemp("browser"))
    with ServiceProcess(workspace.root) as running:
        yield running
