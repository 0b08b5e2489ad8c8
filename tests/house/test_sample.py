"""The sample folder is what its script writes, and holds the troubles that the demo shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.make_sample import SAMPLE, documents
from tests.house.repository import tracked_files

FILES = [path for path in tracked_files() if path.is_relative_to(SAMPLE)]
GENERATED = dict(documents())


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_document_has_the_bytes_of_its_script(name: str) -> None:
    assert (SAMPLE / name).read_bytes() == GENERATED[name]


def test_the_sample_has_many_formats_and_both_languages() -> None:
    assert 30 <= len(FILES) <= 40
    assert len({path.suffix for path in FILES}) >= 12
    chinese = [path for path in FILES if any("\u4e00" <= letter <= "\u9fff" for letter in path.name)]
    assert 8 <= len(chinese) <= len(FILES) - 8


def test_one_text_is_not_utf8() -> None:
    content = (SAMPLE / "products/lark-mini/快速入门.txt").read_bytes()
    assert "二氧化碳" in content.decode("gb18030")
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


def test_the_damaged_document_has_no_zip_directory() -> None:
    content = (SAMPLE / "sales/tender-lyon-draft.docx").read_bytes()
    assert content.startswith(b"PK")
    assert b"PK\x05\x06" not in content


def test_old_and_new_warranty_contradict_each_other() -> None:
    old, new = (_text(f"sales/warranty-policy-{year}.md") for year in (2023, 2026))
    assert "for 12\nmonths" in old
    assert "for 36 months" in new
    assert "36 months" not in old


def test_every_sample_file_is_tracked() -> None:
    on_disk = {path for path in SAMPLE.rglob("*") if path.is_file()}
    assert on_disk == set(FILES)


def _text(name: str) -> str:
    return Path(SAMPLE / name).read_text(encoding="utf-8")
