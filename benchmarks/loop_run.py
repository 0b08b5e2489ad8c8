"""One fault from its injection to what the loop made of the complaint about it."""

from __future__ import annotations

import itertools
import random
import resource
import shutil
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from benchmarks.loop_bench import COLLECTION, STAFF, Desk, Healthy, Workshop, said, source_name
from benchmarks.loop_faults import KINDS
from benchmarks.loop_pool import DOCS, Asked, Pool, is_right
from benchmarks.loop_records import Cost, Found, Injected, Kind, Outcome, Plan, Scene, Status
from benchmarks.loop_sets import pool
from benchmarks.loop_texts import corrections, lie_for
from index.environment import Environment
from index.findings import Finding, finding_states, list_events, list_findings
from index.repairs import files as repair_files
from index.repairs.records import Repair, kind_of, source_of
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.prompting import new_answer_id
from serving.types import Answer

_OTHERS = 12
_TRIED = 90
_ATTEMPTS = 6
_ROUNDS = 3
_LONGEST = 300


class Complaint(msgspec.Struct, frozen=True):
    """A question that is answered wrongly (of a control: rightly), and the answer."""

    asked: Asked
    answer: Answer


def measure(workshop: Workshop, plan: Plan, *, rebuild: bool = False, repair: bool = True) -> Outcome:
    """Inject a fault, complain of one answer, let the loop work, and look what came of it.

    Args:
        workshop: makes the workspaces.
        plan: the fault.
        rebuild: whether a full rebuild is measured too.
        repair: whether the loop is let to work; else it is only seen whether the fault spoils an answer.
    """
    try:
        return _Trial(workshop, plan, repair).outcome(rebuild)
    except Exception as error:  # noqa: BLE001 - one fault that breaks something is a result like others
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename.rsplit('/', 2)[-1]}:{last.lineno}"
        return Outcome(plan=plan, status="error", error=f"{type(error).__name__} at {place}: {error}"[:_LONGEST])


class _Trial:
    def __init__(self, workshop: Workshop, plan: Plan, repair: bool) -> None:
        self.workshop, self.plan, self.repair = workshop, plan, repair
        self.kind: Kind = KINDS[plan.kind]
        self.pool: Pool = pool(plan.pool, plan.half)
        self.healthy: Healthy = workshop.healthy(self.pool, self.kind.variant)
        self.chance = random.Random(plan.name)
        right = set(self.healthy.right)
        self.right = tuple(self._placed(item) for item in self.pool.asked if item.id in right)
        spare = self.pool.outside if self.kind.control else self.pool.attacked
        self.candidates = tuple(item for item in spare if item.id in right) if self.kind.outside else self.right

    def outcome(self, rebuild: bool) -> Outcome:
        """Try one question after the other until the fault spoils one."""
        misses = 0
        drawn = self._drawn()
        for asked, fault in itertools.islice(drawn, 1 if self.kind.control else _ATTEMPTS):
            found = self._tried(asked, fault, rebuild)
            if found is not None:
                return msgspec.structs.replace(found, misses=misses)
            misses += 1
            if fault.anywhere:  # it was tried on many questions at once
                break
        status: Status = "no_bite" if misses else "not_applicable"
        return Outcome(plan=self.plan, status=status, misses=misses, language=self.pool.language)

    def _tried(self, asked: Asked, fault: Injected, rebuild: bool) -> Outcome | None:
        environment = self.workshop.damaged(self.healthy, self.kind.variant, fault, self.plan.name, self.plan.history)
        desk = Desk(environment)
        try:
            found = self._complaint(desk, asked, fault)
            return None if found is None else self._told(desk, environment, found, fault, rebuild)
        finally:
            desk.close()
            shutil.rmtree(environment.workspace.root, ignore_errors=True)

    def _placed(self, asked: Asked) -> Asked:
        return msgspec.structs.replace(asked, source=source_name(asked.source, self.kind.variant))

    def _drawn(self) -> Iterator[tuple[Asked, Injected]]:
        """Questions that the fault can be made for, each with the fault."""
        for asked in self.chance.sample(self.candidates, min(_TRIED, len(self.candidates))):
            plain = next(
                (
                    text
                    for name, text in self.pool.files.items()
                    if source_name(name, self.kind.variant) == asked.source
                ),
                "",
            )
            scene = Scene(
                pool=self.pool,
                files=self.healthy.files,
                asked=asked,
                plain=plain,
                right=self.right,
                history=self.plan.history,
                corrected=self.plan.corrected,
                chance=self.chance,
            )
            fault = self.kind.inject(scene)
            if fault is not None:
                yield asked, fault

    def _told(self, desk: Desk, environment: Environment, found: Complaint, fault: Injected, rebuild: bool) -> Outcome:
        others = [item for item in self.right if item.id != found.asked.id]
        sample = self.chance.sample(others, min(_OTHERS, len(others)))
        before = desk.right(sample, fault.lies)
        claim, told = self._corrections(found.asked)
        for number, words in enumerate(told):
            self._complain(desk, found, number, words)
        live = desk.live.info.release
        cost = self._loop(desk) if self.repair else None
        after = desk.ask(found.asked.question)
        still = {item.id for item in (before if desk.live.info.release == live else desk.right(before, fault.lies))}
        findings = list_findings(environment, COLLECTION)
        return Outcome(
            plan=self.plan,
            status="done",
            language=self.pool.language,
            question=found.asked.question,
            right=found.asked.answer,
            claim=claim,
            told="\n".join(told).strip(),
            wrong=found.answer.answer[:_LONGEST],
            causes=fault.causes,
            culprits=fault.culprits,
            repairable=fault.repairable,
            needs_person=fault.needs_person,
            control=self.kind.control,
            found=_found(environment, findings),
            published=desk.live.info.release != live,
            fixed=is_right(found.asked, *said(after), fault.lies),
            after=after.answer[:_LONGEST],
            asked_before=len(before),
            worse=tuple(item.question for item in before if item.id not in still),
            touched=self._touched(environment, fault),
            cost=cost,
            rebuild=self._rebuild(environment) if rebuild else None,
        )

    def _complaint(self, desk: Desk, asked: Asked, fault: Injected) -> Complaint | None:
        """The first of the questions whose answer the fault has spoilt; of a control, one that is right."""
        more = [item for item in self.right if item.id != asked.id] if fault.anywhere else []
        for item in (asked, *self.chance.sample(more, min(_TRIED, len(more)))):
            answer = desk.ask(item.question)
            if is_right(item, *said(answer), fault.lies) == self.kind.control:
                return Complaint(item, answer)
        return None

    def _complain(self, desk: Desk, complaint: Complaint, number: int, told: str) -> None:
        """Let a caller ask and call the answer wrong. A single one has no key; several have a key each."""
        answer = msgspec.structs.replace(complaint.answer, id=new_answer_id())
        at = (desk.bench.environment.now() + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")
        key = f"caller-{number}" if self.plan.callers > 1 else ""
        record = AnswerRecord(
            id=answer.id,
            at=at,
            collection=COLLECTION,
            release=answer.release,
            status="complete",
            key=key,
            groups=tuple(sorted(STAFF.groups)),
            model=COLLECTION,
            question=complaint.asked.question,
            text=answer.answer,
            answer=answer,
        )
        feedback = FeedbackRecord(
            id=new_answer_id(),
            at=at,
            answer_id=answer.id,
            collection=COLLECTION,
            release=answer.release,
            key=key,
            rating="down",
            correction=told,
        )
        desk.journal.keep(record).result()
        desk.journal.keep(feedback).result()

    def _corrections(self, asked: Asked) -> tuple[str, Sequence[str]]:
        """What is right (of a control, what is wrong), and that in the words of every caller; without one empty."""
        if not self.plan.corrected:
            return "", [""] * self.plan.callers
        right = asked.answer or asked.others[0]
        if self.kind.control:
            right = lie_for(right, [item.answer for item in self.right], self.chance) or "42"
        claim = right.rstrip(".。")
        return claim, corrections(claim, (self.pool.language, self.pool.half), self.plan.callers, self.chance)

    def _loop(self, desk: Desk) -> Cost:
        """Let the loop work until it has nothing more to do at once."""
        from feedback.loop.budget import budget_of
        from feedback.loop.round import run_round

        clock = _Clock(self.workshop)
        bench = desk.bench
        for _ in range(_ROUNDS):
            settings = bench.environment.workspace.collection(COLLECTION).loop
            events = list_events(bench.environment, COLLECTION, None)
            report = run_round(bench, budget_of(settings, events, bench.environment.now()), ingest=False)
            if not report.again:
                break
        return clock.cost()

    def _rebuild(self, environment: Environment) -> Cost:
        clock = _Clock(self.workshop)
        self.workshop.rebuilt(environment)
        return clock.cost()

    def _touched(self, environment: Environment, fault: Injected) -> tuple[str, ...]:
        """Healthy documents that a repair in force is about."""
        repairs = repair_files.load_all(environment.workspace.root, COLLECTION)
        named = {_bare(source_of(item) or "") for item in repairs if item not in fault.repairs}
        return tuple(sorted(name for name in named if name and name not in fault.culprits))


class _Clock:
    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._wall, self._cpu = time.monotonic(), _cpu()
        self._embedded, self._spared = workshop.spent()

    def cost(self) -> Cost:
        """What was spent since."""
        embedded, spared = self._workshop.spent()
        return Cost(
            cpu=round(_cpu() - self._cpu + spared - self._spared, 3),
            wall=round(time.monotonic() - self._wall, 3),
            embedded=embedded - self._embedded,
        )


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _found(environment: Environment, findings: Sequence[Finding]) -> Found | None:
    """What the newest finding says; None where the loop made none."""
    if not findings:
        return Found()
    finding = findings[0]
    events = list_events(environment, COLLECTION, None)
    proof = finding.proof
    return Found(
        cause=finding.cause.value,
        confidence=round(finding.confidence, 3),
        others=tuple((cause.value, round(share, 3)) for cause, share in finding.others),
        documents=tuple(_bare(item.source) for item in finding.documents),
        repairs=tuple(_described(repair) for repair in finding.repairs),
        proven=None if proof is None else proof.fixed,
        why="" if proof is None else proof.reason[:_LONGEST],
        state=finding_states(findings, events)[finding.finding_id],
        evidence=tuple(f"{item.kind}: {item.text}"[:_LONGEST] for item in finding.evidence),
        rule=finding.rule,
        claimed=finding.expected_from in ("correction", "case"),
    )


def _described(repair: Repair) -> str:
    details: dict[str, Any] = msgspec.to_builtins(repair)
    about = {
        name: details[name]
        for name in ("source", "newer", "parser", "settings", "family", "off", "prompt")
        if name in details
    }
    return f"{kind_of(repair)} {msgspec.json.encode(about).decode()}"[:_LONGEST]


def _bare(source: str) -> str:
    return source.removeprefix(f"{DOCS}/")
