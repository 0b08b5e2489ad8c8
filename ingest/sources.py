"""Walk the source folders: which files there are, and the hash of each one's content.

Stat first: only a file whose stat says that it may have changed is opened and hashed. Whatever cannot
be read is refused with a reason and never ends the scan.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import pyarrow as pa

from ingest.files import FileStat, explain, file_stat, hash_regular, refusal
from ingest.ignore import IGNORE_NAME, NEVER_READ, IgnoreRules, PatternFilter, is_ignored, read_ignore_file
from ingest.stat_cache import SCHEMA, StatCache, is_settled, is_trusted
from ragpress.errors import DocumentError, SourceError
from ragpress.settings import SourceSettings

WORKSPACE_ALIAS = "."
UPLOADS = "uploads"
"""Folder of a workspace that holds what was uploaded over HTTP, in a folder for each collection."""


class SourceRoot(msgspec.Struct, frozen=True):
    """A folder (or single file) that is walked.

    Attributes:
        alias: what the sources below it start with, in POSIX form; "." for the workspace itself,
            whose sources carry no prefix.
        path: its absolute path, symbolic links resolved.
    """

    alias: str
    path: str

    @property
    def prefix(self) -> str:
        """What every source below it starts with: ``alias/``, or "" for the workspace itself."""
        return "" if self.alias == WORKSPACE_ALIAS else self.alias + "/"

    def covers(self, source: str) -> bool:
        """Whether a source lies in it."""
        return source == self.alias or source.startswith(self.prefix)


class Refused(msgspec.Struct, frozen=True):
    """Something in a source folder that may not or cannot be read; it becomes a quarantined document.

    Attributes:
        source: where it lies.
        reason: a sentence that a person can act on.
        folder: whether it stands for everything below it.
    """

    source: str
    reason: str
    folder: bool = False

    @property
    def prefix(self) -> str:
        """What the sources that a refused folder stands for start with."""
        return "" if self.source == WORKSPACE_ALIAS else self.source + "/"


class Scan(msgspec.Struct, frozen=True):
    """What a walk found.

    Attributes:
        files: one row per readable file, by source (as bytes): source (string), path (binary, as the
            file system spells it), size, mtime_ns, ctime_ns, inode (int64), sha256 (binary(32)) and
            hashed_ns (int64).
        refused: what may not or cannot be read, by source.
        hashed: number of files that were opened and hashed.
        changed_cache: whether saving the stat cache would save work in the next scan.
        roots: what was walked.
    """

    files: pa.Table
    refused: tuple[Refused, ...]
    hashed: int
    changed_cache: bool
    roots: tuple[SourceRoot, ...]


def resolve_roots(folders: tuple[str, ...], workspace: Path) -> tuple[SourceRoot, ...]:
    """Find the source folders and give each its alias.

    Args:
        folders: folders or single files, absolute or relative to the workspace.
        workspace: the workspace's folder.

    Returns:
        One root per folder, in order. The alias is the path relative to the workspace when it lies
        inside it ("." for itself), else the base name.

    Raises:
        SourceError: one does not exist, is neither folder nor file, or two of them overlap.
    """
    roots = tuple(_resolve(folder, workspace) for folder in folders)
    for number, root in enumerate(roots):
        for other in roots[:number]:
            _check_apart(other, root)
    return roots


def with_uploads(
    roots: tuple[SourceRoot, ...], workspace: Path, collection: str, recorded: tuple[SourceRoot, ...]
) -> tuple[SourceRoot, ...]:
    """The roots of a collection and the folder of what was uploaded to it, where there is one and no root covers it.

    Args:
        roots: configured or recorded source folders.
        workspace: the workspace's folder.
        collection: the collection's name.
        recorded: the roots of the live release. Uploads that it has are looked for also when their folder has
            vanished, so that a volume that is not mounted does not look like their deletion.

    Raises:
        SourceError: a root lies inside the folder of uploads.
    """
    alias = f"{UPLOADS}/{collection}"
    place = workspace / UPLOADS / collection
    known = next((root for root in recorded if root.alias == alias), None)
    if not place.is_dir() and known is None:
        return roots
    root = SourceRoot(alias=alias, path=os.path.realpath(place))
    if any(other.covers(alias) or root.path == other.path for other in roots):
        return roots
    for other in roots:
        _check_apart(other, root)
    return (*roots, root)


def scan(roots: tuple[SourceRoot, ...], settings: SourceSettings, cache: StatCache, clock: Callable[[], int]) -> Scan:
    """Walk the roots, and hash what the cache cannot vouch for.

    Args:
        roots: from :func:`resolve_roots`.
        settings: what is walked.
        cache: hashes of former scans.
        clock: the time now, ns since the epoch.

    Raises:
        SourceError: a root has vanished since it was resolved. (Taking its absence for the deletion
            of every document in it would empty the release when a volume is not mounted.)
        SettingsError: a pattern of the settings is not in gitignore syntax.
    """
    walk = _Walk(settings)
    for root in roots:
        walk.root(root)
    walk.found.sort()
    hashing = _Hashing(cache, clock, settings.max_bytes)
    files = hashing.table(walk.found)
    refused = sorted([*walk.refused, *hashing.refused], key=lambda item: item.source)
    return Scan(files, tuple(refused), hashing.hashed, hashing.learned, roots)


def shown(name: str) -> str:
    r"""A file name as text that is always valid UTF-8.

    Bytes that are not UTF-8 become ``\xNN``. So that no two names look the same, backslashes are
    doubled in such a name and in one that spells ``\x`` itself; every other name stays as it is.
    """
    if name.isascii() and "\\x" not in name:
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        pass
    else:
        if "\\x" not in name:
            return name
    return os.fsencode(name.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")


def _resolve(folder: str, workspace: Path) -> SourceRoot:
    place = Path(os.path.normpath(workspace.absolute() / Path(folder).expanduser()))
    real = os.path.realpath(place)
    try:
        mode = Path(real).stat().st_mode
    except OSError as error:
        raise SourceError(
            f"Source folder {folder!r} cannot be read: expected a folder or file at {place}, found "
            f"{error.strerror}. Create it, or correct [sources] folders."
        ) from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise SourceError(f"Source {folder!r} is neither a folder nor a regular file. Correct [sources] folders.")
    top = Path(os.path.normpath(workspace.absolute()))
    for inside, base in ((place, top), (Path(real), Path(os.path.realpath(top)))):
        if inside.is_relative_to(base):
            return SourceRoot(alias=_alias(inside.relative_to(base)), path=real)
    if not place.name:
        raise SourceError(f"Source folder {folder!r} is the whole file system. Name the folders to read instead.")
    return SourceRoot(alias=shown(place.name), path=real)


def _alias(relative: Path) -> str:
    return "/".join(shown(part) for part in relative.parts) or WORKSPACE_ALIAS


def _check_apart(one: SourceRoot, other: SourceRoot) -> None:
    if one.path == other.path or any(
        below.path.startswith(above.path + "/") for above, below in ((one, other), (other, one))
    ):
        raise SourceError(
            f"Source folders {one.path} and {other.path} overlap; a file must belong to one of them only. "
            "Keep the outer one in [sources] folders, or name folders that lie side by side."
        )
    if one.covers(other.alias) or other.covers(one.alias):
        raise SourceError(
            f"Source folders {one.path} and {other.path} would give documents the same names, below "
            f"{one.alias!r} and {other.alias!r}. Rename one of the folders, or list the workspace's "
            "folders one by one instead of '.'."
        )


class _Folder(NamedTuple):
    path: str
    prefix: str
    rules: IgnoreRules


_Found: TypeAlias = tuple[str, str, FileStat]


class _Walk:
    """Collects the files of one root after another; only stats, opens nothing but ignore files."""

    def __init__(self, settings: SourceSettings) -> None:
        self.found: list[_Found] = []
        self.refused: list[Refused] = []
        self._hidden = settings.hidden
        self._max_bytes = settings.max_bytes
        self._filter = PatternFilter(settings.include, settings.exclude)
        self._top = ""

    def root(self, root: SourceRoot) -> None:
        """Walk one root, in no particular order and without recursion."""
        self._top = root.path
        try:
            info = os.stat(root.path, follow_symlinks=False)  # noqa: PTH116 - may hold surrogates
        except OSError as error:
            raise SourceError(
                f"Source folder {root.path} cannot be read any more: {error.strerror}. "
                "Is its volume mounted? Nothing was changed."
            ) from error
        if not stat.S_ISDIR(info.st_mode):
            self._file(root.alias, root.path, info)
            return
        try:
            rules = _rules_above(root)
        except DocumentError as error:
            self._refuse(root.alias, f"A folder above it is misconfigured. {error}", folder=True)
            return
        pending = [_Folder(root.path, root.prefix, rules)]
        while pending:
            folder = pending.pop()
            try:
                self._folder(folder, pending)
            except DocumentError as error:
                self._refuse(folder.prefix[:-1] or WORKSPACE_ALIAS, str(error), folder=True)

    def _folder(self, folder: _Folder, pending: list[_Folder]) -> None:
        try:
            with os.scandir(folder.path) as listing:
                entries = list(listing)
        except (FileNotFoundError, NotADirectoryError) as error:
            if folder.path == self._top:
                raise SourceError(f"Source folder {folder.path} vanished during the scan. Run again.") from error
            return
        except OSError as error:
            raise DocumentError(explain(error)) from error
        rules = folder.rules
        if any(entry.name == IGNORE_NAME for entry in entries):
            rules += read_ignore_file(folder.path, len(folder.prefix))
        for entry in entries:
            name = entry.name
            if name[0] == "." and (not self._hidden or name in NEVER_READ):
                continue
            try:
                self._entry(entry, folder.prefix + shown(name), rules, pending)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._refuse(folder.prefix + shown(name), explain(error))

    def _entry(self, entry: os.DirEntry[str], source: str, rules: IgnoreRules, pending: list[_Folder]) -> None:
        folder = entry.is_dir(follow_symlinks=False)
        if (rules and is_ignored(rules, source, folder)) or self._filter.excludes(source, folder):
            return
        if folder:
            pending.append(_Folder(entry.path, source + "/", rules))
        elif entry.is_symlink():
            self._link(source, entry.path)
        elif self._filter.includes(source):
            self._file(source, entry.path, entry.stat(follow_symlinks=False))

    def _file(self, source: str, path: str, info: os.stat_result) -> None:
        reason = refusal(info, self._max_bytes)
        if reason is None:
            self.found.append((source, path, file_stat(info)))
        else:
            self._refuse(source, reason)

    def _link(self, source: str, path: str) -> None:
        """Follow a link to a file of the same root. A linked folder of the same root is read in its own place."""
        try:
            target = os.path.realpath(path, strict=True)
        except FileNotFoundError:
            if os.path.lexists(path):
                self._refuse(source, "It is a symbolic link to nothing. Mend the link or remove it.")
            return
        info = os.stat(target, follow_symlinks=False)  # noqa: PTH116 - may hold surrogates
        folder = stat.S_ISDIR(info.st_mode)
        below = self._below(target)
        if below is None or not NEVER_READ.isdisjoint(below):
            where = "into a folder that is never read" if below else "out of the source folder"
            reason = f"It is a symbolic link {where}, which is not followed. Put a copy here, or list its target"
            self._refuse(source, f"{reason} in [sources] folders.", folder=folder)
        elif not folder and self._filter.includes(source):
            self._file(source, target, info)

    def _below(self, target: str) -> list[str] | None:
        """The names from the root down to a path; None when it does not lie in the root."""
        if target == self._top:
            return []
        top = self._top.rstrip("/") + "/"
        return target[len(top) :].split("/") if target.startswith(top) else None

    def _refuse(self, source: str, reason: str, folder: bool = False) -> None:
        self.refused.append(Refused(source, reason, folder))


def _rules_above(root: SourceRoot) -> IgnoreRules:
    """Ignore files between the workspace and a root deep inside it: they apply however it is reached."""
    rules: IgnoreRules = ()
    above, alias = root.path, root.alias
    while "/" in alias:
        alias, _, name = alias.rpartition("/")
        above, _, base = above.rpartition("/")
        if shown(base) != name:
            break  # reached through a link: what lies above its target is none of the workspace's business
        rules = read_ignore_file(above, len(alias) + 1) + rules
    return rules


class _Row(NamedTuple):
    source: str
    path: bytes
    stat: FileStat
    sha256: bytes
    hashed_ns: int


class _Hashing:
    """Gives every found file its hash: from the cache where the stat proves it, else by reading it."""

    def __init__(self, cache: StatCache, clock: Callable[[], int], max_bytes: int) -> None:
        self.refused: list[Refused] = []
        self.hashed = 0
        self.learned = False
        self._cache = cache
        self._clock = clock
        self._max_bytes = max_bytes

    def table(self, found: Iterable[_Found]) -> pa.Table:
        """The files that could be read, in the order given."""
        rows = list(self._rows(found))
        sources, paths, stats, digests, moments = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        sizes, mtimes, ctimes, inodes = zip(*stats, strict=True) if stats else ((), (), (), ())
        columns = (sources, paths, sizes, mtimes, ctimes, inodes, digests, moments)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _rows(self, found: Iterable[_Found]) -> Iterator[_Row]:
        now = self._clock()
        for source, path, info in found:
            entry = self._cache.get(source)
            if entry is not None and is_trusted(entry, info, now):
                yield _Row(source, os.fsencode(path), info, entry.sha256, entry.hashed_ns)
                continue
            try:
                row = self._hash(source, path)
            except FileNotFoundError:
                continue
            except DocumentError as error:
                self.refused.append(Refused(source, str(error)))
                continue
            # A hash that cannot be trusted next time is no reason to write the cache.
            self.learned = self.learned or is_settled(row.stat, row.hashed_ns)
            yield row

    def _hash(self, source: str, path: str) -> _Row:
        hashed_ns = self._clock()
        info, digest = hash_regular(path, self._max_bytes)
        self.hashed += 1
        return _Row(source, os.fsencode(path), info, digest, hashed_ns)
