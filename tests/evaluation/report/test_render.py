"""The page: hostile text stays text, nothing is loaded, both languages are there, the size is bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from evaluation.model_judge.records import JudgeMetric
from evaluation.report import render as module
from evaluation.report.data import JudgeOpinion
from evaluation.report.render import TEMPLATES, as_json, render
from ragpress.errors import UsageError
from tests.evaluation.report.samples import (
    case_of,
    compare_data,
    compared,
    data_of,
    passage_of,
    result_of,
    run_data,
    trend,
)

PAGES = Path(__file__).parents[3] / "serving" / "pages"
HOSTILE = (
    "<script>alert('x')</script><img src=x onerror=alert(1)><svg onload=alert(2)></svg>"
    "[click](javascript:alert(3)) <a href='https://evil.example/'>here</a> https://evil.example/?q=1 "
    "{{ 7*7 }} {% include 'x' %} </style></script><!-- \u202etxt.exe\u2066 \x1b[31m \U000e0041 "
)
LOADING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "ping", "style"}


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def hostile_data() -> str:
    """A comparison in which every text is hostile."""
    cases = tuple(
        case_of(
            place, question=HOSTILE, answer=HOSTILE, tags=(HOSTILE, "must"), note=HOSTILE, origin=HOSTILE, evidence=()
        )
        for place in range(6)
    )
    passage = msgspec.structs.replace(
        passage_of(0, 1, HOSTILE * 3), source=HOSTILE, heading=(HOSTILE,), marks=(HOSTILE,)
    )
    results = [
        tuple(
            msgspec.structs.replace(
                result_of(case, 0, quality),
                evidence=(),
                answer=HOSTILE + str(quality),
                passages=(passage,),
                missing={HOSTILE: HOSTILE},
                review=HOSTILE if place == 5 else "",
            )
            for place, case in enumerate(cases)
        )
        for quality in (0.9, 0.2)
    ]
    return render(data_of(compared(cases, *results)), "en")


def test_hostile_text_becomes_no_element_and_no_link() -> None:
    elements = Elements(hostile_data()).found
    tags = {tag for tag, _ in elements}
    assert not tags & {"iframe", "object", "embed", "base", "form", "img", "audio", "video"}
    assert [tag for tag, _ in elements if tag == "script"] == ["script"]
    assert [tag for tag, _ in elements if tag == "style"] == ["style"]
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name in LOADING], tag
        if "href" in attributes:
            assert attributes["href"].startswith("#") or (tag, attributes["href"]) == ("link", "data:,")


def test_hidden_characters_are_written_out_everywhere() -> None:
    html = hostile_data()
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066\u2067\U000e0000-\U000e0fff]", html)
    assert "⟨U+202E⟩" in html
    assert "{{ 7*7 }}" in html


def test_the_policy_names_what_stands_in_the_page_and_nothing_else() -> None:
    html = render(run_data(8), "en")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    for tag in ("style", "script"):
        text = html.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy[1]
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize(("language", "title", "other"), [("en", "Metrics", "指标"), ("zh", "指标", "Metrics")])
def test_a_page_is_in_one_language_and_has_the_other_beside_it(language: str, title: str, other: str) -> None:
    html = render(compare_data(), language)
    assert f'<html lang="{language}"' in html
    assert f'<h2 id="metrics"><span data-o="{other}">{title}</span></h2>' in html


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(UsageError, match="en or zh, not in 'fr'"):
        render(run_data(4), "fr")


def test_the_page_is_bounded_and_says_what_is_only_in_the_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 40_000)
    data = compare_data(120)
    html = render(data, "en")
    changed = len(data.comparison.changed) if data.comparison else 0
    shown = html.count('<details class="case ')
    assert 1 <= shown < changed
    assert f"{shown} of {changed} are shown here; all of them are in report.json." in html
    assert as_json(data).count(b'"newly_failed"') == changed + 1


def test_a_huge_answer_is_cut_and_the_rest_counted() -> None:
    case = case_of(0, question="Q" * 100_000, answer="R" * 100_000)
    result = result_of(case_of(0), 0, 0.0, answer="A" * 100_000)
    data = run_data(4)
    results = (msgspec.structs.replace(result, scores={"passed": 0.0}), *data.candidate.results[1:])
    candidate = msgspec.structs.replace(data.candidate, results=results)
    html = render(msgspec.structs.replace(data, cases=(case, *data.cases[1:]), candidate=candidate), "en")
    assert "… <span" in html
    assert "more characters: 96,000" in html
    assert len(html) < 120_000


def test_the_page_shares_the_colours_of_the_other_pages() -> None:
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    base = (PAGES / "base.css").read_text(encoding="utf-8")
    for block, found in zip(re.findall(r":root[^{]*\{([^}]*)\}", base), (light, dark), strict=False):
        found.update(re.findall(r"(--[\w-]+): (#\w+);", block))
    own = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    pairs = re.findall(r"(--[\w-]+): light-dark\((#\w+), (#\w+)\);", own)
    assert len(pairs) > 15
    assert {name: (one, other) for name, one, other in pairs} == {
        name: (light[name], dark[name]) for name, _, _ in pairs
    }


def test_a_verdict_comes_first_and_says_why() -> None:
    html = render(compare_data(), "en")
    heading = html.index("<h1")
    assert "Refused: prompt brief is not good enough to go live" in html[heading:]
    assert html.index("recall@10 is worse") < html.index('id="metrics"')
    assert "Passed: prompt brief may go live" in render(compare_data(40, 0.9, 0.9), "en")
    assert "live, evaluated by itself" in render(run_data(), "en")


def test_a_gate_without_a_baseline_says_so() -> None:
    data = compare_data()
    assert data.comparison is not None
    alone = msgspec.structs.replace(run_data(), alone=data.comparison.verdict, kind="gate")
    html = render(alone, "en")
    assert "Nothing is live that it could be compared with" in html
    assert "1 of 40 cases ends in an error" in html


def test_a_models_opinion_stands_apart_with_its_spread() -> None:
    correct = JudgeMetric(mean=0.75, ci=(0.6, 0.9), spread=0.081, n=20, missing=4, reasons={"no valid reply": 4})
    opinion = JudgeOpinion(
        model="judge-<b>", prompt="default@0123456789abcdef", repeats=3, temperature=0.3,
        candidate={"judge_correctness": correct}, judged=72,
    )  # fmt: skip
    html = render(run_data(4, judge=opinion), "en")
    section = html.partition('id="judge"')[2].partition("</section>")[0]
    for said in ("0.750", "0.600 … 0.900", "0.081", "no valid reply (4)", "judge-&lt;b&gt;", "default@0123456789ab"):
        assert said in section
    assert "judge_correctness" not in html.partition('id="judge"')[0]
    assert 'id="judge"' not in render(run_data(4), "en")


def test_prompts_one_after_another_are_named_on_the_axis() -> None:
    series = tuple(msgspec.structs.replace(one, prompt=f"version-{place}@1") for place, one in enumerate(trend(2)))
    html = render(run_data(40, trend=series, kind="trend"), "en")
    assert ">version-0</text>" in html
    assert 'class="turn"' not in html
