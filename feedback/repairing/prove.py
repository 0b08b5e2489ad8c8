"""Counterfactual proof: the repair is applied in a scratch release, and the case is asked again by its caller."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from evaluation.subjects import Subject
from feedback.records import BadCase
from feedback.repairing.alternatives import alternatives
from feedback.repairing.check import cited_sources, is_right
from feedback.repairing.trial import Trial, forget, try_repairs, tryable
from feedback.repairing.words import language_of, listed, say, short
from feedback.workbench import Workbench, question_of
from index.findings import Cause, Finding, Proof
from index.repairs.records import Erratum, Repair, kind_of
from ragpress.errors import RagpressError, WriterBusyError
from serving.types import Answer, Question

_DROPPED = 6
"""The most repairs of a finding of which each is left out once, to see whether it is needed."""
_REPHRASED = 3
_ONE_CHANGE = frozenset({Cause.POISONED_DOCUMENT, Cause.DUPLICATE_DOCUMENTS})
"""Causes whose repairs of one kind are one change: of forty planted copies none may stay because one less would do."""


def prove(bench: Workbench, bad: BadCase, finding: Finding) -> Finding:
    """Try a finding's repairs, and ask its case again; with what came of it as the finding's proof.

    Repairs without which the case is right as well are left out of what is returned. A finding that proposes nothing
    that can be tried comes back as it was.

    Args:
        bench: the releases; nothing of what is tried goes live.
        bad: the bad case.
        finding: its finding.

    Raises:
        WriterBusyError: another writer held the collection for too long; try again later.
        ReleaseError: nothing is live.
    """
    repairs = tryable(finding.repairs)
    live = bench.live()
    if not repairs or live is None:
        return finding
    if finding.proof is not None:
        forget(bench, finding.proof.release)
    return _Proving(bench, bad, finding, live).proven(repairs)


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one set of repairs."""

    fixed: bool
    reason: str
    trial: Trial | None = None
    answer: Answer | None = None


class _Proving:
    """One finding while it is proven: what was asked before, and what was spent."""

    def __init__(self, bench: Workbench, bad: BadCase, finding: Finding, live: Subject) -> None:
        self._bench, self._bad, self._finding = bench, bad, finding
        self._live = live
        self._language = language_of(bench)
        self._embedded = 0
        self._began = time.monotonic()

    def proven(self, repairs: Sequence[Repair]) -> Finding:
        """The finding with its proof, and with those repairs only that are needed."""
        before = self._ask(self._live, question_of(self._bad))
        right, _ = is_right(self._bench, self._bad, replace(self._finding, repairs=()), before)
        if right:
            reason = say(self._language, "already", release=self._live.manifest.id)
            return self._with(_Tried(fixed=False, reason=reason), before, self._finding.repairs, "")
        tried = self._try(repairs)
        if tried.fixed:
            return self._least(repairs, tried, before, "")
        self._drop(tried)
        return self._another(before) or self._with(tried, before, self._finding.repairs, "")

    def _least(self, repairs: Sequence[Repair], tried: _Tried, before: Answer, note: str) -> Finding:
        """The finding with those of its repairs that are needed."""
        needed, tried = self._shrunk(tuple(repairs), tried)
        others = tuple(repair for repair in self._finding.repairs if repair not in repairs)
        left_out = len(repairs) - len(needed)
        less = say(self._language, "needless", count=left_out) if left_out else ""
        return self._with(tried, before, (*needed, *others), _sentences(self._language, [note, less]))

    def _another(self, before: Answer) -> Finding | None:
        """The finding with another cause whose repairs do help; None where none does, or nothing else is known."""
        own = self._finding
        for other in alternatives(self._bench, self._bad, own) if own.others else ():
            self._finding = other
            tried = self._try(tryable(other.repairs))
            if tried.fixed:
                note = say(self._language, "another", cause=own.cause)
                return self._least(tryable(other.repairs), tried, before, note)
            self._drop(tried)
        self._finding = own
        return None

    def _try(self, repairs: Sequence[Repair]) -> _Tried:
        try:
            trial = try_repairs(self._bench, repairs)
        except WriterBusyError:
            raise
        except RagpressError as error:
            return _Tried(fixed=False, reason=say(self._language, "failed", error=str(error)))
        self._embedded += trial.embedded
        if trial.same:
            return _Tried(fixed=False, reason=say(self._language, "no_effect"), trial=trial)
        try:
            return self._judged(trial, replace(self._finding, repairs=tuple(repairs)))
        except RagpressError as error:
            reason = say(self._language, "failed", error=str(error))
            return _Tried(fixed=False, reason=reason, trial=trial)

    def _judged(self, trial: Trial, finding: Finding) -> _Tried:
        answer = self._ask(trial.subject, question_of(self._bad))
        right, why = is_right(self._bench, self._bad, finding, answer)
        said = [say(self._language, "fixed" if right else "not_fixed", why=why)]
        if right:
            worse, note = self._rephrased(trial, finding)
            right = not worse
            said += [note] if note else []
        if any(isinstance(repair, Erratum) for repair in finding.repairs) and finding.expected_from == "correction":
            said.append(say(self._language, "own_word"))
        if trial.drift:
            said.append(say(self._language, "drift", sources=listed(self._language, trial.drift)))
        return _Tried(fixed=right, reason=_sentences(self._language, said), trial=trial, answer=answer)

    def _rephrased(self, trial: Trial, finding: Finding) -> tuple[bool, str]:
        """Whether a rephrasing that was answered rightly no longer is; and how many are answered rightly now."""
        asked = [signal.text for signal in self._bad.signals if signal.kind == "rephrased" and signal.text.strip()]
        asked = list(dict.fromkeys(text for text in asked if text != self._bad.question))[:_REPHRASED]
        right = 0
        for text in asked:
            question = replace(question_of(self._bad), text=text, id="")
            now = is_right(self._bench, self._bad, finding, self._ask(trial.subject, question))[0]
            right += now
            if not now and is_right(self._bench, self._bad, finding, self._ask(self._live, question))[0]:
                return True, say(self._language, "rephrased_worse", question=short(text))
        return False, say(self._language, "rephrased", right=right, asked=len(asked)) if asked else ""

    def _shrunk(self, repairs: tuple[Repair, ...], tried: _Tried) -> tuple[tuple[Repair, ...], _Tried]:
        """The repairs less those without which the case is right as well, the least sure tried first."""
        groups = _groups(self._finding.cause, repairs)
        for group in reversed(groups[:_DROPPED] if len(groups) > 1 else []):
            rest = tuple(repair for repair in repairs if repair not in group)
            if not rest:
                continue
            less = self._try(rest)
            if less.fixed:
                self._drop(tried)
                repairs, tried = rest, less
            else:
                self._drop(less)
        return repairs, tried

    def _drop(self, tried: _Tried) -> None:
        if tried.trial is not None:
            forget(self._bench, tried.trial.release)

    def _ask(self, subject: Subject, question: Question) -> Answer:
        return self._bench.ask(subject, question)

    def _with(self, tried: _Tried, before: Answer, repairs: tuple[Repair, ...], note: str) -> Finding:
        after, trial = tried.answer, tried.trial
        proof = Proof(
            fixed=tried.fixed,
            release=trial.release if trial is not None and tried.fixed else "",
            before=before.answer,
            after="" if after is None else after.answer,
            sources=() if after is None else cited_sources(after),
            reason=_sentences(self._language, [tried.reason, note]),
            embedded=self._embedded,
            seconds=round(time.monotonic() - self._began, 3),
        )
        return replace(self._finding, repairs=repairs, proof=proof)


def _groups(cause: Cause, repairs: Sequence[Repair]) -> list[tuple[Repair, ...]]:
    if cause not in _ONE_CHANGE:
        return [(repair,) for repair in repairs]
    kinds = dict.fromkeys(kind_of(repair) for repair in repairs)
    return [tuple(repair for repair in repairs if kind_of(repair) == kind) for kind in kinds]


def _sentences(language: str, parts: Sequence[str]) -> str:
    return ("；" if language == "zh" else "; ").join(part for part in parts if part)
