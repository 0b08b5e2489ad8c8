"""What a reader does on the chat page."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def expect(shown: Any) -> Any:
    """Playwright's assertions about a locator: they wait until it is so. A page shows some moments after a click, a
    key or an answer of the service what comes of it; to look at once is to race against it.
    """
    from playwright.sync_api import expect as expected

    return expected(shown)


def ask(page: Any, question: str) -> Any:
    """Ask and wait for the end.

    Returns:
        The locator of the turn.
    """
    turns = page.locator(".turn")
    before = turns.count()
    page.locator("#ask").fill(question)
    page.locator("#ask").press("Enter")
    turn = turns.nth(before)
    turn.locator(".answer[aria-busy=false]").wait_for()
    return turn


def open_source(page: Any, turn: Any, number: int = 1) -> Any:
    """Open a source by its footnote and wait for the passage.

    Returns:
        The locator of the highlighted text.
    """
    turn.locator("button.cite", has_text=str(number)).first.click()
    mark = page.locator("#passage mark")
    mark.wait_for()
    return mark


def probe(page: Any, name: str) -> Any:
    """What a script of ``probes`` finds on a page."""
    return page.evaluate((Path(__file__).parent / "probes" / f"{name}.js").read_text(encoding="utf-8"))
