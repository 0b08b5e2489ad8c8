"""Judging the answers of a release by a served model: repeated, remembered, and never a zero for what is not known."""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from evaluation.model_judge.client import JsonModel
from evaluation.model_judge.prompts import (
    JudgePrompt,
    correctness_messages,
    faithfulness_messages,
    load_judge_prompt,
)
from evaluation.model_judge.records import (
    CORRECTNESS,
    FAITHFULNESS,
    METRICS,
    JudgeMetric,
    JudgeReport,
    JudgeScore,
    JudgeScores,
)
from evaluation.records import Case, CaseResult
from evaluation.statistics import summarise
from index.environment import Environment
from ingest.memo import Memo
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError, SettingsError
from ragpress.evaluation_settings import EvaluationSettings, JudgeSettings
from ragpress.fingerprint import digest
from ragpress.settings import secret
from ragpress.storage.record_ids import new_record_id
from serving.prompting import delimiter_of
from serving.types import Turn

MEMO = "evaluation-judge"
"""Name of the memo that keeps every valid judgement."""

SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 300},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}

_CODE_VERSION = 1
_LOWEST, _HIGHEST = 1, 5
_MAX_TOKENS = 300
# So many judgements are lost at most when the run is killed.
_SEALED_AT = 16


class _Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model must reply."""

    reason: str
    score: Annotated[int, msgspec.Meta(ge=_LOWEST, le=_HIGHEST)]


class _Task(msgspec.Struct, frozen=True):
    """One judgement to make."""

    case: str
    metric: str
    repeat: int
    key: bytes
    question: str
    answer: str
    against: tuple[str, ...]


class _Outcome(msgspec.Struct, frozen=True):
    """What came of a task: a verdict, or why there is none."""

    task: _Task
    verdict: _Verdict | None
    fault: str = ""


def judging_on(environment: Environment, collection: str = "default") -> bool:
    """Whether the settings name a judge."""
    return bool(environment.workspace.collection(collection).judge.base_url)


def judge_results(
    environment: Environment, collection: str, cases: Sequence[Case], results: Sequence[CaseResult]
) -> dict[str, JudgeScores]:
    """What the judge says of each answer, by case id; see :func:`judge_report`."""
    return judge_report(environment, collection, cases, results).cases


def judge_report(
    environment: Environment, collection: str, cases: Sequence[Case], results: Sequence[CaseResult]
) -> JudgeReport:
    """Let the model of ``[judge]`` judge answers. A judgement that is known is not asked for again.

    A fault of the server or a reply that is no judgement leaves that judgement out, with its reason; a run that was
    killed goes on where it was.

    Args:
        environment: the outside.
        collection: whose settings count.
        cases: the cases.
        results: their results, in the same order.

    Raises:
        SettingsError: no judge is set, or its prompt is wrong.
        GeneratorError: the server cannot say which model it has.
        StorageError: what is remembered cannot be read or written.
    """
    settings = environment.workspace.collection(collection)
    if not settings.judge.base_url:
        raise SettingsError(
            "No judge is set: expected base_url in [judge], found none. Give the address of a served model, for "
            'example base_url = "http://127.0.0.1:8000/v1", or leave --judge out.'
        )
    prompt = load_judge_prompt(environment.workspace.root, settings.judge.prompt)
    judge = _Judge(settings.judge, prompt, Memo(environment.store, MEMO), settings.evaluation)
    return asyncio.run(judge.run(cases, results))


class _Judge:
    """One run of the judge."""

    def __init__(
        self, settings: JudgeSettings, prompt: JudgePrompt, memo: Memo, evaluation: EvaluationSettings
    ) -> None:
        self._settings = settings
        self._prompt = prompt
        self._memo = memo
        self._evaluation = evaluation
        self._served = JsonModel(_served(settings), secret(settings.api_key_env), "judge")
        self._limit = asyncio.Semaphore(evaluation.concurrency)
        self._judged = self._reused = self._read = self._written = 0

    async def run(self, cases: Sequence[Case], results: Sequence[CaseResult]) -> JudgeReport:
        """Judge everything."""
        try:
            model = await self._served.name()
            pairs = list(zip(cases, results, strict=True))
            tasks = [task for case, result in pairs for task in self._tasks(case, result, model)]
            outcomes = await asyncio.gather(*(self._outcome(task) for task in tasks))
        finally:
            self._memo.seal()
            await self._served.aclose()
        grouped: dict[tuple[str, str], list[_Outcome]] = defaultdict(list)
        for outcome in outcomes:
            grouped[outcome.task.case, outcome.task.metric].append(outcome)
        scores = {case.id: _scores(case, result, grouped) for case, result in pairs}
        return JudgeReport(
            model=model,
            prompt=f"{self._settings.prompt}@{self._prompt.fingerprint}",
            repeats=self._settings.repeats,
            temperature=self._settings.temperature,
            metrics=_metrics(scores, self._evaluation),
            cases=scores,
            judged=self._judged,
            reused=self._reused,
            prompt_tokens=self._read,
            completion_tokens=self._written,
        )

    def _tasks(self, case: Case, result: CaseResult, model: str) -> list[_Task]:
        found = []
        for metric, against in _against(case, result).items():
            for repeat in range(self._settings.repeats):
                key = digest(
                    "judgement", _CODE_VERSION, metric, case.question, result.answer or "", against,
                    self._prompt.fingerprint, model, self._settings.temperature, repeat,
                )  # fmt: skip
                found.append(_Task(case.id, metric, repeat, key, case.question, result.answer or "", against))
        return found

    async def _outcome(self, task: _Task) -> _Outcome:
        known = self._memo.get(task.key)
        if known is not None:
            self._reused += 1
            return _Outcome(task, msgspec.json.decode(known, type=_Verdict))
        async with self._limit:
            outcome = await self._asked(task)
        if outcome.verdict is not None:
            self._memo.put(task.key, msgspec.json.encode(outcome.verdict))
            if self._memo.pending >= _SEALED_AT:
                self._memo.seal()
        return outcome

    async def _asked(self, task: _Task) -> _Outcome:
        try:
            reply = await self._served.ask(self._messages(task), "judgement", SCHEMA, seed=task.repeat)
        except GeneratorError as error:
            return _Outcome(task, None, type(error).__name__)
        self._judged += 1
        self._read += reply.prompt_tokens or 0
        self._written += reply.completion_tokens or 0
        if not reply.whole:
            return _Outcome(task, None, "reply cut off")
        try:
            return _Outcome(task, parse_verdict(reply.text))
        except ValueError:
            return _Outcome(task, None, "reply is no judgement")

    def _messages(self, task: _Task) -> tuple[Turn, ...]:
        delimiter = delimiter_of(new_record_id())
        made = correctness_messages if task.metric == CORRECTNESS else faithfulness_messages
        return made(self._prompt, task.question, task.against, task.answer, delimiter)


def parse_verdict(text: str) -> _Verdict:
    """Read a reply strictly: one JSON object with a reason and an integer from 1 to 5, and nothing around it.

    Raises:
        ValueError: it is something else.
    """
    try:
        return msgspec.json.decode(text.strip().encode("utf-8", "surrogatepass"), type=_Verdict)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"expected a judgement, found {text[:80]!r}: {error}") from error


def _served(settings: JudgeSettings) -> GeneratorSettings:
    return GeneratorSettings(
        kind="openai",
        base_url=settings.base_url,
        model=settings.model,
        api_key_env=settings.api_key_env,
        temperature=settings.temperature,
        seconds=settings.seconds,
        max_tokens=_MAX_TOKENS,
    )


def _against(case: Case, result: CaseResult) -> dict[str, tuple[str, ...]]:
    """What each metric that applies to a case compares the answer with."""
    if not result.answer or _not_judged(result):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    if case.references and not case.must_abstain:
        found[CORRECTNESS] = case.references
    if result.passages and not result.abstained:
        found[FAITHFULNESS] = tuple(passage.text for passage in result.passages)
    return found


def _not_judged(result: CaseResult) -> str:
    if result.error is not None:
        return "the case ended in an error"
    return "the case is for review" if result.review else ""


def _missing(case: Case, result: CaseResult, metric: str) -> str:
    """Why a metric does not apply to a case."""
    if reason := _not_judged(result):
        return reason
    if not result.answer:
        return "no answer"
    if metric == CORRECTNESS:
        return "the right answer is an abstention" if case.must_abstain else "no reference answer"
    return "abstained" if result.abstained else "no passages"


def _scores(case: Case, result: CaseResult, outcomes: Mapping[tuple[str, str], Sequence[_Outcome]]) -> JudgeScores:
    scores, missing, notes = {}, {}, {}
    for metric in METRICS:
        mine = outcomes.get((case.id, metric), ())
        if not mine:
            missing[metric] = _missing(case, result, metric)
            continue
        verdicts = [one.verdict for one in mine if one.verdict is not None]
        scores[metric] = _score([verdict.score for verdict in verdicts], [one.fault for one in mine if one.fault])
        if verdicts:
            notes[metric] = verdicts[0].reason
    return JudgeScores(scores=scores, missing=missing, notes=notes)


def _score(grades: Sequence[int], faults: Sequence[str]) -> JudgeScore:
    values = [(grade - _LOWEST) / (_HIGHEST - _LOWEST) for grade in grades]
    return JudgeScore(
        mean=statistics.fmean(values) if values else None,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        n=len(values),
        missing=tuple(faults),
    )


def _metrics(scores: Mapping[str, JudgeScores], settings: EvaluationSettings) -> dict[str, JudgeMetric]:
    """Each metric over the cases; means and intervals as those of the deterministic metrics are reckoned."""
    found = {}
    for metric in METRICS:
        mine = {case: score.scores[metric] for case, score in scores.items() if metric in score.scores}
        values = {case: score.mean for case, score in mine.items() if score.mean is not None}
        reasons = Counter(score.missing[metric] for score in scores.values() if metric in score.missing)
        reasons.update(score.missing[0] for score in mine.values() if score.mean is None)
        rows = [CaseResult(case=case, fingerprint="", key="", scores={metric: value}) for case, value in values.items()]
        summary = summarise(rows, settings).get(metric)
        spreads = [score.spread for score in mine.values() if score.spread is not None]
        found[metric] = JudgeMetric(
            mean=None if summary is None else summary.mean,
            ci=None if summary is None else summary.ci,
            spread=statistics.fmean(spreads) if spreads else None,
            n=len(values),
            missing=len(scores) - len(values),
            reasons=dict(sorted(reasons.items())),
        )
    return found
