"""The watch over what the loop published: signs of users and of checks against those before, and shadow replays.

A turn for the worse takes the release back: the one before is live again, and the repairs go. The error that all of
this makes together is bounded: half of it is for the signs (:mod:`feedback.loop.sequential`), half for the replays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np

from feedback.loop.desk import Desk
from feedback.loop.rollbacks import take_back, unsettled
from feedback.loop.sequential import evidence, sign_test, together
from feedback.loop.shadow import replay_recent
from feedback.loop.signals import (
    Seen,
    Span,
    answers_seen,
    asked,
    before,
    callers_of_downs,
    number_of,
    without_questions,
)
from feedback.loop.state import moment
from feedback.repairing.revert import revert_repairs
from index.findings import BY_LOOP, LoopEvent
from index.history import rollback
from index.prompt_versions import keep_live_prompt
from ragpress.errors import ReleaseError
from ragpress.fingerprint import hexdigest

_WRITER_SECONDS = 60.0
_SIGNS = ("down", "abstained", "unsupported")
_SENTENCES = {"down": "signal thumbs", "abstained": "signal abstained", "unsupported": "signal unsupported"}


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """How the signs of a release compare with those before it.

    Attributes:
        answers: answers of the new side that count.
        evidence: the largest value of the e-process so far; 1 or less where nothing speaks for a turn.
        sign: the sign that speaks most: ``down``, ``abstained`` or ``unsupported``.
        bad: so many of ``answers`` are bad by that sign.
        before: answers of the old side.
        before_bad: so many of them are bad by it.
    """

    answers: int
    evidence: float = 1.0
    sign: str = "down"
    bad: int = 0
    before: int = 0
    before_bad: int = 0


def watched(desk: Desk) -> tuple[LoopEvent, ...]:
    """Publications that are being watched, oldest first."""
    over = {event.release for event in desk.state.events if event.kind == "watched"}
    return tuple(event for event in unsettled(desk) if event.release not in over)


def watch_release(desk: Desk) -> None:
    """Look at how what the loop published does; take back what turned out worse."""
    for event in watched(desk):
        basis = hexdigest("watch", event.id)
        if not desk.stop() and desk.state.may_try(basis, desk.now):
            with desk.trying(basis, "the watch", release=event.release):
                _watch(desk, event)


def _watch(desk: Desk, event: LoopEvent) -> None:
    live = desk.bench.live()
    if live is None or not set(event.repairs) & set(live.manifest.repairs):
        why = desk.say("its repairs are gone")
        desk.note("watched", desk.say("watch ended", release=event.release, why=why), release=event.release)
        return
    why = _replays(desk, event, live.manifest.id)
    turn = compare(*_sides(desk, event))
    if not why and is_worse(turn, desk.settings.watch_confidence, desk.settings.watch_answers):
        why = describe(desk, turn)
    if why:
        _turn_back(desk, event, live.manifest.id, why)
    elif desk.now >= moment(event.at) + timedelta(hours=desk.settings.watch_hours):
        text = desk.say("watched", release=event.release, hours=desk.settings.watch_hours, answers=turn.answers)
        desk.note("watched", text, findings=event.findings, release=event.release)


def compare(old: Sequence[Seen], new: Sequence[Seen]) -> Turn:
    """Compare answers before and after, each in the order of their time."""
    processes = {sign: evidence(_bad(old, sign), _bad(new, sign)) for sign in _SIGNS}
    if _is_one_caller(new):
        processes["down"] = np.ones(len(processes["down"]))
    joined = together(list(processes.values()))
    sign = max(_SIGNS, key=lambda name: float(processes[name][-1]) if len(processes[name]) else 0.0)
    return Turn(
        answers=len(new),
        evidence=float(joined.max(initial=1.0)),
        sign=sign,
        bad=sum(_bad(new, sign)),
        before=len(old),
        before_bad=sum(_bad(old, sign)),
    )


def is_worse(turn: Turn, confidence: float, answers: int) -> bool:
    """Whether the signs turned for the worse.

    Args:
        turn: the comparison.
        confidence: how sure it must be.
        answers: answers of the new side before it is judged.
    """
    return turn.answers >= answers and turn.evidence >= 2 / (1 - confidence)


def describe(desk: Desk, turn: Turn) -> str:
    """What turned, in words."""
    return desk.say(_SENTENCES[turn.sign], new=turn.answers, new_bad=turn.bad, old=turn.before, old_bad=turn.before_bad)


def _bad(seen: Sequence[Seen], sign: str) -> list[bool]:
    return [bool(getattr(one, sign)) for one in seen]


def _is_one_caller(new: Sequence[Seen]) -> bool:
    """Whether all thumbs are of one key where there are keys: one caller does not decide what all others see."""
    return any(one.key for one in new) and callers_of_downs(new) < 2


def _sides(desk: Desk, event: LoopEvent) -> tuple[list[Seen], list[Seen]]:
    left = frozenset(one.release for one in desk.state.events if one.kind == "rolled_back")
    later = [number_of(one.release) for one in desk.state.events if one.kind == "published" and one.id > event.id]
    after = Span(since=event.id, lowest=number_of(event.release), highest=min(later, default=None), without=left)
    repaired = repaired_questions(desk, event)
    old, new = (answers_seen(desk.bench, span) for span in (before(event, left), after))
    return without_questions(old, repaired), without_questions(new, repaired)


def repaired_questions(desk: Desk, event: LoopEvent) -> frozenset[str]:
    """The questions that a publication was meant to change."""
    found = (desk.state.findings[name] for name in event.findings if name in desk.state.findings)
    return frozenset(asked(finding.question) for finding in found)


def _replays(desk: Desk, event: LoopEvent, live: str) -> str:
    """What the replays say against a release, in words; "" where nothing. They are done once."""
    done = desk.state.of_release(event.release, "replayed")
    if done or live != event.release or not event.to or not desk.settings.shadow_replays or not desk.may_ask:
        return ""
    spent = desk.bench.model_tokens
    replays = replay_recent(desk, event, event.to, event.release)
    told = {"count": replays.count, "worse": replays.worse, "better": replays.better}
    if sign_test(replays.worse, replays.better) <= (1 - desk.settings.watch_confidence) / 2:
        return desk.say("signal replays", **told)
    if not desk.stop():
        said = "replayed" if replays.count else "not replayed"
        text = desk.say(said, before=event.to, release=event.release, **told)
        tokens = desk.bench.model_tokens - spent
        desk.note("replayed", text, release=event.release, to=event.to, model_tokens=tokens)
    return ""


def _turn_back(desk: Desk, event: LoopEvent, live: str, why: str) -> None:
    """Make what was before live again. The pointer moves first; what follows is also done after a kill."""
    bench = desk.bench
    if live == event.release:
        with bench.environment.store.writer(bench.collection, _WRITER_SECONDS):
            record = rollback(bench.environment, bench.collection, event.to or None, BY_LOOP, why)
            keep_live_prompt(bench.environment, bench.collection, record.why)
        text = desk.say("turned", release=event.release, before=record.release, signal=why)
        take_back(desk, event, record.release, why, text)
        return
    known = desk.state
    reverted = revert_repairs(bench, event.repairs, BY_LOOP, why)
    desk.noted_elsewhere(known)
    if reverted.state == "refused":
        raise ReleaseError(f"The gate refuses the release without the repairs: {'; '.join(reverted.reasons)}")
    text = desk.say("taken back", release=event.release, signal=why)
    desk.note(
        "rolled_back",
        text,
        findings=event.findings,
        repairs=event.repairs,
        release=event.release,
        to=reverted.release,
    )
