"""Proven repairs go live: one candidate, judged on the cases and on the bad cases, its files written, one pointer.

The order is what makes it safe to be killed anywhere: the candidate is built and judged with the repairs as a trial;
only when it passes are the repair files written (each under a name that its content gives), then the pointer moves,
then the cases and the log follow. Whatever was done is seen in the files, the pointer and the log, so a second run does
what is left and nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from feedback.repairing.asking import AskedCase, asked_cases, case_reasons
from feedback.repairing.events import About, record, state_of
from feedback.repairing.guard import guard
from feedback.repairing.standing import contrary, holds
from feedback.repairing.trial import drifted, forget, forget_settled, going_live, trial_request, tryable, unwritten
from feedback.repairing.words import language_of, listed, say, short, what_they_do
from feedback.workbench import Workbench
from index.changes import keep_changes
from index.findings import BY_LOOP, Finding
from index.pipeline import ingest
from index.release import Manifest
from index.repairs import files
from index.repairs.records import Repair, repair_id
from ragpress.errors import ConflictError


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of publishing repairs.

    Attributes:
        state: ``published``; ``refused`` by the gate or by a bad case; ``asked``: only documents were asked for;
            ``unchanged``: the repairs change nothing.
        release: the release with the repairs; the candidate where it was refused.
        before: the release that was live before.
        repairs: ids of the repairs.
        findings: ids of the findings.
        reasons: why it was refused, in words.
        gate: the gate's verdict; None where nothing was built.
        evaluation: id of the candidate's evaluation; None where no cases were run.
        embedded: texts that were embedded.
        drift: sources whose changes went live with the repairs.
    """

    state: Literal["published", "refused", "asked", "unchanged"]
    release: str = ""
    before: str = ""
    repairs: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    gate: str | None = None
    evaluation: str | None = None
    embedded: int = 0
    drift: tuple[str, ...] = ()


def publish_repairs(bench: Workbench, findings: Sequence[Finding], by: str = BY_LOOP) -> Outcome:
    """Make one candidate with the repairs of findings, and publish it if nothing gets worse.

    It is refused, and nothing of it stays in ``repairs/``, where the gate refuses it, where one of the findings' cases
    is not answered rightly by it, or where another bad case was answered rightly before and is not any more. The
    cases of the findings become accepted cases, tagged ``loop``, where a document holds the right answer.

    Args:
        bench: the releases.
        findings: what was proven, or what a person approved.
        by: ``ragpress loop`` or a person.

    Raises:
        ConflictError: releases went live meanwhile, twice.
        WriterBusyError: another writer held the collection for too long.
        ReleaseError: nothing is live.
        RagpressError: it could not be built; nothing was changed.
    """
    try:
        return _Publishing(bench, findings, by).outcome()
    except ConflictError:
        return _Publishing(bench, findings, by).outcome()


class _Publishing:
    """One try at publishing."""

    def __init__(self, bench: Workbench, findings: Sequence[Finding], by: str) -> None:
        self._bench, self._findings, self._by = bench, tuple(findings), by
        self._language = language_of(bench)
        self._seen: dict[str, Any] = {}
        every = {repair_id(repair): repair for finding in findings for repair in finding.repairs}
        self._all: tuple[Repair, ...] = tuple(every.values())
        self._repairs = tryable(self._all)

    def outcome(self) -> Outcome:
        live = self._bench.require_live()
        if not self._repairs:
            self._write(self._all)
            return self._outcome("asked", release=live.manifest.id)
        if holds(live.manifest, self._repairs):
            return self._finish(live.manifest.id, live.manifest.parent or "")
        against = contrary(self._bench, self._repairs)
        if against:
            return self._refuse("", live.manifest.id, against)
        return self._build(live.manifest)

    def _build(self, live: Manifest) -> Outcome:
        bench = self._bench
        report = ingest(trial_request(bench, self._repairs), bench.environment)
        if report.release is None or report.release == live.id:
            return self._outcome("unchanged", release=live.id, before=live.id)
        self._seen = {"gate": report.gate, "evaluation": report.evaluation, "embedded": report.chunks.embedded}
        if report.gate == "refuse":
            return self._refuse(report.release, live.id, report.gate_reasons)
        candidate = bench.subject(report.release)
        if candidate.manifest.parent != live.id:
            forget(bench, report.release)
            raise ConflictError(f"Another release went live in {bench.collection!r} meanwhile. Run the command again.")
        drift = drifted(bench.subject(live.id).release, candidate.release, self._repairs)
        asked = asked_cases(bench, self._findings)
        reasons = case_reasons(bench, asked, bench.subject(live.id), candidate)
        if reasons:
            return self._refuse(report.release, live.id, reasons)
        return self._go_live(candidate.manifest, live, asked, drift)

    def _go_live(
        self, candidate: Manifest, live: Manifest, asked: Sequence[AskedCase], drift: tuple[str, ...]
    ) -> Outcome:
        bench = self._bench
        documents = bench.subject(candidate.id).release.documents
        with going_live(bench, candidate.id, live.id, self._by) as publish:
            keep_changes(bench.environment, candidate, documents, bench.subject(live.id).release, self._all)
            self._write(self._all)
            publish(say(self._language, "publish_why", questions=self._questions()))
        outcome = self._finish(candidate.id, live.id, asked)
        return msgspec.structs.replace(outcome, drift=drift)

    def _finish(self, release: str, before: str, asked: Sequence[AskedCase] | None = None) -> Outcome:
        """What follows once the pointer has moved: cases, the log, scratch releases. Each is done once."""
        bench = self._bench
        self._write(self._all)
        asked = asked_cases(bench, self._findings) if asked is None else asked
        subject = bench.subject(release)
        for case in asked:
            if case.own:
                guard(bench, case, subject)
        told = [name for name in self._names() if state_of(bench, name) != ("published", release)]
        if told:
            sources = {source for finding in self._findings if finding.proof for source in finding.proof.sources}
            proof = say(self._language, "proof_sources", sources=listed(self._language, sorted(sources)))
            text = say(
                self._language,
                "published",
                release=release,
                what=what_they_do(self._language, self._repairs),
                questions=self._questions(),
                proof=proof if sources else "",
            )
            self._record("published", text, release, before)
        forget_settled(bench)
        return self._outcome("published", release=release, before=before)

    def _refuse(self, release: str, live: str, reasons: Sequence[str]) -> Outcome:
        self._take_back()
        what = what_they_do(self._language, self._repairs)
        self._record("refused", say(self._language, "refused", what=what, reasons=" ".join(reasons)), release, live)
        return self._outcome("refused", release=release, before=live, reasons=tuple(reasons))

    def _write(self, repairs: Sequence[Repair]) -> None:
        """Put those repairs into ``repairs/`` that do not stand there, and say so once."""
        fresh = unwritten(self._bench, repairs)
        for repair in fresh:
            files.save(self._bench.environment.workspace.root, repair)
        if fresh:
            what = what_they_do(self._language, fresh)
            text = say(self._language, "applied", what=what, questions=self._questions())
            self._record("applied", text)

    def _take_back(self) -> None:
        """Files that an earlier, killed try left behind are of no use once the candidate is refused."""
        root, names = self._bench.environment.workspace.root, set(self._names())
        for repair in files.load_all(root, self._bench.collection):
            if repair.finding in names and repair_id(repair) in {repair_id(own) for own in self._repairs}:
                files.discard(root, repair)

    def _record(
        self, kind: Literal["applied", "published", "refused"], text: str, release: str = "", to: str = ""
    ) -> None:
        repairs = tuple(map(repair_id, self._all))
        about = About(findings=self._names(), repairs=repairs, release=release, to=to, by=self._by)
        record(self._bench, kind, text, about)

    def _outcome(self, state: Literal["published", "refused", "asked", "unchanged"], **fields: Any) -> Outcome:
        body = {**self._seen, **fields}
        return Outcome(state=state, repairs=tuple(map(repair_id, self._all)), findings=self._names(), **body)

    def _names(self) -> tuple[str, ...]:
        return tuple(finding.finding_id for finding in self._findings)

    def _questions(self) -> str:
        return listed(self._language, [short(finding.question) for finding in self._findings], 3)
