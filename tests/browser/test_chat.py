"""The chat page on a real service: from a question to the passage, and to the journal."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.browser.conftest import OpenPage, Watched
from tests.browser.sample import PRESSURE
from tests.browser.steps import ask, expect, open_source
from tests.serving.service_process import ServiceProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

OPENING = "When is the workshop open on working days?"
BADGE = "Where does every visitor get a red badge?"
REFUND = "客户可以在收货后多少天内申请退款？"
BOILER = "What must the boiler pressure stay below at all times?"


def stored(service: ServiceProcess, path: str) -> Any:
    return httpx2.get(service.base_url + path).raise_for_status().json()


@pytest.mark.parametrize(
    ("question", "language", "source", "says"),
    [(OPENING, "en", "workshop.md", "17:30"), (REFUND, "zh-Hans", "退款规定.md", "十四天")],
)
def test_a_footnote_opens_the_exact_quote_in_its_document(
    service: ServiceProcess, open_page: OpenPage, question: str, language: str, source: str, says: str
) -> None:
    page = open_page(service.base_url)
    turn = ask(page, question)
    expect(turn.locator(".text")).to_contain_text(says, use_inner_text=True)
    expect(turn.locator(".text")).to_have_attribute("lang", language)
    answer = stored(service, f"/v1/answers/{answer_id(turn)}")
    mark = open_source(page, turn)
    citation = answer["citations"][0]
    assert mark.text_content() == citation["quote"]
    assert says in citation["quote"]
    assert page.locator("#passage-place").inner_text().endswith(source)
    expect(mark).to_be_visible()


def test_characters_beyond_the_basic_plane_do_not_shift_the_quote(service: ServiceProcess, open_page: OpenPage) -> None:
    page = open_page(service.base_url)
    turn = ask(page, BADGE)
    mark = open_source(page, turn)
    expect(page.locator("#passage .document")).to_contain_text("Visitors 🔧")
    assert mark.text_content() == stored(service, f"/v1/answers/{answer_id(turn)}")["citations"][0]["quote"]


def test_a_pdf_passage_names_its_page(service: ServiceProcess, open_page: OpenPage) -> None:
    page = open_page(service.base_url)
    turn = ask(page, BOILER)
    answer = stored(service, f"/v1/answers/{answer_id(turn)}")
    number = next(one["page"] for one in answer["citations"] if one["source"].endswith("boiler.pdf"))
    assert number > 1
    expect(turn.locator(".source").first).to_contain_text(f"page {number}", use_inner_text=True)
    mark = open_source(page, turn)
    assert page.locator("#passage .badge.page").inner_text().startswith(f"Page {number} of ")
    assert " ".join(mark.text_content().split()) == PRESSURE
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the original").click()
    assert downloading.value.suggested_filename == "boiler.pdf"
    assert downloading.value.path().read_bytes().startswith(b"%PDF")


def test_a_thumb_down_with_a_correction_reaches_the_journal(service: ServiceProcess, open_page: OpenPage) -> None:
    page = open_page(service.base_url)
    turn = ask(page, OPENING)
    turn.get_by_role("button", name="Bad answer").click()
    turn.get_by_label("What is the right answer?").fill("It opens at 7:30 <b>now</b>.")
    turn.get_by_role("button", name="workshop.md").last.click()
    turn.get_by_label("Which document has it?").fill("notices/2026-09.md")
    turn.get_by_role("button", name="Send").click()
    turn.get_by_text("It was recorded.").wait_for()
    expect(turn.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    said = next(one for one in stored(service, "/v1/feedback")["data"] if one["answer_id"] == answer_id(turn))
    assert said["rating"] == "down"
    assert said["correction"] == "It opens at 7:30 <b>now</b>."
    assert len(said["expected_sources"]) == 2
    assert said["expected_sources"][0].endswith("workshop.md")
    assert said["expected_sources"][1] == "notices/2026-09.md"
    page.reload()
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")


def test_history_outlives_a_reload_and_follow_ups_send_the_turns_before(
    service: ServiceProcess, open_page: OpenPage
) -> None:
    page = open_page(service.base_url)
    first = ask(page, OPENING).locator(".text").inner_text()
    with page.expect_request("**/v1/chat/completions") as asking:
        second = ask(page, "And on public holidays?")
    messages = asking.value.post_data_json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == OPENING
    expect(second.locator(".text")).to_contain_text("closed", use_inner_text=True)
    page.reload()
    page.locator(".turn").nth(1).wait_for()
    expect(page.locator(".turn .text").first).to_have_text(first, use_inner_text=True)
    expect(open_source(page, page.locator(".turn").first)).to_be_visible()
    page.get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.get_by_role("button", name=OPENING, exact=True).click()
    expect(page.locator(".turn")).to_have_count(2)


def test_what_the_documents_do_not_say_looks_different(service: ServiceProcess, open_page: OpenPage) -> None:
    page = open_page(service.base_url)
    turn = ask(page, "Who won the chess olympiad of 1972?")
    expect(turn.locator(".answer.abstained")).to_have_count(1)
    expect(turn.get_by_role("heading", name="Not found in the documents")).to_be_visible()
    turn.get_by_role("button", name="Tell which document").click()
    expect(turn.get_by_label("Which document has it?")).to_be_visible()


def test_a_passage_of_a_release_that_is_gone_shows_the_quote(
    service: ServiceProcess, open_page: OpenPage, watched: Watched
) -> None:
    watched.expected.append("Failed to load resource: the server responded with a status of 404")
    page = open_page(service.base_url)
    turn = ask(page, OPENING)
    quote = stored(service, f"/v1/answers/{answer_id(turn)}")["citations"][0]["quote"]
    page.evaluate(
        """() => { for (const name of Object.keys(localStorage)) {
          const gone = '"release":"r09999-0000000000"';
          localStorage[name] = localStorage[name].replaceAll(/"release":"[^"]+"/g, gone); } }"""
    )
    page.reload()
    mark = open_source(page, page.locator(".turn").first)
    assert mark.text_content() == quote
    expect(page.locator("#passage .note")).to_contain_text("not kept any more", use_inner_text=True)


def answer_id(turn: Any) -> str:
    text: str = turn.locator(".made-id").inner_text()
    return text.rsplit(maxsplit=1)[-1]
