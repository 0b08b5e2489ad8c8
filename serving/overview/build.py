"""Reads the journals and the releases of a workspace and puts an overview together."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.environment import Environment
from index.release import LiveRecord, Manifest
from index.repairs import files as repairs
from ragpress.errors import RagpressError, SettingsError, StorageError
from serving.journal.answers import ANSWERS, FEEDBACK, AnswerJournal, FeedbackQuery
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.overview import history, problems
from serving.overview.buckets import bucket_hours, edges
from serving.overview.cases import DOWN, bad_cases, last_ratings, newest, summary
from serving.overview.evaluations import EvaluationShelf, case_files
from serving.overview.facts import ANSWERS as ANSWERS_SCHEMA
from serving.overview.facts import RATINGS as RATINGS_SCHEMA
from serving.overview.findings import FoundState, found_state, with_findings
from serving.overview.kept import ANSWER_FACTS, RATING_FACTS, KeptFacts
from serving.overview.quality import Measured, Prices, measure
from serving.overview.records import (
    AnswerPage,
    BadCase,
    Evaluation,
    JobEntry,
    LiveRelease,
    Overview,
    Problem,
    ReleaseEntry,
    RunEntry,
    ServiceState,
)
from serving.overview.sources import ReleaseShelf, quarantined

_FRESH_SECONDS = 2.0
_MOST_RELEASES = 50
_MOST_CASES = 50
_MOST_EVALUATIONS = 50
_MOST_QUARANTINED = 200
_MOST_FEEDBACK = 2_000
_MOST_KEPT_ANSWERS = 300


class Look(msgspec.Struct, frozen=True):
    """What somebody wants to see.

    Attributes:
        collection: of which collection.
        days: how far back.
        zone: the reader's time zone.
    """

    collection: str
    days: int
    zone: ZoneInfo


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the journals and releases do not tell.

    Attributes:
        collections: names of all collections.
        prices: of tokens.
        currency: what the prices are in.
        service: how the service is.
        problems: what is wrong with it.
        runs: the last ingestion runs, newest first.
        jobs: the last uploads, newest first.
        gated: names of the metrics that the gate looks at.
    """

    collections: Sequence[str]
    prices: Prices
    currency: str
    service: ServiceState
    problems: Sequence[Problem] = ()
    runs: Sequence[RunEntry] = ()
    jobs: Sequence[JobEntry] = ()
    gated: Sequence[str] = ()


class AnswerFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers to list.

    Attributes:
        collection: of which collection.
        rating: whose last rating is this.
        status: that became this.
        document: that cite this document, by id or source.
        release: of this release.
        before: older than the answer with this id.
        limit: the most to list.
    """

    collection: str
    rating: str | None = None
    status: str | None = None
    document: str | None = None
    release: str | None = None
    before: str | None = None
    limit: int = 50


class _Numbers(msgspec.Struct, frozen=True):
    """What is computed of the journals for one look: fresh for some seconds."""

    until: float
    measured: Measured
    bad: tuple[str, ...]
    problem: str = ""


class _Live(msgspec.Struct, frozen=True):
    """What is live: the pointer and its release, and what is wrong with them."""

    record: LiveRecord | None = None
    manifest: Manifest | None = None
    problem: str = ""


class Overviews:
    """Overviews of a workspace. Any thread may use it; it reads files, so no event loop should.

    Args:
        environment: the workspace.
        journal: its answers and feedback.
        clock: monotonic seconds.
    """

    def __init__(
        self, environment: Environment, journal: AnswerJournal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        folder = environment.local / "cache" / "overview"
        self._environment = environment
        self._journal = journal
        self._clock = clock
        self._answers = KeptFacts(environment.journal(ANSWERS), ANSWER_FACTS, folder)
        self._ratings = KeptFacts(environment.journal(FEEDBACK), RATING_FACTS, folder)
        self._shelf = ReleaseShelf(environment)
        self._evaluations = EvaluationShelf(environment)
        self._numbers: dict[tuple[str, int, str], _Numbers] = {}
        self._records: dict[str, AnswerRecord] = {}
        self._lock = threading.Lock()

    def overview(self, look: Look, around: Surroundings) -> Overview:
        """What an operator should know of a collection now.

        Raises:
            StorageError: the store cannot be read.
        """
        now = self._environment.now()
        manifests = self._shelf.manifests(look.collection)
        live = self._live(look.collection)
        numbers = self._measure(look, now, manifests, around.prices)
        told = None if live.record is None or live.manifest is None else (live.manifest, live.record)
        release = None if told is None else history.live_release(*told, now)
        releases = history.entries(manifests[:_MOST_RELEASES], live.record, numbers.measured.releases)
        documents = self._shelf.documents(live.manifest)
        taken_out, repairs_problem = self._taken_out(look.collection)
        held, held_total = quarantined(documents, taken_out, _MOST_QUARANTINED)
        evaluations = self._told_evaluations(look.collection, around.gated)
        diagnosed, diagnosed_problem = self._diagnosed(look.collection)
        faults = {
            "live_damaged": live.problem,
            "repairs_damaged": repairs_problem,
            "journal_damaged": numbers.problem or diagnosed_problem,
        }
        found = (
            *around.problems,
            *(problems.problem(code, "error", detail=detail) for code, detail in faults.items() if detail),
            *self._problems(live, release, diagnosed.without_trials(releases), numbers, around),
            *problems.of_evaluations(evaluations),
            *problems.of_findings(diagnosed.waiting),
        )
        return Overview(
            collection=look.collection,
            collections=list(around.collections),
            at=now.astimezone(UTC).isoformat(timespec="seconds"),
            days=look.days,
            zone=look.zone.key,
            bucket_hours=bucket_hours(look.days),
            currency=around.currency,
            priced=around.prices.known,
            live=release,
            releases=releases,
            releases_total=len(manifests),
            totals=numbers.measured.totals,
            buckets=list(numbers.measured.buckets),
            cited=list(numbers.measured.cited),
            bad_cases=self._cases(look.collection, numbers.bad[:_MOST_CASES], documents, diagnosed),
            bad_cases_total=len(numbers.bad),
            quarantined=held,
            quarantined_total=held_total,
            runs=list(around.runs),
            jobs=list(around.jobs),
            evaluations=evaluations[:_MOST_EVALUATIONS],
            evaluations_total=len(evaluations),
            case_files=case_files(self._environment.workspace.root),
            findings_total=diagnosed.open if diagnosed.findings else None,
            findings_waiting=diagnosed.waiting,
            service=around.service,
            problems=problems.sorted_problems(found),
        )

    def page(self, wanted: AnswerFilter) -> AnswerPage:
        """A page of the list of answers.

        Raises:
            StorageError: the journals cannot be read.
        """
        ratings = last_ratings(_of(self._ratings.table(), wanted.collection))
        answers = _matching(_of(self._answers.table(), wanted.collection), wanted, ratings)
        ids = answers.sort_by([("id", "descending")])["id"].slice(0, wanted.limit + 1).to_pylist()
        records = self._found(ids[: wanted.limit])
        more = len(ids) > wanted.limit
        return AnswerPage(
            answers=[summary(record, ratings.get(record.id)) for record in records],
            before=ids[wanted.limit - 1] if more else None,
        )

    def _measure(self, look: Look, now: datetime, manifests: Sequence[Manifest], prices: Prices) -> _Numbers:
        key = (look.collection, look.days, look.zone.key)
        with self._lock:
            known = self._numbers.get(key)
            if known is not None and self._clock() < known.until:
                return known
            answers, ratings, fault = self._facts(look.collection)
            created = {one.id: datetime.fromisoformat(one.created) for one in manifests}
            bounds = edges(now, look.days, look.zone)
            measured = measure(answers, ratings, bounds, created, prices)
            down = [answer for answer, rating in last_ratings(ratings).items() if rating == DOWN]
            recent = answers.filter(pc.greater_equal(answers["at"], _naive(bounds[0])))
            numbers = _Numbers(self._clock() + _FRESH_SECONDS, measured, tuple(newest(recent, down, len(down))), fault)
            fresh = {name: one for name, one in self._numbers.items() if self._clock() < one.until}
            self._numbers = fresh | {key: numbers}
            return numbers

    def _facts(self, collection: str) -> tuple[pa.Table, pa.Table, str]:
        """Facts of answers, ratings, and what is wrong with the journals: then there are no facts."""
        try:
            return _of(self._answers.table(), collection), _of(self._ratings.table(), collection), ""
        except StorageError as error:
            return ANSWERS_SCHEMA.empty_table(), RATINGS_SCHEMA.empty_table(), str(error)

    def _live(self, collection: str) -> _Live:
        record = None
        try:
            found = self._environment.releases(collection).pointer()
            record = None if found is None else found[0]
            return _Live(record, None if record is None else self._environment.releases(collection).live())
        except RagpressError as error:
            return _Live(record, None, str(error))

    def _told_evaluations(self, collection: str, gated: Sequence[str]) -> list[Evaluation]:
        return [self._evaluations.tell(one, gated) for one in self._evaluations.summaries(collection)]

    def _diagnosed(self, collection: str) -> tuple[FoundState, str]:
        try:
            return found_state(self._environment, collection), ""
        except StorageError as error:
            return FoundState((), {}, ()), str(error)

    def _taken_out(self, collection: str) -> tuple[frozenset[str], str]:
        try:
            return frozenset(repairs.load(self._environment.workspace.root, collection)), ""
        except SettingsError as error:
            return frozenset(), str(error)

    def _problems(
        self,
        live: _Live,
        release: LiveRelease | None,
        releases: Sequence[ReleaseEntry],
        numbers: _Numbers,
        around: Surroundings,
    ) -> list[Problem]:
        qualities = numbers.measured.releases
        before = None if live.record is None else live.record.previous
        return [
            *problems.of_generator(around.service.generator),
            *([] if live.problem else problems.of_releases(release, releases)),
            *problems.of_runs(around.runs),
            *problems.of_answers(numbers.measured.totals, len(numbers.bad)),
            *problems.of_live_quality(
                qualities.get(release.id) if release is not None else None,
                qualities.get(before) if before is not None else None,
            ),
        ]

    def _cases(self, collection: str, ids: Sequence[str], documents: pa.Table, diagnosed: FoundState) -> list[BadCase]:
        if not ids:
            return []
        records = self._found(ids)
        # An answer comes before what is said of it; clocks of two processes may differ a little.
        since = min(datetime.fromisoformat(record.at) for record in records) - timedelta(minutes=5)
        query = FeedbackQuery(collection=collection, since=since.isoformat(), limit=_MOST_FEEDBACK)
        wanted = set(ids)
        by_answer: dict[str, list[FeedbackRecord]] = {}
        for one in reversed(self._journal.feedback(query)):
            if one.answer_id in wanted:
                by_answer.setdefault(one.answer_id, []).append(one)
        said = {answer: [one.id for one in feedback] for answer, feedback in by_answer.items()}
        return with_findings(bad_cases(records, by_answer, documents), said, diagnosed)

    def _found(self, ids: Sequence[str]) -> list[AnswerRecord]:
        """Answers by id; records never change, so those asked for last are kept."""
        with self._lock:
            known = dict(self._records)
        found = {name: record for name in ids if (record := known.get(name) or self._journal.find(name)) is not None}
        together = known | found
        with self._lock:
            self._records = dict(list(together.items())[-_MOST_KEPT_ANSWERS:])
        return list(found.values())


def _of(table: pa.Table, collection: str) -> pa.Table:
    return table.filter(pc.equal(table["collection"], collection))


def _matching(answers: pa.Table, wanted: AnswerFilter, ratings: dict[str, str]) -> pa.Table:
    conditions = []
    if wanted.before is not None:
        conditions.append(pc.less(answers["id"], wanted.before))
    if wanted.status is not None:
        conditions.append(pc.equal(answers["status"], wanted.status))
    if wanted.release is not None:
        conditions.append(pc.equal(answers["release"], wanted.release))
    if wanted.rating is not None:
        rated = [answer for answer, rating in ratings.items() if rating == wanted.rating]
        conditions.append(pc.is_in(answers["id"], pa.array(rated, pa.string())))
    if wanted.document is not None:
        conditions.append(_cites(answers, wanted.document))
    return answers.filter(functools.reduce(pc.and_, conditions)) if conditions else answers


def _cites(answers: pa.Table, document: str) -> pa.Array:
    """Which answers cite a document: null lists (answers that are not complete) do not."""
    rows: set[int] = set()
    for column in ("cited_ids", "cited_sources"):
        names = answers[column].combine_chunks()
        owners = pc.list_parent_indices(names)
        rows.update(owners.filter(pc.equal(pc.list_flatten(names), document)).to_pylist())
    return pc.is_in(pa.array(range(len(answers)), pa.int64()), pa.array(sorted(rows), pa.int64()))


def _naive(moment: datetime) -> pa.Scalar:
    return pa.scalar(moment.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
