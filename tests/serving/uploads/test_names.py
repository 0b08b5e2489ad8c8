"""Names of uploads: nothing that a caller writes leads out of its folder."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragpress.errors import UsageError
from serving.uploads.names import MOST_BYTES, check_owner, safe_name


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("质保政策 2026.md", "质保政策 2026.md"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("C:\\Users\\me\\plan.docx", "plan.docx"),
        ("a/b\\c/d.md", "d.md"),
        ("ev\x00il.md", "evil.md"),
        ("line\r\nbreak.md", "linebreak.md"),
        ("\u202egpj.md", "gpj.md"),
        ("zero\u200bwidth\ufeff.md", "zerowidth.md"),
        (".ragpressignore", "ragpressignore"),
        (".tmp-1-2-3", "tmp-1-2-3"),
        ("\uff0e\uff0e\uff0fup.md", "_up.md"),
        ("a\u2044b\u2215c.md", "a_b_c.md"),
        ("name.md. . ", "name.md"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("stream.md:hidden", "stream.md_hidden"),
        ("cafe\u0301.md", "caf\u00e9.md"),
        ("%2e%2e%2fx.md", "%2e%2e%2fx.md"),
        ("<img src=x>.md", "_img src=x_.md"),
    ],
)
def test_a_name_becomes_harmless(written: str, kept: str) -> None:
    assert safe_name(written) == kept


@pytest.mark.parametrize(
    "written", ["", ".", "..", "...", "/", "a/", "..\\", "\x00", "\u202e", " . ", "\uff0e\uff0e", "???"]
)
def test_a_name_of_which_nothing_is_left_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="is no file name"):
        safe_name(written)


def test_a_name_may_have_255_bytes_and_no_more() -> None:
    assert safe_name("质" * 84 + ".md") == "质" * 84 + ".md"
    with pytest.raises(UsageError, match="at most 255"):
        safe_name("质" * 85 + ".md")


@given(st.text(st.characters(codec=None), max_size=60))
@example("x\ud800y")
def test_whatever_is_kept_is_one_plain_name(written: str) -> None:
    try:
        kept = safe_name(written)
    except UsageError:
        return
    assert PurePosixPath(kept).parts == (kept,)
    assert PureWindowsPath(kept).parts == (kept,)
    assert not kept.startswith(".")
    assert kept.isprintable()
    assert len(kept.encode()) <= MOST_BYTES
    assert unicodedata.is_normalized("NFC", kept)
    assert safe_name(kept) == kept


@pytest.mark.parametrize("owner", ["local", "team-a", "_x", "A.b-c_d9"])
def test_names_of_keys_can_own_a_folder(owner: str) -> None:
    assert check_owner(owner) == owner


@pytest.mark.parametrize("owner", ["", ".", "..", ".hidden", "a/b", "a\\b", "团队", "a b", "a\x00", "x" * 101])
def test_other_owners_are_refused(owner: str) -> None:
    with pytest.raises(UsageError, match="Nothing can be kept"):
        check_owner(owner)
