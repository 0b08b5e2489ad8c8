"""Findings on the dashboard: what a person can check, approve and reject; the loop's log; hostile words as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from index.findings import BlamedDocument, Cause, FindingEvidence, Proof, list_events
from index.repairs import files
from index.repairs.records import Quarantine
from tests.browser.conftest import OpenPage
from tests.browser.sample import sample_workspace
from tests.browser.steps import expect, probe
from tests.serving.found import AT, finding, happened, keep, wanted
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.process]

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
HOSTILE = '<img src=x onerror=alert(1)> \u202e"><script>alert(2)</script>'
CHANGES = "# What changed in r00001\n\n- `docs/hours-2024.md` is searched no more. <img src=x onerror=alert(3)>\n"


def filled(workspace: Workspace) -> None:
    """Keep findings of several states, and what the loop did."""
    environment, release = workspace.environment(), workspace.open().manifest.id
    hostile = Quarantine(collection="default", reason=HOSTILE, by="ragpress loop", at=AT, source=f"docs/{HOSTILE}.md")
    planted = finding(
        "f2",
        question=HOSTILE,
        cause=Cause.POISONED_DOCUMENT,
        documents=(BlamedDocument("d9", f"docs/{HOSTILE}.md", HOSTILE),),
        evidence=(FindingEvidence(kind="conflict", text=HOSTILE, quote=HOSTILE, source=HOSTILE),),
        repairs=(hostile,),
        expected=HOSTILE,
        proof=Proof(fixed=False, before=HOSTILE, after=HOSTILE, reason=HOSTILE),
    )
    keep(environment, finding("f3", question="Where is the lantern?"), planted, finding(release=release), wanted())
    happened(environment, "waiting", "f1", text="It waits for a person: supersede is not among [loop] auto_repairs.")
    happened(environment, "published", "f3", release=release, text="Published: 1 of 1 bad cases is right now.")
    happened(environment, "failed", text=HOSTILE)
    environment.store.delete(f"releases/{release}/CHANGES.md")
    environment.store.create(f"releases/{release}/CHANGES.md", CHANGES.encode())
    for repair in (hostile, wanted().repairs[0]):
        files.save(workspace.root, repair)


class Site(msgspec.Struct):
    """A service over a workspace with findings."""

    workspace: Workspace
    service: ServiceProcess


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    workspace = sample_workspace(tmp_path_factory.mktemp("findings"))
    filled(workspace)
    with ServiceProcess(workspace.root) as running:
        yield Site(workspace, running)


def opened(site: Site, open_page: OpenPage, path: str = "/admin", **options: Any) -> Any:
    page = open_page(site.service.base_url, path, **options)
    page.locator("#findings-list .case").first.wait_for()
    page.locator("#loop-list table").first.wait_for()
    return page


def of(page: Any, finding_id: str) -> Any:
    """A finding's box."""
    return page.locator(f'#findings-list details[data-kept="finding-{finding_id}"]')


def test_a_finding_shows_what_a_person_can_check(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    first = page.locator("#findings-list details").first
    expect(first).to_have_attribute("data-kept", "finding-f1")
    first.locator("summary").first.click()
    text = first.inner_text()
    for part in (
        "Outdated document · 93% sure",
        "waits for you",
        "docs/hours-2024.md",
        "It says nine; the newer edition says eight.",
        "It opens at eight.",
        "At eight.",
        "as a reader says",
        "Search docs/hours-2024.md no more: docs/hours.md stands in its place.",
        "the answer becomes right",
        "At nine [1].",
        "At eight [1].",
        "supersede is not among",
        "Documents contradict (5%)",
    ):
        assert part in text
    expect(page.locator("#problems")).to_contain_text("1 repair waits for your word", use_inner_text=True)
    assert "2 repairs wait" not in page.locator("#problems").inner_text()


def test_words_of_documents_and_readers_are_text(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    of(page, "f2").locator("summary").first.click()
    text = of(page, "f2").inner_text()
    assert text.count("<script>alert(2)</script>") >= 6
    assert "\u202e" not in page.locator("#findings-list").inner_text() + page.locator("#loop-list").inner_text()
    assert page.locator("#findings-list img, #findings-list script, #loop-list img").count() == 0


def test_the_loop_tells_what_it_did_and_what_a_release_changed(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    log = page.locator("#loop-list")
    expect(log.locator(".facts")).to_contain_text("nobody", use_inner_text=True)
    expect(log.get_by_text("ragpress worker", exact=True)).to_be_visible()
    expect(log).to_contain_text("Published: 1 of 1 bad cases is right now.", use_inner_text=True)
    expect(log).to_contain_text("A document is missing: Something about the weather on Mars.", use_inner_text=True)
    expect(log).to_contain_text("from the next release on", use_inner_text=True)
    log.get_by_role("button", name="What changed").first.click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("is searched no more").wait_for()
    expect(drawer).to_contain_text("<img src=x onerror=alert(3)>", use_inner_text=True)
    assert drawer.locator("img").count() == 0
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_a_link_opens_the_finding(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page, "/admin#finding/f3")
    expect(of(page, "f3")).to_have_attribute("open", "")
    page.locator("#loop-list").get_by_role("link", name="finding").first.click()
    page.wait_for_function("() => document.activeElement?.dataset.focus?.startsWith('finding-')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everybody_can_read_it(site: Site, open_page: OpenPage, scheme: str, locale: str) -> None:
    page = opened(site, open_page, color_scheme=scheme, locale=locale)
    for summary in page.locator("#findings-list .case > summary").all():
        summary.click()
    assert probe(page, "nameless") == []
    assert probe(page, "faint")["faint"] == []
    unsaid = "[...document.querySelectorAll('[data-words]')].filter((one) => one.textContent === one.dataset.words)"
    assert page.evaluate(f"{unsaid}.map((one) => one.outerHTML)") == []
    if locale == "zh-CN":
        expect(page.locator("#findings-list")).to_contain_text(
            "不再检索 docs/hours-2024.md，由 docs/hours.md 取代。", use_inner_text=True
        )


def test_nothing_is_wider_than_a_small_phone(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page, **PHONE)
    for summary in page.locator("#findings-list .case > summary").all():
        summary.click()
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    assert [one for one in probe(page, "beyond") if "finding" in one or "loop" in one] == []


def test_a_bad_case_leads_to_its_finding_and_a_person_decides(
    tmp_path: Path, services: ExitStack, open_page: OpenPage
) -> None:
    workspace = sample_workspace(tmp_path)
    running = services.enter_context(ServiceProcess(workspace.root))
    answer = complained_of(running)
    keep(workspace.environment(), finding(answer_id=answer, feedback=()))
    happened(workspace.environment(), "waiting", "f1")
    page = open_page(running.base_url, "/admin")
    page.locator("#bad-list").get_by_role("link", name="Diagnosis: Outdated document").click()
    box = of(page, "f1")
    box.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("I looked it up.")
    dialog.get_by_role("button", name="Approve").click()
    box.get_by_text("approved", exact=True).wait_for()
    expect(box.get_by_role("button", name="Approve")).to_have_count(0)
    box.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    box.get_by_text("rejected", exact=True).wait_for()
    events = list_events(workspace.environment())
    assert [event.kind for event in events] == ["rejected", "approved", "waiting"]
    assert events[1].text.endswith(": I looked it up.")


def complained_of(running: ServiceProcess) -> str:
    """Ask, put thumbs down, and tell the answer's id."""
    asked = {"model": "default", "messages": [{"role": "user", "content": "When is the workshop open?"}]}
    with httpx2.Client(base_url=running.base_url, timeout=60) as http:
        answer: str = http.post("/v1/chat/completions", json=asked).raise_for_status().json()["id"]
        http.post("/v1/feedback", json={"answer_id": answer, "rating": "down"}).raise_for_status()
    return answer
