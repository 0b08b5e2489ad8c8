"""Runs cases on a release: each gives a result, what fails included, and what was judged before is reused.

Killed in the middle, the next run asks nothing again that was reported as finished: an answer with its scores is on
the disk before its case counts as finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from evaluation.cases.locate import EvidenceFinder
from evaluation.metrics.answers import Scorer, load_scorer
from evaluation.metrics.plugins import load_metrics
from evaluation.records import Case, CaseError, CaseResult, Cost, EvaluatedRelease, Totals
from evaluation.running.case import GENERATE, CaseRun, CaseTools
from evaluation.running.kept import AnswerKeys, KeptAnswers
from evaluation.running.metering import MeteredSource, Tally
from evaluation.running.rewrites import KeptRewrites
from evaluation.subjects import Subject
from index.answering import seal
from index.environment import Environment
from ragpress.answer_settings import GeneratorSettings, reconnected
from ragpress.errors import GeneratorTimeoutError, GeneratorUnavailableError
from serving.chain import Answerer
from serving.generate import probe_generator
from serving.generate.kinds import EXTRACTIVE, OPENAI, TRANSFORMERS, chosen_kind

_FAILURES_IN_A_ROW = 5
"""So many cases that a generator leaves without an answer, one after the other, and no further one is asked."""

_UNSEALED_SECONDS = 1.0
"""What this processor answers is made durable together, at the latest when a kill would cost this much work. An answer
of a served model is made durable by itself."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How cases are run.

    Attributes:
        k: hits that retrieval metrics look at.
        concurrency: cases at the same time, where the answers are not made by this processor.
        reuse: whether kept answers are taken; what is made is kept either way.
        progress: hears of every finished case, once its result is durable.
        scorer: scores answers; the release's own checker and embedder when None. Two releases that are compared must
            be judged by the same one.
    """

    k: int = 10
    concurrency: int = 4
    reuse: bool = True
    progress: Callable[[CaseResult], None] | None = None
    scorer: Scorer | None = None


def evaluate(
    environment: Environment, subject: Subject, cases: Sequence[Case], options: RunOptions
) -> EvaluatedRelease:
    """Run cases on a release.

    An error in one case is that case's result. Not to be called in an event loop.

    Args:
        environment: the outside; its store keeps answers for the next run.
        subject: the release.
        cases: the cases.
        options: how.

    Returns:
        A result for every case, in the order of the cases.

    Raises:
        StorageError: finished cases cannot be kept; those that were reported are.
    """
    began, cpu = time.perf_counter(), time.process_time()
    run = asyncio.run(_evaluated(environment, subject, cases, options))
    spent = time.process_time() - cpu
    totals = replace(
        run.totals,
        seconds=time.perf_counter() - began,
        cpu_seconds=spent,
        outside_seconds=max(0.0, spent - run.inside),
    )
    return EvaluatedRelease(subject=subject.info, results=tuple(run.results), totals=totals)


def scorer_of(environment: Environment, subject: Subject) -> Scorer:
    """What scores the answers of a release unless something else is asked for: its own check of sentences, and the
    further metrics that the settings name.

    Raises:
        SettingsError: a metric that is named is not installed.
    """
    settings = environment.workspace.collection(subject.manifest.collection).evaluation
    return load_scorer(subject.embedder, subject.answerer.parts.answer, load_metrics(settings.plugins))


async def _evaluated(environment: Environment, subject: Subject, cases: Sequence[Case], options: RunOptions) -> _Run:
    kept = KeptAnswers(environment.store, options.reuse)
    try:
        tools = await _tools(environment, subject, options, kept)
        run = _Run(subject, tools, options)
        await run.all(cases)
    finally:
        await subject.answerer.aclose()
    kept.tidy(subject.manifest.collection)
    return run


async def _tools(environment: Environment, subject: Subject, options: RunOptions, kept: KeptAnswers) -> CaseTools:
    manifest, parts = subject.manifest, subject.answerer.parts
    current = environment.workspace.collection(manifest.collection)
    answering = manifest.answering or seal(environment.workspace.root, manifest.collection, current)
    source = MeteredSource(subject.searcher)
    scorer = options.scorer or scorer_of(environment, subject)
    model = await _served_model(reconnected(answering.generator, current.generator))
    keys = AnswerKeys(parts, answering, subject.embedder.fingerprint, scorer.fingerprint, model)
    generator = KeptRewrites(parts.generator, keys, kept)
    return CaseTools(
        answerer=Answerer(replace(parts, source=source, generator=generator)),
        source=source,
        finder=EvidenceFinder(subject.release),
        scorer=scorer,
        keys=keys,
        kept=kept,
        k=options.k,
    )


async def _served_model(settings: GeneratorSettings) -> str:
    """The server's only model, where the settings do not name one: another model gives other answers."""
    if chosen_kind(settings) != OPENAI or settings.model:
        return ""
    return (await probe_generator(settings)).model


class _Run:
    """The cases of one release on their way.

    Args:
        subject: the release.
        tools: what cases are run with.
        options: how.

    Attributes:
        results: in the order of the cases.
        inside: processor seconds of retrieval and embedding.
    """

    def __init__(self, subject: Subject, tools: CaseTools, options: RunOptions) -> None:
        self._subject = subject
        self._tools = tools
        self._options = options
        alone = tools.answerer.parts.generator.name.kind in {EXTRACTIVE, TRANSFORMERS}
        self._workers = 1 if alone else options.concurrency
        self._unsealed_most = _UNSEALED_SECONDS if alone else 0.0
        self._clock = time.process_time if self._workers == 1 else time.thread_time
        self._waiting: list[CaseResult] = []
        self._unsealed = 0.0
        self._failures = 0
        self._reason = ""
        self.results: list[CaseResult] = []
        self.inside = 0.0
        self._embedded = 0
        self._made: list[Cost] = []
        self._spared: list[Cost] = []

    async def all(self, cases: Sequence[Case]) -> None:
        """Run every case."""
        made: dict[int, CaseResult] = {}
        places = iter(enumerate(cases))
        workers = [asyncio.ensure_future(self._work(places, made)) for _ in range(self._workers)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._subject.embedder.seal()
            self._seal()
        self.results = [made[place] for place in range(len(cases))]

    async def _work(self, cases: Iterator[tuple[int, Case]], made: dict[int, CaseResult]) -> None:
        for place, case in cases:
            if self._failures >= _FAILURES_IN_A_ROW:
                made[place] = _not_run(case, self._reason)
                self._tell(made[place])
                continue
            tally = Tally(self._clock)
            run = CaseRun(self._tools, case, tally)
            made[place] = await run.result()
            self._count(run, tally)
            self._note_failure(run)
            self._finished(run, made[place])

    @property
    def totals(self) -> Totals:
        """What it did, its own times left out."""
        answered = [result for result in self.results if result.error is None]
        return Totals(
            judged=sum(not result.reused for result in answered),
            reused=sum(result.reused for result in answered),
            saved_seconds=sum((cost.total_seconds - cost.retrieve_seconds for cost in self._spared), 0.0),
            saved_tokens=sum((cost.prompt_tokens or 0) + (cost.completion_tokens or 0) for cost in self._spared),
            embedded=self._embedded,
            prompt_tokens=sum(cost.prompt_tokens or 0 for cost in self._made),
            completion_tokens=sum(cost.completion_tokens or 0 for cost in self._made),
        )

    def _count(self, run: CaseRun, tally: Tally) -> None:
        self._embedded += tally.embedded
        self.inside += tally.inside
        self._made += [run.made] if run.made else []
        self._spared += [run.spared] if run.spared else []

    def _note_failure(self, run: CaseRun) -> None:
        if isinstance(run.error, (GeneratorUnavailableError, GeneratorTimeoutError)):
            self._failures += 1
            self._reason = str(run.error)
        elif run.asked:
            self._failures = 0

    def _finished(self, run: CaseRun, result: CaseResult) -> None:
        if not run.seconds:
            self._tell(result)
            return
        self._waiting.append(result)
        self._unsealed += run.seconds
        if self._unsealed >= self._unsealed_most:
            self._seal()

    def _seal(self) -> None:
        self._tools.kept.seal()
        self._unsealed = 0.0
        waiting, self._waiting = self._waiting, []
        for result in waiting:
            self._tell(result)

    def _tell(self, result: CaseResult) -> None:
        if self._options.progress is not None:
            self._options.progress(result)


def _not_run(case: Case, reason: str) -> CaseResult:
    message = (
        f"Not asked: the {_FAILURES_IN_A_ROW} cases before it got no answer either. {reason} "
        "Run it again when the server answers; what is finished is not asked again."
    )
    error = CaseError(GENERATE, GeneratorUnavailableError.__name__, message)
    return CaseResult(case=case.id, fingerprint=case.fingerprint, key="", error=error)
