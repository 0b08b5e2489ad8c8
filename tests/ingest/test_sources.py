from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files import read_regular
from ingest.sources import Refused, Scan, SourceRoot, resolve_roots, scan, shown
from ingest.stat_cache import SCHEMA, StatCache
from ragpress.errors import SettingsError, SourceError
from ragpress.settings import SourceSettings


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def look(workspace: Path, *folders: str, cache: StatCache | None = None, **settings: object) -> Scan:
    roots = resolve_roots(folders or ("docs",), workspace)
    return scan(roots, SourceSettings(**settings), cache or StatCache(), time.time_ns)  # type: ignore[arg-type] # keywords of one struct


def names(found: Scan) -> list[str]:
    return [str(source) for source in found.files["source"].to_pylist()]


def reasons(found: Scan) -> dict[str, str]:
    return {item.source: item.reason for item in found.refused}


def test_files_have_sources_paths_stats_and_hashes(tmp_path: Path) -> None:
    path = write(tmp_path / "docs" / "guide" / "start.md", "hello")
    found = look(tmp_path)
    assert found.files.schema == SCHEMA
    row = found.files.to_pylist()[0]
    assert row["source"] == "docs/guide/start.md"
    assert row["path"] == os.fsencode(path)
    assert row["sha256"] == hashlib.sha256(b"hello").digest()
    info = path.stat()
    assert (row["size"], row["mtime_ns"], row["ctime_ns"], row["inode"]) == (
        5,
        info.st_mtime_ns,
        info.st_ctime_ns,
        info.st_ino,
    )
    assert (found.hashed, found.refused) == (1, ())


def test_order_is_by_source_as_bytes(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a.md", "a-b.md", "é.md", "Z.md", "中.md", "\U0001f600.md"):
        write(tmp_path / "docs" / name)
    found = names(look(tmp_path))
    assert found == sorted(found, key=lambda source: source.encode())
    assert found[0] == "docs/Z.md"


@pytest.fixture
def dig(tmp_path: Path) -> Iterator[Callable[[str, int], int]]:
    """Nests folders in ``docs`` and gives a descriptor of the deepest."""
    folder = tmp_path / "docs"
    folder.mkdir()
    opened: list[int] = []

    def nest(name: str, depth: int) -> int:
        opened.append(os.open(folder, os.O_RDONLY))
        for _ in range(depth):
            os.mkdir(name, dir_fd=opened[-1])
            opened.append(os.open(name, os.O_RDONLY, dir_fd=opened[-1]))
            os.close(opened.pop(-2))
        return opened[-1]

    yield nest
    for descriptor in opened:
        os.close(descriptor)
    subprocess.run(["rm", "-rf", str(folder)], check=True)  # pytest's own clean-up recurses


def test_a_tree_of_1100_nested_folders_needs_no_recursion(tmp_path: Path, dig: Callable[[str, int], int]) -> None:
    os.close(os.open("deep.md", os.O_CREAT | os.O_WRONLY, dir_fd=dig("d", 1_100)))
    assert names(look(tmp_path)) == ["docs/" + "d/" * 1_100 + "deep.md"]


def test_a_path_longer_than_the_system_allows_is_refused(tmp_path: Path, dig: Callable[[str, int], int]) -> None:
    dig("d" * 200, 30)
    write(tmp_path / "docs" / "near.md")
    found = look(tmp_path)
    assert names(found) == ["docs/near.md"]
    assert [item.folder for item in found.refused] == [True]
    assert "too long" in found.refused[0].reason


class TestRoots:
    def test_aliases(self, tmp_path: Path) -> None:
        workspace = tmp_path / "ws"
        write(workspace / "docs" / "en" / "a.md")
        write(workspace / "notes.md")
        write(tmp_path / "handbook" / "b.md")
        found = resolve_roots(("docs/en/", "notes.md", str(tmp_path / "handbook")), workspace)
        assert [root.alias for root in found] == ["docs/en", "notes.md", "handbook"]
        assert found[0].path == str(workspace / "docs" / "en")
        assert names(look(workspace, "docs/en/", "notes.md", "../handbook")) == [
            "docs/en/a.md",
            "handbook/b.md",
            "notes.md",
        ]

    def test_the_workspace_itself_has_no_prefix(self, tmp_path: Path) -> None:
        write(tmp_path / "a" / "b.md")
        assert resolve_roots((".",), tmp_path) == (SourceRoot(alias=".", path=str(tmp_path)),)
        assert names(look(tmp_path, ".")) == ["a/b.md"]

    def test_a_linked_workspace_gives_the_same_aliases(self, tmp_path: Path) -> None:
        write(tmp_path / "ws" / "docs" / "a.md")
        (tmp_path / "link").symlink_to("ws")
        absolute = str(tmp_path / "ws" / "docs")
        assert resolve_roots((absolute,), tmp_path / "link") == resolve_roots(("docs",), tmp_path / "ws")

    def test_a_root_that_is_itself_a_link_is_followed(self, tmp_path: Path) -> None:
        write(tmp_path / "elsewhere" / "a.md")
        (tmp_path / "ws").mkdir()
        (tmp_path / "ws" / "docs").symlink_to(tmp_path / "elsewhere")
        assert names(look(tmp_path / "ws")) == ["docs/a.md"]

    @pytest.mark.parametrize(
        ("folders", "message"),
        [
            (("missing",), "No such file"),
            (("docs", "docs/en"), "overlap"),
            (("docs", "./docs"), "overlap"),
            ((".", "docs"), "overlap"),
            (("docs", "../other/docs"), "same names"),
            (("docs/en", "../other/docs"), "same names"),
            ((".", "../other/docs"), "same names"),
            (("docs/pipe",), "neither a folder nor a regular file"),
            (("/",), "whole file system"),
        ],
    )
    def test_wrong_roots(self, tmp_path: Path, folders: tuple[str, ...], message: str) -> None:
        workspace = tmp_path / "ws"
        write(workspace / "docs" / "en" / "a.md")
        write(tmp_path / "other" / "docs" / "b.md")
        os.mkfifo(workspace / "docs" / "pipe")
        with pytest.raises(SourceError, match=message):
            resolve_roots(folders, workspace)

    def test_similar_names_do_not_overlap(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "a.md")
        write(tmp_path / "docs-old" / "a.md")
        assert names(look(tmp_path, "docs", "docs-old")) == ["docs-old/a.md", "docs/a.md"]

    def test_a_root_that_vanished_is_an_error_and_no_deletion(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "a.md").unlink()
        roots = resolve_roots(("docs",), tmp_path)
        (tmp_path / "docs").rmdir()
        with pytest.raises(SourceError, match="mounted"):
            scan(roots, SourceSettings(), StatCache(), time.time_ns)


class TestIgnoring:
    def test_rules_nest_and_the_innermost_wins(self, tmp_path: Path) -> None:
        docs = tmp_path / "docs"
        write(docs / ".ragpressignore", "# drafts\n*.tmp\n/top.md\nbuild/\n\nlog/*\n!log/keep.md\n")
        write(docs / "sub" / ".ragpressignore", "!keep.tmp\nsecret.md\n")
        for name in ("a.tmp", "top.md", "build/x.md", "log/x.md", "log/keep.md", "secret.md"):
            write(docs / name)
        for name in ("keep.tmp", "other.tmp", "top.md", "secret.md", "deeper/secret.md", "build/x.md"):
            write(docs / "sub" / name)
        assert names(look(tmp_path)) == ["docs/log/keep.md", "docs/secret.md", "docs/sub/keep.tmp", "docs/sub/top.md"]

    def test_the_rules_agree_with_git(self, tmp_path: Path) -> None:
        patterns = "*.log\n!/a/keep.log\n/a/b/*\n!/a/b/c/\nd/**/e\n?x.md\n[ab].md\n\\!z.md\nf/\n**/g\n"
        repository = tmp_path / "docs"
        tree = (
            "x.log a/keep.log a/b/n.md a/b/c/m.md d/1/2/e d/e d/1/f.md qx.md a.md c.md !z.md f/y.md h/f/y.md h/g/z.md"
        )
        for name in [*tree.split(), "h/f2"]:
            write(repository / name)
        write(repository / ".ragpressignore", patterns)
        write(repository / ".gitignore", patterns)
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        command = ["git", "-C", str(repository), "ls-files", "--others", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        wanted = sorted("docs/" + name for name in listed if not name.startswith("."))
        assert names(look(tmp_path)) == wanted
        assert len(wanted) > 4

    def test_a_root_inside_a_folder_keeps_to_the_rules_above_it(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / ".ragpressignore", "sub/drafts/\n")
        write(tmp_path / "docs" / "sub" / "drafts" / "a.md")
        write(tmp_path / "docs" / "sub" / "b.md")
        assert names(look(tmp_path, "docs/sub")) == names(look(tmp_path)) == ["docs/sub/b.md"]

    def test_settings_match_the_whole_source(self, tmp_path: Path) -> None:
        for name in ("docs/a.md", "docs/b.txt", "docs/drafts/c.md", "notes/drafts/d.md"):
            write(tmp_path / name)
        assert names(look(tmp_path, "docs", "notes", include=("*.md",), exclude=("/docs/drafts",))) == [
            "docs/a.md",
            "notes/drafts/d.md",
        ]

    def test_hidden_names_are_read_only_when_asked_and_data_never(self, tmp_path: Path) -> None:
        for name in (".hidden.md", ".folder/a.md", ".git/config", ".ragpress/live", ".ragpressignore", "b.md"):
            write(tmp_path / "docs" / name, "# nothing")
        assert names(look(tmp_path)) == ["docs/b.md"]
        assert names(look(tmp_path, hidden=True)) == ["docs/.folder/a.md", "docs/.hidden.md", "docs/b.md"]

    @pytest.mark.parametrize("content", [b"a\\", b"x" * 1_000_001], ids=["syntax", "too large"])
    def test_a_folder_with_a_broken_ignore_file_is_refused_whole(self, tmp_path: Path, content: bytes) -> None:
        write(tmp_path / "docs" / "good.md")
        write(tmp_path / "docs" / "sub" / "a.md")
        (tmp_path / "docs" / "sub" / ".ragpressignore").write_bytes(content)
        found = look(tmp_path)
        assert names(found) == ["docs/good.md"]
        assert [(item.source, item.folder) for item in found.refused] == [("docs/sub", True)]
        assert ".ragpressignore" in found.refused[0].reason
        below = look(tmp_path, "docs/sub")
        assert (names(below), below.refused[0].source) == ([], "docs/sub")

    def test_an_ignore_file_above_a_root_that_cannot_be_read_refuses_the_root(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "sub" / "a.md")
        os.mkfifo(tmp_path / "docs" / ".ragpressignore")
        found = look(tmp_path, "docs/sub")
        assert (names(found), found.refused[0].source, found.refused[0].folder) == ([], "docs/sub", True)

    def test_a_wrong_pattern_in_the_settings_names_the_setting(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "a.md")
        with pytest.raises(SettingsError, match=r"\[sources\] exclude"):
            look(tmp_path, exclude=("a\\",))

    def test_patterns_reach_names_with_line_breaks(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "a\nb" / "c.md")
        write(tmp_path / "docs" / "d.tmp\n")
        assert names(look(tmp_path, include=("*.md",))) == ["docs/a\nb/c.md"]
        assert names(look(tmp_path, exclude=("*.tmp",))) == ["docs/a\nb/c.md", "docs/d.tmp\n"]


class TestRefusing:
    def test_fifos_sockets_and_devices_are_never_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        docs = tmp_path / "docs"
        write(docs / "good.md")
        os.mkfifo(docs / "pipe.md")
        monkeypatch.chdir(docs)  # a socket's path is limited to 108 bytes
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.md")
            found = look(tmp_path)
        assert names(found) == ["docs/good.md"]
        assert "a FIFO" in reasons(found)["docs/pipe.md"]
        assert "a socket" in reasons(found)["docs/socket.md"]

    def test_a_device_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        try:
            os.mknod(tmp_path / "docs" / "zero.md", 0o20666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root may create a device")
        assert "a character device" in reasons(look(tmp_path))["docs/zero.md"]

    def test_a_file_over_the_limit_is_refused_and_one_at_it_is_read(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "large.md", "x" * 101)
        write(tmp_path / "docs" / "just.md", "x" * 100)
        found = look(tmp_path, max_bytes=100)
        assert names(found) == ["docs/just.md"]
        assert "101 bytes; at most 100" in reasons(found)["docs/large.md"]

    @pytest.mark.parametrize("fault", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
    def test_unreadable_files_and_folders_end_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError
    ) -> None:
        write(tmp_path / "docs" / "good.md")
        locked = write(tmp_path / "docs" / "locked.md")
        write(tmp_path / "docs" / "folder" / "inside.md")
        real_open, real_scandir = os.open, os.scandir

        def fail_open(path: str, flags: int, mode: int = 0o777) -> int:
            if path == str(locked):
                raise fault
            return real_open(path, flags, mode)

        def fail_scandir(path: str) -> os._ScandirIterator[str]:
            if path.endswith("folder"):
                raise fault
            return real_scandir(path)

        monkeypatch.setattr(os, "open", fail_open)
        monkeypatch.setattr(os, "scandir", fail_scandir)
        found = look(tmp_path)
        assert names(found) == ["docs/good.md"]
        assert [(item.source, item.folder) for item in found.refused] == [
            ("docs/folder", True),
            ("docs/locked.md", False),
        ]
        assert str(fault.strerror) in reasons(found)["docs/locked.md"]

    def test_names_that_vanish_after_the_listing_are_skipped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a.md", "b.md", "gone.md", "folder/c.md"):
            write(tmp_path / "docs" / name)
        real_scandir = os.scandir

        def listing_then_loss(path: str) -> os._ScandirIterator[str]:
            entries = real_scandir(path)
            if path.endswith("docs"):
                listed = list(entries)
                (tmp_path / "docs" / "gone.md").unlink()
                (tmp_path / "docs" / "folder" / "c.md").unlink()
                (tmp_path / "docs" / "folder").rmdir()
                entries.close()
                return _Listing(listed)  # type: ignore[return-value] # what "with" and "list" need of it
            return entries

        monkeypatch.setattr(os, "scandir", listing_then_loss)
        found = look(tmp_path)
        assert (names(found), found.refused) == (["docs/a.md", "docs/b.md"], ())

    def test_a_file_that_vanishes_before_it_is_hashed_is_skipped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "docs" / "a.md")
        gone = write(tmp_path / "docs" / "gone.md")

        def clock() -> int:
            gone.unlink(missing_ok=True)
            return 0

        found = scan(resolve_roots(("docs",), tmp_path), SourceSettings(), StatCache(), clock)
        assert (names(found), found.refused) == (["docs/a.md"], ())

    def test_a_file_that_changes_while_it_is_read_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path / "docs" / "log.md")
        real_read = os.read

        def growing(descriptor: int, size: int) -> bytes:
            with path.open("a") as file:
                file.write("more")
            return real_read(descriptor, size)

        monkeypatch.setattr(os, "read", growing)
        found = look(tmp_path)
        assert (names(found), list(reasons(found))) == ([], ["docs/log.md"])
        assert "changes while it is read" in reasons(found)["docs/log.md"]

    def test_a_file_replaced_by_a_link_or_fifo_after_the_walk_is_refused(self, tmp_path: Path) -> None:
        secret = write(tmp_path / "secret.md", "secret")
        swapped = [write(tmp_path / "docs" / name) for name in ("link.md", "pipe.md")]
        roots = resolve_roots(("docs",), tmp_path)

        def clock() -> int:
            for path in swapped:
                path.unlink()
            if swapped:
                swapped[0].symlink_to(secret)
                os.mkfifo(swapped[1])
                swapped.clear()
            return 0

        found = scan(roots, SourceSettings(), StatCache(), clock)
        assert names(found) == []
        assert "symbolic link" in reasons(found)["docs/link.md"]
        assert "a FIFO" in reasons(found)["docs/pipe.md"]


class _Listing(list["os.DirEntry[str]"]):
    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class TestLinks:
    def test_a_link_to_a_file_of_the_same_root_is_read_under_its_own_name(self, tmp_path: Path) -> None:
        target = write(tmp_path / "docs" / "real" / "a.md", "content")
        (tmp_path / "docs" / "link.md").symlink_to("real/a.md")
        found = look(tmp_path)
        assert names(found) == ["docs/link.md", "docs/real/a.md"]
        assert found.files["path"].to_pylist() == [os.fsencode(target)] * 2
        assert look(tmp_path, include=("real/",)).files["source"].to_pylist() == ["docs/real/a.md"]

    def test_links_out_of_the_root_are_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "docs-secret" / "a.md")
        write(tmp_path / "docs" / ".git" / "config")
        docs = tmp_path / "docs"
        (docs / "out.md").symlink_to("../docs-secret/a.md")
        (docs / "absolute.md").symlink_to("/etc/passwd")
        (docs / "folder").symlink_to("../docs-secret")
        (docs / "data.md").symlink_to(".git/config")
        (docs / "hop.md").symlink_to("out.md")
        (docs / "null.md").symlink_to("/dev/null")
        found = look(tmp_path)
        assert names(found) == []
        assert {item.source: item.folder for item in found.refused} == {
            "docs/absolute.md": False,
            "docs/data.md": False,
            "docs/folder": True,
            "docs/hop.md": False,
            "docs/null.md": False,
            "docs/out.md": False,
        }
        assert "out of the source folder" in reasons(found)["docs/out.md"]
        assert "never read" in reasons(found)["docs/data.md"]

    def test_loops_end(self, tmp_path: Path) -> None:
        write(tmp_path / "docs" / "sub" / "a.md")
        (tmp_path / "docs" / "sub" / "up").symlink_to("..")
        (tmp_path / "docs" / "self").symlink_to("self")
        (tmp_path / "docs" / "nothing").symlink_to("nowhere")
        found = look(tmp_path)
        assert names(found) == ["docs/sub/a.md"]
        assert set(reasons(found)) == {"docs/self", "docs/nothing"}
        assert "never ends" in reasons(found)["docs/self"]
        assert "link to nothing" in reasons(found)["docs/nothing"]


class TestNames:
    def test_any_name_gives_a_source_that_is_utf8_and_a_path_that_opens(self, tmp_path: Path) -> None:
        odd = [
            b"caf\xe9.md",
            b"new\nline.md",
            b"\x1b[31m.md",
            "数据 报告.md".encode(),
            b"back\\slash.md",
            b"'; DROP--.md",
        ]
        (tmp_path / "docs").mkdir()
        for name in odd:
            with open(os.fsencode(tmp_path / "docs") + b"/" + name, "wb") as file:  # noqa: PTH123 - a bytes path
                file.write(name)
        found = look(tmp_path)
        assert found.refused == ()
        by_content = {row["sha256"]: row for row in found.files.to_pylist()}
        assert len(by_content) == len(odd)
        for name in odd:
            row = by_content[hashlib.sha256(name).digest()]
            assert read_regular(row["path"], 100) == name
            row["source"].encode("utf-8")
        assert "docs/caf\\xe9.md" in names(found)
        assert "docs/back\\slash.md" in names(found)

    def test_composed_and_decomposed_names_stay_apart(self, tmp_path: Path) -> None:
        for form in ("NFC", "NFD"):
            write(tmp_path / "docs" / unicodedata.normalize(form, "é.md"), form)
        if len(list((tmp_path / "docs").iterdir())) < 2:
            pytest.skip("this file system normalises names")
        assert len(set(names(look(tmp_path)))) == 2

    @given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda b: b"/" not in b and b"\0" not in b), unique=True))
    def test_no_two_names_are_shown_alike(self, raw: list[bytes]) -> None:
        tricky = [*raw, *(b"\\x" + item for item in raw), b"\xff", b"\\xff", b"\\\\xff", b"\\\xff"]
        decoded = {os.fsdecode(name) for name in tricky}
        shapes = {shown(name) for name in decoded}
        assert len(shapes) == len(decoded)
        assert all(shape.encode("utf-8") for shape in shapes)


def test_two_scans_of_one_tree_are_equal(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / "docs" / f"{number % 3}" / f"{number}.md", str(number))
    first, second = look(tmp_path), look(tmp_path)
    keep = [name for name in SCHEMA.names if name != "hashed_ns"]
    assert first.files.select(keep).equals(second.files.select(keep))


def test_an_empty_folder_gives_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    found = look(tmp_path)
    assert found.files.equals(SCHEMA.empty_table())
    assert isinstance(found.files, pa.Table)
    assert Refused("a", "b").prefix == "a/"
