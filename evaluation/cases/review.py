"""Cases to look at again, because the sources no longer say what their evidence quotes; and mending them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from evaluation.cases.files import accepted, load_cases, replace_cases
from evaluation.cases.locate import EvidenceFinder
from evaluation.records import Case, CaseState, Evidence, EvidenceState, LocatedEvidence
from index.environment import Environment, open_release
from ragpress.errors import UsageError

_SHOWN = 5


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of evidence that the live release does not hold where the case says.

    Attributes:
        case: the case's id.
        question: its question.
        evidence: number of the item, from 1.
        state: moved, changed or gone.
        source: the source that the case names.
        quote: what it quotes.
        reason: what became of it, in words.
        suggestion: what could stand in its place; None where nothing is like it.
    """

    case: str
    question: str
    evidence: int
    state: EvidenceState
    source: str
    quote: str
    reason: str
    suggestion: Evidence | None


class ReviewList(msgspec.Struct, frozen=True, kw_only=True):
    """What a person should look at.

    Attributes:
        collection: the collection.
        release: the live release.
        cases: number of accepted cases that were looked up.
        items: evidence that is not where the cases say.
    """

    collection: str
    release: str
    cases: int
    items: tuple[ReviewItem, ...]


class CaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a person changes in a case; None leaves a field as it is.

    Attributes:
        evidence: number of the item of evidence to change, from 1; one past the last adds an item.
        source: its new source.
        quote: its new quote.
        answer: the new reference answer.
        question: the new question.
    """

    evidence: int = 1
    source: str | None = None
    quote: str | None = None
    answer: str | None = None
    question: str | None = None


class ChangedCases(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases were changed.

    Attributes:
        cases: their ids.
        files: names of the files they stand in.
        notes: what a person should know of them, in words.
    """

    cases: tuple[str, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def review_reason(located: Sequence[LocatedEvidence]) -> str:
    """Why a case must be looked at before a run may judge by it; "" where it need not be.

    Evidence whose source changed may be wrong by now. Evidence that is gone is the release's loss: nothing to review,
    it scores 0.
    """
    return " ".join(item.reason for item in located if item.state is EvidenceState.CHANGED)


def review(environment: Environment, collection: str, release: str | None = None) -> ReviewList:
    """Look up the evidence of every accepted case.

    Args:
        environment: the outside.
        collection: the collection.
        release: a release to look in; the live one when None.

    Raises:
        ReleaseError: nothing is live, or there is no such release.
        SettingsError: a case file cannot be used.
    """
    cases = accepted(load_cases(environment.workspace.root, collection))
    opened = open_release(environment, collection, release)
    finder = EvidenceFinder(opened)
    items = tuple(item for case in cases for item in review_items(case, finder))
    return ReviewList(collection=collection, release=opened.manifest.id, cases=len(cases), items=items)


def review_items(case: Case, finder: EvidenceFinder) -> list[ReviewItem]:
    """The items of a case's evidence that a release does not hold where the case says."""
    located = zip(case.evidence, finder.locate(case), strict=True)
    return [
        ReviewItem(
            case=case.id,
            question=case.question,
            evidence=found.index + 1,
            state=found.state,
            source=item.source,
            quote=item.quote,
            reason=found.reason,
            suggestion=finder.suggestion(item),
        )
        for item, found in located
        if found.state is not EvidenceState.FOUND
    ]


def find_case(environment: Environment, collection: str, case_id: str) -> Case:
    """One case of a collection, in any state.

    Raises:
        UsageError: there is none with this id.
        SettingsError: a case file cannot be used.
    """
    return chosen(load_cases(environment.workspace.root, collection), [case_id])[0]


def chosen(cases: Sequence[Case], ids: Iterable[str]) -> list[Case]:
    """The cases with these ids, each once, in the order asked for.

    Raises:
        UsageError: there is none with one of the ids.
    """
    known = {case.id: case for case in cases}
    wanted = list(dict.fromkeys(ids))
    missing = [name for name in wanted if name not in known]
    if missing:
        raise UsageError(f"There is no case {', '.join(map(repr, missing[:_SHOWN]))}; see: ragpress eval cases list")
    return [known[name] for name in wanted]


def set_state(environment: Environment, cases: Sequence[Case], state: CaseState) -> ChangedCases:
    """Accept, reject or propose cases; where they are accepted, say what the live release lacks of their evidence.

    Raises:
        StorageError: a file cannot be written.
    """
    changed = {case.id: msgspec.structs.replace(case, state=state) for case in cases}
    paths = replace_cases(environment.workspace.root, changed)
    notes = _missing_evidence(environment, cases) if state == "accepted" else ()
    return ChangedCases(cases=tuple(changed), files=tuple(path.name for path in paths), notes=notes)


def update_case(environment: Environment, case: Case, change: CaseChange, release: str | None = None) -> ChangedCases:
    """Mend a case by hand. What it quotes must stand in the release.

    Args:
        environment: the outside.
        case: the case.
        change: what is to change.
        release: a candidate that the gate refused, for example; the live release when None.

    Raises:
        UsageError: the change makes no sense, or the release does not hold the new quote.
        ReleaseError: nothing is live, or there is no such release.
        SettingsError: the case would contradict itself.
    """
    updated = changed_case(case, change)
    if updated.evidence != case.evidence:
        finder = EvidenceFinder(open_release(environment, case.collection, release))
        found = finder.locate(updated)[change.evidence - 1]
        if found.state is not EvidenceState.FOUND:
            raise UsageError(
                f"The case stays as it is. {found.reason} (Looked in {release or 'the live release'}; "
                "give --release for another one.)"
            )
    paths = replace_cases(environment.workspace.root, {case.id: updated})
    return ChangedCases(cases=(case.id,), files=tuple(path.name for path in paths))


def changed_case(case: Case, change: CaseChange) -> Case:
    """A case with a change.

    Raises:
        UsageError: it has no such item of evidence, or nothing is to be changed.
    """
    evidence = list(case.evidence)
    if change.source is not None or change.quote is not None:
        at = change.evidence - 1
        if at == len(evidence) and change.source is not None and change.quote is not None:
            evidence.append(Evidence(change.source, change.quote))
        elif at < len(evidence):
            source, quote = change.source or evidence[at].source, change.quote or evidence[at].quote
            evidence[at] = Evidence(source, quote)
        else:
            raise UsageError(
                f"Case {case.id!r} has {len(evidence)} items of evidence, not {change.evidence}; "
                "to add one give --source and --quote, and the number after the last."
            )
    updated = msgspec.structs.replace(
        case,
        evidence=tuple(evidence),
        answer=case.answer if change.answer is None else change.answer,
        question=case.question if change.question is None else change.question,
    )
    if updated == case:
        raise UsageError("Nothing is to be changed: give --quote, --source, --answer or --question.")
    return updated


def mend(environment: Environment, case: Case, release: str | None = None) -> ChangedCases:
    """Put what is suggested in the place of all of a case's evidence that moved or changed.

    Raises:
        UsageError: nothing is suggested for it.
        ReleaseError: nothing is live, or there is no such release.
    """
    finder = EvidenceFinder(open_release(environment, case.collection, release))
    updated = _mended(case, finder, frozenset({EvidenceState.MOVED, EvidenceState.CHANGED}))
    if updated == case:
        raise UsageError(f"Nothing is suggested for case {case.id!r}; give --quote and --source by hand.")
    paths = replace_cases(environment.workspace.root, {case.id: updated})
    return ChangedCases(cases=(case.id,), files=tuple(path.name for path in paths))


def mend_moved(environment: Environment, collection: str, release: str | None = None) -> ChangedCases:
    """Follow evidence to where it moved, in every accepted case: the same quote in another source.

    Raises:
        ReleaseError: nothing is live, or there is no such release.
        SettingsError: a case file cannot be used.
    """
    cases = accepted(load_cases(environment.workspace.root, collection))
    finder = EvidenceFinder(open_release(environment, collection, release))
    pairs = [(case, _mended(case, finder, frozenset({EvidenceState.MOVED}))) for case in cases]
    changed = {case.id: updated for case, updated in pairs if updated != case}
    paths = replace_cases(environment.workspace.root, changed)
    return ChangedCases(cases=tuple(changed), files=tuple(path.name for path in paths))


def _mended(case: Case, finder: EvidenceFinder, states: frozenset[EvidenceState]) -> Case:
    pairs = zip(case.evidence, finder.locate(case), strict=True)
    evidence = tuple((finder.suggestion(item) or item) if found.state in states else item for item, found in pairs)
    return msgspec.structs.replace(case, evidence=evidence)


def _missing_evidence(environment: Environment, cases: Sequence[Case]) -> tuple[str, ...]:
    quoting = [case for case in cases if case.evidence]
    if not quoting or environment.releases(quoting[0].collection).live_id() is None:
        return ()
    finder = EvidenceFinder(open_release(environment, quoting[0].collection, None))
    return tuple(f"{item.case}: {item.reason}" for case in quoting for item in review_items(case, finder))
