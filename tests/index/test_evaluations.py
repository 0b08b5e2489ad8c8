"""What the store keeps of evaluations: written once, listed when whole, reports removed before figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.evaluations import (
    REPORT_HTML,
    EvaluationSummary,
    MetricSummary,
    damaged_evaluations,
    drop_reports,
    evaluation_file,
    evaluation_key,
    list_evaluations,
    read_evaluation,
    save_evaluation,
)
from ragpress.errors import IntegrityError, ReleaseError
from ragpress.storage import open_store
from ragpress.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "data"), tmp_path / "cache")


def summary(number: int, collection: str = "default") -> EvaluationSummary:
    return EvaluationSummary(
        id=f"e2026010{number}T000000-abcdef",
        collection=collection,
        kind="run",
        created=f"2026-01-0{number}T00:00:00+00:00",
        release=f"r0000{number}-0000000000",
        label="live",
        prompt="default@1",
        content="c",
        cases=2,
        case_set="s",
        metrics={"recall@10": MetricSummary(mean=0.5, ci=(0.0, 1.0), n=2)},
    )


def test_an_evaluation_is_kept_and_found_again(store: Store) -> None:
    for number in (1, 3, 2):
        save_evaluation(store, summary(number), {REPORT_HTML: b"<p>"})
    save_evaluation(store, summary(4, "other"), {})
    assert [one.id[8:9] for one in list_evaluations(store, "default")] == ["3", "2", "1"]
    assert [one.collection for one in list_evaluations(store, limit=2)] == ["other", "default"]
    assert read_evaluation(store, summary(2).id) == summary(2)
    assert evaluation_file(store, summary(2).id, REPORT_HTML) == b"<p>"


def test_one_without_its_summary_is_not_listed(store: Store) -> None:
    save_evaluation(store, summary(1), {REPORT_HTML: b"<p>"})
    store.create(evaluation_key(summary(2).id, REPORT_HTML), b"<p>")
    assert [one.id for one in list_evaluations(store)] == [summary(1).id]


@pytest.mark.parametrize("name", ["", "..", "../x", "e1/..", "e 1", "e1\x00"])
def test_what_cannot_be_an_evaluation_is_none(store: Store, name: str) -> None:
    with pytest.raises(ReleaseError, match="There is no evaluation"):
        read_evaluation(store, name)


def test_reports_go_with_their_releases_and_figures_stay(store: Store) -> None:
    for number in range(1, 6):
        save_evaluation(store, summary(number), {REPORT_HTML: b"<p>", "report.json": b"{}"})
    assert drop_reports(store, "default", {summary(1).release}, newest=2) == 4
    assert len(list_evaluations(store, "default")) == 5
    for number, kept in ((1, True), (2, False), (3, False), (4, True), (5, True)):
        assert store.exists(evaluation_key(summary(number).id, REPORT_HTML)) is kept
    with pytest.raises(ReleaseError, match="releases gc"):
        evaluation_file(store, summary(2).id, REPORT_HTML)


@pytest.mark.parametrize("body", [b"", b"{", b"\x00" * 40, b'{"id": "\xff"}', b"[]"])
def test_a_damaged_summary_is_left_out_of_lists_and_named(store: Store, body: bytes) -> None:
    for number in (1, 2):
        save_evaluation(store, summary(number), {})
    key = evaluation_key(summary(2).id, "summary.json")
    store.delete(key)
    store.create(key, body)
    assert [one.id for one in list_evaluations(store)] == [summary(1).id]
    assert damaged_evaluations(store) == [key]
    with pytest.raises(IntegrityError, match="is damaged"):
        read_evaluation(store, summary(2).id)
