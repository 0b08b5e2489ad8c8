"""Which documents a bad answer may be the fault of: those it cites and those that its reader expected.

Says what is known, not what is the cause: that is for the diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.documents import DocumentRow, to_rows
from ragpress.types import AuditMark
from serving.overview.records import Mark, Suspect
from serving.types import Answer

_NAMED = ("outdated", "near_duplicate", "injection", "garbage", "truncated")
_UNKNOWN = "unknown"


class KnownDocuments(msgspec.Struct, frozen=True):
    """Documents of the live release, by id and by source."""

    by_id: Mapping[str, DocumentRow]
    by_source: Mapping[str, DocumentRow]

    def find(self, name: str) -> DocumentRow | None:
        """A document by its id, its source, or the end of its source where that names only one."""
        found = self.by_id.get(name) or self.by_source.get(name)
        if found is not None or not name.strip():
            return found
        ending = [row for source, row in self.by_source.items() if source.endswith("/" + name.strip().lstrip("/"))]
        return ending[0] if len(ending) == 1 else None


def known_documents(table: pa.Table, ids: Sequence[str], names: Sequence[str]) -> KnownDocuments:
    """The rows of documents that answers cite or readers name.

    Args:
        table: the live release's document table; schema ``index.documents.SCHEMA``.
        ids: document ids.
        names: what readers wrote: ids, sources or file names.
    """
    match = pc.is_in(table["document_id"], pa.array([*ids, *names], pa.string()))
    for name in {name.strip() for name in names if name.strip()}:
        match = pc.or_(match, pc.ends_with(table["source"], pattern=name.lstrip("/")))
    rows = to_rows(table.filter(match))
    return KnownDocuments({row.document_id: row for row in rows}, {row.source: row for row in rows})


def suspects(answer: Answer | None, expected: Sequence[str], known: KnownDocuments) -> list[Suspect]:
    """The documents of one bad answer, those that something speaks against first.

    Args:
        answer: the answer; None where there is no whole one.
        expected: the sources that its reader named.
        known: the documents that these are.
    """
    cited = _cited(answer, known)
    used = {passage.document_id for passage in answer.context} if answer is not None else set()
    named = [_expected(name, known.find(name), used, set(cited)) for name in dict.fromkeys(expected) if name.strip()]
    return sorted([*named, *cited.values()], key=lambda item: not item.reasons)


def _cited(answer: Answer | None, known: KnownDocuments) -> dict[str, Suspect]:
    found: dict[str, Suspect] = {}
    if answer is None:
        return found
    weak = {number for check in answer.sentences if not check.supported for number in check.citations}
    doubted = {citation.document_id for citation in answer.citations if citation.index in weak}
    for citation in answer.citations:
        row = known.by_id.get(citation.document_id)
        reasons = _against(row) if row is not None else ["deleted"]
        if citation.document_id in doubted:
            reasons.append("unsupported")
        found.setdefault(
            citation.document_id,
            _suspect(row, "cited", reasons, (citation.document_id, citation.source, citation.title)),
        )
    return found


def _expected(name: str, row: DocumentRow | None, used: set[str], cited: set[str]) -> Suspect:
    if row is None:
        return _suspect(None, "expected", ["expected_unknown"], (None, name, ""))
    reasons = _against(row)
    if row.document_id not in used:
        reasons.append("expected_unused")
    elif row.document_id not in cited:
        reasons.append("expected_uncited")
    return _suspect(row, "expected", reasons, (row.document_id, row.source, row.title))


def _suspect(row: DocumentRow | None, role: str, reasons: list[str], named: tuple[str | None, str, str]) -> Suspect:
    document_id, source, title = named
    marks = () if row is None else row.all_marks
    return Suspect.model_validate(
        {
            "document_id": document_id,
            "source": source,
            "title": title,
            "state": _UNKNOWN if row is None else row.state,
            "role": role,
            "reasons": reasons,
            "marks": [_mark(mark) for mark in marks],
        }
    )


def _against(row: DocumentRow) -> list[str]:
    """What speaks against a document: its state, and its marks; those without a word of their own as ``marked``."""
    state = [] if row.state == "live" else [row.state]
    marks = [mark.audit if mark.audit in _NAMED else "marked" for mark in row.all_marks]
    return list(dict.fromkeys([*state, *marks]))


def _mark(mark: AuditMark) -> Mark:
    return Mark(audit=mark.audit, reason=mark.reason)
