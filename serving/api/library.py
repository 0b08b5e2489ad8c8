"""What the endpoints of documents share: the library, collections and documents by name, who sees what of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from index.documents import DocumentRow
from ragpress.types import AuditMark
from serving.api.errors import ApiError
from serving.api.service import Service, TheService
from serving.callers import Caller, Role
from serving.documents.library import Library, ReleaseDocuments
from serving.uploads.folder import UploadFolder

COLLECTION_PATTERN = r"^[A-Za-z0-9_-]+$"
RELEASE_PATTERN = r"^[A-Za-z0-9-]+$"


async def library_of(request: Request, service: TheService) -> Library:
    """The library of an application, under the settings as they are now."""
    state = request.app.state
    known: Library | None = getattr(state, "library", None)
    if known is None or known.environment is not service.environment:
        known = state.library = Library(service.environment)
    return known


TheLibrary = Annotated[Library, Depends(library_of)]
"""An endpoint's parameter: the library."""

DocumentId = Annotated[str, Path(min_length=1, max_length=100, description="A document id.")]
"""An endpoint's parameter: the id of a document."""


def no_document() -> ApiError:
    """The error for a document that does not exist, or that the caller may not know of: nobody can tell which."""
    return ApiError(
        404,
        "There is no such document, or this API key may not read it.",
        kind="not_found_error",
        code="document_not_found",
    )


def check_collection(service: Service, name: str) -> str:
    """The name itself.

    Raises:
        ApiError: 404, there is no such collection.
    """
    if name not in service.environment.workspace.collections:
        raise ApiError(
            404,
            f"There is no collection {name!r}. GET /v1/models lists those that there are.",
            kind="not_found_error",
            code="collection_not_found",
            param="collection",
        )
    return name


def sees_quarantines(caller: Caller) -> bool:
    """Whether a caller sees documents that no search finds: quarantined ones, and deleted ones in the list."""
    return caller.may(Role.INGEST)


def sees_others(caller: Caller) -> bool:
    """Whether a caller sees documents beside its own uploads."""
    return caller.may(Role.ASK)


def shown(row: DocumentRow, collection: str, caller: Caller) -> bool:
    """Whether a caller, who may read a document, is shown it: it asks, or it uploaded it."""
    return sees_others(caller) or UploadFolder.owner_of(collection, row.source) == caller.owner


def find_document(library: Library, document: str, caller: Caller) -> tuple[ReleaseDocuments, DocumentRow]:
    """A document of a live release, as far as the caller may see it. Blocks.

    Raises:
        ApiError: 404, there is none.
    """
    found = library.find(document, caller.principal)
    if found is None or found[1].state == "deleted" or not shown(found[1], found[0].manifest.collection, caller):
        raise no_document()
    if found[1].state == "quarantined" and not found[1].chunks and not sees_quarantines(caller):
        raise no_document()
    return found


def visible_marks(documents: ReleaseDocuments, row: DocumentRow, caller: Caller) -> tuple[AuditMark, ...]:
    """The audit marks of a document but for those about others that the caller may not see."""
    collection = documents.manifest.collection

    def known(document: str) -> bool:
        found = documents.find(document, caller.principal)
        return found is not None and shown(found, collection, caller)

    return tuple(mark for mark in row.all_marks if all(map(known, mark.related)))


def one_line(text: str) -> str:
    """What a person wrote, fit for logs and terminals: in one line, without characters that cannot be seen."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
