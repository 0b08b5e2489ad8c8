"""Bodies of uploads: in pieces of any size, within their limits, and nothing left behind when they are not."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ragpress.errors import StorageError, UsageError
from serving.uploads import receive
from serving.uploads.receive import SameNameError, UploadLimitError, UploadLimits, receive_form, receive_raw

LIMITS = UploadLimits(file_bytes=1000, files=3)
BOUNDARY = "multipart/form-data; boundary=edge"


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + data + b"\r\n"


END = b"--edge--\r\n"


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_form_comes_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    data = b"\r\n--edg\r\n" * 20
    body = part("file", data, "../质保.md") + part("collection", b"team") + part("file", b"", "empty.txt") + END
    upload = await receive_form(pieces(body, size), BOUNDARY, tmp_path, LIMITS)
    assert [file.name for file in upload.files] == ["质保.md", "empty.txt"]
    assert upload.files[0].path.read_bytes() == data
    assert upload.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert upload.files[1].size == 0
    assert upload.fields == {"collection": "team"}
    upload.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (part("file", b"x" * 1001, "a.md") + END, UploadLimitError, "larger than 1,000 bytes"),
        (b"".join(part("file", b"x", f"{n}.md") for n in range(4)) + END, UploadLimitError, "more than 3 files"),
        (part("file", b"one", "a.md") + part("file", b"two", "x/a.md") + END, SameNameError, "Two files"),
        (part("file", b"x", "a.md") + part("file", b"x", "..") + END, UsageError, "no file name"),
        (part("file", b"x", "a.md"), UsageError, "ends in the middle"),
        (part("file", b"x", "a.md") + b"--edge garbage", UsageError, "not multipart"),
        (part("file", b"x", "a.md") + part("note", b"x" * 5000) + END, UsageError, "field of the form"),
        (b"".join(part(f"f{n}", b"x") for n in range(17)) + END, UsageError, "more than 16 fields"),
        (part("file", b"text without a name") + END, UsageError, "has no file name"),
        (b"--edge\r\nX: " + b"y" * 20_000, UsageError, "not multipart"),
    ],
)
async def test_a_refused_form_leaves_nothing(
    tmp_path: Path, body: bytes, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "_BLOCK_BYTES", 1)
    with pytest.raises(error, match=message):
        await receive_form(pieces(body, 50), BOUNDARY, tmp_path, LIMITS)
    assert list(tmp_path.iterdir()) == []


async def test_a_body_that_is_too_large_is_given_up_before_it_has_come(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 400
            yield b"x" * 400

    with pytest.raises(UploadLimitError):
        await receive_raw(endless(), "a.md", tmp_path, LIMITS)
    assert sent == 1200
    assert list(tmp_path.iterdir()) == []


async def test_a_client_that_leaves_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "_BLOCK_BYTES", 1)

    async def broken() -> AsyncIterator[bytes]:
        yield part("file", b"half", "a.md")[:-2]
        assert len(list(tmp_path.iterdir())) == 1
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await receive_form(broken(), BOUNDARY, tmp_path, LIMITS)
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(receive._Arriving, "_open", staticmethod(full))
    monkeypatch.setattr(receive, "_BLOCK_BYTES", 1)
    with pytest.raises(StorageError, match="disk is full") as raised:
        await receive_raw(pieces(b"text", 4), "a.md", tmp_path, LIMITS)
    assert isinstance(raised.value.__cause__, OSError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="])
async def test_a_body_of_another_type_is_refused(tmp_path: Path, content_type: str) -> None:
    with pytest.raises(UsageError, match="multipart/form-data"):
        await receive_form(pieces(END, 5), content_type, tmp_path, LIMITS)


async def test_a_boundary_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await receive_form(pieces(END, 5), "multipart/form-data; boundary=" + "x" * 500, tmp_path, LIMITS)
