"""One round of the loop: ingest, fold, diagnose, prove, publish or wait, watch.

Every step reads from the journals, from ``repairs/`` and from the releases what is left to do, does one thing, and
notes it: so a round that is killed anywhere is taken up by the next one, and nothing is done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from feedback.loop.budget import Budget
from feedback.loop.desk import Desk
from feedback.loop.diagnosing import diagnose_cases
from feedback.loop.ingesting import has_sources, ingest_sources, look_at_sources
from feedback.loop.publishing import finish_applied, publish_findings, settle_canary, tell_budget
from feedback.loop.rollbacks import settle_rollbacks
from feedback.loop.watching import watch_release, watched
from feedback.workbench import Workbench
from index.canary import read_canary
from index.findings import EventKind
from index.report import IngestReport

__all__ = ["RoundReport", "run_round", "run_watch"]


class RoundReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a round did.

    Attributes:
        collection: its collection.
        live: the release that is live in the end; None where nothing is.
        bad_cases: open problems that feedback and signs tell of.
        ingested: the release that changed sources made live; None where none did.
        found: ids of the findings that were made.
        proven: ids of those whose repairs mend their cases.
        waiting: ids of those that wait for a person now.
        published: releases with repairs that went live.
        refused: releases that the gate refused.
        rolled_back: releases that were left again.
        failed: how many things failed and are tried again.
        left: things that wait for the next round: diagnoses, proofs.
        watching: releases that are being watched.
        canary: the candidate that answers some conversations; "" where none does.
        again: whether it is worth going on at once, or as soon as another writer is done.
        seconds: wall-clock seconds.
    """

    collection: str
    live: str | None
    bad_cases: int
    ingested: str | None
    found: tuple[str, ...]
    proven: tuple[str, ...]
    waiting: tuple[str, ...]
    published: tuple[str, ...]
    refused: tuple[str, ...]
    rolled_back: tuple[str, ...]
    failed: int
    left: int
    watching: tuple[str, ...]
    canary: str
    again: bool
    seconds: float


def run_round(
    bench: Workbench, budget: Budget, *, ingest: bool = True, stop: Callable[[], bool] = lambda: False
) -> RoundReport:
    """Do what is to be done now in a collection.

    Args:
        bench: the collection. What it has open stays open for the next round.
        budget: what may be spent; see :func:`feedback.loop.budget.budget_of`.
        ingest: whether to look at the sources, where ``[loop] sources`` allows it.
        stop: asked between two steps whether the round is to end.

    Raises:
        StorageError: the journals cannot be read or written.
        SettingsError: the settings, a file in ``repairs/`` or one in ``cases/`` is wrong.
    """
    began = time.monotonic()
    desk = Desk(bench, budget, stop)
    bad_cases = left = 0
    steps: tuple[Callable[[], None], ...] = (
        lambda: settle_rollbacks(desk),
        lambda: finish_applied(desk),
        lambda: settle_canary(desk),
        lambda: _ingest(desk) if ingest and desk.settings.sources else None,
    )
    for step in steps:
        if not stop():
            step()
    if not stop() and bench.environment.releases(bench.collection).live_id() is not None:
        bad_cases, left = diagnose_cases(desk)
        left += publish_findings(desk)
        watch_release(desk)
    if left and not stop() and not desk.may_prove:
        tell_budget(desk)
    return _report(desk, bad_cases, left, time.monotonic() - began)


def run_watch(bench: Workbench, budget: Budget, stop: Callable[[], bool] = lambda: False) -> RoundReport:
    """Only look at how what was published does, and what was rolled back: cheap enough to be done often.

    Raises:
        StorageError: the journals cannot be read or written.
    """
    began = time.monotonic()
    desk = Desk(bench, budget, stop)
    settle_rollbacks(desk)
    settle_canary(desk)
    watch_release(desk)
    return _report(desk, 0, 0, time.monotonic() - began)


def _ingest(desk: Desk) -> None:
    environment, collection = desk.bench.environment, desk.bench.collection
    if not desk.state.may_try("sources", desk.now):
        return
    with desk.trying("sources", "an ingest"):
        if not has_sources(environment, collection):
            return
        found = look_at_sources(environment, collection)
        # What the gate refused once it refuses again, until something else is to be judged.
        if not found.changed or desk.state.with_basis(found.basis, "ingested", "refused"):
            return
        if not desk.state.may_try(found.basis, desk.now):
            return
        with desk.trying(found.basis, "an ingest"):
            _tell(desk, ingest_sources(environment, collection), found.basis)


def _tell(desk: Desk, report: IngestReport, basis: str) -> None:
    if report.published:
        counts = {name: report.plan.get(name, 0) for name in ("added", "changed", "moved", "deleted", "quarantined")}
        text = desk.say("ingested", release=report.release, **counts)
        desk.note("ingested", text, release=report.release or "", to=report.parent or "", basis=basis)
    elif report.gate == "refuse":
        reasons = "; ".join(reason.rstrip(".") for reason in report.gate_reasons)
        text = desk.say("ingest refused", release=report.release, reasons=reasons)
        desk.note("refused", text, release=report.release or "", to=report.parent or "", basis=basis)


def _report(desk: Desk, bad_cases: int, left: int, seconds: float) -> RoundReport:
    environment, collection = desk.bench.environment, desk.bench.collection
    live = environment.releases(collection).live_id()
    canary = read_canary(environment.store, collection)
    return RoundReport(
        collection=collection,
        live=live,
        bad_cases=bad_cases,
        ingested=next(iter(_releases(desk, "ingested")), None),
        found=_findings(desk, "found", "disputed"),
        proven=tuple(name for name in _findings(desk, "proven") if _is_fixed(desk, name)),
        waiting=tuple(name for name, state in desk.state.states.items() if state == "waiting"),
        published=_releases(desk, "published"),
        refused=_releases(desk, "refused"),
        rolled_back=_releases(desk, "rolled_back"),
        failed=sum(event.kind == "failed" for event in desk.notes),
        left=left,
        watching=tuple(event.release for event in watched(desk)),
        canary="" if canary is None else canary.release,
        again=desk.again or bool(left and desk.may_prove),
        seconds=round(seconds, 3),
    )


def _is_fixed(desk: Desk, finding: str) -> bool:
    found = desk.state.findings.get(finding)
    return found is not None and found.proof is not None and found.proof.fixed


def _findings(desk: Desk, *kinds: EventKind) -> tuple[str, ...]:
    found = (name for event in desk.notes if event.kind in kinds for name in event.findings)
    return tuple(dict.fromkeys(found))


def _releases(desk: Desk, kind: EventKind) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event.release for event in desk.notes if event.kind == kind))
