"""Keeps cases that were made of something else: each once, however often they are made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import msgspec

from evaluation.cases.files import add_cases, read_lines, replace_cases
from evaluation.cases.folding import fold
from evaluation.records import Case
from ragpress.fingerprint import hexdigest
from ragpress.storage import disk
from serving.journal.problems import problem_id


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


class Written:
    """Remembers how cases were written, so that one that a person edited since is left alone.

    Args:
        path: file of digests by case id. Where it is lost, every case counts as edited.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._digests = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            self._digests = {}

    def untouched(self, case: Case) -> bool:
        """Whether a case stands as it was written."""
        return self._digests.get(case.id) == _digest(case)

    def remember(self, cases: Sequence[Case]) -> None:
        """Remember cases as they are written now.

        Raises:
            StorageError: the disk refuses.
        """
        if cases:
            self._digests |= {case.id: _digest(case) for case in cases}
            disk.make_folder(self._path.parent)
            disk.write_file(self._path, msgspec.json.encode(self._digests, order="sorted"))


def keep(root: Path, file_name: str, candidates: Sequence[Candidate], written: Written | None = None) -> Kept:
    """Add the candidates that no case of the workspace says yet, in whatever state it is.

    A proposed case of the same origin is replaced where more is known now.

    Args:
        root: the workspace's folder.
        file_name: file of ``cases/`` for new ones.
        candidates: the cases, with ids that may be taken.
        written: of cases that grow from feedback: the same problem is the same case, whatever the answer, and one that
            a person edited is left alone. None for others: another answer makes another case.

    Raises:
        SettingsError: a case file cannot be used, or a candidate contradicts itself.
        StorageError: the disk refuses.
    """
    per_question = written is not None
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
        elif before.id in standing and _knows_more(before, candidate) and (not written or written.untouched(before)):
            case = msgspec.structs.replace(candidate.case, id=before.id, tags=before.tags or candidate.case.tags)
            known[key] = case
            mended.append(Candidate(case, candidate.reason))
        else:
            duplicates += 1
    if written is not None:
        # First, so that a kill leaves a case that is mended later, never one that nobody may mend.
        written.remember([candidate.case for candidate in (*added, *mended)])
    replace_cases(root, {candidate.case.id: candidate.case for candidate in mended})
    path = add_cases(root, file_name, [candidate.case for candidate in added]) if added else None
    return Kept(file=path, added=tuple(added), mended=tuple(mended), duplicates=duplicates)


def _key(case: Case, per_question: bool) -> Hashable:
    if per_question:
        return problem_id(case.collection, case.question, case.principal, case.history)
    groups = None if case.principal is None else tuple(sorted(case.principal))
    asked = (case.collection, fold(case.question), groups, tuple((turn.role, turn.content) for turn in case.history))
    return (*asked, case.must_abstain, frozenset(map(fold, case.references)))


def _digest(case: Case) -> str:
    return hexdigest("written case", msgspec.json.encode(case))


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
