"""The bad cases that a candidate must answer: those that it repairs, and others that were right before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evaluation.cases.files import load_cases
from evaluation.records import Case
from evaluation.subjects import Subject
from feedback.folding.fold import bad_cases
from feedback.records import BadCase, Claim
from feedback.repairing.check import is_right
from feedback.repairing.words import language_of, say, short
from feedback.workbench import Workbench, question_of
from index.findings import Finding, list_findings

_OTHERS = 40
"""The most other bad cases that are asked, newest first; accepted cases are asked by the gate."""


class AskedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A bad case with its finding; ``own`` where the candidate is to repair it."""

    bad: BadCase
    finding: Finding
    own: bool


def asked_cases(bench: Workbench, findings: Sequence[Finding]) -> tuple[AskedCase, ...]:
    """The bad cases of findings, and those of others that no accepted case stands for.

    Args:
        bench: for the journals and the case files.
        findings: those that are to be repaired.
    """
    cases = {case.id: case for case in load_cases(bench.environment.workspace.root, bench.collection)}
    # What the right answer is beyond words (a source, an abstention) only the feedback tells.
    folded = {} if all(one.expected for one in findings) else {bad.case_id: bad for bad in bad_cases(bench)}
    own = tuple(
        AskedCase(bad=folded.get(one.case_id) or bad_case(bench, one, cases), finding=one, own=True) for one in findings
    )
    names = {finding.finding_id for finding in findings}
    asked = {finding.case_id for finding in findings}
    others = []
    for finding in list_findings(bench.environment, bench.collection):
        case = cases.get(finding.case_id)
        if finding.finding_id in names or finding.case_id in asked or (case and case.state == "accepted"):
            continue
        asked.add(finding.case_id)
        others.append(AskedCase(bad=bad_case(bench, finding, cases), finding=finding, own=False))
        if len(others) == _OTHERS:
            break
    return (*own, *others)


def bad_case(bench: Workbench, finding: Finding, cases: Mapping[str, Case]) -> BadCase:
    """The bad case of a finding, as the journal and the case files tell it.

    Args:
        bench: for the journal.
        finding: the finding.
        cases: cases of the collection by id.
    """
    record = bench.journal.find(finding.answer_id) if finding.answer_id else None
    case = cases.get(finding.case_id)
    history = record.history if record is not None else case.history if case is not None else ()
    return BadCase(
        case_id=finding.case_id,
        collection=finding.collection,
        question=finding.question,
        history=history,
        groups=finding.groups,
        answer_id=finding.answer_id,
        release=finding.release,
        wrong="" if record is None else record.text,
        answer=None if record is None else record.answer,
        claim=Claim(answer=finding.expected, abstain=case is not None and case.must_abstain),
        case=case,
    )


def case_reasons(bench: Workbench, asked: Sequence[AskedCase], live: Subject, candidate: Subject) -> tuple[str, ...]:
    """Why a candidate may not go live for its answers to bad cases, in words; none where it may.

    Args:
        bench: asks.
        asked: the cases.
        live: what is live.
        candidate: the candidate.
    """
    language = language_of(bench)
    reasons = []
    for one in asked:
        question = question_of(one.bad)
        if not one.own and not is_right(bench, one.bad, one.finding, bench.ask(live, question))[0]:
            continue
        right, why = is_right(bench, one.bad, one.finding, bench.ask(candidate, question))
        if not right:
            key = "case_wrong" if one.own else "case_worse"
            reasons.append(say(language, key, question=short(one.bad.question), why=why))
    return tuple(reasons)
