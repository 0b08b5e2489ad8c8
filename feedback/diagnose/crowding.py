"""Copies that take the places of the evidence: whole documents that are nearly alike, or one paragraph in many."""

from __future__ import annotations

import contextlib
import re
import statistics
from collections.abc import Sequence
from difflib import SequenceMatcher

from evaluation.subjects import Subject
from feedback.diagnose.conflicts import facts_of, text_of
from feedback.diagnose.copies import CopyFamily, copy_families
from feedback.diagnose.observation import Crowd
from feedback.records import Holder
from index.documents import DocumentRow
from ingest.near_duplicates import estimate
from ingest.relations import edition
from ragpress.errors import ReleaseError
from retrieval.hits import Copy, Hit
from serving.standalone import standalone_by_rule
from serving.types import Question

_DEEP = 60
_FEWEST = 4
_WHOLE = 0.6
_SAYS_SOMETHING = 24
_MOST_WORDS = 400
_MOST_COMPARED = 9
_MANY = 6
_QUOTED = 0.8
_SHORTEST = 6
_WORDS = re.compile(r"[\u3400-\u9fff]|\w+")


def crowd_of(subject: Subject, question: Question, right: Holder | None, quotes: Sequence[str] = ()) -> Crowd | None:
    """The largest family of copies that stands before the evidence; None where there is none to speak of.

    Args:
        subject: the release.
        question: as its caller asked it.
        right: the place that says the right answer; None where it is not known.
        quotes: what the bad answer quotes: a text that stands in many documents tells nothing of one of them.
    """
    text = standalone_by_rule(question.text, question.history)
    hits = subject.searcher.search(text, _DEEP, caller=question.caller, where=question.where)
    rank = _rank(hits, right)
    before = hits if rank is None else [hit for hit in hits if hit.rank < rank]
    repeated = _repeated(subject, hits, quotes)
    if repeated is not None:
        return repeated
    if not before:
        return None
    families = [item for item in copy_families(subject, before, 0.5) if len(item.sources) >= _FEWEST]
    if not families:
        return None
    family = families[0]
    every = sum(1 + len(hit.copies) for hit in before)
    rows = _kin(_rows(subject, family))
    return Crowd(
        documents=tuple((row.document_id, row.source) for row in rows),
        share=family.size / every,
        text=next(hit.text for hit in before if hit.rank in family.ranks),
        whole=_alike(subject, rows),
        kept=_kept(rows, right),
    )


def _repeated(subject: Subject, hits: Sequence[Hit], quotes: Sequence[str]) -> Crowd | None:
    """A quote of the answer that stands in many of the documents that were found."""
    for quote in quotes:
        held: dict[str, tuple[str, str]] = {}
        for hit in hits:
            line = next((item for item in hit.text.splitlines() if contained(quote, item) >= _QUOTED), "")
            if line:
                for found in _standing_for(hit):
                    held.setdefault(found.document_id, (found.source, line.strip()))
        if len(held) >= _MANY:
            rows = [subject.release.document(name) for name in held]
            lines = tuple({line for _, line in held.values()})
            whole = _alike(subject, rows, lines)
            rows = _kin(rows) if whole else rows
            return Crowd(
                documents=tuple((row.document_id, row.source) for row in rows),
                share=len(held) / len({found.document_id for hit in hits for found in _standing_for(hit)}),
                text="\n".join(line for _, line in held.values()),
                whole=whole,
                kept=_kept(rows, None) if whole else "",
                quoted=True,
            )
    return None


def _standing_for(hit: Hit) -> list[Copy]:
    """The chunks that a hit stands for, its own first."""
    return [Copy(hit.chunk_id, hit.document_id, hit.source), *hit.copies]


def contained(quote: str, line: str) -> float:
    """Share (0..1) of the words of a quote that stand in a line."""
    wanted, held = _WORDS.findall(quote.lower()), set(_WORDS.findall(line.lower()))
    return sum(word in held for word in wanted) / len(wanted) if len(wanted) >= _SHORTEST else 0.0


def _rank(hits: Sequence[Hit], right: Holder | None) -> int | None:
    if right is None:
        return None
    chunks = set(right.chunks)
    return next(
        (hit.rank for hit in hits if hit.chunk_id in chunks or any(copy.chunk_id in chunks for copy in hit.copies)),
        None,
    )


def _rows(subject: Subject, family: CopyFamily) -> list[DocumentRow]:
    found = []
    for name in family.document_ids:
        with contextlib.suppress(ReleaseError):
            found.append(subject.release.document(name))
    return found


def _kin(rows: list[DocumentRow]) -> list[DocumentRow]:
    """The documents that are like most of the others; a page that merely shares a sentence with them is none."""
    known = [(row, found) for row in rows if (found := facts_of(row)) is not None]
    if len(known) < _FEWEST:
        return rows
    sample = [found for _, found in known[:_MOST_COMPARED]]
    likeness = [statistics.median(estimate(found.signature, one.signature) for one in sample) for _, found in known]
    usual = statistics.median(likeness)
    return [row for (row, _), value in zip(known, likeness, strict=True) if value >= usual / 2]


def _alike(subject: Subject, rows: Sequence[DocumentRow], lines: Sequence[str] = ()) -> bool:
    """Whether the documents are copies of one another as wholes, the lines that they repeat left out."""
    texts = [_without(text_of(subject, row), lines) for row in rows[:_MOST_COMPARED]]
    if len(texts) < 2:
        return False
    full = [text for text in texts if len(text) >= _SAYS_SOMETHING]
    if 2 * len(full) < len(texts):
        return True
    values = [statistics.median(_likeness(one, other) for other in full if other is not one) for one in full[:3]]
    return max(values) >= _WHOLE


def _without(text: str, lines: Sequence[str]) -> str:
    said = {line.strip() for line in lines}
    return "\n".join(line for line in text.splitlines() if line.strip() not in said).strip()


def _likeness(one: str, other: str) -> float:
    """Share (0..1) of the words that two texts have in common, in their order."""
    first, second = (_WORDS.findall(text.lower())[:_MOST_WORDS] for text in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _kept(rows: Sequence[DocumentRow], right: Holder | None) -> str:
    """The copy to keep: the one with the evidence, else the newest edition, else the one that came first."""
    if right is not None and any(row.document_id == right.document_id for row in rows):
        return right.source
    newest = min(rows, key=lambda row: (*_newness(row), row.updated, len(row.source), row.source), default=None)
    return "" if newest is None else newest.source


def _newness(row: DocumentRow) -> tuple[object, ...]:
    facts = facts_of(row)
    if facts is None:
        return (), (), 0
    found = edition(facts)
    return tuple(-part for part in found.version), tuple(-part for part in found.date), -found.rank
