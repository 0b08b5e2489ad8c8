"""One run after another over a real folder: what is computed, what is reused, what is found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from index.history import rollback
from ragpress.errors import ConflictError, UsageError, WriterBusyError
from ragpress.storage import scratch
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

GUIDE = """# Guide

## Filters

Replace the carbon filter every six months. Order part CF-20 from the spare parts desk.

## Alarms

The alarm sounds when carbon dioxide passes 1400 ppm. Press the round button to mute it.
"""
POLICY = "# 请假制度\n\n员工每年享有十五天带薪年假。\n\n病假需要提供医院证明。\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"guide.md": GUIDE, "zh/policy.md": POLICY, "notes.txt": "Plain notes about the warehouse in Utrecht."})
    return made


def test_first_run_publishes_every_document(workspace: Workspace) -> None:
    report = workspace.ingest()

    assert report.published
    assert report.plan["added"] == 3
    assert report.chunks.embedded == report.chunks.total > 0
    assert {row.state for row in workspace.rows().values()} == {"live"}
    assert workspace.search("carbon filter months")[0].source == "docs/guide.md"
    assert workspace.search("年假多少天")[0].source == "docs/zh/policy.md"


def test_a_run_without_changes_computes_and_writes_nothing(workspace: Workspace) -> None:
    first = workspace.ingest()
    before = workspace.files()

    report = workspace.ingest()

    assert not report.published
    assert report.release == first.release
    assert report.plan["unchanged"] == 3
    assert all(count.computed == 0 for count in report.steps.values())
    assert workspace.files() == before


def test_an_edit_embeds_only_what_it_touches(workspace: Workspace) -> None:
    workspace.ingest()
    workspace.write({"guide.md": GUIDE.replace("six months", "nine weeks")})

    report = workspace.ingest()

    assert report.plan["changed"] == 1
    assert report.chunks.embedded == 1
    assert report.steps["parse"].computed == 1
    assert "nine weeks" in workspace.search("carbon filter")[0].text
    assert all("six months" not in hit.text for hit in workspace.search("carbon filter six months", 20))


def test_moving_a_file_embeds_and_parses_nothing(workspace: Workspace) -> None:
    workspace.ingest()
    (workspace.docs / "guide.md").rename(workspace.docs / "manual.md")

    report = workspace.ingest()

    assert report.plan["moved"] == 1
    assert report.chunks.embedded == 0
    assert report.steps["parse"].computed == 0
    assert workspace.search("carbon filter")[0].source == "docs/manual.md"
    assert workspace.rows()["docs/guide.md"].state == "deleted"


def test_touching_a_file_makes_no_release(workspace: Workspace) -> None:
    first = workspace.ingest()
    os.utime(workspace.docs / "guide.md", ns=(1, 1))

    report = workspace.ingest()

    assert report.release == first.release
    assert report.plan["unchanged"] == 3
    assert all(count.computed == 0 for count in report.steps.values())


def test_copies_are_embedded_once(workspace: Workspace) -> None:
    workspace.ingest()
    shutil.copy(workspace.docs / "guide.md", workspace.docs / "copy.md")

    report = workspace.ingest()

    assert report.plan["added"] == 1
    assert report.chunks.embedded == 0
    assert workspace.rows()["docs/copy.md"].chunks == workspace.rows()["docs/guide.md"].chunks


def test_deleted_text_is_never_found(workspace: Workspace) -> None:
    workspace.ingest()
    (workspace.docs / "notes.txt").unlink()

    report = workspace.ingest()

    assert report.chunks.deleted == 1
    assert all("Utrecht" not in hit.text for hit in workspace.search("warehouse Utrecht", 50))


def test_a_new_chunk_size_parses_nothing(workspace: Workspace) -> None:
    workspace.ingest()
    workspace.configure(SETTINGS + "\n[chunk]\nmax_tokens = 24\nmin_tokens = 4\n")

    report = workspace.ingest()

    assert report.plan["reprocess"] == 3
    assert {name: report.steps[name].computed for name in ("parse", "clean", "audit")} == dict.fromkeys(
        ("parse", "clean", "audit"), 0
    )
    assert report.steps["chunk"].computed == 3
    assert report.chunks.total > 3


def test_a_cleaning_rule_rechunks_only_documents_it_changes(workspace: Workspace) -> None:
    workspace.write({"notes.txt": "Plain notes about the warehouse in Utrecht.\n\nOpening hours are nine to five."})
    workspace.ingest()
    workspace.configure(SETTINGS + '\n[clean]\ndrop_patterns = ["^Opening.*"]\n')

    report = workspace.ingest()

    assert report.steps["clean"].computed == 3
    assert report.steps["chunk"].computed == 1
    assert report.steps["parse"].computed == 0
    assert workspace.texts("docs/notes.txt") == ["Plain notes about the warehouse in Utrecht."]


def test_a_bad_update_keeps_the_last_good_version(workspace: Workspace) -> None:
    workspace.write({"page.json": '{"fact": "The Leiden office has 41 desks"}'})
    workspace.ingest()
    (workspace.docs / "page.json").write_bytes(b"%PDF-1.4 torn")

    report = workspace.ingest()

    assert report.published
    assert [(item.source, item.step) for item in report.quarantined] == [("docs/page.json", "parse")]
    row = workspace.rows()["docs/page.json"]
    assert row.state == "quarantined"
    assert row.version != row.seen_version
    assert "41 desks" in workspace.search("Leiden office desks")[0].text
    assert not workspace.ingest().published


def test_a_mended_document_goes_live_again(workspace: Workspace) -> None:
    (workspace.docs / "page.pdf").write_bytes(b"%PDF-1.4 torn")
    workspace.ingest()
    assert workspace.rows()["docs/page.pdf"].chunks == 0
    (workspace.docs / "page.pdf").write_bytes(b"# Really a text\n\nThe Leiden office has 41 desks.\n")

    report = workspace.ingest()

    assert report.quarantined == ()
    assert workspace.rows()["docs/page.pdf"].state == "live"


def test_plan_changes_nothing(workspace: Workspace) -> None:
    report = workspace.preview()

    assert report.plan["added"] == 3
    assert report.chunks.embedded > 0
    assert workspace.files() == {}
    assert report.release is None


def test_no_publish_leaves_the_live_release(workspace: Workspace) -> None:
    first = workspace.ingest()
    workspace.write({"new.md": "# New\n\nA tram stops at the gate.\n"})

    report = workspace.ingest(publish=False)

    assert report.gate == "pass"
    assert not report.published
    assert workspace.open().manifest.id == first.release
    assert workspace.search("tram stops gate", release=report.release)[0].source == "docs/new.md"


def test_rollback_restores_the_former_answers(workspace: Workspace) -> None:
    workspace.ingest()
    old = workspace.search("carbon filter months")
    workspace.write({"guide.md": GUIDE.replace("six months", "nine weeks")})
    workspace.ingest()

    rollback(workspace.environment(), "default", None)

    assert workspace.search("carbon filter months") == old


def test_a_path_limits_the_run(workspace: Workspace) -> None:
    workspace.ingest()
    workspace.write({"zh/policy.md": POLICY + "\n产假为一百五十八天。\n", "guide.md": "# Gone\n\nNothing.\n"})

    report = workspace.ingest(paths=(str(workspace.docs / "zh"),))

    assert report.plan["changed"] == 1
    assert workspace.rows()["docs/guide.md"].title == "Guide"
    assert workspace.ingest().plan["changed"] == 1


def test_a_path_outside_the_sources_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lies in none of the configured source folders"):
        workspace.ingest(paths=(str(tmp_path / "elsewhere"),))


def test_a_second_writer_is_told_who_holds_the_collection(workspace: Workspace) -> None:
    environment = workspace.environment()
    with environment.store.writer("default", 0), pytest.raises(WriterBusyError, match=r"process \d+ on"):
        workspace.ingest()


def test_a_publish_that_lost_the_race_changes_nothing(workspace: Workspace) -> None:
    workspace.ingest()
    releases = workspace.environment().releases("default")
    live = workspace.open().manifest.id

    with pytest.raises(ConflictError, match="Run the command again"):
        releases.publish(live, "late", "not the token", workspace.environment().now())

    assert workspace.open().manifest.id == live


def test_compaction_answers_as_a_fresh_build(workspace: Workspace, tmp_path: Path) -> None:
    workspace.ingest()
    for week in range(3):
        workspace.write(
            {"guide.md": GUIDE.replace("six months", f"{week} weeks"), f"n{week}.md": f"# N{week}\n\nRow {week}.\n"}
        )
        workspace.ingest()
    compacted = workspace.ingest(compact=True)
    other = tmp_path / "fresh"
    shutil.copytree(workspace.docs, other / "docs")
    fresh = Workspace(other)
    fresh.ingest()

    assert compacted.compacted
    assert len(workspace.open().manifest.segments) == 1
    assert workspace.open().manifest.content == fresh.open().manifest.content
    for query in ("carbon filter weeks", "年假", "row 2", "round button"):
        found = [(hit.text, hit.score) for hit in workspace.search(query)]
        assert found == [(hit.text, hit.score) for hit in fresh.search(query)]


def test_many_small_updates_compact_by_themselves(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + "\n[index]\ncompact_segments = 3\n")
    reports = []
    for number in range(5):
        workspace.write({f"extra{number}.md": f"# Extra {number}\n\nParagraph number {number}.\n"})
        reports.append(workspace.ingest())

    assert any(report.compacted for report in reports)
    assert len(workspace.open().manifest.segments) <= 4


def test_another_embedder_rechunks_nothing_and_keeps_last_good_versions(workspace: Workspace) -> None:
    workspace.write({"page.json": '{"fact": "The Leiden office has 41 desks"}'})
    workspace.ingest()
    (workspace.docs / "page.json").write_bytes(b"%PDF-1.4 torn")
    workspace.ingest()
    environment = workspace.environment()
    identify = environment.embedders.identify
    import msgspec

    from index.environment import EmbedderSource
    from index.pipeline import IngestRequest, ingest

    source = EmbedderSource(
        load=environment.embedders.load,
        identify=lambda settings: msgspec.structs.replace(identify(settings), fingerprint="another"),
    )
    report = ingest(IngestRequest(), msgspec.structs.replace(environment, embedders=source))

    assert report.steps["chunk"].computed == 0
    assert report.chunks.embedded == report.chunks.total
    assert "41 desks" in workspace.search("Leiden office desks")[0].text
    assert workspace.rows()["docs/page.json"].state == "quarantined"


def test_scratch_of_a_killed_run_is_swept(workspace: Workspace) -> None:
    environment = workspace.environment()
    with scratch.scratch_folder(environment.scratch("default")) as folder:
        left = folder.parent / folder.name.replace("-", "-9")
        left.mkdir()
    workspace.ingest()

    assert list(environment.scratch("default").iterdir()) == []


def test_a_quantised_segment_is_compacted_from_exact_vectors(workspace: Workspace) -> None:
    workspace.write(
        {f"n{number}.md": f"# N{number}\n\nParagraph {number} about harbour {number}.\n" for number in range(90)}
    )
    workspace.configure(SETTINGS + "\n[index]\nexact_rows = 40\n")
    workspace.ingest()
    assert [record.kind for record in workspace.open().manifest.segments] == ["ivf_sq8"]
    shutil.rmtree(workspace.root / ".ragpress" / "memo")
    workspace.configure(SETTINGS)

    report = workspace.ingest(compact=True)

    assert [record.kind for record in workspace.open().manifest.segments] == ["flat"]
    assert report.published
    assert workspace.search("harbour 42", 1)[0].source == "docs/n42.md"
