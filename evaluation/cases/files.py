"""The case files of a workspace, ``cases/*.jsonl``: read strictly, written so that a diff shows only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evaluation.cases.lines import decode_line, encode_line, problem_of
from evaluation.records import Case
from ragpress.errors import SettingsError, UsageError
from ragpress.fingerprint import hexdigest
from ragpress.storage import disk

FOLDER = "cases"
SUFFIX = ".jsonl"
_BOM = b"\xef\xbb\xbf"
_LONGEST_NAME = 150
_LARGEST = 1 << 28


class CaseLine(msgspec.Struct, frozen=True):
    """A case where it stands.

    Attributes:
        path: its file.
        number: its line, from 1.
        raw: the line's bytes as they are in the file, with the line break if it has one.
        case: what they say.
    """

    path: Path
    number: int
    raw: bytes
    case: Case


def load_cases(root: Path, collection: str) -> tuple[Case, ...]:
    """The cases of a collection in every state, in the order of the files' names and lines.

    Args:
        root: the workspace's folder.
        collection: the collection.

    Raises:
        SettingsError: a line is no case, or two have the same id; the message names file and line.
    """
    return tuple(line.case for line in read_lines(root) if line.case.collection == collection)


def accepted(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases that are evaluated."""
    return tuple(case for case in cases if case.state == "accepted")


def case_set(cases: Iterable[Case]) -> str:
    """Fingerprint (32 hexadecimal characters) of a set of cases, whatever files and order they stand in."""
    return hexdigest("case set", sorted([case.id, case.fingerprint] for case in cases))


def read_lines(root: Path) -> tuple[CaseLine, ...]:
    """Every case of a workspace with the place it stands at.

    Raises:
        SettingsError: a line is no case, or two have the same id; the message names file and line.
    """
    found = tuple(line for path in sorted((root / FOLDER).glob(f"*{SUFFIX}")) for line in _lines_of(path))
    first: dict[str, CaseLine] = {}
    for line in found:
        known = first.setdefault(line.case.id, line)
        if known is not line:
            raise SettingsError(
                f"{line.path}, line {line.number}: the id {line.case.id!r} is taken by {known.path}, "
                f"line {known.number}; ids are unique in a workspace: give one of them another id."
            )
    return found


def save_cases(root: Path, file_name: str, cases: Sequence[Case]) -> Path:
    """Write a file of ``cases/`` so that it holds these cases, in this order, and no others.

    Lines of cases that stay as they are keep their bytes.

    Args:
        root: the workspace's folder.
        file_name: name of the file; ``.jsonl`` is added where it is missing.
        cases: its cases.

    Returns:
        The file.

    Raises:
        SettingsError: a case contradicts itself, or its id is taken, here or in another file.
        UsageError: the name is no file name.
        StorageError: the disk refuses; the file is as it was.
    """
    path = path_of(root, file_name)
    standing = read_lines(root)
    _check(cases, {line.case.id: line for line in standing if line.path != path})
    known = {line.case.id: line for line in standing if line.path == path}
    end = _line_break(line.raw for line in known.values())
    body = [_ended(_rendered(case, known.get(case.id)), end) for case in cases]
    disk.make_folder(path.parent)
    disk.write_file(path, _bom_of(path) + b"".join(body))
    return path


def add_cases(root: Path, file_name: str, cases: Sequence[Case]) -> Path:
    """Append cases to a file of ``cases/``; what it holds stays as it is, byte for byte.

    Args and errors: as :func:`save_cases`.
    """
    path = path_of(root, file_name)
    standing = read_lines(root)
    _check(cases, {line.case.id: line for line in standing})
    before = _bytes_of(path) if path.exists() else b""
    end = _line_break(before.splitlines(keepends=True))
    body = b"".join(_ended(encode_line(case), end) for case in cases)
    disk.make_folder(path.parent)
    disk.write_file(path, (_ended(before, end) if before else b"") + body)
    return path


def replace_cases(root: Path, changed: Mapping[str, Case]) -> tuple[Path, ...]:
    """Put other versions of cases where they stand; every other line keeps its bytes.

    Args:
        root: the workspace's folder.
        changed: the new version of each case, by its id; it keeps the id.

    Returns:
        The files that were written.

    Raises:
        UsageError: there is no case with one of the ids.
        SettingsError: a case contradicts itself.
        StorageError: the disk refuses; the file that was being written is as it was.
    """
    lines = {line.case.id: line for line in read_lines(root)}
    for name, case in changed.items():
        if name not in lines:
            raise UsageError(f"There is no case {name!r} in {root / FOLDER}; see: ragpress eval cases list")
        if case.id != name:
            raise AssertionError("a case keeps its id")
    _check(list(changed.values()), {})
    altered = [lines[name] for name, case in changed.items() if lines[name].case != case]
    paths = sorted({line.path for line in altered})
    for path in paths:
        rows = _bytes_of(path).split(b"\n")
        for line in altered:
            if line.path == path:
                rows[line.number - 1] = _in_place(rows[line.number - 1], changed[line.case.id])
        disk.write_file(path, b"\n".join(rows))
    return tuple(paths)


def path_of(root: Path, file_name: str) -> Path:
    """The file of ``cases/`` with a name; ``.jsonl`` is added where it is missing.

    Raises:
        UsageError: the name is no file name.
    """
    name = file_name if file_name.endswith(SUFFIX) else file_name + SUFFIX
    bare = name.removesuffix(SUFFIX)
    if not bare or bare.startswith(".") or set(bare) & set('/\\:*?"<>|') or not bare.isprintable():
        raise UsageError(f"Expected the name of a file in {FOLDER}/, found {file_name!r}; for example: questions.jsonl")
    if len(name.encode()) > _LONGEST_NAME:
        raise UsageError(f"The file name {file_name[:40]!r}… is too long; at most {_LONGEST_NAME} bytes.")
    return root / FOLDER / name


def _lines_of(path: Path) -> Iterator[CaseLine]:
    for number, raw in _numbered(path):
        line = raw.removeprefix(_BOM) if number == 1 else raw
        if line.strip():
            yield CaseLine(path, number, raw, decode_line(line.strip(), path, number))


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    # Only line feeds end a line: a JSON text may hold other separators as they are.
    rows = _bytes_of(path).split(b"\n")
    for number, row in enumerate(rows, 1):
        yield number, row if number == len(rows) else row + b"\n"


def _bytes_of(path: Path) -> bytes:
    try:
        # A pipe or a device, also behind a link that came with a checkout, would never end.
        if not path.is_file():
            raise SettingsError(f"{path} is no file; make it a readable file of JSON lines, or remove it.")
        if (size := path.stat().st_size) > _LARGEST:
            raise SettingsError(f"{path} has {size >> 20} MiB; at most {_LARGEST >> 20} MiB are read. Split it.")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read {path}: {error.strerror}; make it a readable file of JSON lines.") from error


def _check(cases: Sequence[Case], taken: Mapping[str, CaseLine]) -> None:
    seen: set[str] = set()
    for case in cases:
        problem = problem_of(case)
        if problem:
            raise SettingsError(f"Case {case.id!r} cannot be kept: {problem}")
        if case.id in taken:
            line = taken[case.id]
            raise SettingsError(f"The id {case.id!r} is taken by {line.path}, line {line.number}; choose another id.")
        if case.id in seen:
            raise SettingsError(f"Two cases have the id {case.id!r}; ids are unique in a workspace.")
        seen.add(case.id)


def _rendered(case: Case, known: CaseLine | None) -> bytes:
    return known.raw.removeprefix(_BOM) if known is not None and known.case == case else encode_line(case)


def _in_place(row: bytes, case: Case) -> bytes:
    """A row of a file with another case in it: its byte order mark and carriage return stay."""
    start = _BOM if row.startswith(_BOM) else b""
    return start + encode_line(case) + (b"\r" if row.endswith(b"\r") else b"")


def _bom_of(path: Path) -> bytes:
    return _BOM if path.exists() and _bytes_of(path).startswith(_BOM) else b""


def _line_break(lines: Iterable[bytes]) -> bytes:
    return b"\r\n" if next((line.endswith(b"\r\n") for line in lines), False) else b"\n"


def _ended(line: bytes, end: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + end
