"""One story over both pages, as a team lives it: an answer, its source, a complaint, the dashboard, a rollback."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.sample import sample_workspace
from tests.browser.steps import ask, expect, open_source
from tests.serving.service_process import ServiceProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

ENGLISH = "Until when is the workshop open on working days?"
# What is live stands in /v1/models at once; what is searched follows when it is open, and is what answers.
FOLLOWED = """async () => {
  const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"query": "workshop"}' };
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await (await fetch("/v1/retrieve", asked)).json();
    if (found.release.startsWith("r00001")) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}"""
CHINESE = "客户可以在收货后多少天内申请退款？"


def test_a_bad_answer_is_reported_seen_and_rolled_back(
    tmp_path: Path, services: ExitStack, open_page: OpenPage
) -> None:
    workspace = sample_workspace(tmp_path)
    rules = (workspace.docs / "workshop.md").read_text(encoding="utf-8")
    workspace.write({"workshop.md": rules.replace("17:30", "16:45")})
    assert workspace.ingest().published

    service = services.enter_context(ServiceProcess(workspace.root))
    chat = open_page(service.base_url)
    expect(ask(chat, CHINESE).locator(".text")).to_contain_text("十四天", use_inner_text=True)
    turn = ask(chat, ENGLISH)
    expect(turn.locator(".text")).to_contain_text("16:45", use_inner_text=True)
    expect(open_source(chat, turn)).to_contain_text("16:45", use_inner_text=True)
    chat.keyboard.press("Escape")

    turn.get_by_role("button", name="Bad answer").click()
    turn.get_by_label("What is the right answer?").fill("Until 17:30, as the notice at the door says.")
    turn.get_by_role("button", name="workshop.md").last.click()
    turn.get_by_role("button", name="Send").click()
    turn.get_by_text("It was recorded.").wait_for()

    dashboard = open_page(service.base_url, "/admin")
    case = dashboard.locator(".case", has_text=ENGLISH)
    case.wait_for()
    if not case.evaluate("node => node.open"):
        case.locator("summary").first.click()
    expect(case).to_contain_text("Until 17:30, as the notice at the door says.", use_inner_text=True)
    expect(case).to_contain_text("workshop.md", use_inner_text=True)

    dashboard.get_by_role("button", name="Roll back to r00001").click()
    dialog = dashboard.get_by_role("dialog")
    dialog.get_by_role("button", name="Roll back").click()
    dashboard.locator("#state-line").get_by_text("Live: r00001").wait_for()

    chat.get_by_role("button", name="New conversation").click()
    assert chat.evaluate(FOLLOWED)
    again = ask(chat, ENGLISH)
    expect(again.locator(".text")).to_contain_text("17:30", use_inner_text=True)
    expect(open_source(chat, again)).to_contain_text("17:30", use_inner_text=True)
    for page in (chat, dashboard):
        page.close()
    assert service.stop() == 0
