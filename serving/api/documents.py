"""Documents: list, detail, passages, originals, quarantine. Uploads and jobs: :mod:`serving.api.uploads`."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from index import catalogue
from index.documents import DocumentRow
from ragpress.errors import ReleaseError, UsageError
from ragpress.types import AuditMark
from serving.api import uploads
from serving.api.callers import Administrating, Reading
from serving.api.document_bodies import (
    DocumentBody,
    DocumentItem,
    DocumentListBody,
    JobAccepted,
    MarkBody,
    PassageBody,
    QuarantineBody,
    RemovalBody,
    Span,
    StateName,
    item_fields,
)
from serving.api.errors import ApiError, responses
from serving.api.library import (
    COLLECTION_PATTERN,
    RELEASE_PATTERN,
    DocumentId,
    TheLibrary,
    check_collection,
    find_document,
    no_document,
    one_line,
    sees_others,
    sees_quarantines,
    shown,
    visible_marks,
)
from serving.api.service import TheService
from serving.callers import Caller
from serving.documents.library import DocumentQuery, Library, ReleaseDocuments, ReleaseGoneError, StoredVersion
from serving.documents.original import Original, OriginalGoneError, open_original
from serving.documents.passage import passage
from serving.uploads.folder import UploadFolder
from serving.uploads.records import UploadedDocument

router = APIRouter(tags=["documents"])
router.include_router(uploads.router)

_RELEASE = "Id of a release; the live one if left out."
ReleaseName = Annotated[str | None, Query(max_length=64, pattern=RELEASE_PATTERN, description=_RELEASE)]


class PassageQuery(BaseModel):
    """What a caller wants to see of a document."""

    release: str | None = Field(None, max_length=64, pattern=RELEASE_PATTERN, description=_RELEASE)
    start: int | None = Field(None, ge=0, le=2**40, description="Where the span begins; 0 if left out.")
    end: int | None = Field(None, ge=1, le=2**40, description="Where it ends; nothing is marked if left out.")
    page: int | None = Field(None, ge=1, le=10**7, description="The page to show where there is no span.")

    @property
    def span(self) -> tuple[int, int] | None:
        """The span to show."""
        if self.end is not None:
            return self.start or 0, self.end
        return None if self.start is None else (self.start, self.start + 1)


class ListQuery(BaseModel):
    """Which documents a caller wants."""

    collection: str = Field("default", max_length=100, pattern=COLLECTION_PATTERN)
    state: StateName | None = Field(
        None, description="Only of this state. Quarantined and deleted ones are shown to keys of the role ingest."
    )
    q: str = Field("", max_length=200, description="A part of the source or title.")
    limit: int = Field(50, ge=1, le=500)
    after: str = Field("", max_length=8000, pattern=r"^([0-9a-f]{2})*$", description="`next` of the part before.")


class ListParameters(msgspec.Struct, frozen=True):
    """What a caller wants of the list."""

    collection: str
    query: DocumentQuery


@router.get("/v1/documents", summary="List documents", responses={**responses(400, 401, 403, 404, 500, 503)})
async def list_documents(
    service: TheService, library: TheLibrary, caller: Reading, asked: Annotated[ListQuery, Query()]
) -> DocumentListBody:
    """The documents of a collection's live release that the caller may read, by source.

    A key with the role `ingest` alone sees its own uploads, here and below.
    """
    check_collection(service, asked.collection)
    query = DocumentQuery(
        state=asked.state,
        words=asked.q,
        after=bytes.fromhex(asked.after).decode("utf-8", "replace"),
        limit=asked.limit,
        whole=sees_quarantines(caller),
        within="" if sees_others(caller) else UploadFolder.source(asked.collection, caller.owner, ""),
    )
    return await asyncio.to_thread(_list, library, caller, ListParameters(asked.collection, query))


@router.get(
    "/v1/documents/{document_id}", summary="One document", responses={**responses(400, 401, 403, 404, 500, 503)}
)
async def get_document(library: TheLibrary, caller: Reading, document_id: DocumentId) -> DocumentBody:
    """One document of a live release in detail."""
    return await asyncio.to_thread(_detail, library, document_id, caller)


@router.get(
    "/v1/documents/{document_id}/text",
    summary="A passage of a document",
    responses={**responses(400, 401, 403, 404, 500, 503)},
)
async def get_text(
    library: TheLibrary, caller: Reading, document_id: DocumentId, wanted: Annotated[PassageQuery, Query()]
) -> PassageBody:
    """The text around a cited span: the whole page of a paged document, else the paragraphs around it.

    Name the release of the citation: its text stays readable when another release is live, until it is collected.
    """
    return await asyncio.to_thread(_passage, library, document_id, caller, wanted)


@router.get(
    "/v1/documents/{document_id}/original",
    summary="Download a document's file",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(400, 401, 403, 404, 500, 503),
    },
)
async def get_original(
    library: TheLibrary, caller: Reading, document_id: DocumentId, release: ReleaseName = None
) -> StreamingResponse:
    """The source file, as long as it still has the bytes that the release was made of. Always as a download."""
    original = await asyncio.to_thread(_original, library, document_id, caller, release)
    return StreamingResponse(
        original.pieces(),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(original.size),
            "Content-Disposition": attachment(original.name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )


@router.post(
    "/v1/documents/{document_id}/quarantine",
    status_code=202,
    summary="Take a document out",
    responses={**responses(400, 401, 403, 404, 409, 413, 500, 503)},
)
async def quarantine(
    service: TheService, library: TheLibrary, caller: Administrating, document_id: DocumentId, body: QuarantineBody
) -> JobAccepted:
    """Take a document out of the search, whatever its source. It is recorded in `repairs/`, and can be taken back."""
    reason = one_line(body.reason) or "no reason given"
    documents, row = await asyncio.to_thread(find_document, library, document_id, caller)
    collection = documents.manifest.collection
    await asyncio.to_thread(
        _recorded, catalogue.quarantine, service.environment, collection, row.document_id, reason, caller.owner
    )
    return await uploads.submit(service, caller, collection, "quarantine", (_of(row),))


@router.post(
    "/v1/documents/{document_id}/restore",
    status_code=202,
    summary="Take a quarantine back",
    responses={**responses(400, 401, 403, 404, 409, 500, 503)},
)
async def restore(
    service: TheService, library: TheLibrary, caller: Administrating, document_id: DocumentId
) -> JobAccepted:
    """Take a person's quarantine back; the document can be found again when the job is done."""
    documents, row = await asyncio.to_thread(find_document, library, document_id, caller)
    collection = documents.manifest.collection
    await asyncio.to_thread(_recorded, catalogue.restore, service.environment, collection, row.document_id)
    return await uploads.submit(service, caller, collection, "restore", (_of(row),))


def attachment(name: str) -> str:
    """A ``Content-Disposition`` header that makes a browser save a file under its name (RFC 6266)."""
    plain = "".join(character if character.isascii() and character.isalnum() else "_" for character in name[:-8])
    ending = "".join(character if character in _PLAIN else "_" for character in name[-8:])
    return (
        f"attachment; filename=\"{plain}{ending}\"; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
    )


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def _list(library: Library, caller: Caller, wanted: ListParameters) -> DocumentListBody:
    documents = library.live(wanted.collection)
    if documents is None:
        return DocumentListBody(release=None, total=0, documents=[], next=None)
    page = documents.page(wanted.query, caller.principal)
    return DocumentListBody(
        release=documents.manifest.id,
        total=page.total,
        documents=[_item(documents, row, caller) for row in page.rows],
        next=page.rows[-1].source.encode().hex() if page.more else None,
    )


def _item(documents: ReleaseDocuments, row: DocumentRow, caller: Caller) -> DocumentItem:
    return DocumentItem.model_validate(_fields(documents, row, caller))


def _fields(documents: ReleaseDocuments, row: DocumentRow, caller: Caller) -> dict[str, object]:
    collection = documents.manifest.collection
    marks = visible_marks(documents, row, caller)
    fields = item_fields(collection, row, marks, whole=sees_quarantines(caller))
    return {**fields, "uploaded": UploadFolder.owner_of(collection, row.source) == caller.owner}


def _detail(library: Library, document: str, caller: Caller) -> DocumentBody:
    documents, row = find_document(library, document, caller)
    stored = documents.version(row) or StoredVersion(text="", elements=(), removed=(), notes=())
    marks = visible_marks(documents, row, caller)
    return DocumentBody.model_validate(
        {
            **_fields(documents, row, caller),
            "release": documents.manifest.id,
            "characters": row.characters,
            "parser": row.parser,
            "metadata": msgspec.json.decode(row.metadata, type=dict[str, str]),
            "audits": [_mark(mark) for mark in marks],
            "removed": [RemovalBody(**msgspec.structs.asdict(removal)) for removal in stored.removed],
            "notes": list(stored.notes),
        }
    )


def _passage(library: Library, document: str, caller: Caller, wanted: PassageQuery) -> PassageBody:
    documents, row = _in_release(library, document, caller, wanted.release)
    stored = documents.version(row)
    if stored is None:
        raise ApiError(
            404, "This document has no text: it was never indexed.", kind="not_found_error", code="text_not_found"
        )
    try:
        shown = passage(stored.text, stored.elements, wanted.span, wanted.page)
    except UsageError as error:
        param = "start" if wanted.span else "page"
        raise ApiError(404, str(error), kind="not_found_error", code="passage_not_found", param=param) from error
    marked = None if wanted.end is None else shown.highlight
    return PassageBody(
        document_id=row.document_id,
        source=row.source,
        title=row.title,
        release=documents.manifest.id,
        media_type=row.media_type,
        page=shown.page,
        pages=row.pages,
        heading=list(shown.heading),
        text=stored.text[shown.start : shown.end],
        offset=shown.start,
        characters=len(stored.text),
        highlight=None if marked is None else Span(start=marked[0], end=marked[1]),
    )


def _original(library: Library, document: str, caller: Caller, release: str | None) -> Original:
    documents, row = _in_release(library, document, caller, release)
    try:
        return open_original(documents.manifest.roots, row)
    except OriginalGoneError as error:
        raise ApiError(404, str(error), kind="not_found_error", code="original_gone") from error


def _in_release(
    library: Library, document: str, caller: Caller, release: str | None
) -> tuple[ReleaseDocuments, DocumentRow]:
    if release is None:
        return find_document(library, document, caller)
    try:
        documents = library.release(release)
        row = documents.find(document, caller.principal)
    except ReleaseGoneError as error:
        raise ApiError(404, str(error), kind="not_found_error", code="release_gone", param="release") from error
    if row is None or not shown(row, documents.manifest.collection, caller):
        raise no_document()
    if not (sees_quarantines(caller) or row.chunks):
        raise no_document()
    return documents, row


def _recorded(change: object, *arguments: object) -> None:
    """Write a repair.

    Raises:
        ApiError: 404, the document is gone meanwhile; 409, it is not in the state that the change needs.
    """
    assert callable(change)  # noqa: S101 - for the type checker
    try:
        change(*arguments)
    except ReleaseError as error:
        raise no_document() from error
    except UsageError as error:
        raise ApiError(409, str(error), code="wrong_state") from error


def _of(row: DocumentRow) -> UploadedDocument:
    return UploadedDocument(document_id=row.document_id, source=row.source, name=row.source.rpartition("/")[2])


def _mark(mark: AuditMark) -> MarkBody:
    return MarkBody(
        audit=mark.audit,
        action=mark.action.value,
        measure=mark.measure,
        threshold=mark.threshold,
        reason=mark.reason,
    )
