"""The demo: what it asks and edits, that it stops at a claim that does not hold, and the whole of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples import demo
from examples.demo_plan import ADDED, caller_script, sample_script
from examples.make_sample import SAMPLE


def entry(source: str, title: str = "", state: str = "live") -> dict[str, Any]:
    """A line of the document list."""
    return {"source": source, "title": title, "state": state}


def test_the_sample_has_the_text_that_the_demo_edits() -> None:
    edit = sample_script(SAMPLE).edit
    text = edit.path.read_text(encoding="utf-8")
    assert text.count(edit.old) == 1
    assert edit.new not in text
    assert edit.mark_old in edit.old
    assert edit.mark_new in edit.new
    assert edit.mark_new not in edit.old


def test_questions_on_a_callers_folder_come_from_titles(tmp_path: Path) -> None:
    line = "This line of prose is long enough to be edited."
    (tmp_path / "a_first-guide.md").write_text(f"# Title\n\n{line}\n", encoding="utf-8")
    documents = [
        entry("docs/a_first-guide.md"),
        entry("docs/b.pdf", "空气质量报告"),
        entry("docs/c.pdf", "Bad", "quarantined"),
    ]
    script = caller_script(tmp_path, documents)
    assert [(question.language, question.text) for question in script.questions] == [
        ("Chinese", "空气质量报告"),
        ("English", "a first guide"),
    ]
    assert script.edit.old == line
    assert script.edit.new == f"{line} {ADDED}"


def test_only_a_searchable_utf8_text_is_edited(tmp_path: Path) -> None:
    line = "This line of prose is long enough to be edited."
    (tmp_path / "a.txt").write_bytes(
        "编码不是 UTF-8 的文件，这一行足够长，可以用来修改，但是不应该修改它，因为编码不同。".encode("gb18030")
    )
    (tmp_path / "b.txt").write_text(line, encoding="utf-8")
    (tmp_path / "c.txt").write_text(line, encoding="utf-8")
    documents = [entry("docs/a.txt"), entry("docs/b.txt", state="quarantined"), entry("docs/c.txt")]
    script = caller_script(tmp_path, documents)
    script.edit.apply()
    assert script.edit.path.name == "c.txt"
    assert (tmp_path / "c.txt").read_text(encoding="utf-8") == f"{line} {ADDED}"


@pytest.mark.parametrize(
    ("documents", "message"),
    [([], "No document of this folder could be read"), ([entry("docs/b.pdf", "B")], "has a sentence to edit")],
)
def test_a_folder_that_cannot_be_shown_says_why(tmp_path: Path, documents: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        caller_script(tmp_path, documents)


def test_a_claim_that_does_not_hold_stops_the_demo() -> None:
    with pytest.raises(SystemExit, match="expected that water runs uphill"):
        demo.Demo().check("water runs uphill", holds=False)


def test_a_missing_folder_of_documents_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is not a folder"):
        demo.prepare(demo.Demo(), tmp_path / "missing")


@pytest.mark.model
def test_the_whole_demo_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(demo.ROOT))
    monkeypatch.setattr(demo, "RUN", tmp_path)
    monkeypatch.setattr(demo, "DOCUMENTS", tmp_path / "documents")
    demo.main()
    assert (tmp_path / "documents" / "sales" / "warranty-policy-2026.md").is_file()
    assert "6 working days" in (tmp_path / "documents" / "sales" / "warranty-policy-2026.md").read_text(
        encoding="utf-8"
    )
