"""What the tools do, for one caller and one collection; nothing here knows the protocol.

A caller who may not read a document gets the same error as for one that does not exist, after the same work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.documents import DocumentRow
from index.environment import Environment
from index.lineage import Trace
from index.lineage import trace as lineage
from ragpress.errors import ReleaseError, UsageError
from retrieval.access import Principal
from retrieval.filters import filter_from_json
from retrieval.live import LiveSearch
from serving.context_protocol.records import DocumentRecord, HitRecord, SearchRecord, TraceRecord
from serving.documents.library import Library, ReleaseDocuments, StoredVersion
from serving.documents.passage import passage
from serving.journal.records import AnswerRecord
from serving.prompting import without_hidden

PART_CHARACTERS = 8_000
"""Characters of a document that a call returns unless it asks for an end of its own."""

MOST_CHARACTERS = 20_000
"""The most characters of a document that a call returns."""

MOST_LINKS = 100
"""The most entries of ``used_by`` in a trace."""

_UNREADABLE = frozenset({"text", "root", "marks", "removed", "notes"})


class Reach(msgspec.Struct, frozen=True):
    """What the tools reach, under the settings as they are now.

    Attributes:
        environment: the workspace.
        library: its documents.
        searches: gives the live release, open for searching.
        answer: finds a stored answer.
    """

    environment: Environment
    library: Library
    searches: LiveSearch
    answer: Callable[[str], AnswerRecord | None]


class DocumentTools:
    """The tools. Any number of threads may use them at once.

    Args:
        reach: gives what they reach now.
        collection: what they search and read.
        caller: whose rights they have.
    """

    def __init__(self, reach: Callable[[], Reach], collection: str, caller: Principal) -> None:
        self._reach = reach
        self._collection = collection
        self._caller = caller

    def search(self, query: str, k: int, where: Mapping[str, Any] | None) -> SearchRecord:
        """The best chunks for a question.

        Raises:
            UsageError: the query is empty, or the filter is wrong.
            RagpressError: nothing is live, or it cannot be searched.
        """
        text = without_hidden(query)
        if not text.strip():
            raise UsageError("query: expected some words, found none.")
        opened = self._reach().searches()
        hits = opened.searcher.search(text, k, caller=self._caller, where=filter_from_json(dict(where or {})))
        found = [
            HitRecord(
                rank=hit.rank,
                chunk_id=hit.chunk_id,
                document_id=hit.document_id,
                source=without_hidden(hit.source),
                title=without_hidden(hit.title),
                heading=[without_hidden(part) for part in hit.heading],
                page=hit.page,
                start=hit.start,
                end=hit.end,
                score=hit.score,
                marks=list(hit.marks),
                text=without_hidden(hit.text),
            )
            for hit in hits
        ]
        return SearchRecord(collection=self._collection, release=opened.release, hits=found)

    def get_document(self, document: str, start: int | None, end: int | None, page: int | None) -> DocumentRecord:
        """A part of a document.

        Args:
            document: its id or source.
            start: first character; the beginning when None.
            end: one past the last; a bounded part when None.
            page: the page to read instead.

        Raises:
            UsageError: start, end or page are not within the document.
            ReleaseError: there is no such document, or the caller may not read it; nobody can tell which.
        """
        if page is not None and (start is not None or end is not None):
            raise UsageError("Give either page, or start and end: expected one of them, found both.")
        documents = self._live()
        row = _readable(documents, document, self._caller)
        version = None if row is None else documents.version(row)
        if row is None or version is None:
            raise _no_such("document", document)
        first, last = _part(version, start, end, page)
        shown = passage(version.text, version.elements, (first, last) if last > first else None, None)
        return DocumentRecord(
            collection=self._collection,
            release=documents.manifest.id,
            document_id=row.document_id,
            source=without_hidden(row.source),
            title=without_hidden(row.title),
            language=row.language,
            media_type=row.media_type,
            pages=row.pages,
            characters=len(version.text),
            marks=sorted({mark.audit for mark in row.all_marks}),
            page=shown.page,
            heading=[without_hidden(part) for part in shown.heading],
            start=first,
            end=last,
            next_start=last if last < len(version.text) else None,
            text=without_hidden(version.text[first:last]),
        )

    def trace(self, thing: str) -> TraceRecord:
        """Where a chunk, a document or an answer comes from.

        Raises:
            ReleaseError: there is no such thing, or the caller may not see it; nobody can tell which.
        """
        reach = self._reach()
        if self._caller.unrestricted:
            answer = reach.answer(thing)
            found = lineage(reach.environment, self._collection, thing, None) if answer is None else _answer(answer)
            return _bounded(found, hidden=frozenset({"text"}))
        documents = self._live()
        if _readable(documents, thing, self._caller) is None and not self._may_read_chunk(documents, thing):
            raise _no_such("chunk or document", thing)
        found = lineage(reach.environment, self._collection, thing, documents.manifest.id)
        # Folders of the server, and marks that name other documents, are the operator's.
        return _bounded(found, hidden=_UNREADABLE)

    def _live(self) -> ReleaseDocuments:
        documents = self._reach().library.live(self._collection)
        if documents is None:
            raise ReleaseError(
                f"Nothing is live in {self._collection!r} yet. An operator publishes it: ragpress ingest"
            )
        return documents

    def _may_read_chunk(self, documents: ReleaseDocuments, chunk: str) -> bool:
        for segment in documents.release.segments.values():
            position = pc.index(segment.chunks["chunk_id"], pa.scalar(chunk, pa.string())).as_py()
            if position >= 0 and segment.alive[position]:
                owner = segment.chunks["document_id"][position].as_py()
                return documents.find(owner, self._caller) is not None
        return False


def _readable(documents: ReleaseDocuments, named: str, caller: Principal) -> DocumentRow | None:
    """A document by its id or its source, where the caller may read it."""
    try:
        row = documents.release.document(named)
    except ReleaseError:
        return None
    return documents.find(row.document_id, caller)


def _part(version: StoredVersion, start: int | None, end: int | None, page: int | None) -> tuple[int, int]:
    length = len(version.text)
    if page is not None:
        shown = passage(version.text, version.elements, None, page)
        return shown.start, shown.end
    first = start or 0
    if not 0 <= first < max(1, length):
        raise UsageError(f"start: expected a character from 0 to {max(0, length - 1)}, found {first}.")
    if end is not None and end <= first:
        raise UsageError(f"end: expected a character behind start ({first}), found {end}.")
    return first, min(length, first + MOST_CHARACTERS, first + PART_CHARACTERS if end is None else end)


def _answer(record: AnswerRecord) -> Trace:
    chain: list[dict[str, Any]] = [
        {
            "link": "answer",
            "id": record.id,
            "at": record.at,
            "status": record.status,
            "question": record.question,
            "answer": record.text,
            "release": record.release,
            "collection": record.collection,
        }
    ]
    if record.answer is not None:
        chain += [{"link": "citation", **msgspec.to_builtins(one)} for one in record.answer.citations]
    return Trace(kind="answer", id=record.id, chain=tuple(chain), used_by=())


def _bounded(found: Trace, hidden: frozenset[str]) -> TraceRecord:
    return TraceRecord(
        kind=found.kind,
        id=found.id,
        chain=[_plain(link, hidden - {"text"}) for link in found.chain],
        used_by=[_plain(link, hidden) for link in found.used_by[:MOST_LINKS]],
        more_used_by=max(0, len(found.used_by) - MOST_LINKS),
    )


def _plain(link: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    shown = {key: value for key, value in link.items() if key not in hidden}
    plain: dict[str, Any] = _without_hidden(msgspec.to_builtins(shown, str_keys=True))
    return plain


def _without_hidden(value: Any) -> Any:
    if isinstance(value, str):
        return without_hidden(value)
    if isinstance(value, Mapping):
        return {key: _without_hidden(one) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_without_hidden(one) for one in value]
    return value


def _no_such(kind: str, named: str) -> ReleaseError:
    return ReleaseError(
        f"There is no {kind} {without_hidden(named[:200])!r} that you may read. Take a chunk_id, document_id or source "
        "from a result of search."
    )
