"""Counts, percentiles, tokens and cost of answers, in one pass of DuckDB over their facts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from serving.overview.buckets import bucket_numbers
from serving.overview.records import Bucket, CitedDocument, Quality, ReleaseQuality

if TYPE_CHECKING:
    import duckdb

_MILLION = 1_000_000

_FIGURES = """
    count(*) AS answers,
    count(*) FILTER (status = 'complete') AS complete,
    count(*) FILTER (status = 'complete' AND abstained) AS abstained,
    count(*) FILTER (status = 'failed') AS failed,
    count(*) FILTER (status = 'cancelled') AS cancelled,
    count(*) FILTER (rating = 'up') AS up,
    count(*) FILTER (rating = 'down') AS down,
    coalesce(sum(claims), 0)::BIGINT AS claims,
    coalesce(sum(unsupported), 0)::BIGINT AS unsupported,
    quantile_cont(first_token, 0.5) AS first_token_p50,
    quantile_cont(first_token, 0.95) AS first_token_p95,
    quantile_cont(total, 0.5) AS total_p50,
    quantile_cont(total, 0.95) AS total_p95,
    count(coalesce(prompt_tokens, completion_tokens)) AS counted,
    sum(prompt_tokens)::BIGINT AS prompt_tokens,
    sum(completion_tokens)::BIGINT AS completion_tokens,
    arg_max(release, "at") AS last_release,
    max("at") AS last_at
"""

_GROUPED = f"SELECT bucket, release, {_FIGURES} FROM rated GROUP BY GROUPING SETS ((), (bucket), (release))"  # noqa: S608 - a constant

_RATED = """
    CREATE TEMP TABLE rated AS
    SELECT facts.*, latest.rating
    FROM facts LEFT JOIN (
        SELECT answer_id, arg_max(rating, id) AS rating FROM ratings GROUP BY answer_id
    ) AS latest ON facts.id = latest.answer_id
"""

_CITED = """
    SELECT document_id, any_value(source) AS source, count(*) AS answers, count(*) FILTER (rating = 'down') AS down
    FROM (SELECT unnest(cited_ids) AS document_id, unnest(cited_sources) AS source, rating FROM rated)
    GROUP BY document_id ORDER BY answers DESC, source LIMIT ?
"""

_Figures = dict[str, Any]


class Prices(msgspec.Struct, frozen=True):
    """Prices of a million tokens that a generator reads and writes; nothing is priced when both are 0."""

    read: float = 0.0
    written: float = 0.0

    @property
    def known(self) -> bool:
        """Whether any price is set."""
        return self.read > 0 or self.written > 0

    def cost(self, read: int | None, written: int | None) -> float | None:
        """Cost of tokens; None where none were counted, or no price is set."""
        if not self.known or (read is None and written is None):
            return None
        return ((read or 0) * self.read + (written or 0) * self.written) / _MILLION


class Measured(msgspec.Struct, frozen=True):
    """The figures of a collection's answers.

    Attributes:
        totals: of all in the time looked at.
        buckets: of each stretch of time, also those without answers.
        releases: of each release that answered, by id.
        cited: the documents cited most.
    """

    totals: Quality
    buckets: tuple[Bucket, ...]
    releases: Mapping[str, ReleaseQuality]
    cited: tuple[CitedDocument, ...]


def measure(
    answers: pa.Table,
    ratings: pa.Table,
    bounds: Sequence[datetime],
    created: Mapping[str, datetime],
    prices: Prices,
    most_cited: int = 10,
) -> Measured:
    """The figures of answers.

    Args:
        answers: schema :data:`~serving.overview.facts.ANSWERS`; those outside of the bounds are not counted.
        ratings: schema :data:`~serving.overview.facts.RATINGS`; of one answer the last counts.
        bounds: edges of the buckets, ascending, UTC.
        created: when each known release was built.
        prices: of tokens.
        most_cited: how many documents to name.
    """
    import duckdb  # noqa: PLC0415 - the command line needs it not

    numbers = bucket_numbers(answers["at"].to_numpy().astype("datetime64[us]"), list(bounds))
    inside = (numbers >= 0) & (numbers < len(bounds) - 1)
    facts = answers.append_column("bucket", pa.array(numbers)).filter(pa.array(inside))
    with duckdb.connect() as connection:
        connection.register("facts", facts)
        connection.register("ratings", ratings)
        connection.execute(_RATED)
        grouped = _rows(connection, _GROUPED, [])
        cited = _rows(connection, _CITED, [most_cited])
    return _told(grouped, cited, bounds, created, prices)


def _rows(connection: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> list[_Figures]:
    found = connection.execute(query, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _told(
    rows: list[_Figures],
    cited: list[_Figures],
    bounds: Sequence[datetime],
    created: Mapping[str, datetime],
    prices: Prices,
) -> Measured:
    by_bucket = {row["bucket"]: row for row in rows if row["bucket"] is not None}
    by_release = {row["release"]: row for row in rows if row["release"] is not None}
    everything = next((row for row in rows if row["bucket"] is None and row["release"] is None), None)
    return Measured(
        totals=Quality(**_figures(everything, prices)),
        buckets=tuple(
            Bucket(
                start=_iso(start),
                end=_iso(end),
                index_age_seconds=_age(by_bucket.get(number), created),
                **_figures(by_bucket.get(number), prices),
            )
            for number, (start, end) in enumerate(itertools.pairwise(bounds))
        ),
        releases={name: ReleaseQuality(release=name, **_figures(row, prices)) for name, row in by_release.items()},
        cited=tuple(CitedDocument(**row) for row in cited),
    )


_COUNTS = ("answers", "complete", "abstained", "failed", "cancelled", "up", "down", "claims", "unsupported", "counted")
_MEASURES = ("first_token_p50", "first_token_p95", "total_p50", "total_p95", "prompt_tokens", "completion_tokens")


def _figures(row: _Figures | None, prices: Prices) -> _Figures:
    found = row or {}
    figures: _Figures = {name: found.get(name) or 0 for name in _COUNTS}
    figures |= {name: found.get(name) for name in _MEASURES}
    figures["cost"] = prices.cost(figures["prompt_tokens"], figures["completion_tokens"])
    return figures


def _age(row: _Figures | None, created: Mapping[str, datetime]) -> float | None:
    built = None if row is None else created.get(row["last_release"])
    if row is None or built is None:
        return None
    last: datetime = row["last_at"]
    return max(0.0, (last.replace(tzinfo=UTC) - built).total_seconds())


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")


def z_score(bad: int, of: int, bad_before: int, of_before: int) -> float:
    """How many standard errors a share grew by: the z statistic of two proportions with a pooled variance.

    Returns:
        0 where either share is of nothing, or neither varies.
    """
    if not of or not of_before:
        return 0.0
    pooled = (bad + bad_before) / (of + of_before)
    error = np.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_before))
    return float((bad / of - bad_before / of_before) / error) if error > 0 else 0.0
