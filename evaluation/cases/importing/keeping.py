"""Keeps cases that were made of something else: each once, however often they are made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import msgspec

from evaluation.cases.files import add_cases, read_lines, replace_cases
from evaluation.cases.folding import fold
from evaluation.records import Case
from ragpress.fingerprint import hexdigest


class Candidate(msgspec.Struct, frozen=True):
    """A case that may be new, and why a person must look at it; "" where nothing is amiss."""

    case: Case
    reason: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of candidates.

    Attributes:
        file: the file that cases were added to; None where none were.
        added: new cases, as they were kept.
        mended: known ones that were replaced.
        duplicates: how many were known.
    """

    file: Path | None
    added: tuple[Candidate, ...]
    mended: tuple[Candidate, ...]
    duplicates: int


def keep(root: Path, file_name: str, candidates: Sequence[Candidate], *, per_question: bool = False) -> Kept:
    """Add the candidates that no case of the workspace says yet, in whatever state it is.

    A proposed case of the same origin is replaced where more is known now.

    Args:
        root: the workspace's folder.
        file_name: file of ``cases/`` for new ones.
        candidates: the cases, with ids that may be taken.
        per_question: whether the same question is the same case, whatever the answer.

    Raises:
        SettingsError: a case file cannot be used, or a candidate contradicts itself.
        StorageError: the disk refuses.
    """
    standing = {line.case.id: line.case for line in read_lines(root)}
    known = {_key(case, per_question): case for case in standing.values()}
    taken, duplicates = set(standing), 0
    added: list[Candidate] = []
    mended: list[Candidate] = []
    for candidate in candidates:
        key = _key(candidate.case, per_question)
        before = known.get(key)
        if before is None:
            case = msgspec.structs.replace(candidate.case, id=_free_id(candidate.case, taken))
            taken.add(case.id)
            known[key] = case
            added.append(Candidate(case, candidate.reason))
        elif before.id in standing and _knows_more(before, candidate):
            case = msgspec.structs.replace(candidate.case, id=before.id, tags=before.tags or candidate.case.tags)
            known[key] = case
            mended.append(Candidate(case, candidate.reason))
        else:
            duplicates += 1
    replace_cases(root, {candidate.case.id: candidate.case for candidate in mended})
    path = add_cases(root, file_name, [candidate.case for candidate in added]) if added else None
    return Kept(file=path, added=tuple(added), mended=tuple(mended), duplicates=duplicates)


def _key(case: Case, per_question: bool) -> Hashable:
    groups = None if case.principal is None else tuple(sorted(case.principal))
    asked = (case.collection, fold(case.question), groups, tuple((turn.role, turn.content) for turn in case.history))
    return asked if per_question else (*asked, case.must_abstain, frozenset(map(fold, case.references)))


def _knows_more(before: Case, candidate: Candidate) -> bool:
    case = candidate.case
    same_kind = before.origin.partition(":")[0] == case.origin.partition(":")[0]
    changed = (before.evidence, before.answer, before.note) != (case.evidence, case.answer, case.note)
    return before.state == "proposed" and same_kind and changed


def _free_id(case: Case, taken: set[str]) -> str:
    if case.id not in taken:
        return case.id
    suffix = hexdigest("case id", case.fingerprint, case.collection)
    return next(name for size in range(6, 33) if (name := f"{case.id}-{suffix[:size]}") not in taken)
