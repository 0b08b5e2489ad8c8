"""Damage that shows in a searched text itself: lines of noise, an end in the middle of a sentence.

It tells where to look when no text says what is right, and no earlier version is there to compare with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.subjects import Subject
from feedback.diagnose.noise import noisy_piece
from feedback.diagnose.observation import Damage
from feedback.diagnose.texts import DocumentTexts
from feedback.workbench import Workbench
from serving.types import Answer

_MOST = 4
_YEAR = re.compile(
    r"(?<![\d.,])([1-9]\d{3})\s?年(?!前)"
    r"|\b(?:in|since|until|January|February|March|April|May|June|July|August|September|October|November|December)"
    r",? ([1-9]\d{3})(?=\s*[.,;)](?!\d)|\s+(?:he|she|it|they|the|and|to|at|in|when|as|until)\b)"
)
_DAY = re.compile(r"(?<![\d.])(?:年\s?)?(\d{1,2})月(?:\s?(\d{1,2})[日号])?(?!薪)")
_MONTHS, _DAYS, _AHEAD = 12, 31, 100
_SEEN = 40
_FEWEST = 5
_MOSTLY = 0.8
_PROSE = 80
_TEXT_LIKE = ("text/plain", "text/markdown", "")
_MARKS = frozenset(".!?…。！？；;:：”’\"'」』)）】]》>|*`—-")
_LONGEST = 200_000
_FRAGMENT = 240


def damages_of(bench: Workbench, subject: Subject, sources: Sequence[str]) -> tuple[Damage, ...]:
    """Damage of some documents, in their order, the first few looked at.

    Args:
        bench: releases and settings.
        subject: the release.
        sources: source paths, those that are likeliest to hold the answer first.
    """
    texts = DocumentTexts(bench, subject)
    ended: bool | None = None
    found = []
    for source in list(dict.fromkeys(sources))[:_MOST]:
        document = texts.document(source)
        text = texts.live(document)[:_LONGEST] if document is not None and document.searchable else ""
        if document is None or not text:
            continue
        noisy = noisy_piece(text)
        if noisy:
            found.append(Damage(document_id=document.document_id, source=source, kind="noise", quote=noisy))
            continue
        if document.media_type not in _TEXT_LIKE or not breaks_off(text):
            continue
        ended = _usually_ended(texts) if ended is None else ended
        if ended:
            end = text.rstrip()[-_FRAGMENT:].rpartition("\n")[2]
            found.append(Damage(document_id=document.document_id, source=source, kind="cut", quote=end))
    return tuple(found)


def impossible_dates(answer: Answer, year: int) -> tuple[Damage, ...]:
    """Documents that an answer cites for a date that cannot be: a month or a day too high, a year far ahead.

    Args:
        answer: the bad answer.
        year: the year it is.
    """
    found = {}
    for cited in answer.citations:
        if has_impossible_date(cited.quote, year):
            found[cited.source] = Damage(
                document_id=cited.document_id, source=cited.source, kind="date", quote=cited.quote
            )
    return tuple(found.values())


def has_impossible_date(text: str, year: int) -> bool:
    """Whether a text states a month or a day that no calendar has, or a year more than a century ahead."""
    years = [int(one or other) for one, other in _YEAR.findall(text)]
    days = [int(month or "1") > _MONTHS or int(day or "1") > _DAYS for month, day in _DAY.findall(text)]
    return any(value > year + _AHEAD for value in years) or any(days)


def breaks_off(text: str) -> bool:
    """Whether a text ends in the middle of a sentence: its last line is prose, and without an end."""
    last = text.rstrip().rpartition("\n")[2].strip()
    if not last or last[-1] in _MARKS or last.startswith(("#", "|", "-", "*", ">")):
        return False
    # A short last line may be a caption or a name; the beginning of a sentence stands behind others.
    inner = any(mark in last for mark in "。！？") or re.search(r"[a-z][.!?]\s", last) is not None
    return inner or len(last.encode()) >= _PROSE


def _usually_ended(texts: DocumentTexts) -> bool:
    """Whether the collection's texts end as sentences do; in a collection of snippets an open end says nothing."""
    known = [item for item in texts.documents if item.searchable and item.media_type in _TEXT_LIKE][:_SEEN]
    ends = [not breaks_off(texts.live(item)) for item in known]
    return len(ends) >= _FEWEST and sum(ends) >= _MOSTLY * len(ends)
