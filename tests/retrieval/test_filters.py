from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from index.documents import DocumentRow, to_table
from ragpress.errors import UsageError
from retrieval.filters import Filter, FilterColumns, filter_from_json, parse_filter


def row(source: str, language: str = "en", updated: str = "2026-01-15T10:00:00+00:00", **own: str) -> DocumentRow:
    metadata = msgspec.json.encode({key.replace("_", " "): value for key, value in own.items()}).decode()
    return DocumentRow(
        document_id=source, source=source, state="live", language=language, updated=updated, metadata=metadata
    )


ROWS = [
    row("hr/leave.md", tags="[policy, 'HR']", date="2024-03-01", author="Ada Lovelace"),
    row("hr/pay/list.md", keywords="Policy", updated="2026-02-01T00:00:00+00:00"),
    row("news/a.md", "zh", date="last spring", modified="D:20240301120000+01'00'"),
    row("news/b.md", "zh-hant", created="2024-03", status="draft, internal"),
    row("old.md", "zhx", updated="", Project_Name="Apollo"),
]


def matching(*items: str) -> list[str]:
    return kept(parse_filter(items))


def kept(where: Filter) -> list[str]:
    mask = FilterColumns(to_table(ROWS)).matching(where)
    return [one.source for one, wanted in zip(ROWS, mask.tolist(), strict=True) if wanted]


def test_an_empty_filter_wants_everything() -> None:
    assert kept(Filter()) == [one.source for one in ROWS]
    assert parse_filter([]) == Filter()


def test_sources_by_pattern() -> None:
    assert matching("source=hr/**") == ["hr/leave.md", "hr/pay/list.md"]
    assert matching("source=pay/", "source=/old.md") == ["hr/pay/list.md", "old.md"]


def test_a_language_takes_its_scripts_and_nothing_else() -> None:
    assert matching("language=zh") == ["news/a.md", "news/b.md"]
    assert matching("language=zh-Hant", "language=en") == ["hr/leave.md", "hr/pay/list.md", "news/b.md"]


def test_tags_and_keywords_are_lists() -> None:
    assert matching("tag=policy") == ["hr/leave.md", "hr/pay/list.md"]
    assert matching("tag=hr") == ["hr/leave.md"]
    assert matching("tag=pol") == []


def test_dates_are_the_documents_own_or_when_it_was_indexed() -> None:
    assert matching("after=2024-03-01", "before=2024-03-02") == ["hr/leave.md", "news/a.md", "news/b.md"]
    assert matching("after=2024-03-02") == ["hr/pay/list.md"]
    assert matching("before=2024-03-01") == []


def test_any_other_key_of_the_documents_metadata() -> None:
    assert matching("author=ada lovelace") == ["hr/leave.md"]
    assert matching("status=internal") == ["news/b.md"]
    assert matching("status=draft, internal", "status=none") == ["news/b.md"]
    assert matching("project name=Apollo") == ["old.md"]
    assert matching("author=Ada Lovelace", "status=draft") == []


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["hr/**"], "found no '='"),
        (["source="], "found no value"),
        (["=x"], "found no key"),
        (["after=soon"], "expected an ISO date"),
        (["before=2024-02-30"], "expected an ISO date"),
        (["after=2024-01-01", "after=2024-01-02"], "expected one date"),
        (["source=!hr/**"], "nothing to take back"),
        (["source=#hr"], "can match nothing"),
    ],
)
def test_a_wrong_item_says_what_was_expected(items: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_filter(items)


def test_json_of_the_api() -> None:
    where = filter_from_json({"sources": "hr/**", "tags": ["policy"], "metadata": {"author": "Ada Lovelace"}})
    assert where == Filter(sources=("hr/**",), tags=("policy",), metadata={"author": ("Ada Lovelace",)})
    assert kept(where) == ["hr/leave.md"]
    assert msgspec.json.decode(msgspec.json.encode(where), type=Filter) == where


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"source": "hr/**"}, "unknown field `source`"),
        ({"languages": [1]}, "Expected `str`, got `int`"),
        ({"after": "soon"}, "expected an ISO date"),
        ({"sources": ["\\"]}, "not in gitignore syntax"),
        ("hr/**", "Expected `object`, got `str`"),
    ],
)
def test_wrong_json_says_what_was_expected(value: Mapping[str, object] | str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        filter_from_json(value)
