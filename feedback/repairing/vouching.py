"""Who must vouch for a repair, beside the case that proves it: what one caller says never undoes what people did.

One claim and a text that bears it out are enough where the damage can be seen by anybody: an older edition, a copy that
says nothing else, a file that broke off, noise, text that speaks to a model. Where a repair would bring back what was
taken out or edited, or take out a document that only contradicts another one, the same evidence is there when nothing
is wrong at all; so several callers, or a person, must say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from evaluation.subjects import Subject
from feedback.diagnose.conflicts import facts_of, text_of
from feedback.diagnose.texts import DocumentTexts
from feedback.workbench import Workbench
from index.documents import DocumentRow
from index.findings import Finding
from index.repairs.records import CleaningRule, MissingDocument, Quarantine, Repair, Reparse, Restore, Supersede
from ingest.garbage import noise_share
from ingest.relations import edition
from ingest.versions import is_older
from ragpress.errors import ReleaseError
from serving.evidence.numbers import numbers_held
from serving.evidence.terms import script, stems_of

Doubt: TypeAlias = Literal["", "wait_removed", "wait_edited", "wait_planted", "wait_copies", "wait_for_all"]
"""Why somebody must vouch, as a sentence of the loop; ``wait_removed`` is for a person alone."""

_READ_BADLY = frozenset({"garbage", "no_text"})
_NOISE = 0.1
_MISREAD_WORDS = 3
_MISREAD_SHARE = 0.6
_LIKE = (0.6, 1.0)
_ENDS = '.!?。！？…:：;；"”’)）」』|>'
_WORDS = re.compile(r"[^\W\d_]+")
_NAMES = re.compile(r"(?<!\w)[A-Z][\w-]*")


def doubt_about(bench: Workbench, finding: Finding) -> Doubt:
    """Why a finding's repairs may not go live by what was said so far; "" where they may.

    Args:
        bench: the releases.
        finding: the finding, with the repairs that would go live.

    Raises:
        RagpressError: a release cannot be read.
    """
    live = bench.live()
    if finding.standing == "person" or live is None:
        return ""
    doubts = {_doubt(bench, live, finding, repair) for repair in finding.repairs}
    if "wait_removed" in doubts:
        return "wait_removed"
    if finding.standing == "agreed":
        return ""
    return next((doubt for doubt in sorted(doubts) if doubt), "")


def _doubt(bench: Workbench, live: Subject, finding: Finding, repair: Repair) -> Doubt:
    if isinstance(repair, Restore):
        return _of_restore(bench, live, repair)
    if isinstance(repair, Quarantine):
        row = _row(live, repair.source)
        return "" if row is not None and _audits(row) >= {"injection"} else "wait_planted"
    if isinstance(repair, Supersede):
        return _of_supersede(live, finding.question, repair)
    if isinstance(repair, CleaningRule):
        return "wait_copies" if repair.drop else ""
    return "" if isinstance(repair, Reparse | MissingDocument) else "wait_for_all"


def _of_restore(bench: Workbench, live: Subject, repair: Restore) -> Doubt:
    row = _row(live, repair.source)
    if row is None or row.state == "deleted":
        return "wait_removed"
    if not repair.version:
        return "" if row.state == "quarantined" and _audits(row) <= _READ_BADLY else "wait_removed"
    earlier = DocumentTexts(bench, live).earlier(repair.source)
    before = next((item.text for item in earlier if item.version == repair.version), "")
    return "" if before and is_damaged(before, text_of(live, row)) else "wait_edited"


def _of_supersede(live: Subject, question: str, repair: Supersede) -> Doubt:
    old, new = _row(live, repair.source), _row(live, repair.newer)
    if old is None or new is None:
        return "wait_copies"
    one, other = text_of(live, old), text_of(live, new)
    if is_meant(question, f"{old.source} {old.title} {one}", f"{new.source} {new.title} {other}"):
        return "wait_copies"
    facts = facts_of(old), facts_of(new)
    if facts[0] is not None and facts[1] is not None and is_older(edition(facts[0]), edition(facts[1])):
        return ""
    return "" if numbers_held(one) <= numbers_held(other) else "wait_copies"


def is_meant(question: str, text: str, other: str) -> bool:
    """Whether a question names something that stands in a text and not in the other one: the year, the place, the part.

    Then the first text is what it asks for, whatever the other one is newer than. Other words do not count: an edition
    says "may be kept" where the next one says "keep". In a script without capitals every word does, to be safe.
    """
    named = set(_NAMES.findall(question.strip()[1:]))
    asked = {stem for stem in stems_of(question) if not stem.isascii()} | {
        stem for name in named for stem in stems_of(name)
    }
    if (set(stems_of(text)) & asked) - set(stems_of(other)):
        return True
    numbers = set(numbers_held(question))
    return bool(numbers & set(numbers_held(text)) - set(numbers_held(other)))


def is_damaged(before: str, now: str) -> bool:
    """Whether anybody sees that a version was damaged rather than edited: it broke off, is noise, or was misread.

    Args:
        before: the text of the earlier version.
        now: the text that is searched.
    """
    checks: tuple[Callable[[str, str], bool], ...] = (_breaks_off, _is_noise, _is_translated, _is_misread)
    return not now.strip() or any(check(before, now) for check in checks)


def _breaks_off(before: str, now: str) -> bool:
    last = now.rstrip().rsplit("\n", 1)[-1].strip()
    if len(last) < 3 or last[-1] in _ENDS:
        return False
    return any(line.strip().startswith(last) and line.strip() != last for line in before.splitlines())


def _is_noise(before: str, now: str) -> bool:
    return ("\ufffd" in now and "\ufffd" not in before) or noise_share(now) - noise_share(before) >= _NOISE


def _is_translated(before: str, now: str) -> bool:
    return script(before) != script(now)


def _is_misread(before: str, now: str) -> bool:
    """Whether most words that changed are the former ones with other letters, as a scanner makes them."""
    one, other = _WORDS.findall(before), _WORDS.findall(now)
    known = set(one)
    pairs = [
        (was, became)
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if tag == "replace"
        for was, became in zip(one[i1:i2], other[j1:j2], strict=False)
    ]
    misread = [
        1
        for was, became in pairs
        if became not in known and _LIKE[0] <= SequenceMatcher(None, was, became, autojunk=False).ratio() < _LIKE[1]
    ]
    return len(misread) >= _MISREAD_WORDS and len(misread) >= _MISREAD_SHARE * len(pairs)


def _audits(row: DocumentRow) -> set[str]:
    return {mark.audit for mark in row.all_marks}


def _row(live: Subject, source: str) -> DocumentRow | None:
    try:
        return live.release.document(source)
    except ReleaseError:
        return None
