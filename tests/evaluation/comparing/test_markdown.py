"""The comment on a pull request: what it says, and that nothing in it is obeyed."""

from __future__ import annotations

import html
import re

import msgspec
import pytest

from evaluation.comparing.case_diff import Rules, changed_case
from evaluation.comparing.markdown import markdown, plain
from evaluation.comparing.records import Comparison, WhatChanged, Why
from evaluation.records import Case, CaseResult, EvaluatedRelease, GateVerdict, MetricDelta, Reason, SubjectInfo, Totals
from tests.evaluation.comparing.samples import case, result

DELTA = MetricDelta(baseline=0.9, candidate=0.7, delta=-0.2, ci=(-0.3, -0.1), p=0.001, p_adjusted=0.002, n=40)
NO_DELTA = msgspec.structs.replace(DELTA, delta=None, ci=None, p=None, candidate=None)
PASS = GateVerdict(verdict="pass", checks=())
HOSTILE = "<img src=x> | **@admin** see #1 `rm` https://evil.example [x](y) www.evil.example\n# Title\u202e"


def side(label: str, found: CaseResult) -> EvaluatedRelease:
    info = SubjectInfo(
        label=label,
        release="r00001-abc",
        trial=False,
        prompt="default@1",
        generator="extractive",
        content="",
        documents=1,
        chunks=1,
        created="",
    )
    return EvaluatedRelease(subject=info, results=(found,), totals=Totals(judged=3, reused=37))


def compared(one: Case, before: CaseResult, after: CaseResult, verdict: GateVerdict) -> Comparison:
    changed = changed_case(one, before, after, Rules(tested=("passed",)))
    assert changed is not None
    why = (Why(code="prompt", message="same passages, other prompt lines"),)
    return Comparison(
        collection="default",
        cases=(one,),
        baseline=side("live", before),
        candidate=side("prompt brief", after),
        metrics={
            "recall@10": DELTA,
            "mrr": msgspec.structs.replace(DELTA, delta=None, ci=None, p=None, candidate=None),
        },
        baseline_summaries={},
        candidate_summaries={},
        baseline_slices=(),
        candidate_slices=(),
        verdict=verdict,
        changed=(msgspec.structs.replace(changed, why=why),),
        what=WhatChanged(),
    )


def shown(text: str) -> str:
    return html.unescape(text).replace("\u2060", "")


@pytest.fixture
def refused() -> Comparison:
    after = result(answer="No.", scores={"passed": 0.0})
    reason = Reason(code="worse", message="recall@10 is worse: 0.900 → 0.700")
    verdict = GateVerdict(verdict="refuse", checks=("worse",), reasons=(reason,))
    return compared(case(question="Who pays?"), result(), after, verdict)


def test_the_verdict_comes_first_and_the_gated_metrics_stand_open(refused: Comparison) -> None:
    lines = shown(markdown(refused, ("recall@10",))).splitlines()
    assert lines[0] == "### ❌ The gate refuses: prompt brief"
    assert "candidate: 3 judged, 37 reused; baseline: 3 judged, 37 reused" in lines[2]
    assert "- **worse**: recall@10 is worse: 0.900 → 0.700" in lines
    assert "| recall@10 | 0.900 | 0.700 | ▼ -0.200 | -0.300 … -0.100 | 0.001 | 40 |" in lines
    folded = lines.index("<details><summary>All metrics</summary>")
    assert lines.index("| mrr | 0.900 | – | – | – |  | 40 |") > folded


def test_changed_cases_stand_with_both_answers_and_why(refused: Comparison) -> None:
    text = shown(markdown(refused, ("recall@10",)))
    assert "1 case changed**: 1 worse, 0 better" in text
    assert "c: Who pays?" in text
    assert "passed 1.000 → 0.000" in text
    assert "**fails now**" in text
    assert "- same passages, other prompt lines" in text
    assert "Before: It is so. [1]" in text
    assert "After: No." in text


def test_a_pass_says_so(refused: Comparison) -> None:
    passed = msgspec.structs.replace(refused, verdict=PASS)
    assert shown(markdown(passed, ())).startswith("### ✅ The gate passes")


def test_hostile_text_stays_text() -> None:
    text = plain(HOSTILE)
    assert "\n" not in text
    for active in "<>|*`[]@\\_":
        assert active not in text
    assert "://" not in text
    assert "www." not in text
    assert not re.search(r"(?<!&)#", text)
    assert shown(text).startswith("<img src=x> | **@admin** see #1")


def test_hostile_questions_and_answers_break_nothing() -> None:
    before, after = result(), result(answer=HOSTILE, scores={"passed": 0.0})
    one = case(question=HOSTILE + " </details>")
    text = markdown(compared(one, before, after, PASS), ())
    assert "<img" not in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_a_comment_stays_as_short_as_it_must_be(refused: Comparison) -> None:
    long = "<" * 400
    why = tuple(Why(code="prompt", message=long) for _ in range(8))
    many = tuple(msgspec.structs.replace(refused.changed[0], question=long, why=why) for _ in range(30))
    text = markdown(msgspec.structs.replace(refused, changed=many), ("recall@10",))
    assert len(text) < 65_536
    assert "more in the report." in text
    assert text.count("<details>") == text.count("</details>") > 1


def test_long_answers_are_cut() -> None:
    assert len(plain("word " * 1_000)) <= 400
