"""Which cells of tables a question can be made of."""

from __future__ import annotations

import pytest

from evaluation.generate.naming import is_entity, is_noun_header, is_plural
from evaluation.generate.rows import about_cell


@pytest.mark.parametrize("column", ["price", "delivery, weeks", "detection limit", "default", "role", "opening hours"])
def test_headers_that_name_something(column: str) -> None:
    assert is_noun_header(column)


@pytest.mark.parametrize(
    "column", ["gets", "the candidate is refused when", "good for", "200", "it means", "do", "tried again", "p95 ms"]
)
def test_headers_that_name_nothing_give_no_question(column: str) -> None:
    assert not is_noun_header(column)
    assert about_cell("en", "name", "Lark Mini", column, "a value") == ""


@pytest.mark.parametrize("key", ["Lark Mini", "E22", "rear door", "GET /v1/evaluations", "status 429"])
def test_rows_that_are_things(key: str) -> None:
    assert is_entity(key)


@pytest.mark.parametrize(
    "key", ["keeps a connection without a request", "a number without a passage", "no margin", "ask another collection"]
)
def test_rows_that_are_phrases_give_no_question(key: str) -> None:
    assert not is_entity(key)
    assert about_cell("en", "name", key, "price", "a value") == ""


def test_several_things_are_plural() -> None:
    assert is_plural("labels")
    assert is_plural("meals, a day")
    assert not is_plural("address")
    assert about_cell("en", "metric", "swaps", "labels", "collection") == "what are the labels for swaps?"
