"""A case that was repaired guards against the fault's return: it becomes an accepted case of the gate.

Only where the evidence stands in a document: what rests on a correction's words alone stays proposed.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from evaluation.cases.files import add_cases, load_cases, replace_cases
from evaluation.metrics.overlap import holds_tokens, token_f1
from evaluation.records import Case, Evidence
from evaluation.subjects import Subject
from feedback.repairing.asking import AskedCase
from feedback.repairing.check import is_right
from feedback.repairing.policy import rests_on_a_claim
from feedback.workbench import Workbench, question_of
from index.findings import Finding
from index.repairs.records import Erratum, source_of
from serving.types import Answer, Citation

TAG = "loop"
FILE = "loop"


def guard(bench: Workbench, asked: AskedCase, subject: Subject) -> bool:
    """Make a repaired case an accepted one; returns whether it is. A case that a person rejected stays rejected.

    Args:
        bench: asks, and knows the case files.
        asked: the case.
        subject: the release in which it is repaired.

    Raises:
        SettingsError: a case file cannot be used.
        StorageError: the disk refuses.
    """
    bad, finding, root = asked.bad, asked.finding, bench.environment.workspace.root
    standing = {case.id: case for case in load_cases(root, bench.collection)}
    before = standing.get(bad.case_id)
    if before is not None and before.state != "proposed":
        return before.state == "accepted"
    if not finding.expected or rests_on_a_claim(finding):
        return False
    answer = bench.ask(subject, question_of(bad))
    evidence = _evidence(finding, answer)
    if evidence is None or not is_right(bench, bad, finding, answer)[0]:
        return False
    case = msgspec.structs.replace(
        before or _new(asked),
        answer=finding.expected,
        must_abstain=False,
        evidence=(evidence,),
        state="accepted",
        tags=tuple(dict.fromkeys([*(before.tags if before else ()), TAG])),
    )
    if before is None:
        add_cases(root, FILE, [case])
    else:
        replace_cases(root, {case.id: case})
    return True


def unguard(bench: Workbench, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Put cases back to proposed that the loop accepted for findings whose repairs are taken back; returns their ids.

    Raises:
        SettingsError: a case file cannot be used.
        StorageError: the disk refuses.
    """
    return _move(bench, {finding.case_id for finding in findings}, "accepted", "proposed")


def guard_again(bench: Workbench, cases: Iterable[str]) -> None:
    """Accept cases again that :func:`unguard` put back."""
    _move(bench, set(cases), "proposed", "accepted")


def _move(bench: Workbench, names: set[str], before: str, after: str) -> tuple[str, ...]:
    root = bench.environment.workspace.root
    found = [
        case
        for case in load_cases(root, bench.collection)
        if case.id in names and TAG in case.tags and case.state == before
    ]
    replace_cases(root, {case.id: msgspec.structs.replace(case, state=after) for case in found})
    return tuple(case.id for case in found)


def _new(asked: AskedCase) -> Case:
    bad = asked.bad
    return Case(
        id=bad.case_id,
        question=bad.question,
        principal=bad.groups,
        history=bad.history,
        collection=bad.collection,
        origin=f"loop:{asked.finding.finding_id}",
    )


def _evidence(finding: Finding, answer: Answer) -> Evidence | None:
    """The cited words that say what is right; None where only an erratum says so."""
    mended = {source_of(repair) for repair in finding.repairs if isinstance(repair, Erratum)}
    cited = [citation for citation in answer.citations if citation.source not in mended and citation.quote.strip()]
    if not cited:
        return None

    def nearness(citation: Citation) -> tuple[bool, float]:
        return holds_tokens(citation.quote, finding.expected), token_f1(citation.quote, [finding.expected])

    best = max(cited, key=nearness)
    return Evidence(best.source, best.quote)
