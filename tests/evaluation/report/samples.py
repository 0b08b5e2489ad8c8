"""Evaluations with plausible figures for tests of reports: our own texts, results that a seed decides."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import msgspec

from evaluation.comparing.records import ChangedCase, Comparison, SettingChange, WhatChanged, Why
from evaluation.comparing.words import word_diff
from evaluation.gate import decide
from evaluation.records import (
    Case,
    CaseError,
    CaseResult,
    Cost,
    EvaluatedRelease,
    Evidence,
    EvidenceState,
    LocatedEvidence,
    RankedHit,
    SubjectInfo,
    Totals,
)
from evaluation.report.data import ReportData
from evaluation.slices import slices_of
from evaluation.statistics import compare_metrics, summarise
from index.evaluations import EvaluationSummary, MetricSummary
from index.history import DocumentChange
from ragpress.evaluation_settings import EvaluationSettings, GateSettings
from retrieval.context import Passage
from serving.types import Citation, GeneratorName, SentenceCheck

SETTINGS = EvaluationSettings(resamples=400)
TESTED = (
    "recall@1", "recall@10", "ndcg@10", "mrr", "answer_correctness", "token_f1", "faithfulness", "citation_precision",
    "citation_recall", "passed",
)  # fmt: skip

TOPICS = (
    (
        "workshop/rules.md",
        "When is the workshop open?",
        "The workshop is open from 8:00 to 17:30 on working days.",
        "The workshop stands behind the main house. The workshop is open from 8:00 to 17:30 on working days. On public "
        "holidays it is closed, and the key is with the porter.",
        ("en", "hours"),
    ),
    (
        "退款/退款规定.md",
        "收货后多少天内可以申请退款？",
        "客户可以在收货后十四天内申请退款。",
        "本规定适用于所有线上订单。客户可以在收货后十四天内申请退款。申请时须附上发票号码，退款会在五个工作日内退回原付款账户。",
        ("zh", "refund", "must"),
    ),
    (
        "boiler/manual.pdf",
        "What pressure must the boiler never exceed?",
        "The boiler pressure must stay below 6.5 bar at all times.",
        "Before lighting, open the valve on the left. The boiler pressure must stay below 6.5 bar at all times. Call "
        "the keeper when the needle passes the red line.",
        ("en", "safety", "must"),
    ),
    (
        "visitors/badges.md",
        "Which badge does a visitor get?",
        "Every visitor gets a red badge at the front desk.",
        "Every visitor gets a red badge at the front desk. The badge is returned on leaving; a lost badge is reported.",
        ("en", "visitors"),
    ),
)
FILLER = (
    "This page tells of the history of the house and of the people who built it, in the words of its first keeper. "
)


def case_of(number: int, **fields: Any) -> Case:
    """The case of a number; its topic is one of four."""
    source, question, answer, _, tags = TOPICS[number % len(TOPICS)]
    quote = answer
    told: dict[str, Any] = {
        "id": f"case-{number:04}",
        "question": question if number < len(TOPICS) else f"{question} ({number})",
        "answer": answer,
        "evidence": (Evidence(source, quote),),
        "tags": tags,
    }
    return Case(**{**told, **fields})


def passage_of(topic: int, index: int, text: str | None = None) -> Passage:
    """A passage of a topic's document."""
    source, _, _, own, _ = TOPICS[topic % len(TOPICS)]
    text = own if text is None else text
    return Passage(
        index=index,
        chunk_id=f"chunk-{topic}-{index}",
        document_id=f"document-{topic}",
        source=source,
        title=source,
        heading=("House", "Rules"),
        page=2 if source.endswith(".pdf") else None,
        start=0,
        end=len(text),
        chunk=text,
        text=text,
        text_start=0,
        text_end=len(text),
        score=0.9 / index,
    )


def result_of(case: Case, number: int, quality: float, **fields: Any) -> CaseResult:
    """A result whose scores are about ``quality``."""
    topic = number % len(TOPICS)
    chance = random.Random(f"{case.id} {quality}")
    good = chance.random() < quality
    own = passage_of(topic, 1)
    other = passage_of(topic + 1, 2, FILLER * 4)
    answer = f"{case.answer} [1]" if good else "The documents tell of the history of the house [2]."
    start = own.text.index(case.evidence[0].quote) if case.evidence else 0
    end = start + len(case.evidence[0].quote) if case.evidence else 0
    cited = own if good else other
    citation = Citation(
        index=cited.index,
        chunk_id=cited.chunk_id,
        document_id=cited.document_id,
        source=cited.source,
        title=cited.title,
        heading=cited.heading,
        page=cited.page,
        start=start if good else 0,
        end=end if good else 60,
        quote=cited.text[start:end] if good else cited.text[:60],
        score=0.93 if good else 0.21,
    )
    rank = 1 if good else chance.choice((2, 4, 9))
    level = 1.0 if good else 0.1
    scores = dict.fromkeys(TESTED, level) | {"mrr": 1 / rank, "total_seconds": 0.4 + chance.random()}
    told: dict[str, Any] = {
        "case": case.id,
        "fingerprint": case.fingerprint,
        "key": f"key-{case.id}-{quality}",
        "hits": (
            RankedHit(rank=rank, chunk_id=own.chunk_id, document_id=own.document_id, source=own.source,
                      start=0, end=own.end, score=0.9, covers=(0,)),
        ),
        "evidence": tuple(
            LocatedEvidence(index=place, state=EvidenceState.FOUND, source=item.source, document_id=own.document_id,
                            version="ab", start=start, end=end)
            for place, item in enumerate(case.evidence)
        ),
        "answer": answer,
        "citations": (citation,),
        "sentences": (SentenceCheck(start=0, end=len(answer), citations=(1,), support=level, supported=good),),
        "passages": (own, other),
        "generator": GeneratorName("openai", "small-instruct"),
        "scores": scores,
        "missing": {"answer_relevancy": "the embedder is not loaded"},
        "cost": Cost(prompt_tokens=900, completion_tokens=40, retrieve_seconds=0.02,
                     total_seconds=scores["total_seconds"]),
        "reused": number % 3 == 0,
    }  # fmt: skip
    return CaseResult(**{**told, **fields})


def subject(label: str, **fields: Any) -> SubjectInfo:
    """A release."""
    told: dict[str, Any] = {
        "label": label,
        "release": "r00004-6b1f0c2d",
        "trial": False,
        "prompt": "default@8f0a11c2d3e4",
        "generator": "openai small-instruct",
        "content": "c0ffee",
        "documents": 23,
        "chunks": 412,
        "created": "2026-06-09T08:00:00+00:00",
    }
    return SubjectInfo(**{**told, **fields})


def evaluated(info: SubjectInfo, results: tuple[CaseResult, ...]) -> EvaluatedRelease:
    """A release with its results."""
    reused = sum(result.reused for result in results)
    totals = Totals(judged=len(results) - reused, reused=reused, saved_seconds=reused * 0.8, saved_tokens=reused * 940,
                    embedded=4, prompt_tokens=36_000, completion_tokens=1_600, seconds=61.0, cpu_seconds=9.5,
                    outside_seconds=1.1)  # fmt: skip
    return EvaluatedRelease(subject=info, results=results, totals=totals)


def run_data(number: int = 24, **fields: Any) -> ReportData:
    """A run of one release."""
    return msgspec.structs.replace(_run_data(number), **fields)


@cache
def _run_data(number: int) -> ReportData:
    cases = tuple(case_of(place) for place in range(number))
    results = tuple(result_of(case, place, 0.8) for place, case in enumerate(cases))
    return ReportData(
        id="e20260610T080000-aaaaaa",
        collection="default",
        kind="run",
        created="2026-06-10T08:00:00+00:00",
        cases=cases,
        case_set="5e7f00d15e7f00d1",
        candidate=evaluated(subject("live"), results),
        metrics=summarise(results, SETTINGS),
        slices=slices_of(cases, results, SETTINGS),
        settings=SETTINGS,
    )


def compared(
    cases: tuple[Case, ...], before: tuple[CaseResult, ...], after: tuple[CaseResult, ...], **fields: Any
) -> Comparison:
    """Two releases, compared as the gate compares them."""
    deltas = compare_metrics(before, after, SETTINGS, TESTED)
    told: dict[str, Any] = {
        "collection": "default",
        "cases": cases,
        "baseline": evaluated(subject("live"), before),
        "candidate": evaluated(subject("prompt brief", trial=True, prompt="brief@11d2c3b4a5f6"), after),
        "metrics": deltas,
        "baseline_summaries": summarise(before, SETTINGS),
        "candidate_summaries": summarise(after, SETTINGS),
        "baseline_slices": slices_of(cases, before, SETTINGS),
        "candidate_slices": slices_of(cases, after, SETTINGS),
        "verdict": decide(cases, before, after, deltas, GateSettings(), SETTINGS),
        "changed": tuple(
            sorted(
                (changed_case(*triple) for triple in zip(cases, before, after, strict=True) if differ(*triple[1:])),
                key=lambda one: -one.harm,
            )
        ),
        "what": WHAT,
    }
    return Comparison(**{**told, **fields})


def differ(before: CaseResult, after: CaseResult) -> bool:
    """Whether two results differ in their answers or scores."""
    return (before.answer, before.scores) != (after.answer, after.scores)


def changed_case(case: Case, before: CaseResult, after: CaseResult) -> ChangedCase:
    """A changed case with a cause."""
    lost = sum(before.scores.get(name, 0.0) - after.scores.get(name, 0.0) for name in TESTED)
    why = Why(
        code="prompt",
        message="same passages, other prompt lines",
        details=("-Say what the passages say.", "+Answer in one sentence."),
        values={"same": "true"},
    )
    return ChangedCase(
        case=case.id,
        question=case.question,
        tags=case.tags,
        direction="worse" if lost > 0 else "better" if lost < 0 else "other",
        harm=lost,
        newly_failed=before.scores.get("passed", 0) > after.scores.get("passed", 0),
        newly_passed=before.scores.get("passed", 0) < after.scores.get("passed", 0),
        scores=(),
        hits=(),
        evidence=(),
        answer=word_diff(before.answer or "", after.answer or ""),
        same_answer=before.answer == after.answer,
        why=(why,),
    )


WHAT = WhatChanged(
    documents=(
        DocumentChange("visitors/badges.md", "changed", ("Every visitor gets a red badge.",), ("A blue badge.",)),
        DocumentChange("退款/退款规定.md", "added", ("客户可以在收货后十四天内申请退款。",), ()),
    ),
    documents_changed=2,
    chunks_added=2,
    chunks_removed=1,
    settings=(SettingChange("answer.prompt", "default", "brief"),),
    prompt=("@@ rules @@", " Answer from the passages.", "-Say what the passages say.", "+Answer in one sentence."),
)


def data_of(comparison: Comparison, **fields: Any) -> ReportData:
    """What the report of a comparison is made of."""
    told: dict[str, Any] = {
        "id": "e20260611T080000-bbbbbb",
        "collection": "default",
        "kind": "compare",
        "created": "2026-06-11T08:00:00+00:00",
        "cases": comparison.cases,
        "case_set": "5e7f00d15e7f00d1",
        "candidate": comparison.candidate,
        "metrics": comparison.candidate_summaries,
        "slices": comparison.candidate_slices,
        "comparison": comparison,
        "trend": trend(),
        "settings": SETTINGS,
    }
    return ReportData(**{**told, **fields})


@cache
def compare_data(number: int = 40, before: float = 0.9, after: float = 0.6) -> ReportData:
    """A comparison; where the candidate is worse, two cases are for review as well and one ended in an error."""
    cases = tuple(case_of(place) for place in range(number))
    old = [result_of(case, place, before) for place, case in enumerate(cases)]
    new = [result_of(case, place, after) for place, case in enumerate(cases)]
    if after < before and number > 8:
        for place in (5, 6):
            for results in (old, new):
                review = "visitors/badges.md no longer says it"
                results[place] = result_of(cases[place], place, before, review=review, missing={})
        error = CaseError("generate", "GeneratorTimeoutError", "no token in 60 s")
        new[7] = CaseResult(case=cases[7].id, fingerprint=cases[7].fingerprint, key="", error=error)
    return data_of(compared(cases, tuple(old), tuple(new)))


def trend(number: int = 6) -> tuple[EvaluationSummary, ...]:
    """Earlier evaluations, their prompt another one halfway."""
    return tuple(
        EvaluationSummary(
            id=f"e2026060{place + 1}T080000-cccccc",
            collection="default",
            kind="gate",
            created=f"2026-06-0{place + 1}T08:00:00+00:00",
            release=f"r0000{place}",
            label="live",
            prompt="default@8f0a11c2d3e4" if place >= number // 2 else "first@77aa",
            content="c0",
            cases=40,
            case_set="5e7f00d15e7f00d1",
            verdict="pass" if place else None,
            metrics={
                name: MetricSummary(mean=0.78 + 0.02 * place, ci=(0.7 + 0.02 * place, 0.84 + 0.02 * place), n=40)
                for name in GateSettings().metrics
            },
        )
        for place in range(number)
    )
