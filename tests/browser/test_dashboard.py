"""The dashboard on a real service: what an operator sees and does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from index import catalogue
from tests.browser.conftest import OpenPage, Watched
from tests.browser.sample import HOSTILE_NAME, sample_workspace
from tests.browser.steps import expect, probe
from tests.serving.service_process import ServiceProcess
from tests.workspace import SETTINGS, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.process]

QUESTION = "When is the workshop open on working days?"
ATTACK = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)> \u202e[a](javascript:alert(3)) "
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
PRICES = "[telemetry]\nprice_input = 1.0\nprice_output = 2.0\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with three releases, the newest a candidate, and a document that a person quarantined."""
    workspace = sample_workspace(tmp_path_factory.mktemp("dashboard"), "\n" + PRICES)
    catalogue.quarantine(workspace.environment(), "default", "docs/workshop.md", "opening hours are being checked")
    workspace.ingest()
    workspace.write({"later.md": "# Later\n\nThe canteen opens at noon.\n"})
    assert not workspace.ingest(publish=False).published
    with ServiceProcess(workspace.root) as running:
        yield running


def asked(service: ServiceProcess, question: str) -> str:
    """Ask over HTTP; returns the answer's id."""
    body = {"model": "default", "messages": [{"role": "user", "content": question}]}
    response = httpx2.post(service.base_url + "/v1/chat/completions", json=body, timeout=60)
    return str(response.raise_for_status().json()["id"])


def rate(service: ServiceProcess, answer: str, rating: str = "down", **said: Any) -> None:
    body = {"answer_id": answer, "rating": rating, **said}
    httpx2.post(service.base_url + "/v1/feedback", json=body).raise_for_status()


def overview(service: ServiceProcess) -> Any:
    return httpx2.get(service.base_url + "/v1/admin/overview").raise_for_status().json()


def opened(service: ServiceProcess, open_page: OpenPage, **options: Any) -> Any:
    page = open_page(service.base_url, "/admin", **options)
    page.locator("#content").wait_for()
    page.locator("#answers-list > *").first.wait_for()
    return page


def refreshed(page: Any, seen: Callable[[], bool]) -> None:
    """Refresh until it is so; the dashboard keeps its figures for some seconds."""
    for _ in range(30):
        with page.expect_response(lambda response: "/v1/admin/overview" in response.url):
            page.locator("#refresh").click()
        page.wait_for_timeout(300)
        if seen():
            return
    raise AssertionError(page.locator("main").inner_text())


def confirmed(page: Any, action: str, reason: str = "") -> None:
    dialog = page.get_by_role("dialog")
    if reason:
        dialog.locator("textarea").fill(reason)
    dialog.get_by_role("button", name=action).click()
    dialog.wait_for(state="detached")


def test_a_thumbs_down_given_over_http_is_seen_with_its_correction(site: ServiceProcess, open_page: OpenPage) -> None:
    answer = asked(site, "What colour is the badge of every visitor?")
    expected = ["workshop.md", "no-such.pdf"]
    rate(site, answer, comment="That is wrong.", correction="It is blue.", expected_sources=expected)
    page = opened(site, open_page)
    case = page.locator(".case", has_text="What colour is the badge")
    refreshed(page, lambda: case.count() == 1)
    if not case.evaluate("node => node.open"):
        case.locator("summary").first.click()
    text = case.inner_text()
    for said in ("That is wrong.", "It is blue.", "quarantined meanwhile", "not in the collection"):
        assert said in text
    case.get_by_role("link", name="Open answer and trace").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_text(answer).first.wait_for()
    expect(drawer).to_contain_text("What colour is the badge of every visitor?", use_inner_text=True)
    page.keyboard.press("Escape")
    drawer.wait_for(state="detached")
    page.wait_for_function("() => !location.hash.includes('answer')")
    expect(page.locator("#plot-answers .bar").first).to_be_attached()


def test_a_release_is_published_and_rolled_back(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    line = page.locator("#state-line")
    expect(line).to_contain_text("Live: r00002", use_inner_text=True)
    expect(page.get_by_text("Release r00003 is built and waits to be published")).to_be_visible()
    page.get_by_role("button", name="Publish r00003").click()
    expect(page.get_by_role("dialog")).to_contain_text("+1", use_inner_text=True)
    confirmed(page, "Publish")
    line.get_by_text("Live: r00003").wait_for()
    assert overview(site)["live"]["id"].startswith("r00003")
    page.get_by_role("button", name="Roll back to r00002").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert overview(site)["live"]["id"].startswith("r00003")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="Roll back to r00002").click()
    assert page.get_by_role("dialog").evaluate("node => node.scrollWidth <= node.clientWidth")
    confirmed(page, "Roll back", "prices were wrong")
    line.get_by_text("Live: r00002").wait_for()
    assert overview(site)["live"]["id"].startswith("r00002")
    assert overview(site)["live"]["why"].endswith(": prices were wrong")
    expect(page.locator("#news")).to_contain_text("Rolled back: r00002 is live.", use_inner_text=True)


def test_what_goes_wrong_is_told_where_it_was_asked_for(
    site: ServiceProcess, open_page: OpenPage, watched: Watched
) -> None:
    watched.expected.append("Failed to load resource: the server responded with a status of 409")
    page = opened(site, open_page)
    error = {"error": {"message": "Somebody else is writing.", "type": "invalid_request_error", "code": "writer_busy"}}
    page.route("**/v1/releases/rollback", lambda route: route.fulfill(status=409, json=error))
    page.get_by_role("button", name="Roll back to r00001").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Roll back").click()
    dialog.get_by_text("Somebody else is writing.").wait_for()
    page.unroute("**/v1/releases/rollback")
    dialog.get_by_role("button", name="Roll back").click()
    page.locator("#state-line").get_by_text("Live: r00001").wait_for()
    page.get_by_role("button", name="Roll back to r00002").click()
    confirmed(page, "Roll back")
    page.locator("#state-line").get_by_text("Live: r00002").wait_for()


def test_hostile_names_and_texts_are_text(site: ServiceProcess, open_page: OpenPage) -> None:
    answer = asked(site, ATTACK + "x" * 7_000)
    rate(site, answer, comment=ATTACK * 20, correction=ATTACK, expected_sources=[ATTACK, HOSTILE_NAME])
    rate(site, asked(site, "How often is the lantern oil changed?"))
    page = opened(site, open_page)
    refreshed(page, lambda: page.locator(".case", has_text="alert(1)").count() > 0)
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    made = page.evaluate("[...document.querySelectorAll('main script, main iframe, main style, main object')].length")
    assert made == 0
    assert page.evaluate("[...document.querySelectorAll('main img, main a[href^=\"javascript\"]')].length") == 0
    text = page.locator("#bad-cases").inner_text()
    assert "<script>alert(1)</script>" in text
    assert "[U+202E]" in text
    assert "\u202e" not in text
    assert HOSTILE_NAME in page.locator("main").inner_text()
    page.evaluate(f"location.hash = 'answer/{answer}'")
    drawer = page.get_by_role("dialog")
    drawer.get_by_text(answer).first.wait_for()
    expect(drawer).to_contain_text("<script>alert(1)</script>", use_inner_text=True)
    assert probe(page, "beyond") == []


def test_a_person_s_quarantine_is_taken_back(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    expect(page.locator("#quarantined-list")).to_contain_text("opening hours are being checked", use_inner_text=True)
    page.get_by_role("button", name="Restore docs/workshop.md").click()
    confirmed(page, "Restore")
    page.locator("#quarantined-list").get_by_text("No document is quarantined.").wait_for(timeout=60_000)
    assert overview(site)["quarantined"] == []
    page.locator("#jobs-list").get_by_text("done").first.wait_for()
    assert "17:30" in str(httpx2.get(f"{site.base_url}/v1/answers/{asked(site, QUESTION)}").json()["answer"])


def test_an_upload_becomes_searchable(site: ServiceProcess, open_page: OpenPage, tmp_path: Path) -> None:
    page = opened(site, open_page)
    file = tmp_path / "parking 车库.md"
    file.write_text("# Parking\n\nThe parking garage closes at 22:45 every night.\n", encoding="utf-8")
    page.locator("#upload-files").set_input_files(str(file))
    page.get_by_text("1 file accepted").wait_for()
    row = page.locator("#jobs-list tr", has_text="parking 车库.md")
    row.get_by_text("done").wait_for(timeout=60_000)
    answer = asked(site, "When does the parking garage close?")
    assert "22:45" in httpx2.get(f"{site.base_url}/v1/answers/{answer}").json()["answer"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everybody_can_read_it(site: ServiceProcess, open_page: OpenPage, scheme: str, locale: str) -> None:
    rate(site, asked(site, QUESTION), comment="no")
    page = opened(site, open_page, color_scheme=scheme, locale=locale)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    expect(page.locator("html")).to_have_attribute("lang", "en" if locale == "en-GB" else "zh-Hans")
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert probe(page, "nameless") == []
    found = probe(page, "faint")
    assert found["faint"] == []
    assert found["seen"] > 100
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((one) => +one.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    unsaid = "[...document.querySelectorAll('[data-words]')].filter((one) => one.textContent === one.dataset.words)"
    words = page.evaluate(f"{unsaid}.map((one) => one.outerHTML)")
    assert words == []


def test_nothing_is_wider_than_a_small_phone(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page, **PHONE)
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    page.locator(".contents").evaluate("node => node.remove()")  # it scrolls sideways on purpose
    assert probe(page, "beyond") == []


def test_plots_are_read_by_keyboard_and_as_tables(site: ServiceProcess, open_page: OpenPage) -> None:
    asked(site, QUESTION)
    page = opened(site, open_page)
    refreshed(page, lambda: page.locator("#plot-answers svg").count() == 1)
    page.locator("#plot-answers svg").focus()
    page.keyboard.press("End")
    expect(page.locator("#plot-answers .reading")).to_contain_text("Answered", use_inner_text=True)
    expect(page.locator("#plot-answers [aria-live]")).to_contain_text("Answered: ", use_inner_text=True)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#plot-answers .reading")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#plot-answers .reading")).to_be_hidden()
    table = page.locator("#plot-answers details")
    table.locator("summary").click()
    expect(table.locator("tbody tr").first).to_be_visible()
    refreshed(page, lambda: True)
    expect(table).to_have_attribute("open", "")


def test_an_empty_workspace_says_what_to_do(tmp_path: Path, services: ExitStack, open_page: OpenPage) -> None:
    service = services.enter_context(ServiceProcess(Workspace(tmp_path, SETTINGS).root))
    page = opened(service, open_page)
    expect(page.locator("#state-line")).to_contain_text("Nothing is live in “default” yet", use_inner_text=True)
    expect(page.locator("#problems")).to_contain_text("ragpress ingest", use_inner_text=True)
    expect(page.locator("#plots")).to_contain_text("Nobody has asked yet", use_inner_text=True)
    assert page.get_by_role("button", name="Roll back").count() == 0
    page.locator("#language").click()
    expect(page.locator("#state-line")).to_contain_text("尚未发布任何版本", use_inner_text=True)


def test_a_key_without_the_role_may_not_look(site: ServiceProcess, open_page: OpenPage, watched: Watched) -> None:
    watched.expected.append("Failed to load resource: the server responded with a status of 403")
    watched.expected.append("Failed to load resource: the server responded with a status of 401")
    page = open_page(site.base_url, "/static/icon.svg")
    status = {"now": 401}
    error = {"error": {"message": "no", "type": "permission_error", "code": "role_missing"}}

    def refuse(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer admin-key":
            route.continue_(headers={**route.request.headers, "authorization": ""})
        else:
            route.fulfill(status=status["now"], json=error)

    page.route("**/v1/admin/**", refuse)
    page.goto(site.base_url + "/admin")
    status["now"] = 403
    page.locator("#key-field").fill("asking-key")
    page.keyboard.press("Enter")
    page.get_by_text("it needs the role admin").wait_for()
    expect(page.locator("#content")).to_be_hidden()
    status["now"] = 401
    page.get_by_role("button", name="Use another key").click()
    page.locator("#key-field").fill("admin-key")
    page.keyboard.press("Enter")
    page.locator("#content").wait_for()
    expect(page.locator("#fault")).to_be_hidden()
