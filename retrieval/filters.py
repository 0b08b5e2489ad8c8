"""Metadata filters: which documents a caller wants, from the command line or the API to a mask over documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.versions import find_date
from ragpress.errors import UsageError
from retrieval.patterns import compile_pattern, matchable, matching

_EXAMPLES = (
    'source="docs/hr/**", language=zh, tag=policy, after=2024-01-01, before=2025-01-01, or a key of its own '
    "metadata, for example author=Ada"
)
_DATE_KEYS = ("date", "updated", "modified", "created")
_TAG_KEYS = ("tags", "keywords")
_LISTS = {"source": "sources", "language": "languages", "tag": "tags"}
_QUOTES = " \t\"'[]"

Item = TypeVar("Item")


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Which documents the caller wants. All given conditions must hold; of several values one must.

    Attributes:
        sources: gitignore-style patterns of source paths.
        languages: ISO codes; ``zh`` also takes ``zh-hant``.
        tags: values of the document's own ``tags`` (or ``keywords``).
        after: ISO date; the document's own date (``date``, ``updated``, ``modified``, ``created``; else when it was
            indexed) is that day or later.
        before: ISO date; the document's own date is before that day.
        metadata: any other key of the document's own metadata → accepted values.
    """

    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None
    metadata: dict[str, tuple[str, ...]] = {}


def parse_filter(items: Sequence[str]) -> Filter:
    """A filter from ``key=value`` strings, as the command line takes them; a key may come again with another value.

    Raises:
        UsageError: an item is not ``key=value``, or its value is not what its key takes.
    """
    lists: dict[str, list[str]] = {}
    days: dict[str, str] = {}
    for item in items:
        key, sign, value = (part.strip() for part in item.partition("="))
        if not (key and sign and value):
            raise UsageError(f"Filter {item!r}: expected KEY=VALUE, found no {_missing(key, sign)}. Give {_EXAMPLES}.")
        if key not in ("after", "before"):
            lists.setdefault(key, []).append(value)
        elif days.setdefault(key, value) != value:
            raise UsageError(f"Filter {item!r}: expected one date for {key!r}, found {days[key]!r} as well.")
    fields = {field: tuple(lists.pop(key, ())) for key, field in _LISTS.items()}
    rest = {key: tuple(values) for key, values in lists.items()}
    return checked(Filter(**fields, after=days.get("after"), before=days.get("before"), metadata=rest))


def filter_from_json(value: object) -> Filter:
    """A filter from a decoded JSON object, as the API takes it; a single text stands for a list of one.

    Raises:
        UsageError: it has an unknown field, or a value of the wrong type.
    """
    if isinstance(value, Mapping):
        value = {key: _listed(key, one) for key, one in value.items()}
    try:
        return checked(msgspec.convert(value, Filter))
    except msgspec.ValidationError as error:
        raise UsageError(
            f"filter: {error}. Expected an object with {', '.join(Filter.__struct_fields__)}; other keys of a "
            'document\'s own metadata stand under "metadata".'
        ) from error


def checked(where: Filter) -> Filter:
    """The same filter, once its dates and patterns are known to be sound.

    Raises:
        UsageError: one is not.
    """
    for name, value in (("after", where.after), ("before", where.before)):
        if value is not None:
            _day(name, value)
    _compiled(where.sources)
    return where


class FilterColumns:
    """The columns of a document table that filters look at, each read when it is first needed.

    Args:
        table: rows of a document table.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def matching(self, where: Filter) -> npt.NDArray[np.bool_]:
        """Which documents a filter takes: bool of shape (documents,)."""
        wanted = np.ones(len(self._table), np.bool_)
        if where.sources:
            wanted &= np.logical_or.reduce([matching(one, self._names) for one in _compiled(where.sources)])
        if where.languages:
            wanted &= self._by_language(where.languages)
        if where.tags:
            wanted &= self._by_metadata(_TAG_KEYS, where.tags)
        for key, values in where.metadata.items():
            wanted &= self._by_metadata((key,), values)
        if where.after is not None:
            wanted &= self._dates >= _day("after", where.after)
        if where.before is not None:
            wanted &= self._dates < _day("before", where.before)
        return wanted

    @cached_property
    def sources(self) -> list[str]:
        """Source path of each document."""
        sources: list[str] = self._table["source"].to_pylist()
        return sources

    @cached_property
    def _names(self) -> pa.StringArray:
        return matchable(self.sources)

    def _by_language(self, languages: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        accepted = [code.strip().lower().replace("_", "-") for code in languages]
        codes, positions = _distinct(self._table["language"])
        held = _mask(codes, lambda code: any(code == one or code.lower().startswith(one + "-") for one in accepted))
        return held[positions]

    def _by_metadata(self, keys: tuple[str, ...], accepted: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        folded = {key.strip().casefold() for key in keys}
        values = {_folded(value) for value in accepted}
        records, positions = self._metadata
        held = _mask(
            records, lambda own: any(not values.isdisjoint(_values(own[key])) for key in folded.intersection(own))
        )
        return held[positions]

    @cached_property
    def _metadata(self) -> tuple[list[dict[str, str]], npt.NDArray[np.int32]]:
        texts, positions = _distinct(self._table["metadata"])
        decode = msgspec.json.Decoder(dict[str, str]).decode
        return [{key.casefold(): value for key, value in decode(text).items()} for text in texts], positions

    @cached_property
    def _dates(self) -> npt.NDArray[np.datetime64]:
        """Each document's day, datetime64[D] of shape (documents,); not-a-time where nothing tells."""
        records, positions = self._metadata
        own = np.array([_own_day(record) for record in records], "datetime64[D]")[positions]
        indexed = np.array([text[:10] or None for text in self._table["updated"].to_pylist()], "datetime64[D]")
        return np.where(np.isnat(own), indexed, own)


def _missing(key: str, sign: str) -> str:
    return "'='" if not sign else "value" if key else "key"


def _listed(key: object, value: object) -> object:
    if key in _LISTS.values() and isinstance(value, str):
        return [value]
    if key == "metadata" and isinstance(value, Mapping):
        return {name: [one] if isinstance(one, str) else one for name, one in value.items()}
    return value


def _day(name: str, value: str) -> np.datetime64:
    try:
        return np.datetime64(date.fromisoformat(value), "D")
    except ValueError as error:
        raise UsageError(
            f"Filter {name!r}: expected an ISO date such as 2024-01-31, found {value!r} ({error})."
        ) from error


def _compiled(patterns: tuple[str, ...]) -> list[str]:
    try:
        return [compile_pattern(pattern) for pattern in patterns]
    except ValueError as error:
        raise UsageError(f"Filter 'source': a pattern of {list(patterns)} {error}. Give {_EXAMPLES}.") from error


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The distinct texts of a column, and the position of each row's text among them."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def _mask(items: Sequence[Item], test: Callable[[Item], bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter((test(item) for item in items), np.bool_, len(items))


def _folded(value: str) -> str:
    return value.strip(_QUOTES).casefold()


def _values(text: str) -> set[str]:
    """A metadata value as a whole, and what it lists: parsers join a list's items by commas."""
    return {_folded(text), *map(_folded, text.split(","))}


def _own_day(record: Mapping[str, str]) -> date | None:
    for key in _DATE_KEYS:
        value = record.get(key, "")
        # Dates of PDF files look like D:20240301120000+01'00'.
        found = find_date(value[2:10] if value.startswith("D:") else value)
        if found:
            try:
                return date(*(*found, 1, 1)[:3])
            except ValueError:
                continue
    return None
