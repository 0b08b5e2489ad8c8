"""Numbers and times as reports write them."""

from __future__ import annotations

import pytest

from evaluation.report import figures


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (figures.share(0.8416), "0.842"),
        (figures.share(None), "–"),
        (figures.signed(0.0213), "+0.021"),
        (figures.signed(-0.0213), "−0.021"),
        (figures.signed(-0.0001), "0.000"),
        (figures.interval((-0.1, 0.02), plus=True), "−0.100 … +0.020"),
        (figures.interval((0.8, 0.9)), "0.800 … 0.900"),
        (figures.interval((-0.061, 0.177), plus=True, unit="seconds"), "−61 ms … +177 ms"),
        (figures.interval(None), "–"),
        (figures.difference(None, "tokens"), "–"),
        (figures.difference(-12.0, "tokens"), "−12.0"),
        (figures.probability(0.0004), "< 0.001"),
        (figures.probability(0.0314), "0.031"),
        (figures.count(12345), "12,345"),
        (figures.seconds(0.0034), "3.4 ms"),
        (figures.seconds(0.057), "57 ms"),
        (figures.seconds(3.44), "3.4 s"),
        (figures.seconds(125), "2 min 5 s"),
        (figures.seconds(3840), "1 h 4 min"),
        (figures.moment("2026-06-11T08:00:00+00:00"), "2026-06-11 08:00 UTC"),
        (figures.moment("2026-06-11T08:00:00+08:00"), "2026-06-11 08:00"),
        (figures.moment("soon"), "soon"),
        (figures.percent(0.95), "95%"),
        (figures.percent(0.975), "97.5%"),
        (figures.prompt("brief@0123456789abcdef"), "brief@0123456789ab"),
    ],
)
def test_a_figure_is_written_as_people_write_it(written: str, value: str) -> None:
    assert written == value


def test_the_median_of_nothing_is_missing() -> None:
    assert figures.median([]) is None
    assert figures.median([3.0, 1.0, 2.0]) == 2.0
    assert figures.median([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
