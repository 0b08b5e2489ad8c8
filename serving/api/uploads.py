"""Uploads and deletions of documents, and the jobs that carry them out."""

from __future__ import annotations

import asyncio
import errno
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.requests import ClientDisconnect

from ragpress.errors import StorageError, UsageError
from serving.api.callers import Ingesting
from serving.api.document_bodies import JobAccepted, JobBody, JobListBody, job_body, uploaded_body
from serving.api.errors import ApiError, responses
from serving.api.library import COLLECTION_PATTERN, DocumentId, TheLibrary, check_collection, no_document
from serving.api.service import Service, TheService
from serving.api.turn import count_request
from serving.callers import Caller, Role
from serving.documents.library import Library
from serving.uploads.folder import UploadFolder
from serving.uploads.jobs import NewJob
from serving.uploads.names import check_owner
from serving.uploads.receive import SameNameError, Upload, UploadLimitError, UploadLimits, receive_form, receive_raw
from serving.uploads.records import JobAction, UploadedDocument

router = APIRouter(tags=["documents"])

_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "format": "binary"},
            "description": "One file or more, each with its name.",
        },
        "collection": {"type": "string", "pattern": COLLECTION_PATTERN, "maxLength": 100},
    },
}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _FORM},
    },
}


@router.post(
    "/v1/documents",
    status_code=202,
    summary="Upload documents",
    openapi_extra={"requestBody": _BODY},
    responses={**responses(400, 401, 403, 404, 408, 409, 413, 415, 429, 500, 503, 507)},
)
async def upload(
    request: Request,
    service: TheService,
    caller: Ingesting,
    collection: Annotated[
        str | None,
        Query(max_length=100, pattern=COLLECTION_PATTERN, description="As the form's field; `default` if left out."),
    ] = None,
    name: Annotated[
        str | None, Query(max_length=2000, description="The file's name, where the body is the file itself.")
    ] = None,
) -> JobAccepted:
    """Upload files as a form; or one as the body itself, of the type `application/octet-stream` and with `?name=NAME`.

    A file of the same name takes the place of the one before.

    They can be found when the job is done; that says what became of each.
    """
    if collection is not None:
        check_collection(service, collection)
    try:
        check_owner(caller.owner)
        await count_request(service, caller)
        arrived = await _receive(request, service, name)
    except UploadLimitError as error:
        raise ApiError(413, str(error), code="upload_too_large") from error
    except SameNameError as error:
        raise ApiError(409, str(error), code="same_name", param="file") from error
    except UsageError as error:
        raise ApiError(400, str(error), code="invalid_value", param="file") from error
    except ClientDisconnect as error:
        raise ApiError(400, "The upload broke off.", code="upload_broken") from error
    except StorageError as error:
        raise _no_room(error) from error
    try:
        return await _kept(service, caller, arrived, collection)
    except StorageError as error:
        raise _no_room(error) from error
    finally:
        await asyncio.to_thread(arrived.discard)


@router.delete(
    "/v1/documents/{document_id}",
    status_code=202,
    summary="Delete an uploaded document",
    responses={**responses(400, 401, 403, 404, 409, 429, 500, 503)},
)
async def delete(service: TheService, library: TheLibrary, caller: Ingesting, document_id: DocumentId) -> JobAccepted:
    """Delete an own upload; an admin may delete anybody's. It is gone from the search when the job is done."""
    await count_request(service, caller)
    collection, document = await asyncio.to_thread(_remove, service, library, caller, document_id)
    return await submit(service, caller, collection, "delete", (document,))


@router.get("/v1/jobs/{job_id}", summary="One job", responses={**responses(400, 401, 403, 404, 500, 503)})
async def get_job(
    service: TheService, caller: Ingesting, job_id: Annotated[str, Path(min_length=1, max_length=100)]
) -> JobBody:
    """An own job: how far it is, and what became of each of its documents. An admin sees everybody's."""
    job = await service.jobs.find(job_id)
    if job is None or not caller.owns(job.queued.key):
        raise ApiError(
            404, "There is no such job, or it is another key's.", kind="not_found_error", code="job_not_found"
        )
    return job_body(job, detail=caller.may(Role.ADMIN))


@router.get("/v1/jobs", summary="List jobs", responses={**responses(400, 401, 403, 500, 503)})
async def list_jobs(
    service: TheService,
    caller: Ingesting,
    state: Annotated[Literal["queued", "running", "done", "failed"] | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str, Query(max_length=100, description="`next` of the part before.")] = "",
) -> JobListBody:
    """The caller's own jobs, newest first. An admin sees everybody's."""
    own = [job for job in await service.jobs.all() if caller.owns(job.queued.key) and state in {None, job.state}]
    behind = [job for job in own if not after or job.queued.job < after]
    shown = behind[:limit]
    return JobListBody(
        jobs=[job_body(job, detail=caller.may(Role.ADMIN)) for job in shown],
        next=shown[-1].queued.job if len(behind) > len(shown) else None,
    )


async def submit(
    service: Service, caller: Caller, collection: str, action: JobAction, documents: tuple[UploadedDocument, ...]
) -> JobAccepted:
    """Queue a job.

    Raises:
        StorageError: it is not kept.
    """
    new = NewJob(collection=collection, action=action, documents=documents, key=caller.key, owner=caller.owner)
    job = await service.jobs.submit(new)
    return JobAccepted(
        job_id=job.queued.job, collection=collection, documents=[uploaded_body(document) for document in documents]
    )


async def _receive(request: Request, service: Service, name: str | None) -> Upload:
    settings = service.settings.serve
    limits = UploadLimits(settings.upload_bytes, settings.upload_files)
    content_type = request.headers.get("content-type", "")
    is_form = content_type.lower().startswith("multipart/form-data")
    if not is_form and name is None:
        raise UsageError("Expected a multipart/form-data body with files, or a body that is a file and ?name=NAME.")
    folder = await asyncio.to_thread(service.jobs.uploads.arriving)
    if is_form:
        return await receive_form(request.stream(), content_type, folder, limits)
    return await receive_raw(request.stream(), name or "", folder, limits)


async def _kept(service: Service, caller: Caller, arrived: Upload, collection: str | None) -> JobAccepted:
    named = {name for name in (collection, arrived.fields.get("collection")) if name is not None}
    for name in named:
        check_collection(service, name)
    if len(named) > 1:
        raise ApiError(
            409,
            "The query and the form name different collections. Name it once.",
            code="two_collections",
            param="collection",
        )
    chosen = named.pop() if named else check_collection(service, "default")
    if not arrived.files:
        raise ApiError(400, "The form has no file: expected parts named 'file'.", code="invalid_value", param="file")
    placed = await asyncio.to_thread(service.jobs.uploads.place, chosen, caller.owner, arrived.files)
    return await submit(service, caller, chosen, "upload", placed)


def _remove(service: Service, library: Library, caller: Caller, document: str) -> tuple[str, UploadedDocument]:
    """Remove the file of an upload.

    Raises:
        ApiError: 404, there is no such document for the caller; 409, it is no upload.
    """
    admin = caller.may(Role.ADMIN)
    uploads = service.jobs.uploads
    upload = uploads.find(document, library.collections, None if admin else caller.owner)
    if upload is not None:
        uploads.remove(upload)
        return upload.collection, _named(document, upload.source)
    found = library.find(document, caller.principal)
    if found is None or found[1].state == "deleted":
        raise no_document()
    collection, source = found[0].manifest.collection, found[1].source
    owner = UploadFolder.owner_of(collection, source)
    if owner is None:
        raise ApiError(
            409,
            f"{source} belongs to a source folder of the workspace, from which this service deletes nothing. Remove it "
            f"there, or take it out of the search: POST /v1/documents/{document}/quarantine (role admin).",
            code="not_an_upload",
        )
    if not admin and owner != caller.owner:
        raise no_document()
    # Its file is gone already: an earlier deletion was cut off before its job was queued.
    return collection, _named(document, source)


def _named(document: str, source: str) -> UploadedDocument:
    return UploadedDocument(document_id=document, source=source, name=source.rpartition("/")[2])


def _no_room(error: StorageError) -> ApiError | StorageError:
    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return error
    return ApiError(
        507,
        "The disk of the service is full, so the upload was not kept. Tell its operator, then try again.",
        kind="server_error",
        code="disk_full",
    )
