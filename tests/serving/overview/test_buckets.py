from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from serving.overview.buckets import bucket_hours, bucket_numbers, edges, zone_of

NOON = datetime(2026, 6, 10, 12, 34, tzinfo=UTC)


@pytest.mark.parametrize(("days", "hours"), [(1, 1), (2, 1), (7, 3), (14, 6), (30, 24), (90, 24)])
def test_a_longer_look_has_longer_buckets(days: int, hours: int) -> None:
    assert bucket_hours(days) == hours
    assert len(edges(NOON, days, zone_of("UTC"))) == days * 24 // hours + 1


def test_the_last_bucket_holds_now_and_the_first_begins_days_before() -> None:
    found = edges(NOON, 1, zone_of("UTC"))
    assert found[-2] <= NOON < found[-1]
    assert found[-1] - found[0] == timedelta(days=1)


def test_days_begin_at_midnight_of_the_reader() -> None:
    zone = zone_of("Asia/Kolkata")  # five and a half hours ahead
    assert {edge.astimezone(zone).strftime("%H:%M") for edge in edges(NOON, 30, zone)} == {"00:00"}


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_a_day_on_which_the_clocks_change_is_one_bucket(month: int, day: int, hours: int) -> None:
    zone = zone_of("Europe/Berlin")
    found = edges(datetime(2026, month, day + 2, 12, tzinfo=UTC), 30, zone)
    changed = next(number for number, edge in enumerate(found) if edge.astimezone(zone).day == day)
    assert found[changed + 1] - found[changed] == timedelta(hours=hours)


def test_an_hour_that_the_clocks_skip_or_repeat_leaves_no_time_uncounted() -> None:
    zone = zone_of("Europe/Berlin")
    for moment in (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)):
        found = edges(moment, 1, zone)
        assert found == sorted(set(found))
        assert found[-2] <= moment < found[-1]


def test_a_zone_that_nobody_knows_counts_as_utc() -> None:
    for name in ("Nowhere/Land", "", "../../etc/passwd", "\x00"):
        assert zone_of(name).key == "UTC"


def test_times_fall_into_the_bucket_that_begins_with_or_before_them() -> None:
    bounds = [datetime(2026, 6, 10, hour, tzinfo=UTC) for hour in (1, 2, 3)]
    times = np.array(
        ["2026-06-10T00:59:59", "2026-06-10T01:00:00", "2026-06-10T02:59:59", "2026-06-10T03:00:00"],
        dtype="datetime64[us]",
    )
    assert bucket_numbers(times, bounds).tolist() == [-1, 0, 1, 2]
