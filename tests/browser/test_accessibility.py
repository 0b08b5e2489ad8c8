"""The chat page for everybody: by keyboard, by screen reader, on a phone, in the dark, without motion."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.steps import ask, expect, open_source, probe
from tests.browser.stub_service import StubService, answered, citation

pytestmark = pytest.mark.browser

TABLE = "| day | open |\n|--|--|\n| Monday | yes |"
TEXT = f"The workshop is open from **8:00** to 17:30. [1] Visitors get a `badge`. [2]\n\n{TABLE}"
OUTDATED = "[2] docs/guide-2.md is marked as outdated: a newer document of its family exists."
PASSAGE = {
    "document_id": "document-1",
    "source": "docs/guide-1.md",
    "title": "Guide 1",
    "release": "r00001-stub",
    "media_type": "application/pdf",
    "page": 3,
    "pages": 12,
    "heading": ["Handbook", "Hours"],
    "text": "Before. Open\u202e all day.\nAfter. " * 60,
    "offset": 7,
    "characters": 9000,
    "highlight": {"start": 15, "end": 19},
}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def full_page(stub: StubService, open_page: OpenPage, **options: Any) -> Any:
    """A page on which everything stands that can stand on it."""
    stub.text = PASSAGE
    stub.models = ["default", "legal"]
    long_name = "docs/" + "a-very-long-name-without-any-space" * 3 + ".md"
    stub.chat = lambda body: answered(
        TEXT, [citation(1, page=3), citation(2, source=long_name, title="")], warnings=[OUTDATED]
    )
    page = open_page(stub.base_url, **options)
    ask(page, "When is the workshop open?")
    stub.chat = lambda body: answered(
        "The documents do not tell.", abstained=True, generator={"kind": "none", "model": ""}
    )
    turn = ask(page, "那么食堂呢?" * 10)
    turn.locator(".actions button").nth(2).click()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_every_control_has_a_name_and_every_text_contrast(
    stub: StubService, open_page: OpenPage, scheme: str, locale: str
) -> None:
    page = full_page(stub, open_page, color_scheme=scheme, locale=locale)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    open_source(page, page.locator(".turn").first)
    assert probe(page, "nameless") == []
    found = probe(page, "faint")
    assert found["faint"] == []
    assert found["seen"] > 60


def test_the_welcome_has_contrast_too(stub: StubService, open_page: OpenPage) -> None:
    page = open_page(stub.base_url, color_scheme="dark")
    assert probe(page, "faint")["faint"] == []
    page.get_by_role("button", name="Dark colours").click()
    assert probe(page, "faint")["faint"] == []
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_landmarks_headings_and_languages(stub: StubService, open_page: OpenPage) -> None:
    page = full_page(stub, open_page)
    assert [page.locator(name).count() for name in ("main", "nav", "header.bar", "h1")] == [1, 1, 1, 1]
    expect(page.locator(".question").nth(0)).to_have_attribute("lang", "en")
    expect(page.locator(".question").nth(1)).to_have_attribute("lang", "zh-Hans")
    levels = page.evaluate("[...document.querySelectorAll('main h1,main h2,main h3')].map((one) => +one.tagName[1])")
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size") == page.evaluate(
        "document.querySelectorAll('[id]').length"
    )


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_nothing_is_wider_than_a_small_phone(stub: StubService, open_page: OpenPage, locale: str) -> None:
    page = full_page(stub, open_page, locale=locale, **PHONE)
    assert page.evaluate("innerWidth") == 360
    assert probe(page, "beyond") == []
    open_source(page, page.locator(".turn").first)
    assert probe(page, "beyond") == []
    assert page.locator("#passage").bounding_box()["y"] > 50
    page.locator("#passage header button").last.click()
    page.locator("#menu").click()
    expect(page.locator("#drawer .conversation")).to_be_visible()
    assert probe(page, "beyond") == []
    page.locator("#close-drawer").click()
    expect(page.locator("#drawer .conversation")).to_be_hidden()


def test_everything_by_keyboard(stub: StubService, open_page: OpenPage) -> None:
    stub.text = PASSAGE
    stub.chat = lambda body: answered(TEXT, [citation(1), citation(2)])
    page = open_page(stub.base_url)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the question"
    page.keyboard.press("Enter")
    page.keyboard.type("When is it open?")
    page.keyboard.press("Enter")
    page.locator(".made").wait_for()
    expect(page.locator("#ask")).to_be_focused()
    reached = [back_to(page, name) for name in ("Copy the answer’s id", "Bad answer", "Source 1: Guide 1")]
    assert reached == [True, True, True]
    page.keyboard.press("Enter")
    page.locator("#passage mark").wait_for()
    expect(page.locator("#passage-title")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("#passage").wait_for(state="hidden")
    assert focused(page) == "Source 1: Guide 1"
    assert forward_to(page, "Bad answer")
    page.keyboard.press("Enter")
    page.keyboard.type("Half past four.")
    assert forward_to(page, "Send")
    page.keyboard.press("Enter")
    page.get_by_text("It was recorded.").wait_for()
    assert stub.feedback == [{"answer_id": "ans-stub", "rating": "down", "correction": "Half past four."}]
    assert focused(page) == "Bad answer"


def test_focus_can_be_seen_on_every_control(stub: StubService, open_page: OpenPage) -> None:
    page = full_page(stub, open_page)
    page.locator("body").click(position={"x": 400, "y": 70})
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """() => { const node = document.activeElement; const box = node.closest('.ask-box') ?? node;
            if (node === document.body) return 'body';
            return `${getComputedStyle(box).outlineStyle} ${node.outerHTML.slice(0, 90)}`; }"""
        )
        if outline.startswith("none"):
            unseen.append(outline)
    assert unseen == []


def test_the_sheet_of_a_phone_keeps_the_focus_and_gives_it_back(stub: StubService, open_page: OpenPage) -> None:
    stub.text = PASSAGE
    stub.chat = lambda body: answered(TEXT, [citation(1), citation(2)])
    page = open_page(stub.base_url, viewport={"width": 700, "height": 740})
    open_source(page, ask(page, "Tea?"))
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#passage')")
    page.keyboard.press("Escape")
    page.locator("#passage").wait_for(state="hidden")
    assert focused(page) == "Source 1: Guide 1"


def test_the_panel_becomes_a_sheet_where_the_window_gets_narrow(stub: StubService, open_page: OpenPage) -> None:
    stub.text = PASSAGE
    stub.chat = lambda body: answered(TEXT, [citation(1), citation(2)])
    page = open_page(stub.base_url)
    mark = open_source(page, ask(page, "Tea?"))
    beside = page.locator("#passage").bounding_box()
    assert beside["height"] == page.evaluate("innerHeight")
    page.set_viewport_size({"width": 700, "height": 860})
    page.locator("#passage:modal").wait_for()
    assert page.locator("#passage").bounding_box()["height"] < 800
    expect(mark).to_be_visible()
    page.set_viewport_size({"width": 1360, "height": 860})
    page.locator("#passage:not(:modal)").wait_for()
    assert page.locator("#passage").bounding_box() == beside
    page.keyboard.press("Escape")
    page.locator("#passage").wait_for(state="hidden")
    assert focused(page) == "Source 1: Guide 1"


def test_nothing_moves_where_motion_is_not_wanted(stub: StubService, open_page: OpenPage) -> None:
    page = full_page(stub, open_page, reduced_motion="reduce", viewport={"width": 700, "height": 740})
    open_source(page, page.locator(".turn").first)
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate("getComputedStyle(document.getElementById('passage')).animationName") == "none"


def test_a_hidden_character_is_shown_in_the_passage(stub: StubService, open_page: OpenPage) -> None:
    page = full_page(stub, open_page)
    mark = open_source(page, page.locator(".turn").first)
    expect(mark).to_have_text("Open")
    label = page.locator("#passage .hidden-character").first
    assert label.evaluate("node => getComputedStyle(node, '::before').content") == '"U+202E"'


def test_the_service_may_have_one_language(services: ExitStack, open_page: OpenPage) -> None:
    stub = services.enter_context(StubService(languages=("zh",)))
    page = open_page(stub.base_url, locale="en-GB")
    expect(page.get_by_role("heading", name="您想了解什么")).to_be_visible()
    expect(page.locator("#language")).to_be_hidden()


def focused(page: Any) -> str:
    """The name of what has the focus."""
    name: str = page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )
    return name


def back_to(page: Any, name: str) -> bool:
    return _pressed(page, "Shift+Tab", name)


def forward_to(page: Any, name: str) -> bool:
    return _pressed(page, "Tab", name)


def _pressed(page: Any, key: str, name: str) -> bool:
    for _ in range(25):
        page.keyboard.press(key)
        if focused(page) == name:
            return True
    return False
