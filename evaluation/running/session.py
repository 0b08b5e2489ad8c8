"""``ragpress eval run``: the accepted cases on a release, or on prompt versions one after another, and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from evaluation.cases.files import case_set
from evaluation.comparing.candidates import open_trial
from evaluation.comparing.changes import Change
from evaluation.comparing.keeping import new_id
from evaluation.model_judge.judging import judge_report, judging_on
from evaluation.model_judge.records import JudgeReport
from evaluation.records import Case, CaseResult, EvaluatedRelease, SliceSummary
from evaluation.report.data import ReportData, opinion_of
from evaluation.report.keep import keep_report
from evaluation.running.choosing import chosen_cases
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.slices import slices_of
from evaluation.statistics import summarise
from evaluation.subjects import Subject, open_subject
from index.environment import Environment, open_release
from index.evaluations import EvaluationSummary, MetricSummary, evaluation_key
from index.prompt_versions import find_prompt
from ragpress.errors import SettingsError
from ragpress.evaluation_settings import EvaluationSettings

JUDGE = "judge.json"
"""Name of the file beside the report that holds a model's judgements."""

Watch = Callable[[str, int], AbstractContextManager[Callable[[CaseResult], None]]]
"""Shows how a run goes on: what is evaluated and how many cases, then every case that is finished."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run.

    Attributes:
        collection: the collection.
        release: id of the release; the live one when None.
        prompts: names of prompt versions, each tried on the release's documents; none takes the release as it is.
        tags: only cases with one of these tags.
        cases: only the cases with these ids.
        fresh: whether answers that are known are made again.
        judge: whether the model of ``[judge]`` judges the answers, beside the metrics.
        language: of the report when it is opened; the setting's when None.
    """

    collection: str = "default"
    release: str | None = None
    prompts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    fresh: bool = False
    judge: bool = False
    language: Literal["en", "zh"] | None = None


class FailedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case without a result: its id, the step that failed, the error's class and message."""

    case: str
    step: str
    kind: str
    message: str


class ReviewCase(msgspec.Struct, frozen=True):
    """A case that counts nowhere until a person has looked at it, and why."""

    case: str
    reason: str


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation of one release found; the JSON of ``ragpress eval run``.

    Attributes:
        evaluation: its id.
        collection: the collection.
        release: id of the release.
        label: what it is called in reports.
        prompt: name and fingerprint of the prompt version.
        generator: what answered.
        cases: number of cases.
        case_set: fingerprint of the cases.
        metrics: by name.
        errors: cases without a result.
        review: cases whose evidence the sources no longer say.
        slices: metrics of the cases that share a language, a tag or a folder.
        judged: answers that were made and scored.
        reused: answers whose result was known.
        saved_seconds: what the reused ones cost when they were made.
        saved_tokens: tokens of a model that were not spent again.
        embedded: texts that were embedded.
        prompt_tokens: tokens that a model read.
        completion_tokens: tokens that it wrote.
        seconds: wall-clock time.
        cpu_seconds: processor time of this process.
        outside_seconds: processor time outside retrieval and embedding.
        report: path of the report.
        judge: what a served model says of the answers; None where it was not asked.
        trend: the evaluations of the prompt versions before this one, where several were asked for.
    """

    evaluation: str
    collection: str
    release: str
    label: str
    prompt: str
    generator: str
    cases: int
    case_set: str
    metrics: dict[str, MetricSummary]
    errors: tuple[FailedCase, ...]
    review: tuple[ReviewCase, ...]
    slices: tuple[SliceSummary, ...]
    judged: int
    reused: int
    saved_seconds: float
    saved_tokens: int
    embedded: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cpu_seconds: float
    outside_seconds: float
    report: str
    judge: JudgeReport | None = None
    trend: tuple[EvaluationSummary, ...] = ()


def run_evaluation(environment: Environment, asked: Asked, watch: Watch) -> RunRecord:
    """Evaluate, reckon, and keep the results with their report.

    Several prompt versions are evaluated one after another; each is kept, and the last one's report shows them all.

    Raises:
        UsageError: there is no such case, or none at all.
        SettingsError: a case or a prompt version is wrong, or no judge is set.
        ReleaseError: there is no such release.
        StorageError: results cannot be kept.
    """
    settings = environment.workspace.collection(asked.collection).evaluation
    cases = chosen_cases(environment.workspace.root, asked.collection, asked.tags, asked.cases)
    _check(environment, asked)
    options = RunOptions(k=settings.k, concurrency=settings.concurrency, reuse=not asked.fresh)
    earlier: list[EvaluationSummary] = []
    record: RunRecord | None = None
    for prompt in asked.prompts or (None,):
        subject = _subject(environment, asked, prompt)
        with watch(subject.info.label, len(cases)) as finished:
            found = evaluate(environment, subject, cases, replace(options, progress=finished))
        data = _data(environment, asked, cases, found, earlier)
        judged = _judged(environment, asked, data)
        data = data if judged is None else replace(data, judge=opinion_of(judged))
        summary, path = keep_report(environment, data)
        record = replace(_record(data, path), judge=judged)
        earlier.append(summary)
    if record is None:
        raise AssertionError("at least one release is evaluated")
    return record


def _check(environment: Environment, asked: Asked) -> None:
    """See that everything is there, before any of it has cost anything."""
    for name in asked.prompts:
        find_prompt(environment, asked.collection, name)
    if asked.judge and not judging_on(environment, asked.collection):
        raise SettingsError(
            "No judge is set: expected base_url in [judge], found none. Give the address of a served model, for "
            'example base_url = "http://127.0.0.1:8000/v1", or leave --judge out.'
        )


def _subject(environment: Environment, asked: Asked, prompt: str | None) -> Subject:
    release = open_release(environment, asked.collection, asked.release)
    if prompt is not None:
        return open_trial(environment, release, Change(prompt=prompt), f"prompt {prompt}")
    live = environment.releases(asked.collection).live_id()
    return open_subject(environment, release, "live" if release.manifest.id == live else release.manifest.id)


def _data(
    environment: Environment,
    asked: Asked,
    cases: tuple[Case, ...],
    found: EvaluatedRelease,
    prompts: Sequence[EvaluationSummary],
) -> ReportData:
    collection = environment.workspace.collection(asked.collection)
    settings = _in_language(collection.evaluation, asked.language)
    now = environment.now()
    return ReportData(
        id=new_id(now),
        collection=asked.collection,
        kind="trend" if prompts else "run",
        created=now.isoformat(timespec="seconds"),
        cases=cases,
        case_set=case_set(cases),
        candidate=found,
        metrics=summarise(found.results, settings),
        slices=slices_of(cases, found.results, settings),
        trend=tuple(prompts),
        gate=collection.gate,
        settings=settings,
    )


def _in_language(settings: EvaluationSettings, language: Literal["en", "zh"] | None) -> EvaluationSettings:
    return settings if language is None else replace(settings, language=language)


def _judged(environment: Environment, asked: Asked, data: ReportData) -> JudgeReport | None:
    """What the judge says, kept beside the report; it is in no metric."""
    if not asked.judge:
        return None
    judged = judge_report(environment, asked.collection, data.cases, data.candidate.results)
    environment.store.create(evaluation_key(data.id, JUDGE), msgspec.json.encode(judged))
    return judged


def _record(data: ReportData, report: Path) -> RunRecord:
    subject, totals, results = data.candidate.subject, data.candidate.totals, data.candidate.results
    errors = [
        FailedCase(case=one.case, step=one.error.step, kind=one.error.kind, message=one.error.message)
        for one in results
        if one.error is not None
    ]
    return RunRecord(
        evaluation=data.id,
        collection=data.collection,
        release=subject.release,
        label=subject.label,
        prompt=subject.prompt,
        generator=subject.generator,
        cases=len(data.cases),
        case_set=data.case_set,
        metrics=data.metrics,
        errors=tuple(errors),
        review=tuple(ReviewCase(one.case, one.review) for one in results if one.review),
        slices=data.slices,
        report=str(report),
        trend=data.trend,
        **msgspec.structs.asdict(totals),
    )
