"""The managed source folder: ``uploads/<collection>/<owner>/<file name>`` in the workspace.

What lies here are original documents: nothing but a caller's own deletion or next upload ever removes one. Files that
are still arriving lie in ``uploads/.ragpress``, on the same file system, which no walk of the sources reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ingest.plan import document_id
from ingest.sources import UPLOADS
from ragpress.storage import disk
from serving.uploads.names import check_owner
from serving.uploads.records import UploadedDocument

_ABANDONED_SECONDS = 24 * 3600.0


class ArrivedFile(msgspec.Struct, frozen=True):
    """A file that has arrived whole and has no place yet.

    Attributes:
        name: its safe name.
        path: where it lies for now.
        size: bytes.
        sha256: hexadecimal digest of its bytes.
    """

    name: str
    path: Path
    size: int
    sha256: str


class StoredUpload(msgspec.Struct, frozen=True):
    """An upload in its place.

    Attributes:
        collection: its collection.
        owner: whose it is.
        source: its source path.
        path: where it lies.
    """

    collection: str
    owner: str
    source: str
    path: Path

    @property
    def document_id(self) -> str:
        """Id of its document."""
        return document_id(self.collection, self.source)


class UploadFolder:
    """The uploads of a workspace.

    Args:
        workspace: the workspace's folder.
    """

    def __init__(self, workspace: Path) -> None:
        self._top = workspace / UPLOADS
        self._arriving = self._top / ".ragpress"

    def arriving(self) -> Path:
        """The folder for files that are still arriving; made where it is missing.

        Raises:
            StorageError: the disk is full or refuses.
        """
        disk.make_folder(self._arriving)
        return self._arriving

    def sweep(self) -> None:
        """Remove what broken uploads of killed processes left a day ago or earlier."""
        if self._arriving.is_dir():
            disk.sweep_temp(self._arriving, _ABANDONED_SECONDS, time.time())

    def place(self, collection: str, owner: str, files: Sequence[ArrivedFile]) -> tuple[UploadedDocument, ...]:
        """Give files their places, durably; one of the same owner and name is replaced.

        Args:
            collection: an existing collection.
            owner: whose they are.
            files: what arrived; their names differ.

        Raises:
            UsageError: the owner's name cannot be a folder.
            StorageError: the disk is full or refuses.
        """
        folder = self._top / collection / check_owner(owner)
        disk.make_folder(folder)
        placed = []
        for file in files:
            disk.adopt(file.path, folder / file.name)
            source = self.source(collection, owner, file.name)
            placed.append(
                UploadedDocument(
                    document_id=document_id(collection, source),
                    source=source,
                    name=file.name,
                    size=file.size,
                    sha256=file.sha256,
                )
            )
        return tuple(placed)

    def find(self, document: str, collections: Sequence[str], owner: str | None) -> StoredUpload | None:
        """The upload with a document id; None when there is none.

        Args:
            document: the id.
            collections: where to look.
            owner: only among the uploads of this owner; None looks among everybody's.
        """
        uploads = (upload for name in collections for upload in self._uploads(name, owner))
        return next((upload for upload in uploads if upload.document_id == document), None)

    def remove(self, upload: StoredUpload) -> None:
        """Remove an upload durably; one that is gone is no error.

        Raises:
            StorageError: the disk refuses.
        """
        disk.remove(upload.path)

    @staticmethod
    def source(collection: str, owner: str, name: str) -> str:
        """The source path of an upload."""
        return f"{UPLOADS}/{collection}/{owner}/{name}"

    @staticmethod
    def owner_of(collection: str, source: str) -> str | None:
        """Whose upload a source of a collection is; None when it is no upload."""
        parts = source.split("/")
        return parts[2] if len(parts) == 4 and parts[:2] == [UPLOADS, collection] else None

    def _uploads(self, collection: str, owner: str | None) -> Iterator[StoredUpload]:
        top = self._top / collection
        folders = sorted(top.iterdir()) if owner is None and top.is_dir() else [top / check_owner(owner or "none")]
        for folder in folders:
            if folder.is_symlink() or not folder.is_dir():
                continue
            for path in folder.iterdir():
                if not path.name.startswith("."):
                    source = self.source(collection, folder.name, path.name)
                    yield StoredUpload(collection, folder.name, source, path)
