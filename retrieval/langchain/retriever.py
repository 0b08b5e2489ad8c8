"""A LangChain retriever over one release, or over whichever is live.

Sources: ``langchain_core.retrievers.BaseRetriever``; the metadata's names are those of ``ragpress search --json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from pydantic import Field, field_validator

from ragpress.errors import UsageError
from retrieval.hits import Hit
from retrieval.live import OpenSearch
from retrieval.scope import Filter, Principal


class RagpressRetriever(BaseRetriever):
    """Finds chunks of a release as LangChain Documents.

    A Document's ``page_content`` is the chunk's text, its ``id`` the chunk's id; its metadata: ``source``, ``title``,
    ``heading`` (list), ``page``, ``start``, ``end``, ``score``, ``document_id``, ``release``, ``stages`` (rank and
    score by stage), ``copies`` (chunks with the same text: ``chunk_id``, ``document_id``, ``source``) and ``marks``
    (audits that marked its document). ``k``, ``groups`` and ``where`` can also be given to one call:
    ``retriever.invoke(question, k=3)``.

    Attributes:
        searches: gives the release to search, open.
        k: hits; the release's own number when None.
        groups: groups the caller is in, beside ``everyone``.
        unrestricted: search everything, whatever the access rules say.
        where: which documents are wanted: a Filter, or its fields as a mapping; None takes all.
        collection: name of the collection, for those who read traces; "" when it is unknown.
        release: id of the release it is pinned to; None when it follows the live one.
    """

    searches: Callable[[], OpenSearch] = Field(exclude=True, repr=False)
    k: int | None = Field(default=None, ge=1)
    groups: frozenset[str] = frozenset()
    unrestricted: bool = False
    where: Filter | None = None
    collection: str = ""
    release: str | None = None

    @field_validator("where", mode="before")
    @classmethod
    def _filter(cls, value: object) -> Filter | None:
        try:
            return as_filter(value)
        except UsageError as error:
            raise ValueError(str(error)) from error

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - part of the interface
        k: int | None = None,
        groups: Iterable[str] | None = None,
        where: Filter | Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Search. Arguments of a call stand in for the retriever's own.

        Raises:
            UsageError: the query is empty, ``k`` is below 1, or the filter is wrong.
            ReleaseError: nothing is live.
        """
        members = self.groups if groups is None else frozenset(groups)
        caller = Principal(members, unrestricted=self.unrestricted and groups is None)
        wanted = self.where if where is None else as_filter(where)
        opened = self.searches()
        hits = opened.searcher.search(query, self.k if k is None else k, caller=caller, where=wanted)
        return [as_document(hit, opened.release) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        """Search in a thread, so that the event loop goes on meanwhile."""
        search = partial(self._get_relevant_documents, query, run_manager=run_manager.get_sync(), **options)
        return await run_in_executor(None, search)


def as_filter(value: object) -> Filter | None:
    """A filter out of what a caller gives: a Filter, or its fields as a mapping.

    Raises:
        UsageError: a field is unknown or has a wrong type.
    """
    if value is None or isinstance(value, Filter):
        return value
    try:
        return msgspec.convert(value, Filter)
    except msgspec.ValidationError as error:
        known = ", ".join(Filter.__struct_fields__)
        raise UsageError(f"The filter is wrong ({error}): expected the fields {known}.") from error


def as_document(hit: Hit, release: str) -> Document:
    """A hit as LangChain's Document.

    Args:
        hit: the hit.
        release: id of the release it was found in.
    """
    metadata = {
        "source": hit.source,
        "title": hit.title,
        "heading": list(hit.heading),
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "score": hit.score,
        "document_id": hit.document_id,
        "release": release,
        "stages": msgspec.to_builtins(hit.stages),
        "copies": [msgspec.to_builtins(copy) for copy in hit.copies],
        "marks": list(hit.marks),
    }
    return Document(page_content=hit.text, id=hit.chunk_id, metadata=metadata)
