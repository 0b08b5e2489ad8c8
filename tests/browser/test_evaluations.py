"""Evaluations on the dashboard: verdicts and reasons, the trend, reports in a sandbox, with keys and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from index.evaluations import MetricSummary
from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from tests.browser.conftest import OpenPage, Watched
from tests.browser.sample import sample_workspace
from tests.browser.steps import expect, probe
from tests.serving.evaluated import kept
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.process]

REASON = "answer_correctness fell from 0.81 to 0.52 <img src=x>"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
BLOCKED = "Connecting to 'null/v1/admin/overview' violates"
"""What Chromium writes to the console of a report that tries to reach the service."""


def filled(workspace: Workspace) -> None:
    """Keep evaluations: two runs on the same cases, some on others, and a refused candidate."""
    environment, release = workspace.environment(), workspace.open().manifest.id
    kept(environment, "e0", release=release, case_set="s0", created="2026-06-09T08:00:00+00:00")
    kept(environment, "e4", release=release, case_set="s2", created="2026-06-08T08:00:00+00:00", kind="compare")
    kept(environment, "e1", release=release)
    kept(environment, "e2", release=release, created="2026-06-11T08:00:00+00:00", label="prompt brief")
    worse = {
        "answer_correctness": MetricSummary(mean=0.52, ci=(0.4, 0.63), n=22),
        "recall@10": MetricSummary(mean=None, ci=None, n=0, missing=24),
    }
    refused = {
        "kind": "gate",
        "verdict": "refuse",
        "reasons": (REASON,),
        "baseline": release,
        "metrics": worse,
        "review": 2,
    }
    kept(environment, "e3", release="r00002-b", created="2026-06-12T08:00:00+00:00", label="candidate", **refused)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service without keys."""
    workspace = sample_workspace(tmp_path_factory.mktemp("evaluations"))
    filled(workspace)
    with ServiceProcess(workspace.root) as running:
        yield running


def opened(service: ServiceProcess, open_page: OpenPage, **options: Any) -> Any:
    page = open_page(service.base_url, "/admin", **options)
    page.locator("#evaluations-list table").first.wait_for()
    return page


def report_of(page: Any, watched: Watched, name: str) -> Any:
    """Open the report of a row in its tab."""
    watched.popups = True
    watched.expected.append(BLOCKED)
    row = page.locator("#evaluations-list tr", has_text=name)
    with page.context.expect_page() as tab:
        row.get_by_role("link", name="Report").click()
    tab.value.get_by_role("heading", name="Verdict: pass").wait_for()
    return tab.value


def test_verdicts_are_words_and_figures_have_intervals(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    rows = page.locator("#evaluations-list > .scroll tbody tr:not(.reasons)")
    expect(rows).to_have_count(5)
    newest = rows.first.inner_text()
    assert "refused" in newest
    assert page.locator("#evaluations-list tr.reasons").inner_text().strip() == REASON
    assert "2 to review" in newest
    assert "0.40–0.63" in newest
    expect(rows.first.locator("td.figure").nth(1)).to_contain_text("–", use_inner_text=True)
    expect(rows.first.locator("svg use[href='#icon-error']")).to_have_count(1)
    expect(rows.nth(1)).to_contain_text("not compared", use_inner_text=True)
    expect(rows.nth(1)).to_contain_text("0.96", use_inner_text=True)
    assert page.locator("#evaluations-list img").count() == 0
    expect(page.locator("#problems")).to_contain_text("2 cases need review", use_inner_text=True)


def test_the_trend_has_the_evaluations_of_the_same_cases(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    drawing = page.locator("#plot-evaluations svg")
    drawing.focus()
    page.keyboard.press("End")
    expect(page.locator("#plot-evaluations .reading")).to_contain_text("candidate", use_inner_text=True)
    page.keyboard.press("Home")
    expect(page.locator("#plot-evaluations [aria-live]")).to_contain_text("Recall@10: 0.96", use_inner_text=True)
    page.locator("#plot-evaluations summary").click()
    rows = page.locator("#plot-evaluations tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("prompt brief", use_inner_text=True)


def test_a_report_opens_in_a_tab_and_reaches_nothing(
    site: ServiceProcess, open_page: OpenPage, watched: Watched
) -> None:
    page = opened(site, open_page)
    tab = report_of(page, watched, "prompt brief")
    assert tab.url.endswith("/v1/evaluations/e2/report")
    expect(tab.locator("#told")).to_have_text("null no storage", use_inner_text=True)
    tab.wait_for_function("document.title === 'not reached'")
    assert tab.locator("h1").evaluate("node => getComputedStyle(node).color") == "rgb(0, 0, 255)"
    assert tab.evaluate("opener") is None


def test_where_keys_are_needed_a_report_opens_by_a_ticket(
    tmp_path: Path, services: ExitStack, open_page: OpenPage, watched: Watched
) -> None:
    workspace = sample_workspace(tmp_path)
    filled(workspace)
    key = str(KeyRing(workspace.environment().store).add(Grant(name="boss", roles=(Role.ADMIN,)))[1])
    watched.expected.append("Failed to load resource: the server responded with a status of 401")
    service = services.enter_context(ServiceProcess(workspace.root))
    page = open_page(service.base_url, "/admin")
    page.locator("#key-field").fill(key)
    page.keyboard.press("Enter")
    page.locator("#evaluations-list table").first.wait_for()
    tab = report_of(page, watched, "prompt brief")
    assert "?ticket=" in tab.url
    assert key not in tab.url
    expect(tab.locator("#told")).to_have_text("null no storage", use_inner_text=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everybody_can_read_it(site: ServiceProcess, open_page: OpenPage, scheme: str, locale: str) -> None:
    page = opened(site, open_page, color_scheme=scheme, locale=locale)
    assert probe(page, "nameless") == []
    assert probe(page, "faint")["faint"] == []
    unsaid = "[...document.querySelectorAll('[data-words]')].filter((one) => one.textContent === one.dataset.words)"
    assert page.evaluate(f"{unsaid}.map((one) => one.outerHTML)") == []


def test_nothing_is_wider_than_a_small_phone(site: ServiceProcess, open_page: OpenPage) -> None:
    page = opened(site, open_page, **PHONE)
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]


def test_without_cases_the_page_says_how_to_get_some(tmp_path: Path, services: ExitStack, open_page: OpenPage) -> None:
    workspace = sample_workspace(tmp_path)
    service = services.enter_context(ServiceProcess(workspace.root))
    page = open_page(service.base_url, "/admin")
    shown = page.locator("#evaluations-list .empty").first
    expect(shown).to_contain_text("ragpress eval generate", use_inner_text=True)
    (workspace.root / "cases").mkdir(exist_ok=True)
    (workspace.root / "cases" / "a.jsonl").write_text("{}\n", encoding="utf-8")
    page.locator("#refresh").click()
    shown.get_by_text("ragpress eval run").wait_for()
