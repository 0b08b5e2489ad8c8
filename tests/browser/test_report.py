"""A report in a real browser: a file that loads nothing, and works by keyboard, in both languages and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from evaluation.report.render import render
from tests.browser.steps import expect, probe
from tests.evaluation.report.samples import compare_data, run_data
from tests.evaluation.report.test_render import hostile_data

pytestmark = pytest.mark.browser

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
OpenReport = Callable[..., Any]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reports."""
    folder = tmp_path_factory.mktemp("reports")
    pages = {
        "compare": render(compare_data(), "en"),
        "run": render(run_data(), "zh"),
        "hostile": hostile_data(),
    }
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.fixture
def open_report(browser: Any, reports: Path) -> Iterator[OpenReport]:
    """Opens a report by its name; anything that is written to the console, asked for or popped up fails the test."""
    contexts, faults = [], []

    def opened(name: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": WIDE, **options})
        contexts.append(context)
        page = context.new_page()
        address = (reports / f"{name}.html").as_uri()
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.on("popup", lambda popup: faults.append(f"popup: {popup.url}"))
        context.on("request", lambda request: None if request.url == address else faults.append(request.url))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [fault for fault in faults if fault != "data:,"] == []


def test_the_verdict_is_what_is_seen_first(open_report: OpenReport) -> None:
    page = open_report("compare")
    heading = page.locator("h1")
    expect(heading).to_contain_text("Refused", use_inner_text=True)
    assert heading.bounding_box()["y"] < 200
    assert page.locator(".metrics .strip.worse .point").count() > 5
    expect(page.locator(".case[open]")).to_have_count(1)


def test_the_language_is_switched_and_back(open_report: OpenReport) -> None:
    page = open_report("compare")
    before = page.locator("main").inner_text()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("h1")).to_contain_text("未通过：prompt brief 不宜上线", use_inner_text=True)
    expect(page.get_by_placeholder("在问题和答案中查找")).to_be_visible()
    expect(page.get_by_role("button", name="浅色或深色")).to_be_visible()
    page.get_by_role("button", name="English").click()
    assert page.locator("main").inner_text() == before
    expect(open_report("run").locator("html")).to_have_attribute("lang", "zh")


def test_filters_and_search_show_what_they_say(open_report: OpenReport) -> None:
    page = open_report("compare")
    shown = page.locator(".case:visible")
    everything = shown.count()
    worse = page.get_by_role("button", name="Worse")
    number = int(page.locator("[data-count=worse]").inner_text())
    worse.click()
    expect(worse).to_have_attribute("aria-pressed", "true")
    assert number < everything
    expect(shown).to_have_count(number)
    expect(page.locator("#shown")).to_have_text(str(number), use_inner_text=True)
    page.get_by_role("searchbox").fill("boiler")
    assert 0 < shown.count() < number
    page.get_by_role("searchbox").fill("no such words")
    expect(page.get_by_text("No case matches.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="All", exact=True).click()
    expect(shown).to_have_count(everything)
    page.get_by_role("button", name="Open all").click()
    expect(page.locator(".case[open]")).to_have_count(everything)


def test_it_works_by_keyboard_alone(open_report: OpenReport) -> None:
    page = open_report("compare")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "language"
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    second = page.locator(".case > summary").nth(1)
    second.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".case").nth(1)).to_have_attribute("open", "")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_it_can_be_read_without_scripts(open_report: OpenReport) -> None:
    page = open_report("compare", java_script_enabled=False)
    expect(page.locator("h1")).to_contain_text("Refused", use_inner_text=True)
    expect(page.get_by_role("searchbox")).not_to_be_visible()
    page.locator(".case > summary").nth(1).click()
    expect(page.locator(".case").nth(1).get_by_text("Reference answer")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["compare", "run"])
def test_every_text_can_be_read_and_every_control_has_a_name(open_report: OpenReport, name: str, scheme: str) -> None:
    page = open_report(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    seen = probe(page, "faint")
    assert seen["faint"] == []
    assert seen["seen"] > 100
    assert probe(page, "nameless") == []


def test_the_theme_is_switched(open_report: OpenReport) -> None:
    page = open_report("compare", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.evaluate(ground) != before


@pytest.mark.parametrize("name", ["compare", "run", "hostile"])
def test_nothing_reaches_over_the_edge_of_a_phone(open_report: OpenReport, name: str) -> None:
    page = open_report(name, viewport=PHONE)
    page.evaluate("document.querySelectorAll('.case').forEach((node, place) => { node.open = place < 3; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [found for found in probe(page, "beyond") if "<t" not in found] == []


def test_hostile_texts_are_only_texts(open_report: OpenReport) -> None:
    page = open_report("hostile")
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    page.get_by_role("button", name="中文").click()
    page.get_by_role("button", name="English").click()
    assert page.locator("main a:not([href^='#'])").count() == 0
    assert page.locator("main script, main img, main iframe, main style").count() == 0
    expect(page.locator(".case-question").first).to_contain_text("<script>alert('x')</script>", use_inner_text=True)
    assert page.locator(".hidden-character").first.inner_text() == "⟨U+202E⟩"


def test_it_prints_on_a4_with_what_was_opened(open_report: OpenReport) -> None:
    page = open_report("compare")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert pdf.startswith(b"%PDF")
    document = pypdfium2.PdfDocument(pdf)
    width, height = document[0].get_size()
    assert (round(width), round(height)) == (595, 842)
    assert "Refused: prompt brief" in document[0].get_textpage().get_text_range()
    page.emulate_media(media="print")
    expect(page.locator(".controls")).not_to_be_visible()
    expect(page.get_by_role("searchbox")).not_to_be_visible()
    others = page.locator("details.printed .metrics")
    expect(others).to_be_visible()
    page.set_viewport_size({"width": 703, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
