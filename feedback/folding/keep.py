"""Keeps bad cases as proposed cases in ``cases/``, for a person to look at and for the gate once they are accepted."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.cases.documents import Documents
from evaluation.cases.feedback import FILE, Wanted, candidate_of, users_said, written_file
from evaluation.cases.files import read_lines
from evaluation.cases.importing.keeping import Written, keep
from evaluation.records import Case
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.environment import open_release
from serving.journal.problems import problem_id

_SHOWN = 5


def keep_cases(bench: Workbench, bads: Sequence[BadCase]) -> tuple[str, ...]:
    """Write bad cases as proposed cases; a case that a person accepted, rejected or edited stays as it is.

    What is disputed is not written: it proposes nothing. Nor is a problem whose answer is no longer in the journal.

    Args:
        bench: the collection.
        bads: the bad cases.

    Returns:
        The ids of the cases that stand for them now, in their order; none for those that were not written.

    Raises:
        SettingsError: a case file cannot be used.
        StorageError: the disk refuses.
    """
    environment = bench.environment
    live = environment.releases(bench.collection).live_id()
    documents = None if live is None else Documents(open_release(environment, bench.collection, live))
    found = [(bad, wanted) for bad in bads if not bad.disputed and (wanted := _wanted(bench, bad)) is not None]
    candidates = [candidate_of(wanted, documents) for _, wanted in found]
    keep(environment.workspace.root, FILE, candidates, Written(written_file(environment)))
    standing = {_problem(line.case): line.case.id for line in read_lines(environment.workspace.root)}
    return tuple(standing[_problem(candidate.case)] for candidate in candidates)


def _wanted(bench: Workbench, bad: BadCase) -> Wanted | None:
    answer = bench.journal.find(bad.answer_id) if bad.answer_id else None
    if answer is None or not answer.question.strip():
        return None
    claim = bad.claim
    return Wanted(
        case_id=bad.case_id,
        answer=answer,
        text=claim.answer,
        must_abstain=claim.abstain,
        sources=claim.sources,
        feedback=next((signal.feedback for signal in reversed(bad.signals) if signal.feedback), bad.answer_id),
        corrected=True,
        notes=_notes(bad),
    )


def _notes(bad: BadCase) -> tuple[str, ...]:
    comments = [signal.text for signal in bad.signals if signal.kind == "down"]
    seen = [signal.kind for signal in bad.signals if not signal.feedback]
    against = "; ".join(f"“{' '.join(text.split())}”" for text in bad.claim.against[:_SHOWN])
    notes = (
        users_said(comments),
        f"Seen: {', '.join(dict.fromkeys(seen))}." if seen else "",
        f"Contradicted by {against}: see who is right." if against else "",
        "" if bad.claim.says_something else "Nobody says what is right: write the answer, or where it stands.",
    )
    return tuple(note for note in notes if note)


def _problem(case: Case) -> str:
    return problem_id(case.collection, case.question, case.principal, case.history)
