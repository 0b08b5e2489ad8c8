"""How reliable confidences are, the counts of rules, and older editions as faults."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from benchmarks.loop import main
from benchmarks.loop_crowd import CROWD
from benchmarks.loop_damage import DAMAGE
from benchmarks.loop_faults import plans
from benchmarks.loop_pool import Asked, Pool
from benchmarks.loop_records import Found, Outcome, Plan, Scene
from benchmarks.loop_reliability import counts, reliability, reliability_table

NEW = "# Prices\n\nUpdated: 2026-08-01\n\nA ticket for the ferry costs nine crowns.\n"
OLD = "# Prices\n\nUpdated: 2024-09-01\n\nA ticket for the ferry is bought on board.\n"


def outcome(confidence: float, cause: str, *, half: str = "even", rule: str = "held", claimed: bool = True) -> Outcome:
    plan = Plan(kind="lost_table", pool="own", half=half, number=0, history=True, corrected=claimed, seed=1)
    found = Found(cause=cause, confidence=confidence, rule=rule, claimed=claimed)
    return Outcome(plan=plan, status="done", causes=("parse_fault",), found=found)


def scene(earlier: dict[str, str]) -> Scene:
    asked = Asked(
        id="1",
        question="What does a ticket cost?",
        answer="nine crowns",
        source="prices.md",
        sentence="A ticket for the ferry costs nine crowns.",
    )
    pool = Pool(
        name="own_en",
        language="en",
        half="odd",
        files={"prices.md": NEW},
        asked=(asked,),
        outside=(),
        foreign=(),
        earlier=earlier,
    )
    return Scene(
        pool=pool,
        files={"prices.md": NEW.encode()},
        asked=asked,
        plain=NEW,
        right=(asked,),
        history=True,
        corrected=True,
        chance=random.Random(1),
    )


def test_confidences_that_are_kept_have_no_error() -> None:
    kept = [outcome(0.75, "parse_fault")] * 3 + [outcome(0.75, "chunk_fault")]
    found = reliability(kept)
    assert found.count == 4
    assert found.error == pytest.approx(0.0)
    assert found.brier == pytest.approx(0.1875)
    assert [(item.low, item.count, item.right) for item in found.bins] == [(0.7, 4, 0.75)]
    assert "| 0.7–0.8 | 4 | 0.75 | 0.75 |" in reliability_table("All", found)


def test_confidence_in_what_is_wrong_is_an_error() -> None:
    found = reliability([outcome(1.0, "chunk_fault"), outcome(0.0, "parse_fault")])
    assert found.error == pytest.approx(1.0)
    assert found.brier == pytest.approx(1.0)


def test_rules_are_counted_with_and_without_a_claim_apart() -> None:
    told = [
        outcome(0.8, "parse_fault"),
        outcome(0.8, "chunk_fault"),
        outcome(0.5, "parse_fault", claimed=False),
        outcome(0.5, "parse_fault", rule=""),
    ]
    assert counts(told) == {"held": (1, 1), "held+": (2, 1)}


def test_counts_are_never_taken_from_the_reported_half(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "0-1.jsonl"
    path.write_bytes(msgspec.json.encode(outcome(0.8, "parse_fault", half="odd")) + b"\n")
    assert main(["fit", str(tmp_path)]) == 1
    assert "reported half" in capsys.readouterr().out
    path.write_bytes(msgspec.json.encode(outcome(0.8, "parse_fault")) + b"\n")
    assert main(["fit", str(tmp_path)]) == 0
    assert '"held+": (1, 1),' in capsys.readouterr().out


@pytest.mark.parametrize("name", ["stale_copy", "stale_itself"])
def test_a_real_older_edition_is_used_unless_it_gives_the_answer_too(name: str) -> None:
    kind = next(kind for kind in (*DAMAGE, *CROWD) if kind.name == name)
    fault = kind.inject(scene({"prices.md": OLD}))
    assert fault is not None
    assert fault.causes == ("stale_document",)
    assert [fault.files[path].decode() for path in fault.culprits] == [OLD]
    assert kind.inject(scene({"prices.md": OLD.replace("is bought on board", "costs nine crowns")})) is None


def test_languages_come_in_turn() -> None:
    first = [plan.pool.rsplit("_", 1)[1] for plan in plans(2026, 840, "odd")]
    for end in (120, 420, 840):
        assert abs(first[:end].count("en") - first[:end].count("zh")) <= end / 14
