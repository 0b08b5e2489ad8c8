from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.plan import CHANGE_SCHEMA, PARENT_SCHEMA, Plan, Scope, document_id, make_plan
from ingest.sources import Refused, resolve_roots, scan
from ingest.stat_cache import SCHEMA, StatCache
from ragpress.settings import SourceSettings

NOW = 4_000_000_000 * 1_000_000_000


def sha(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def scanned(contents: dict[str, str]) -> pa.Table:
    """The table that a scan of these sources gives."""
    rows = [
        {"source": source, "path": source.encode(), "size": len(text), "sha256": sha(text)}
        for source, text in sorted(contents.items())
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def recorded(contents: dict[str, str | None], derived: str = "now", states: dict[str, str] | None = None) -> pa.Table:
    """The document table of a parent release that saw these contents (None: it could read no bytes)."""
    rows = [
        {
            "document_id": document_id("c", source),
            "source": source,
            "seen_version": None if text is None else sha(text),
            "derived": derived,
            "state": (states or {}).get(source, "live"),
        }
        for source, text in contents.items()
    ]
    return pa.Table.from_pylist(rows, schema=PARENT_SCHEMA)


def sources(table: pa.Table) -> list[str]:
    return [str(source) for source in table["source"].to_pylist()]


def plan_of(files: dict[str, str], parent: pa.Table | None, *refused: Refused, roots: tuple[str, ...] = (".",)) -> Plan:
    return make_plan(scanned(files), parent, Scope(roots=roots, derived="now", refused=refused))


def test_the_first_release_adds_everything() -> None:
    plan = plan_of({"b": "2", "a": "1"}, None)
    assert sources(plan.added) == ["a", "b"]
    assert plan.added.to_pylist()[0] == {
        "source": "a",
        "path": b"a",
        "size": 1,
        "sha256": sha("1"),
        "document_id": None,
        "from_source": None,
        "from_document_id": None,
    }
    assert not plan.is_empty


def test_every_kind_of_change_at_once() -> None:
    parent = recorded({"same": "s", "edited": "old", "renamed": "r", "gone": "g"})
    plan = plan_of({"same": "s", "edited": "new", "renamed-to": "r", "fresh": "f"}, parent)
    assert plan.counts() == {
        "added": 1,
        "changed": 1,
        "moved": 1,
        "deleted": 1,
        "reprocess": 0,
        "unchanged": 1,
        "quarantined": 0,
    }
    assert plan.changed.to_pylist()[0]["document_id"] == document_id("c", "edited")
    moved = plan.moved.to_pylist()[0]
    assert (moved["source"], moved["from_source"], moved["document_id"]) == ("renamed-to", "renamed", None)
    assert moved["from_document_id"] == document_id("c", "renamed")
    deleted = plan.deleted.to_pylist()[0]
    assert (deleted["source"], deleted["path"], deleted["size"]) == ("gone", None, None)
    assert (deleted["sha256"], deleted["document_id"]) == (sha("g"), document_id("c", "gone"))


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")], ids=["sorted", "unsorted"])
def test_nothing_to_do_is_an_empty_plan_whatever_the_order_of_the_parent(order: tuple[str, ...]) -> None:
    contents = {"a": "1", "b": "2"}
    plan = plan_of(contents, recorded({source: contents[source] for source in order}))
    assert plan.is_empty
    assert plan.unchanged == 2
    for table in (plan.added, plan.changed, plan.moved, plan.deleted, plan.reprocess):
        assert table.schema.equals(CHANGE_SCHEMA)


def test_nothing_and_nothing_is_an_empty_plan() -> None:
    assert plan_of({}, None).is_empty
    assert plan_of({}, recorded({})).counts()["unchanged"] == 0


def test_another_pipeline_reprocesses_what_did_not_change() -> None:
    plan = plan_of({"a": "1", "b": "changed"}, recorded({"a": "1", "b": "2"}, derived="before"))
    assert (sources(plan.reprocess), sources(plan.changed), plan.unchanged) == (["a"], ["b"], 0)
    assert plan.reprocess.to_pylist()[0]["document_id"] == document_id("c", "a")


class TestMoves:
    def test_copies_are_matched_one_to_one_in_source_order(self) -> None:
        parent = recorded({"old/1": "x", "old/2": "x", "old/3": "y"})
        plan = plan_of({"new/b": "x", "new/a": "x", "new/c": "x", "new/d": "y"}, parent)
        pairs = list(zip(sources(plan.moved), plan.moved["from_source"].to_pylist(), strict=True))
        assert pairs == [("new/a", "old/1"), ("new/b", "old/2"), ("new/d", "old/3")]
        assert sources(plan.added) == ["new/c"]
        assert sources(plan.deleted) == []

    def test_more_gone_than_come(self) -> None:
        plan = plan_of({"z": "x"}, recorded({"a": "x", "b": "x"}))
        assert (sources(plan.moved), sources(plan.deleted)) == (["z"], ["b"])

    def test_a_copy_of_a_document_that_stays_is_added(self) -> None:
        plan = plan_of({"a": "x", "b": "x"}, recorded({"a": "x"}))
        assert (sources(plan.added), len(plan.moved), plan.unchanged) == (["b"], 0, 1)

    def test_a_swap_of_two_contents_is_two_changes(self) -> None:
        plan = plan_of({"a": "2", "b": "1"}, recorded({"a": "1", "b": "2"}))
        assert (sources(plan.changed), len(plan.moved)) == (["a", "b"], 0)

    def test_a_document_that_was_deleted_before_is_no_origin(self) -> None:
        plan = plan_of({"b": "x"}, recorded({"a": "x"}, states={"a": "deleted"}))
        assert (sources(plan.added), len(plan.moved), len(plan.deleted)) == (["b"], 0, 0)


class TestStates:
    def test_a_source_that_comes_back_is_added_under_its_old_id(self) -> None:
        plan = plan_of({"a": "x"}, recorded({"a": "x"}, states={"a": "deleted"}))
        assert sources(plan.added) == ["a"]
        assert plan.added["document_id"].to_pylist() == [document_id("c", "a")]

    @pytest.mark.parametrize("state", ["quarantined", "superseded"])
    def test_other_states_are_compared_like_live_ones(self, state: str) -> None:
        parent = recorded({"a": "1", "b": "2", "c": "3"}, states=dict.fromkeys("abc", state))
        plan = plan_of({"a": "1", "b": "new"}, parent)
        assert (sources(plan.changed), sources(plan.deleted), plan.unchanged) == (["b"], ["c"], 1)

    def test_one_that_never_could_be_read_is_changed_once_it_can(self) -> None:
        plan = plan_of({"a": "1"}, recorded({"a": None}, states={"a": "quarantined"}))
        assert sources(plan.changed) == ["a"]

    def test_one_that_never_could_be_read_is_deleted_once_it_is_gone(self) -> None:
        plan = plan_of({}, recorded({"a": None}, states={"a": "quarantined"}))
        assert sources(plan.deleted) == ["a"]


class TestScope:
    parent = recorded({"docs/a": "1", "docs-old/a": "2", "docs": "3", "other/a": "4"})

    def test_deletions_are_concluded_only_below_what_was_walked(self) -> None:
        assert sources(plan_of({}, self.parent, roots=("docs",)).deleted) == ["docs", "docs/a"]
        assert sources(plan_of({}, self.parent, roots=("docs-old", "other")).deleted) == ["docs-old/a", "other/a"]
        assert plan_of({}, self.parent, roots=()).is_empty
        assert len(plan_of({}, self.parent, roots=(".",)).deleted) == 4

    def test_names_are_no_patterns(self) -> None:
        parent = recorded({"d%cs/a": "1", "docs/a": "2", "d_cs/a": "3"})
        assert sources(plan_of({}, parent, roots=("d%cs",)).deleted) == ["d%cs/a"]
        assert sources(plan_of({}, parent, roots=("d_cs",)).deleted) == ["d_cs/a"]
        assert plan_of({}, parent, roots=("'; DROP TABLE parent; --",)).is_empty

    def test_what_is_refused_now_keeps_its_last_good_version(self) -> None:
        plan = plan_of({}, self.parent, Refused("docs/a", "no permission"))
        assert sources(plan.deleted) == ["docs", "docs-old/a", "other/a"]
        assert plan.counts()["quarantined"] == 1
        assert plan.newly_refused == ()

    def test_a_refused_folder_keeps_everything_below_it(self) -> None:
        plan = plan_of({}, self.parent, Refused("docs", "no permission", folder=True))
        assert sources(plan.deleted) == ["docs-old/a", "other/a"]
        assert plan_of({}, self.parent, Refused(".", "no permission", folder=True)).counts()["deleted"] == 0

    def test_a_refused_file_in_place_of_a_folder_keeps_nothing_below_it(self) -> None:
        plan = plan_of({}, self.parent, Refused("docs", "a FIFO"))
        assert sources(plan.deleted) == ["docs-old/a", "docs/a", "other/a"]

    def test_a_refused_origin_is_not_moved_from(self) -> None:
        plan = plan_of({"b": "1"}, recorded({"a": "1"}), Refused("a", "no permission"))
        assert (sources(plan.added), len(plan.moved), len(plan.deleted)) == (["b"], 0, 0)

    def test_only_what_is_newly_refused_needs_a_release(self) -> None:
        known = recorded({"a": None, "d": None}, states={"a": "quarantined", "d": "deleted"})
        assert plan_of({}, known, Refused("a", "too large")).is_empty
        for source in ("b", "d"):
            plan = plan_of({}, known, Refused("a", "too large"), Refused(source, "a FIFO"))
            assert not plan.is_empty
            assert [item.source for item in plan.newly_refused] == [source]


def test_document_ids_are_stable_and_differ_by_collection_and_source() -> None:
    serialised = b"s8:document" + b"s7:default" + b"s9:docs/a.md"
    assert document_id("default", "docs/a.md") == "d" + hashlib.sha256(serialised).hexdigest()[:24]
    assert len({document_id("a", "bc"), document_id("ab", "c"), document_id("a", "b")}) == 3


def test_tables_are_sorted_as_bytes() -> None:
    names = ["Z", "a", "é", "中", "\U0001f600", "\uffee", "B/x", "B"]
    found = sources(plan_of(dict.fromkeys(names, "x"), None).added)
    assert found == sorted(names, key=str.encode)


_NAMES = st.sampled_from(["a", "b", "c/d", "c/e", "c", "é", "x y", "-"])
_CONTENTS = st.dictionaries(_NAMES, st.sampled_from(["1", "2", "3"]))


@settings(max_examples=60, deadline=None)
@given(before=_CONTENTS, after=_CONTENTS, dead=st.sets(_NAMES), stale=st.booleans())
def test_a_plan_agrees_with_a_loop_over_dictionaries(
    before: dict[str, str], after: dict[str, str], dead: set[str], stale: bool
) -> None:
    parent = recorded(dict(before), "before" if stale else "now", dict.fromkeys(dead, "deleted"))
    plan = plan_of(after, parent)
    alive = {source: text for source, text in before.items() if source not in dead}
    come, gone = after.keys() - alive.keys(), alive.keys() - after.keys()
    same = {source for source in after.keys() & alive.keys() if after[source] == alive[source]}
    moves = (Counter(after[source] for source in come) & Counter(alive[source] for source in gone)).total()
    assert set(sources(plan.changed)) == (after.keys() & alive.keys()) - same
    assert len(plan.moved) == moves
    assert set(sources(plan.added)) | set(sources(plan.moved)) == come
    assert set(sources(plan.deleted)) | set(plan.moved["from_source"].to_pylist()) == gone
    assert len(plan.added) + moves == len(come)
    assert len(plan.deleted) + moves == len(gone)
    assert (set(sources(plan.reprocess)) if stale else plan.unchanged) == (same if stale else len(same))
    for row in plan.moved.to_pylist():
        assert alive[row["from_source"]] == after[row["source"]]


_OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "edit in place", "delete", "rename", "touch", "old mtime"]),
        st.sampled_from(["a.md", "b.md", "d/c.md", "d/e/f.md"]),
        st.sampled_from(["a.md", "g.md", "d/h.md"]),
        st.sampled_from(["one", "two", "six"]),
    ),
    max_size=8,
)


def do(operation: tuple[str, str, str, str], folder: Path, model: dict[str, str]) -> None:
    """Do one file operation on the disk and in the model; what needs a missing file does nothing."""
    kind, name, other, text = operation
    path, target = folder / name, folder / other
    if kind == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        model["docs/" + name] = text
    elif not path.exists():
        return
    elif kind == "edit in place":
        info = path.stat()
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        model["docs/" + name] = text
    elif kind == "delete":
        path.unlink()
        del model["docs/" + name]
    elif kind == "rename":
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        model["docs/" + other] = model.pop("docs/" + name)
    else:
        os.utime(path, None if kind == "touch" else (0, 0))


@settings(max_examples=40, deadline=None)
@given(series=st.lists(_OPERATIONS, min_size=1, max_size=4))
def test_any_series_of_file_operations_is_planned_as_a_dictionary_says(
    series: list[list[tuple[str, str, str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = tmp_path_factory.mktemp("ws")
    (workspace / "docs").mkdir()
    roots = resolve_roots(("docs",), workspace)
    model: dict[str, str] = {}
    cache = StatCache()
    for step, operations in enumerate(series):
        before = dict(model)
        for operation in operations:
            do(operation, workspace / "docs", model)
        found = scan(roots, SourceSettings(), cache, lambda now=NOW + step: now)  # type: ignore[misc] # a default binds it
        plan = make_plan(found.files, recorded(dict(before)), Scope(roots=("docs",), derived="now"))
        cache = StatCache(found.files)
        assert dict(zip(sources(found.files), found.files["sha256"].to_pylist(), strict=True)) == {
            source: sha(text) for source, text in model.items()
        }
        same = {source for source in before.keys() & model.keys() if before[source] == model[source]}
        assert plan.unchanged == len(same)
        assert len(plan.changed) == len(before.keys() & model.keys()) - len(same)
        assert len(plan.added) + len(plan.moved) == len(model.keys() - before.keys())
        assert len(plan.deleted) + len(plan.moved) == len(before.keys() - model.keys())
