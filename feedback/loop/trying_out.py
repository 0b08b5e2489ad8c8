"""The canary: a candidate with repairs answers a share of the conversations, and goes live if nothing turns.

Its files are not in ``repairs/`` yet, so that no run of the sources brings them early. In the end the repairs are
published as all others are, through the gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from feedback.loop.desk import Desk
from feedback.loop.signals import Span, answers_seen, before, without_questions
from feedback.loop.watching import Turn, compare, describe, is_worse, repaired_questions
from feedback.repairing.trial import tryable, unwritten
from index.canary import Canary, read_canary, set_canary
from index.findings import Finding, LoopEvent
from index.pipeline import IngestRequest, ingest
from index.repairs.records import repair_id

_WRITER_SECONDS = 60.0


def is_trying(desk: Desk) -> bool:
    """Whether a candidate is on trial now."""
    return read_canary(desk.bench.environment.store, desk.bench.collection) is not None


def try_out(desk: Desk, findings: Sequence[Finding], by: str) -> None:
    """Build a candidate with the repairs of findings, and let it answer its share.

    Raises:
        WriterBusyError: another writer held the collection for too long.
        RagpressError: it could not be built.
    """
    bench, names = desk.bench, tuple(finding.finding_id for finding in findings)
    repairs = tryable([repair for finding in findings for repair in finding.repairs])
    ids = tuple(dict.fromkeys(repair_id(repair) for repair in repairs))
    live = bench.environment.releases(bench.collection).live_id() or ""
    request = IngestRequest(
        collection=bench.collection, publish=False, trial=unwritten(bench, repairs), wait=_WRITER_SECONDS
    )
    report = ingest(request, bench.environment)
    if report.release is None or report.release == live or report.gate == "refuse":
        text = desk.say("unchanged")
        if report.gate == "refuse":
            text = desk.say("canary refused", release=report.release, reasons="; ".join(report.gate_reasons))
        desk.note("refused", text, findings=names, repairs=ids, release=report.release or "", by=by)
        return
    share = desk.settings.canary_share
    set_canary(bench.environment.store, bench.collection, Canary(release=report.release, base=live, share=share))
    text = desk.say("canary", release=report.release, share=share, answers=desk.settings.canary_answers)
    desk.note("canary", text, findings=names, repairs=ids, release=report.release, to=live, by=by)


def look_at_canary(desk: Desk) -> tuple[Finding, ...]:
    """Decide about the candidate on trial, once enough of its answers came.

    Returns:
        The findings whose repairs may be published now; the caller ends the canary after that.
    """
    bench = desk.bench
    canary = read_canary(bench.environment.store, bench.collection)
    if canary is None:
        return ()
    event = next((one for one in desk.state.of_release(canary.release, "canary")), None)
    stale = bench.environment.releases(bench.collection).live_id() != canary.base
    if event is None or stale or desk.state.of_release(canary.release, "rolled_back"):
        end_canary(desk)
        return ()
    turn = _compare(desk, event, canary)
    settings = desk.settings
    if is_worse(turn, settings.watch_confidence, min(settings.watch_answers, settings.canary_answers)):
        text = desk.say("canary dropped", release=canary.release, signal=describe(desk, turn))
        fields = {"findings": event.findings, "repairs": event.repairs, "release": canary.release}
        desk.note("rolled_back", text, **fields, to=canary.base)
        end_canary(desk)
        return ()
    if turn.answers < settings.canary_answers and settings.canary_share > 0:
        return ()
    return tuple(desk.state.findings[name] for name in event.findings if name in desk.state.findings)


def end_canary(desk: Desk) -> None:
    """Let the live release answer every conversation again."""
    set_canary(desk.bench.environment.store, desk.bench.collection, None)


def _compare(desk: Desk, event: LoopEvent, canary: Canary) -> Turn:
    """The candidate's answers against those of the live release, meanwhile and before."""
    bench, repaired = desk.bench, repaired_questions(desk, event)
    past = replace(before(event, frozenset()), until="", only=canary.base)
    old = answers_seen(bench, past)
    new = answers_seen(bench, Span(since=event.id, only=canary.release))
    return compare(without_questions(old, repaired), without_questions(new, repaired))
