"""What the endpoints of documents and jobs take and give."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from index.documents import DocumentRow
from ragpress.types import AuditMark
from serving.uploads.records import Failed, Finished, Job, UploadedDocument

StateName: TypeAlias = Literal["live", "quarantined", "superseded", "deleted"]


class DocumentItem(BaseModel):
    """One document of the list."""

    document_id: str = Field(description="Its id: stable for its collection and source.")
    collection: str
    source: str = Field(description="Its source path.")
    title: str
    state: str = Field(description="live, quarantined, superseded or deleted.")
    reason: str = Field(description="Why it is not live, in words.")
    version: str | None = Field(description="SHA-256 of the bytes that are searchable now.")
    chunks: int = Field(description="Chunks that can be found.")
    media_type: str
    language: str
    pages: int | None = Field(description="Pages, slides or sheets, where the format has them.")
    size: int = Field(description="Bytes of the version seen last.")
    updated: str = Field(description="ISO time at which its version became searchable.")
    marks: list[str] = Field(description="Names of the audits that marked it.")
    uploaded: bool = Field(description="Whether it was uploaded by this API key's owner, who may delete it.")


class DocumentListBody(BaseModel):
    """A part of the documents that the caller may read, by source."""

    release: str | None = Field(description="The live release; null while nothing is live.")
    total: int = Field(description="Documents that match and that the caller may read.")
    documents: list[DocumentItem]
    next: str | None = Field(description="Send it as `after` to get the documents behind these; null at the end.")


class MarkBody(BaseModel):
    """What an audit noticed."""

    audit: str
    action: str
    measure: float
    threshold: float
    reason: str


class RemovalBody(BaseModel):
    """What cleaning took out."""

    rule: str
    text: str
    page: int | None
    count: int


class DocumentBody(DocumentItem):
    """One document in detail."""

    release: str = Field(description="The release that this describes.")
    characters: int = Field(description="Code points of its text.")
    parser: str
    metadata: dict[str, str] = Field(description="The document's own metadata.")
    audits: list[MarkBody] = Field(description="What audits noticed.")
    removed: list[RemovalBody] = Field(description="What cleaning took out.")
    notes: list[str] = Field(description="What the parser noted.")


class Span(BaseModel):
    """A span of code points: from `start` up to and without `end`."""

    start: int
    end: int


class PassageBody(BaseModel):
    """A part of a document's text, with the cited span. All offsets count code points of the version's whole text."""

    document_id: str
    source: str
    title: str
    release: str
    media_type: str
    page: int | None = Field(description="The page, slide or sheet on which the span begins.")
    pages: int | None = Field(description="Number of pages, slides or sheets.")
    heading: list[str] = Field(description="Titles above the span, outermost first.")
    text: str = Field(description="The text to show; at most 20,000 code points.")
    offset: int = Field(description="Where `text` begins in the version's text.")
    characters: int = Field(description="Code points of the version's text.")
    highlight: Span | None = Field(
        description="The span asked for, in the version's text: highlight text[start - offset : end - offset]."
    )


class UploadedBody(BaseModel):
    """A file that was taken."""

    document_id: str
    source: str
    name: str = Field(description="The name under which it is kept.")
    size: int = Field(description="Bytes.")
    sha256: str


class JobAccepted(BaseModel):
    """A job that was queued; ask for it at `GET /v1/jobs/{job_id}`."""

    job_id: str
    collection: str
    documents: list[UploadedBody]


class JobDocument(UploadedBody):
    """A document of a job, and what became of it."""

    state: str | None = Field(
        description="live, unchanged, quarantined, superseded, deleted, replaced (by a later upload), ignored (by the "
        "source settings) or not_published; null until the job has ended."
    )
    reason: str
    chunks: int = Field(description="Chunks of it that can be found.")


class StepBody(BaseModel):
    """How often a step was computed, and how often its result was taken from an earlier run."""

    computed: int
    reused: int


class JobReport(BaseModel):
    """What the ingest run reported; one run may serve several jobs."""

    run: str
    published: bool = Field(description="Whether it made a new release live; false where nothing had changed.")
    plan: dict[str, int] = Field(description="Numbers of documents by kind of change.")
    chunks_total: int
    chunks_embedded: int
    quarantined: int = Field(description="Documents of the collection that are quarantined now.")
    steps: dict[str, StepBody]
    seconds: float


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    detail: str | None = Field(default=None, description="For admins: the error of the run.")


class JobBody(BaseModel):
    """A job."""

    id: str
    collection: str
    action: Literal["upload", "delete", "quarantine", "restore"]
    state: Literal["queued", "running", "done", "failed"]
    created: str
    started: str | None
    ended: str | None
    release: str | None = Field(description="The release in which the documents are as `documents` says.")
    documents: list[JobDocument]
    report: JobReport | None
    error: JobError | None


class JobListBody(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobBody]
    next: str | None = Field(description="Send it as `after` to get the jobs before these; null at the end.")


class QuarantineBody(BaseModel):
    """Why a document is taken out."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, pattern=r"\S", description="Why; people will read it.")


def item_fields(collection: str, row: DocumentRow, marks: tuple[AuditMark, ...], *, whole: bool) -> dict[str, object]:
    """What the list says of a document, but for ``uploaded``.

    Args:
        collection: its collection.
        row: the document.
        marks: its audit marks that the caller may see.
        whole: whether the caller may see quarantines.
    """
    found_still = not whole and row.state == "quarantined"
    hidden = found_still or (row.state != "quarantined" and len(marks) < len(row.all_marks))
    return {
        "document_id": row.document_id,
        "collection": collection,
        "source": row.source,
        "title": row.title,
        "state": "live" if found_still else row.state,
        "reason": "" if hidden else row.reason or " ".join(mark.reason for mark in marks),
        "version": row.version.hex() if row.version else None,
        "chunks": row.chunks,
        "media_type": row.media_type,
        "language": row.language,
        "pages": row.pages,
        "size": row.size,
        "updated": row.updated,
        "marks": [mark.audit for mark in marks],
    }


def uploaded_body(document: UploadedDocument) -> UploadedBody:
    """A file that was taken, as callers are told."""
    return UploadedBody(
        document_id=document.document_id,
        source=document.source,
        name=document.name,
        size=document.size,
        sha256=document.sha256,
    )


def job_body(job: Job, *, detail: bool) -> JobBody:
    """A job as callers are told.

    Args:
        job: the job.
        detail: also what only an operator may see.
    """
    ended = job.ended
    results = {} if ended is None else {result.document_id: result for result in ended.results}
    documents = [
        JobDocument(
            **uploaded_body(document).model_dump(),
            state=None if (result := results.get(document.document_id)) is None else result.state,
            reason="" if result is None else result.reason,
            chunks=0 if result is None else result.chunks,
        )
        for document in job.queued.documents
    ]
    return JobBody(
        id=job.queued.job,
        collection=job.queued.collection,
        action=job.queued.action,
        state=job.state,
        created=job.queued.at,
        started=None if job.started is None else job.started.at,
        ended=None if ended is None else ended.at,
        release=ended.release if isinstance(ended, Finished) else None,
        documents=documents,
        report=_report(ended) if isinstance(ended, Finished) else None,
        error=_error(ended, detail) if isinstance(ended, Failed) else None,
    )


def _report(ended: Finished) -> JobReport:
    counts = ended.counts
    return JobReport(
        run=counts.run,
        published=counts.published,
        plan=counts.plan,
        chunks_total=counts.chunks_total,
        chunks_embedded=counts.chunks_embedded,
        quarantined=counts.quarantined,
        steps={name: StepBody(computed=step.computed, reused=step.reused) for name, step in counts.steps.items()},
        seconds=counts.seconds,
    )


def _error(ended: Failed, detail: bool) -> JobError:
    return JobError(code=ended.code, message=ended.message, detail=ended.detail or None if detail else None)
