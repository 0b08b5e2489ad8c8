"""What became of the documents of a job, read from the release that the run made: never from what was hoped."""

from __future__ import annotations

from collections.abc import Mapping

from index.documents import DocumentRow
from serving.uploads.records import DocumentResult, JobAction, ResultState, UploadedDocument

_IGNORED = (
    "The source settings leave this file out: [sources] include or exclude in ragpress.toml, or a .ragpressignore file."
)


def results(
    action: JobAction,
    documents: tuple[UploadedDocument, ...],
    before: Mapping[str, DocumentRow],
    after: Mapping[str, DocumentRow],
) -> tuple[DocumentResult, ...]:
    """What became of each document.

    Args:
        action: what was done to them.
        documents: what the job is about.
        before: rows of the release that was live before the run, by document id.
        after: rows of the release that is live now, by document id.
    """
    return tuple(
        _result(action, document, before.get(document.document_id), after.get(document.document_id))
        for document in documents
    )


def not_published(documents: tuple[UploadedDocument, ...], reason: str) -> tuple[DocumentResult, ...]:
    """The results of a job whose release was refused."""
    return tuple(
        DocumentResult(document_id=document.document_id, source=document.source, state="not_published", reason=reason)
        for document in documents
    )


def _result(
    action: JobAction, document: UploadedDocument, before: DocumentRow | None, after: DocumentRow | None
) -> DocumentResult:
    state, reason = _state(action, document, before, after)
    return DocumentResult(
        document_id=document.document_id,
        source=document.source,
        state=state,
        reason=reason,
        chunks=0 if after is None else after.chunks,
    )


def _state(
    action: JobAction, document: UploadedDocument, before: DocumentRow | None, after: DocumentRow | None
) -> tuple[ResultState, str]:
    if after is None:
        return ("ignored", _IGNORED) if action == "upload" else ("deleted", "")
    if after.state == "deleted":
        return "deleted", after.reason
    if action == "upload" and after.state != "quarantined" and _seen(after) != document.sha256:
        return "replaced", "A later upload of the same name took its place."
    if after.state == "quarantined":
        return "quarantined", after.reason
    if after.state == "superseded":
        return "superseded", after.reason
    known = before is not None and before.state == "live" and before.version == after.version
    return ("unchanged", "") if known and action == "upload" else ("live", "")


def _seen(row: DocumentRow) -> str:
    version = row.seen_version or row.version
    return "" if version is None else version.hex()
