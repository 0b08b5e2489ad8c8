"""The chat page when things go wrong, slowly, or in pieces: on a service that does as it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fastapi.responses import Response

from serving.api.errors import ApiError
from tests.browser.conftest import OpenPage, Watched
from tests.browser.steps import ask, expect, open_source
from tests.browser.stub_service import StubService, answered, chunk, citation, event, last, refused, streamed

pytestmark = pytest.mark.browser

REFUSED = "Failed to load resource: the server responded with a status of"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_cut_anywhere_arrives_whole(stub: StubService, open_page: OpenPage, size: int) -> None:
    whole = (
        'data: {"a": "茶 🍵"}\n\n: keep-alive\r\n\r\nevent: x\rdata:one\r\ndata: two\r\r\n\n'
        "data: [DONE]\n\ndata: unfinished"
    )
    found = open_page(stub.base_url).evaluate(
        """async ([bytes, size]) => {
          const { eventData } = await import("/static/stream.js");
          const body = new ReadableStream({ start(controller) {
            for (let at = 0; at < bytes.length; at += size)
              controller.enqueue(new Uint8Array(bytes.slice(at, at + size)));
            controller.close();
          } });
          const found = [];
          for await (const data of eventData(body)) found.push(data);
          return found;
        }""",
        [list(whole.encode()), size],
    )
    assert found == ['{"a": "茶 🍵"}', "one\ntwo", "[DONE]"]


def test_an_answer_is_put_together_from_its_pieces(stub: StubService, open_page: OpenPage) -> None:
    stub.chat = lambda body: streamed(
        chunk("Tea 🍵 is 茶, "), chunk("at **fo"), chunk("ur**.[1"), chunk("]"), last([citation()])
    )
    turn = ask(open_page(stub.base_url), "Tea?")
    assert turn.locator(".text").inner_text().split() == ["Tea", "🍵", "is", "茶,", "at", "four.1"]
    expect(turn.locator("strong")).to_have_text("four", use_inner_text=True)


def test_text_is_shown_while_it_is_written_and_can_be_stopped(stub: StubService, open_page: OpenPage) -> None:
    hold = threading.Event()
    stub.chat = lambda body: streamed(chunk("First words, "), hold=hold)
    page = open_page(stub.base_url)
    page.locator("#ask").fill("Long?")
    page.locator("#ask").press("Enter")
    page.get_by_text("First words,").wait_for()
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "true")
    assert page.locator("#announcer").inner_text() == ""
    page.get_by_role("button", name="Stop the answer").click()
    hold.set()
    page.locator(".stopped").wait_for()
    assert page.locator(".answer .text").inner_text().strip() == "First words,"
    expect(page.locator("#announcer")).to_contain_text("Stopped", use_inner_text=True)


def test_the_finished_answer_is_announced_once(stub: StubService, open_page: OpenPage) -> None:
    stub.chat = lambda body: answered("Tea is at four.[1]", [citation()])
    page = open_page(stub.base_url)
    ask(page, "Tea?")
    expect(page.locator("#announcer")).to_have_text("Answer complete. Tea is at four.", use_inner_text=True)
    expect(page.locator("#announcer")).to_have_attribute("aria-live", "polite")


def test_too_many_requests_count_down_to_another_try(stub: StubService, open_page: OpenPage, watched: Watched) -> None:
    watched.expected.append(f"{REFUSED} 429")
    error = ApiError(429, "The service is full. Try again.", kind="rate_limit_error", retry_after=7)
    stub.chat = lambda body: refused(error)
    page = open_page(stub.base_url)
    page.clock.install()
    turn = ask(page, "Tea?")
    expect(turn).to_contain_text("The service is full. Try again.", use_inner_text=True)
    button = turn.locator(".failure button")
    expect(button).to_be_disabled()
    expect(button).to_contain_text("Ask again in", use_inner_text=True)
    page.clock.fast_forward(8000)
    stub.chat = lambda body: answered("At four.")
    button.click()
    page.locator(".turn .made").wait_for()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn .text")).to_have_text("At four.", use_inner_text=True)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([chunk("Half "), event({"error": {"message": "The model broke off.", "code": "x"}})], "The model broke off."),
        ([chunk("Half ")], "The connection broke off before the answer was complete."),
        ([chunk("Half "), b"data: {nonsense\n\n"], "The service sent something unreadable."),
        ([chunk("Half "), b"data: null\n\n"], "The service sent something unreadable."),
    ],
)
def test_a_broken_stream_keeps_its_text_and_says_why(
    stub: StubService, open_page: OpenPage, pieces: list[bytes], message: str
) -> None:
    stub.chat = lambda body: streamed(*pieces)
    page = open_page(stub.base_url)
    turn = ask(page, "Tea?")
    expect(turn.locator(".failure-text")).to_have_text(message, use_inner_text=True)
    assert turn.locator(".text").inner_text().strip() == "Half"
    page.reload()
    expect(page.locator(".failure-text")).to_have_text(message, use_inner_text=True)
    stub.chat = lambda body: answered("At four.")
    page.get_by_role("button", name="Ask again").click()
    page.locator(".turn .made").wait_for()
    assert [message["role"] for message in stub.asked[-1]["messages"]] == ["user"]


def test_a_service_that_answers_no_json_is_told_as_such(
    stub: StubService, open_page: OpenPage, watched: Watched
) -> None:
    watched.expected.append(f"{REFUSED} 502")
    stub.chat = lambda body: Response("<h1>Bad gateway</h1>", 502, media_type="text/html")
    turn = ask(open_page(stub.base_url), "Tea?")
    expect(turn.locator(".failure-text")).to_have_text("The service failed with status 502.", use_inner_text=True)


def test_a_key_is_asked_for_kept_for_the_tab_and_forgotten(
    stub: StubService, open_page: OpenPage, watched: Watched
) -> None:
    watched.expected.append(f"{REFUSED} 401")
    stub.key = "rp-right"
    page = open_page(stub.base_url)
    field = page.get_by_label("API key", exact=True)
    field.fill("rp-wrong")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("That key was not accepted.").wait_for()
    field.fill("rp-right")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Sign out").wait_for()
    expect(ask(page, "Tea?").locator(".text")).to_have_text("Hello.", use_inner_text=True)
    assert page.evaluate("sessionStorage['ragpress.key']") == "rp-right"
    assert page.evaluate("localStorage['ragpress.key']") is None
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Delete the conversations in this browser as well").check()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    field.wait_for()
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").count("rp-right") == 0
    expect(page.locator(".turn")).to_have_count(0)


def test_a_remembered_key_outlives_the_tab(stub: StubService, open_page: OpenPage, watched: Watched) -> None:
    watched.expected.append(f"{REFUSED} 401")
    stub.key = "rp-right"
    page = open_page(stub.base_url)
    page.get_by_label("API key", exact=True).fill("rp-right")
    page.get_by_label("Remember it in this browser").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Sign out").wait_for()
    other = page.context.new_page()
    other.goto(stub.base_url)
    expect(ask(other, "Tea?").locator(".text")).to_have_text("Hello.", use_inner_text=True)


def test_the_enter_that_ends_a_composition_does_not_send(stub: StubService, open_page: OpenPage) -> None:
    page = open_page(stub.base_url)
    page.locator("#ask").fill("茶")
    enter = "key: 'Enter', bubbles: true, cancelable: true"
    page.locator("#ask").evaluate(
        f"field => field.dispatchEvent(new KeyboardEvent('keydown', {{{enter}, isComposing: true}}))"
    )
    page.locator("#ask").evaluate(
        f"field => field.dispatchEvent(new KeyboardEvent('keydown', {{{enter}, keyCode: 229}}))"
    )
    assert page.locator(".turn").count() == 0
    page.locator("#ask").press("Shift+Enter")
    expect(page.locator("#ask")).to_have_value("茶\n")
    page.locator("#ask").press("Enter")
    page.locator(".turn .made").wait_for()
    assert stub.asked[-1]["messages"][-1]["content"] == "茶"


def test_a_collection_is_picked_where_there_are_several(stub: StubService, open_page: OpenPage) -> None:
    stub.models = ["default", "legal"]
    page = open_page(stub.base_url)
    page.get_by_label("Collection").select_option("legal")
    ask(page, "Tea?")
    assert stub.asked[-1]["model"] == "legal"
    page.reload()
    page.get_by_label("Collection").wait_for()
    expect(page.get_by_label("Collection")).to_have_value("legal")


def test_a_question_asked_before_the_collections_are_known_waits_for_them(
    stub: StubService, open_page: OpenPage
) -> None:
    page = open_page(stub.base_url)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/v1/models", hold)
    page.reload()
    page.locator("#ask").fill("Tea?")
    page.locator("#ask").press("Enter")
    page.locator(".searching").wait_for()
    assert stub.asked == []
    held[0].continue_()
    page.locator(".turn .made").wait_for()
    assert stub.asked[0]["model"] == "default"


def test_the_language_follows_the_browser_until_it_is_chosen(stub: StubService, open_page: OpenPage) -> None:
    page = open_page(stub.base_url, locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading", name="您想了解什么")).to_be_visible()
    ask(page, "Tea?")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_conversations_are_renamed_and_deleted(stub: StubService, open_page: OpenPage) -> None:
    page = open_page(stub.base_url)
    ask(page, "Tea?")
    page.get_by_role("button", name="New conversation").click()
    ask(page, "Coffee?")
    page.get_by_role("button", name="Rename “Tea?”").click()
    page.get_by_label("Name of the conversation").fill("All of tea")
    page.get_by_label("Name of the conversation").press("Enter")
    page.get_by_role("button", name="All of tea", exact=True).wait_for()
    page.get_by_role("button", name="Delete “All of tea”").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="All of tea", exact=True).wait_for(state="detached")
    expect(page.locator(".turn")).to_have_count(1)
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("None yet.").wait_for()
    assert page.evaluate("Object.keys(localStorage).filter(name => name.includes('conversation')).length") == 0


def test_a_page_left_in_the_middle_of_an_answer_offers_to_ask_again(stub: StubService, open_page: OpenPage) -> None:
    hold = threading.Event()
    stub.chat = lambda body: streamed(chunk("First words, "), hold=hold)
    page = open_page(stub.base_url)
    page.locator("#ask").fill("Long?")
    page.locator("#ask").press("Enter")
    page.get_by_text("First words,").wait_for()
    page.reload()
    hold.set()
    expect(page.locator(".stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_enabled()


def test_full_storage_drops_the_oldest_conversation(stub: StubService, open_page: OpenPage) -> None:
    page = open_page(stub.base_url)
    ask(page, "Tea? " * 1000)
    page.evaluate("localStorage.setItem('other', 'x'.repeat(5 * 1024 * 1024 - 10_000))")
    page.get_by_role("button", name="New conversation").click()
    ask(page, "Coffee? " * 900)
    kept: Any = page.evaluate("Object.keys(localStorage).filter(name => name.includes('conversation')).length")
    assert kept == 1
    expect(page.locator(".turn .text")).to_have_text("Hello.", use_inner_text=True)


def test_warnings_stand_before_the_sources_in_the_readers_language(stub: StubService, open_page: OpenPage) -> None:
    outdated = "[1] docs/guide-1.md is marked as outdated: a newer document of its family exists."
    stub.chat = lambda body: answered("Tea.[1]", [citation()], warnings=[outdated, "Something new."])
    page = open_page(stub.base_url, locale="zh-CN")
    turn = ask(page, "Tea?")
    expect(turn.locator(".warnings")).to_contain_text("已标记为过时", use_inner_text=True)
    expect(turn.locator(".warnings")).to_contain_text("Something new.", use_inner_text=True)
    expect(turn.locator(".source .badge")).to_have_text("已过时", use_inner_text=True)


def test_next_and_previous_source(stub: StubService, open_page: OpenPage, watched: Watched) -> None:
    watched.expected.append(f"{REFUSED} 404")
    stub.chat = lambda body: answered("Tea.[1][2]", [citation(1, quote="One"), citation(2, quote="Two")])
    page = open_page(stub.base_url)
    mark = open_source(page, ask(page, "Tea?"))
    expect(mark).to_have_text("One")
    page.get_by_role("button", name="Next source").click()
    page.locator("#passage mark", has_text="Two").wait_for()
    expect(page.get_by_role("button", name="Next source")).to_be_disabled()
    page.keyboard.press("Escape")
    page.locator("#passage").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.className") == "cite"
