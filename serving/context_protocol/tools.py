"""What the tools do, for one caller and one collection; nothing here knows the protocol.

A caller who may not read a document gets the same error as for one that does not exist, after the same work.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import msgspec

from index.documents import DocumentRow
from index.environment import Environment
from ragpress.errors import ReleaseError, UsageError
from retrieval.access import Principal
from retrieval.filters import filter_from_json
from retrieval.live import LiveSearch
from serving.callers import Caller
from serving.context_protocol.records import DocumentRecord, HitRecord, SearchRecord, TraceRecord
from serving.documents.library import Library, ReleaseDocuments, StoredVersion
from serving.documents.passage import passage
from serving.journal.answers import AnswerJournal
from serving.lineage import trace_anything
from serving.prompting import without_hidden

PART_CHARACTERS = 8_000
"""Characters of a document that a call returns unless it asks for an end of its own."""

MOST_CHARACTERS = 20_000
"""The most characters of a document that a call returns."""

MOST_LINKS = 100
"""The most entries of ``used_by`` in a trace."""


class Reach(msgspec.Struct, frozen=True):
    """What the tools reach, under the settings as they are now.

    Attributes:
        environment: the workspace.
        library: its documents.
        searches: gives the live release, open for searching.
        journal: its answers.
    """

    environment: Environment
    library: Library
    searches: LiveSearch
    journal: AnswerJournal


class DocumentTools:
    """The tools. Any number of threads may use them at once.

    Args:
        reach: gives what they reach now.
        collection: what they search and read.
        caller: whose rights they have.
    """

    def __init__(self, reach: Callable[[], Reach], collection: str, caller: Caller) -> None:
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
        hits = opened.searcher.search(text, k, caller=self._caller.principal, where=filter_from_json(dict(where or {})))
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
        row = _readable(documents, document, self._caller.principal)
        version = None if row is None else documents.version(row)
        if row is None or version is None:
            raise ReleaseError(
                f"There is no document {without_hidden(document[:200])!r} that you may read. Take a document_id or "
                "source from a result of search."
            )
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
        """Where a chunk, a document, an answer or one of its citations comes from.

        Raises:
            ReleaseError: there is no such thing, or the caller may not see it; nobody can tell which.
        """
        reach = self._reach()
        found = trace_anything(reach.environment, reach.journal, self._collection, thing, None, self._caller)
        return TraceRecord(
            kind=found.kind,
            id=found.id,
            chain=[_plain(link) for link in found.chain],
            used_by=[_plain(link, {"text"}) for link in found.used_by[:MOST_LINKS]],
            more_used_by=max(0, len(found.used_by) - MOST_LINKS),
        )

    def _live(self) -> ReleaseDocuments:
        documents = self._reach().library.live(self._collection)
        if documents is None:
            raise ReleaseError(
                f"Nothing is live in {self._collection!r} yet. An operator publishes it: ragpress ingest"
            )
        return documents


def _readable(documents: ReleaseDocuments, named: str, principal: Principal) -> DocumentRow | None:
    """A document by its id or its source, where the caller may read it."""
    try:
        row = documents.release.document(named)
    except ReleaseError:
        return None
    return documents.find(row.document_id, principal)


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


def _plain(link: Mapping[str, Any], hidden: Container[str] = ()) -> dict[str, Any]:
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
