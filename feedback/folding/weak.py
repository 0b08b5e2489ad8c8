"""Weak signals: what is seen of an answer though nobody said anything. Each may mean nothing; several rarely do."""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from feedback.folding.alike import gist_of
from feedback.folding.callers import Callers
from feedback.folding.facts import Asked, time_of
from feedback.records import Signal, SignalKind
from serving.evidence.terms import shares_script, terms_of
from serving.journal.problems import fold_question

POINTS: Mapping[SignalKind, int] = {"rephrased": 2, "abstained": 1, "unsupported": 1, "abandoned": 1}
"""What each kind weighs, once for each caller; an abstention although the passages bore on the question weighs 2."""
ENOUGH = 3
"""Points from which on weak signals make a case by themselves …"""
KINDS = 2
"""… of so many different kinds at least …"""
CALLERS = 3
"""… or of so many different callers."""
EVIDENCE = 0.5
"""From this evidence on, the passages bore on the question and an abstention is doubtful."""
REPHRASED_SECONDS = 300.0
"""Whoever asks again within this time, in other words and without thanking, was not served."""
WEAK_SECONDS = 14 * 86_400.0
"""Weak signals of answers that are older than this count no more."""
SHARED = 0.5
"""Share of the telling words, by weight, that two questions must have in common for one to rephrase the other."""
ABANDONED = 40
"""Code points that must have been sent before the caller left: whoever leaves earlier changed his mind."""
_NEXT = 3
_THANKS = re.compile(
    r"\b(?:thanks?|thank you|thx|great|perfect|got it|cheers)\b|谢谢|多谢|感谢|明白了|知道了|懂了", re.IGNORECASE
)


def is_weak(asked: Asked) -> bool:
    """Whether an answer shows any weak signal of its own."""
    return bool(
        (asked.status == "complete" and (asked.abstained or asked.failed))
        or (asked.status == "cancelled" and asked.length >= ABANDONED)
    )


class Followers:
    """What was asked soon after an answer in the same conversation; without earlier turns, with the same key.

    Args:
        later: answers that may follow others, in any order.
    """

    def __init__(self, later: Iterable[Asked]) -> None:
        self._by_talk: dict[tuple[str, str, str], list[Asked]] = defaultdict(list)
        for asked in sorted(later, key=lambda asked: (asked.at, asked.id)):
            self._by_talk[asked.key, asked.via, _asked_before(asked)].append(asked)
        self._times = {talk: [asked.at for asked in talked] for talk, talked in self._by_talk.items()}

    def after(self, row: Asked) -> list[Asked]:
        """The next questions of whoever got an answer, oldest first."""
        found = self._next((row.key, row.via, fold_question(row.question)), row)
        # Without a key, nobody can tell whose question without earlier turns it is, but at the command line.
        if not row.turns and (row.key or row.via == "cli"):
            found += self._next((row.key, row.via, ""), row)
        return [one for one in found if one.collection == row.collection and one.groups == row.groups]

    def _next(self, talk: tuple[str, str, str], row: Asked) -> list[Asked]:
        times = self._times.get(talk, [])
        first = bisect.bisect_right(times, row.at)
        last = bisect.bisect_right(times, row.at + REPHRASED_SECONDS)
        return self._by_talk[talk][first : min(last, first + _NEXT)] if times else []


def weak_signals(rows: Iterable[Asked], followers: Followers) -> dict[str, list[Signal]]:
    """The weak signals of answers, by answer id.

    Args:
        rows: the answers to look at.
        followers: what was asked after them.
    """
    found: dict[str, list[Signal]] = {}
    for row in rows:
        signals = [_signal(row, kind, text) for kind, text in _own(row)]
        again = next((one for one in followers.after(row) if is_rephrased(row.question, one.question)), None)
        if again is not None:
            signals.append(_signal(row, "rephrased", again.question, again.at))
        if signals:
            found[row.id] = signals
    return found


def is_enough(signals: Sequence[tuple[Signal, Asked]], callers: Callers) -> bool:
    """Whether weak signals make a case by themselves: several that agree, of several kinds or callers."""
    points: dict[tuple[SignalKind, str], int] = defaultdict(int)
    for signal, asked in signals:
        doubtful = signal.kind == "abstained" and asked.evidence >= EVIDENCE
        who = callers.voice(asked.key, asked.via).name
        points[signal.kind, who] = max(points[signal.kind, who], 2 if doubtful else POINTS.get(signal.kind, 0))
    kinds, voices = {kind for kind, _ in points}, {who for _, who in points}
    # That people leave, or ask again, happens with right answers too.
    telling = kinds & {"abstained", "unsupported"}
    return bool(telling) and sum(points.values()) >= ENOUGH and (len(kinds) >= KINDS or len(voices) >= CALLERS)


def is_rephrased(first: str, second: str) -> bool:
    """Whether a question asks for the same as an earlier one in other words.

    Both speak of the same numbers and identifiers and share telling words; one that only adds something asks for more.
    """
    if fold_question(first) == fold_question(second) or _THANKS.search(second) or not shares_script(first, second):
        return False
    one, other = gist_of(first), gist_of(second)
    if one.numbers != other.numbers or one.identifiers != other.identifiers or one.negated != other.negated:
        return False
    weights = terms_of(first).weights | terms_of(second).weights
    both, either = set(one.strong) & set(other.strong), set(one.strong) | set(other.strong)
    total = sum(weights.get(stem, 0.0) for stem in either)
    return bool(both) and sum(weights.get(stem, 0.0) for stem in both) >= SHARED * total


def _own(row: Asked) -> Iterable[tuple[SignalKind, str]]:
    if row.status == "cancelled":
        if row.length >= ABANDONED:
            yield "abandoned", f"the caller left after {row.length} characters"
        return
    if row.status != "complete":
        return
    if row.abstained:
        yield "abstained", f"abstained; the passages bore on the question with {row.evidence:.2f}"
    elif row.failed:
        yield "unsupported", f"{row.failed} citation(s) or sentence(s) failed their check"


def _asked_before(asked: Asked) -> str:
    """The question before this one in its conversation, folded; "" where it is the first."""
    turns = asked.history if asked.turns else ()
    return next((fold_question(turn.content) for turn in reversed(turns) if turn.role == "user"), "")


def _signal(row: Asked, kind: SignalKind, text: str, at: float | None = None) -> Signal:
    return Signal(
        kind=kind, at=time_of(row.at if at is None else at), answer_id=row.id, key=row.key, via=row.via, text=text
    )
