"""Plots are well-formed SVG whose marks stand where the values are."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from evaluation.report.plots import (
    PAD,
    WIDTH,
    TrendPoint,
    axis_row,
    delta_scale,
    interval_row,
    share_scale,
    tick_text,
    trend_plot,
)


def parsed(svg: Markup) -> ET.Element:
    return ET.fromstring(str(svg))  # noqa: S314 - our own


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in root.iter() if name in node.get("class", "").split()]


@pytest.mark.parametrize(("values", "high"), [([], 0.005), ([0.03, -0.011], 0.05), ([-0.4], 0.5), ([-1.0, 1.0], 1.0)])
def test_the_axis_of_differences_is_even_on_both_sides(values: list[float], high: float) -> None:
    scale = delta_scale(values)
    assert (scale.low, scale.high) == (-high, high)
    assert scale.x(0) == WIDTH / 2
    assert scale.x(-9) == PAD


def test_a_row_draws_the_interval_and_a_point_that_says_which_way() -> None:
    scale = share_scale()
    root = parsed(interval_row(scale, 0.5, (0.25, 0.75), "better"))
    line = of_class(root, "interval")[0]
    assert (line.get("x1"), line.get("x2")) == (f"{scale.x(0.25):.1f}", f"{scale.x(0.75):.1f}")
    shapes = {}
    for tone in ("better", "worse", "unclear", "mean"):
        point = of_class(parsed(interval_row(scale, 0.5, None, tone)), "point")[0]
        shapes[tone] = point.get("points") or point.tag
    assert len({shapes["better"], shapes["worse"], shapes["unclear"]}) == 3
    assert root.get("aria-hidden") == "true"


def test_the_margin_is_drawn_where_it_is_on_the_axis() -> None:
    scale = delta_scale([0.1])
    assert len(of_class(parsed(interval_row(scale, 0.0, None, "unclear", -0.02)), "limit")) == 1
    assert of_class(parsed(interval_row(scale, 0.0, None, "unclear", -0.2)), "limit") == []


def test_the_axis_has_a_figure_at_every_tick() -> None:
    texts = [node.text for node in parsed(axis_row(delta_scale([0.1]), signed=True)).iter("text")]
    assert texts == ["−0.1", "−0.05", "0", "+0.05", "+0.1"]
    assert tick_text(0.005, signed=False) == "0.005"


def test_a_trend_has_a_point_for_every_mean_and_a_gap_where_there_is_none() -> None:
    points = [
        TrendPoint(label="1", mean=0.8, interval=(0.7, 0.9)),
        TrendPoint(label="2", mean=None, interval=None),
        TrendPoint(label="3", mean=0.9, interval=None, turn=True),
        TrendPoint(label="4", mean=0.85, interval=(0.8, 0.9), current=True),
    ]
    root = parsed(trend_plot(points, "caption"))
    assert len(of_class(root, "dot")) == 3
    assert len(of_class(root, "current")) == 1
    assert len(of_class(root, "turn")) == 1
    path = of_class(root, "line")[0].get("d") or ""
    assert len(re.findall("M", path)) == 2
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "caption")


def test_a_trend_of_equal_values_stays_within_shares() -> None:
    points = [TrendPoint(label=str(number), mean=1.0, interval=(1.0, 1.0)) for number in (1, 2)]
    texts = [node.text for node in parsed(trend_plot(points, "c")).iter("text")]
    assert texts[:3] == ["0.90", "0.95", "1.00"]
