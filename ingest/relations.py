"""Audits across documents: near-duplicates and older editions.

A pure function of the set of live documents: it does not depend on their order or on what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from ingest.language import language
from ingest.near_duplicates import estimate, near_duplicates, signature
from ingest.versions import (
    Edition,
    bare_name,
    is_older,
    named_edition,
    path_family,
    stated_date,
    stated_version,
)
from ragpress.fingerprint import digest
from ragpress.settings import AuditRule, AuditSettings
from ragpress.types import AuditAction, AuditMark, CleanedDocument, ParsedDocument

CODE_VERSION = 1

# Two texts of the same name and different dates are editions of one another only if they share text;
# minutes of two meetings or reports of two years mostly do not.
_SHARED_TEXT = 0.1
# Of a large family (hundreds of minutes with one title) each is compared with so many of the newest.
_NEWEST = 64
# Shorter titles ("Overview") are shared by documents that have nothing to do with one another.
_SHORTEST_TITLE = 10
_SHORTEST_HAN_TITLE = 5


class DocumentFacts(msgspec.Struct, frozen=True, array_like=True):
    """What the audits across documents need to know of one document.

    Attributes:
        document_id: the document's id.
        source: its path or URI; a renamed document keeps its other facts (``msgspec.structs.replace``).
        title: its own title.
        language: ISO code.
        dated: the date it states of itself, ``2024-03-01``, ``2024-03`` or ``2024``; "" if none.
        versioned: the version it states of itself, ``2.1``; "" if none.
        signature: MinHash signature of the cleaned text.
        characters: length of the cleaned text in code points.
        content: digest of the cleaned text: equal for exact copies.
    """

    document_id: str
    source: str
    title: str
    language: str
    dated: str
    versioned: str
    signature: bytes
    characters: int
    content: bytes


Similarity: TypeAlias = Callable[[DocumentFacts, DocumentFacts], float]
"""Exact Jaccard similarity of two documents, 0 to 1 (see ``verify_jaccard``); worth memoising by ``content``."""


def facts(document_id: str, source: str, parsed: ParsedDocument, cleaned: CleanedDocument) -> DocumentFacts:
    """Extract the facts of one document."""
    head = f"{parsed.title}\n{cleaned.text[:1000]}"
    return DocumentFacts(
        document_id=document_id,
        source=source,
        title=parsed.title,
        language=language(cleaned.text),
        dated="-".join(f"{part:02d}" for part in stated_date(parsed.metadata, head)),
        versioned=".".join(map(str, stated_version(parsed.metadata, parsed.title))),
        signature=signature(cleaned.text),
        characters=len(cleaned.text),
        content=digest(cleaned.text),
    )


def relate(
    rows: Iterable[DocumentFacts], settings: AuditSettings, similarity: Similarity
) -> dict[str, tuple[AuditMark, ...]]:
    """Find near-duplicates and older editions among the live documents.

    Args:
        rows: facts of all live documents, in any order.
        settings: actions and thresholds.
        similarity: asked only for candidate pairs whose texts are not equal.

    Returns:
        Document id → its marks; documents without a mark are absent. Of two near-duplicates the
        older edition is marked where names, metadata or text tell which that is, else the one whose
        source comes later in order; of several editions all but the newest are marked.
    """
    ordered = sorted(rows, key=lambda row: (row.source, row.document_id))
    marks: dict[str, list[AuditMark]] = defaultdict(list)
    if settings.near_duplicate.action is not AuditAction.OFF:
        _mark_duplicates(ordered, settings.near_duplicate, similarity, marks)
    if settings.outdated.action is not AuditAction.OFF and settings.outdated.threshold <= 1:
        _mark_outdated(ordered, settings.outdated, marks)
    return {document_id: tuple(found) for document_id, found in marks.items()}


def edition(row: DocumentFacts) -> Edition:
    """The edition of a document: from its file name and folders, else its title, else what it states of itself."""
    named = named_edition(row.source)
    titled = named_edition(row.title)
    return Edition(
        named.version or titled.version or _numbers(row.versioned, "."),
        named.date or titled.date or _numbers(row.dated, "-"),
        named.rank or titled.rank,
    )


def _mark_duplicates(
    rows: Sequence[DocumentFacts], rule: AuditRule, similarity: Similarity, marks: dict[str, list[AuditMark]]
) -> None:
    best: dict[int, tuple[float, int]] = {}
    for first, second, _ in near_duplicates([row.signature for row in rows], threshold=rule.threshold):
        one, other = rows[first], rows[second]
        exact = 1.0 if one.content == other.content else similarity(one, other)
        if exact < rule.threshold:
            continue
        copy, original = (first, second) if is_older(edition(one), edition(other)) else (second, first)
        if copy not in best or (-exact, original) < (-best[copy][0], best[copy][1]):
            best[copy] = (exact, original)
    for copy, (exact, original) in sorted(best.items()):
        kept = rows[original]
        reason = (
            f"{exact:.0%} of its text is also in {kept.source!r}. Keep one of the two: remove or quarantine this copy, "
            "or merge what differs."
        )
        marks[rows[copy].document_id].append(
            AuditMark("near_duplicate", rule.action, round(exact, 4), rule.threshold, reason, (kept.document_id,))
        )


def _mark_outdated(rows: Sequence[DocumentFacts], rule: AuditRule, marks: dict[str, list[AuditMark]]) -> None:
    newer: dict[int, int] = {}
    families = _families(rows)
    editions = {number: edition(rows[number]) for family in families for number in family}
    for family in families:
        newest = sorted(family, key=lambda number: _newness(editions[number]), reverse=True)[:_NEWEST]
        for number in family:
            for other in newest:
                if not is_older(editions[number], editions[other]) or not _same_work(rows, editions, number, other):
                    continue
                if number not in newer or is_older(editions[newer[number]], editions[other]):
                    newer[number] = other
    for number, other in sorted(newer.items()):
        kept = rows[other]
        shown = (_shown(editions[number]), _shown(editions[other]))
        told = " and ".join(filter(None, shown)) or "by name"
        reason = (
            f"{kept.source!r} is a newer edition of it ({told}). "
            "Mark this one superseded, or rename it if both are valid."
        )
        marks[rows[number].document_id].append(
            AuditMark("outdated", rule.action, 1.0, rule.threshold, reason, (kept.document_id,))
        )


def _families(rows: Sequence[DocumentFacts]) -> list[list[int]]:
    """Groups of documents that may be editions of one work: same bare path, or same bare title and language."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        path = path_family(row.source)
        if path:
            groups["path", path, ""].append(number)
        title = bare_name(row.title) if row.title else ""
        if len(title) >= (_SHORTEST_TITLE if title.isascii() else _SHORTEST_HAN_TITLE):
            groups["title", title, row.language].append(number)
    return [members for members in groups.values() if len(members) > 1]


def _same_work(rows: Sequence[DocumentFacts], editions: dict[int, Edition], one: int, other: int) -> bool:
    """Whether two of a family are one work: called by versions or words of one path, or alike in text."""
    first, second = rows[one], rows[other]
    same_path = path_family(first.source) == path_family(second.source) != ""
    if same_path and first.language != second.language and "und" not in (first.language, second.language):
        return False
    by_version = editions[one].version and editions[other].version and editions[one].version != editions[other].version
    by_word = editions[one].rank != editions[other].rank
    if same_path and (by_version or by_word):
        return True
    return estimate(first.signature, second.signature) >= _SHARED_TEXT


def _newness(found: Edition) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    return found.version, found.date, found.rank


def _shown(found: Edition) -> str:
    version = f"version {'.'.join(map(str, found.version))}" if found.version else ""
    date = "-".join(f"{part:02d}" for part in found.date)
    return ", ".join(filter(None, (version, date)))


def _numbers(text: str, separator: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(separator)) if text else ()
