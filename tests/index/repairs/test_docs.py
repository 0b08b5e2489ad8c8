"""The examples in ``docs/repairs.md`` are repairs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from index.repairs.checking import problem
from index.repairs.records import Repair, RepairKind, kind_of

TEXT = (Path(__file__).parents[3] / "docs" / "repairs.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.+?)```", TEXT, re.DOTALL)]


def test_there_is_an_example_of_every_kind() -> None:
    assert {example["kind"] for example in EXAMPLES} == set(get_args(RepairKind))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["kind"]))
def test_an_example_can_be_used(example: dict[str, Any]) -> None:
    whole = {name: "ab" * 32 if name in ("version", "instead_of") else value for name, value in example.items()}

    repair = msgspec.convert(whole, Repair)

    assert kind_of(repair) == example["kind"]
    assert problem(repair) == ""
