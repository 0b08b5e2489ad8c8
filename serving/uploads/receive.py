"""Receiving files: a body is written to temporary files as it comes, and given up as soon as it breaks a limit.

Nothing is unpacked, parsed or even sniffed here: that is for the parser processes of the ingest, which have limits.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ragpress.errors import UsageError
from ragpress.storage import disk
from serving.uploads.folder import ArrivedFile
from serving.uploads.names import safe_name

_BLOCK_BYTES = 1 << 20
_FIELD_BYTES = 1 << 12
_FIELDS = 16
_PART_HEADERS = 16
_PART_HEADER_BYTES = 8 << 10


class UploadLimitError(UsageError):
    """The upload is larger than the service takes (HTTP 413)."""


class SameNameError(UsageError):
    """Two files of one upload have the same name (HTTP 409)."""


class UploadLimits(msgspec.Struct, frozen=True):
    """How much an upload may bring.

    Attributes:
        file_bytes: bytes of one file.
        files: number of files.
    """

    file_bytes: int
    files: int


class Upload(msgspec.Struct):
    """What arrived: files in temporary places, and the other fields of the form."""

    files: list[ArrivedFile]
    fields: dict[str, str]

    def discard(self) -> None:
        """Remove the temporary files that were not placed."""
        for file in self.files:
            disk.remove(file.path)


async def receive_raw(body: AsyncIterator[bytes], name: str, folder: Path, limits: UploadLimits) -> Upload:
    """Receive a body that is one file.

    Args:
        body: its pieces as they come.
        name: the file's name as the caller wrote it.
        folder: for temporary files.
        limits: how much it may bring.

    Raises:
        UsageError: the name cannot be used.
        UploadLimitError: it is too large.
        StorageError: the disk is full or refuses. Whatever is raised, nothing is left behind.
    """
    file = _Arriving(safe_name(name), folder, limits.file_bytes)
    try:
        async for piece in body:
            file.add(piece)
            await file.flush(_BLOCK_BYTES)
        return Upload([await file.finish()], {})
    except BaseException:
        file.discard()
        raise


async def receive_form(body: AsyncIterator[bytes], content_type: str, folder: Path, limits: UploadLimits) -> Upload:
    """Receive a ``multipart/form-data`` body.

    Args:
        body: its pieces as they come.
        content_type: the request's header.
        folder: for temporary files.
        limits: how much it may bring.

    Raises:
        UsageError: it is no such body, it ends in the middle, or a name cannot be used.
        SameNameError: two files have one name.
        UploadLimitError: a file is too large, or there are too many.
        StorageError: the disk is full or refuses. Whatever is raised, nothing is left behind.
    """
    form = _form(content_type, folder, limits)
    try:
        async for piece in body:
            form.feed(piece)
            await form.flush(_BLOCK_BYTES)
        return await form.finish()
    except FormParserError as error:
        form.discard()
        raise UsageError(f"The body is not multipart/form-data as its Content-Type says: {error}.") from error
    except BaseException:
        form.discard()
        raise


def _form(content_type: str, folder: Path, limits: UploadLimits) -> _Form:
    try:
        return _Form(content_type, folder, limits)
    except FormParserError as error:
        raise UsageError(f"The Content-Type of the form cannot be used: {error}.") from error


class _Arriving:
    """One file on its way to the disk; bytes gather until :meth:`flush` writes them in a thread."""

    def __init__(self, name: str, folder: Path, most: int) -> None:
        self.name = name
        self._path = disk.temp_path(folder)
        self._most = most
        self._size = 0
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self._file: BinaryIO | None = None

    def add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._most:
            raise UploadLimitError(
                f"{self.name} is larger than {self._most:,} bytes, the most that this service takes "
                "([serve] upload_bytes). Split it."
            )
        self._waiting += data

    async def flush(self, above: int) -> None:
        """Write what has gathered, if it is so much at least."""
        if len(self._waiting) >= above:
            await asyncio.to_thread(self._write)

    async def finish(self) -> ArrivedFile:
        await asyncio.to_thread(self._close)
        return ArrivedFile(self.name, self._path, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
        disk.remove(self._path)

    def _write(self) -> None:
        with disk.foreign_writes(self._path):
            if self._file is None:
                self._file = self._open(self._path)
            view = memoryview(bytes(self._waiting))
            self._waiting.clear()
            self._hash.update(view)
            while view:
                view = view[self._file.write(view) :]

    @staticmethod
    def _open(path: Path) -> BinaryIO:
        return path.open("xb", buffering=0)

    def _close(self) -> None:
        self._write()
        if self._file is not None:
            self._file.close()


class _Form:
    """The parts of a form as they come."""

    def __init__(self, content_type: str, folder: Path, limits: UploadLimits) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise UsageError("Expected a multipart/form-data body with a boundary.")
        self._folder = folder
        self._limits = limits
        self._files: list[_Arriving] = []
        self._fields: dict[str, bytearray] = {}
        self._part: _Arriving | bytearray | None = None
        self._headers: dict[bytes, bytes] = {}
        self._header = bytearray()
        self._value = bytearray()
        self._ended = False
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
            max_header_count=_PART_HEADERS,
            max_header_size=_PART_HEADER_BYTES,
        )

    def feed(self, piece: bytes) -> None:
        self._parser.write(piece)

    async def flush(self, above: int) -> None:
        for file in self._files:
            await file.flush(above)

    async def finish(self) -> Upload:
        self._parser.finalize()
        if not self._ended:
            raise UsageError("The form ends in the middle: its last boundary did not come. Send it again.")
        names = [file.name for file in self._files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SameNameError(
                f"Two files of one upload are both kept as {twice!r}. Rename one, or send them in turn."
            )
        fields = {name: value.decode("utf-8", "replace") for name, value in self._fields.items()}
        return Upload([await file.finish() for file in self._files], fields)

    def discard(self) -> None:
        for file in self._files:
            file.discard()

    def _on_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._begin_file(options[b"filename"].decode("utf-8", "replace"))
        elif name == "file":
            raise UsageError("The part 'file' has no file name. Send it as a file, for example: -F file=@report.pdf")
        else:
            if len(self._fields) >= _FIELDS:
                raise UsageError(f"The form has more than {_FIELDS} fields.")
            self._part = self._fields[name] = bytearray()

    def _begin_file(self, name: str) -> None:
        if len(self._files) >= self._limits.files:
            raise UploadLimitError(
                f"There are more than {self._limits.files} files, the most that one upload may bring "
                "([serve] upload_files). Send them in several uploads."
            )
        self._part = _Arriving(safe_name(name), self._folder, self._limits.file_bytes)
        self._files.append(self._part)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if isinstance(self._part, _Arriving):
            self._part.add(data[start:end])
        elif self._part is not None:
            self._part += data[start:end]
            if len(self._part) > _FIELD_BYTES:
                raise UsageError(f"A field of the form has more than {_FIELD_BYTES:,} bytes.")

    def _on_end(self) -> None:
        self._ended = True
