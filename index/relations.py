"""Audits that compare documents with one another, applied to a candidate's document table."""

from __future__ import annotations

from collections.abc import Callable, Set

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index import documents
from index.documents import DocumentRow, to_rows
from index.repairs.apply import lifted
from ingest.memo import Memo
from ingest.near_duplicates import estimate, verify_jaccard
from ingest.relations import DocumentFacts, Similarity, relate
from ragpress.fingerprint import digest
from ragpress.settings import AuditSettings
from ragpress.types import AuditAction, AuditMark

STEP = "relation"
_CODE_VERSION = 1


class Similarities:
    """Exact similarities of documents, computed once per pair of contents.

    Args:
        memo: similarities of earlier runs.
        text_of: the text of a document by its id; None when it cannot be had, and an estimate must do.
    """

    def __init__(self, memo: Memo, text_of: Callable[[str], str | None]) -> None:
        self._memo = memo
        self._text_of = text_of

    def __call__(self, one: DocumentFacts, other: DocumentFacts) -> float:
        """Jaccard similarity of the shingles of two documents, from 0 to 1."""
        key = digest("jaccard", _CODE_VERSION, *sorted((one.content, other.content)))
        known = self._memo.get(key)
        if known is not None:
            return float(known)
        texts = self._text_of(one.document_id), self._text_of(other.document_id)
        if texts[0] is None or texts[1] is None:
            return estimate(one.signature, other.signature)
        value = verify_jaccard(texts[0], texts[1])
        self._memo.put(key, repr(value).encode())
        return value


class RelationChanges(msgspec.Struct, frozen=True):
    """What the audits across documents change in a candidate.

    Attributes:
        rows: rows with other relations than before, already updated.
        drop: rows (as they were) whose chunks must go, because a relation quarantines them.
        revive: ids of documents that a relation had quarantined and no longer does.
    """

    rows: tuple[DocumentRow, ...]
    drop: tuple[DocumentRow, ...]
    revive: tuple[str, ...]


def relate_documents(
    table: pa.Table, settings: AuditSettings, similarity: Similarity, held: Set[str] = frozenset()
) -> RelationChanges:
    """Compare all documents of a candidate.

    Args:
        table: its document table; schema ``index.documents.SCHEMA``.
        settings: audits; those across documents are ``near_duplicate`` and ``outdated``.
        similarity: exact similarity of two documents.
        held: sources of documents that a repair has used whatever the audits say.
    """
    compared = table.filter(pc.is_valid(table["facts"]))
    decoder = msgspec.msgpack.Decoder(DocumentFacts)
    facts = [decoder.decode(value) for value in compared["facts"].to_pylist()]
    found = relate(facts, settings, similarity)
    for one in facts:
        if one.source in held and one.document_id in found:
            found[one.document_id] = tuple(lifted(mark) for mark in found[one.document_id])
    ids, stored = compared["document_id"].to_pylist(), compared["relations"].to_pylist()
    wanted = {name: _encode(found.get(name, ())) for name in found}
    different = [name for name, before in zip(ids, stored, strict=True) if wanted.get(name, "[]") != before]
    if not different:
        return RelationChanges((), (), ())
    match = pc.is_in(compared["document_id"], pa.array(different, pa.string()))
    rows, drop, revive = [], [], []
    for row in to_rows(compared.filter(match)):
        marks = found.get(row.document_id, ())
        blocking = [mark for mark in marks if mark.action == AuditAction.QUARANTINE]
        updated = msgspec.structs.replace(row, relations=_encode(marks))
        if blocking:
            drop += [row] if row.chunks else []
            updated = _quarantined(updated, blocking)
        elif row.step == STEP:
            revive.append(row.document_id)
        rows.append(updated)
    return RelationChanges(tuple(rows), tuple(drop), tuple(revive))


def _quarantined(row: DocumentRow, marks: list[AuditMark]) -> DocumentRow:
    superseded = all(mark.audit == "outdated" for mark in marks)
    return msgspec.structs.replace(
        row,
        state="superseded" if superseded else "quarantined",
        step=STEP,
        reason=" ".join(mark.reason for mark in marks),
        version=None,
        indexed=None,
        segment=documents.NO_SEGMENT,
        first_row=0,
        chunks=0,
    )


def _encode(marks: tuple[AuditMark, ...]) -> str:
    return msgspec.json.encode(marks).decode()
