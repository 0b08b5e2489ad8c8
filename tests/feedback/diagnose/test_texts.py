"""Texts of documents: what is searched, what was, what was cleaned away, and what other parsers read."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback.diagnose.texts import DocumentTexts, file_of
from ingest.sources import SourceRoot
from tests.feedback.diagnose.places import BRIDGE, FILES, LEAVE, TRAVEL, bench_of, workspace
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    files = {**FILES, "travel.md": TRAVEL.replace(". Keep", ".\nKeep")}
    made = workspace(tmp_path_factory.mktemp("edited"), SETTINGS + "[clean]\ndrop_patterns = ['Keep .*']\n", files)
    for word in ("thirty", "forty"):
        made.write({"leave.md": LEAVE.replace("twenty-five", word)})
        made.ingest()
    (made.docs / "tower.md").unlink()
    made.ingest()
    return made


def _texts(made: Workspace) -> DocumentTexts:
    with bench_of(made) as bench:
        subject = bench.live()
        assert subject is not None
        return DocumentTexts(bench, subject)


def test_earlier_versions_come_newest_first_each_once(edited: Workspace) -> None:
    texts = _texts(edited)
    earlier = texts.earlier("docs/leave.md")
    assert ["thirty" in item.text for item in earlier] == [True, False]
    assert ["twenty-five" in item.text for item in earlier] == [False, True]
    assert earlier[0].release > earlier[1].release
    document = texts.document("docs/leave.md")
    assert document is not None
    assert "forty" in texts.text(document.document_id)
    assert texts.earlier("docs/bridge.md") == ()


def test_a_deleted_document_is_known_by_its_last_text(edited: Workspace) -> None:
    texts = _texts(edited)
    (gone,) = texts.gone()
    assert (gone.source, "86米" in gone.text) == ("docs/tower.md", True)
    assert texts.earlier("docs/tower.md")[0].text == gone.text


def test_what_cleaning_took_out_is_told_with_its_rule(edited: Workspace) -> None:
    texts = _texts(edited)
    (removed,) = texts.removed("docs/travel.md")
    assert removed.text.startswith("Keep every receipt.")
    assert removed.rule == "drop_pattern:Keep .*"
    assert texts.before_cleaning("docs/travel.md")[removed.start : removed.end] == removed.text
    assert texts.removed("docs/bridge.md") == ()
    assert texts.text("no such id") == texts.parsed("docs/none.md") == ""


def test_other_encodings_are_read_in_the_file(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    (made.docs / "bridge.md").write_text(BRIDGE.encode("gb18030").decode("latin-1"), encoding="utf-8")
    made.ingest()
    readings = {item.parser: item.text for item in _texts(made).readings(["docs/bridge.md"])["docs/bridge.md"]}
    assert "1893年建成通车" in readings["recode:latin-1:gb18030"]


def test_a_link_out_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "docs", tmp_path / "secret.md"
    inside.mkdir()
    outside.write_text("secret", encoding="utf-8")
    (inside / "link.md").symlink_to(outside)
    roots = (SourceRoot(alias="docs", path=str(inside.resolve())),)
    assert file_of(roots, "docs/link.md") is None
    assert file_of(roots, "other/a.md") is None
    assert file_of(roots, "docs/a.md") == inside.resolve() / "a.md"
