"""Copies that take the places of the evidence: whole documents that are nearly alike, or one paragraph in many."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from evaluation.subjects import Subject
from feedback.diagnose.conflicts import facts_of
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
_WHOLE = 0.5
_MOST_COMPARED = 12
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
    rows = _rows(subject, family)
    return Crowd(
        documents=tuple((row.document_id, row.source) for row in rows),
        share=family.size / every,
        text=next(hit.text for hit in before if hit.rank in family.ranks),
        whole=_alike(rows),
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
            return Crowd(
                documents=tuple((name, source) for name, (source, _) in held.items()),
                share=len(held) / len({found.document_id for hit in hits for found in _standing_for(hit)}),
                text="\n".join(line for _, line in held.values()),
                whole=_alike(rows),
                kept=_kept(rows, None) if _alike(rows) else "",
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


def _alike(rows: Sequence[DocumentRow]) -> bool:
    """Whether the documents are copies of one another as wholes."""
    known = [item for row in rows[:_MOST_COMPARED] if (item := facts_of(row)) is not None]
    if len(known) < 2:
        return False
    values = sorted(estimate(known[0].signature, other.signature) for other in known[1:])
    return values[len(values) // 2] >= _WHOLE


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
