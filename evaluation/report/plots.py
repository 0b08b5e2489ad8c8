"""Small plots as inline SVG: pure functions of figures. Colours and type are the page's own style sheet's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup

WIDTH, ROW_HEIGHT, AXIS_HEIGHT, PAD = 240, 30, 22, 14
_NICE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
TREND_WIDTH, TREND_HEIGHT, TREND_LEFT, TREND_TOP, TREND_BOTTOM = 360, 150, 40, 12, 22


class Scale(msgspec.Struct, frozen=True):
    """A horizontal axis from ``low`` to ``high``, with the values at which it is marked."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        """Where a value stands; one beyond the axis stands at its end."""
        inside = min(max(value, self.low), self.high)
        return PAD + (inside - self.low) / (self.high - self.low) * (WIDTH - 2 * PAD)


def delta_scale(values: Sequence[float]) -> Scale:
    """An axis around zero that holds all values."""
    reach = max((abs(value) for value in values), default=0.0)
    high = next((nice for nice in _NICE if nice >= reach), reach)
    return Scale(-high, high, (-high, -high / 2, 0.0, high / 2, high))


def share_scale() -> Scale:
    """An axis from 0 to 1."""
    return Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


def interval_row(
    scale: Scale, value: float, interval: tuple[float, float] | None, tone: str, limit: float | None = None
) -> Markup:
    """A value with its interval: one row of a forest plot. The figures stand beside it, so it is for eyes only.

    Args:
        scale: its axis.
        value: the value.
        interval: low and high.
        tone: ``better``, ``worse`` or ``unclear``: its class.
        limit: a line that a rule draws, for example the gate's margin.
    """
    middle = ROW_HEIGHT / 2
    parts = [_line("grid", scale.x(tick), 0, scale.x(tick), ROW_HEIGHT) for tick in scale.ticks if tick]
    if scale.low <= 0 <= scale.high:
        parts.append(_line("zero", scale.x(0), 0, scale.x(0), ROW_HEIGHT))
    if limit is not None and scale.low < limit < scale.high:
        parts.append(_line("limit", scale.x(limit), 0, scale.x(limit), ROW_HEIGHT))
    if interval is not None:
        low, high = scale.x(interval[0]), scale.x(interval[1])
        parts.append(_line("interval", low, middle, high, middle))
        parts += [_line("interval", end, middle - 4, end, middle + 4) for end in (low, high)]
    parts.append(_point(scale.x(value), middle, tone))
    return _svg("strip " + tone, (WIDTH, ROW_HEIGHT), parts)


def axis_row(scale: Scale, signed: bool) -> Markup:
    """The axis of the rows of a forest plot, with its figures."""
    parts = [_line("grid", scale.x(tick), 0, scale.x(tick), 4) for tick in scale.ticks]
    for tick in scale.ticks:
        anchor = "start" if tick == scale.low else "end" if tick == scale.high else "middle"
        shift = {"start": -PAD + 1, "end": PAD - 1, "middle": 0}[anchor]
        parts.append(_text(scale.x(tick) + shift, 17, anchor, tick_text(tick, signed)))
    return _svg("strip axis", (WIDTH, AXIS_HEIGHT), parts)


def tick_text(value: float, signed: bool) -> str:
    """A figure of an axis, as short as it can be, with a real minus."""
    text = f"{abs(value):.4f}".rstrip("0").rstrip(".")
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    return sign + text


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation in a trend of one metric.

    Attributes:
        label: what stands below it on the axis.
        mean: its mean; None leaves a gap.
        interval: of the mean.
        current: whether it is this report's own.
        turn: whether its prompt is another one than that of the evaluation before.
    """

    label: str
    mean: float | None
    interval: tuple[float, float] | None
    current: bool = False
    turn: bool = False


def trend_plot(points: Sequence[TrendPoint], described_by: str) -> Markup:
    """A metric over evaluations: a line with intervals; a dashed line where the prompt changed.

    Args:
        points: oldest first.
        described_by: id of the caption.
    """
    low, high = _range(points)
    right, bottom = TREND_WIDTH - 10, TREND_HEIGHT - TREND_BOTTOM
    step = (right - TREND_LEFT) / max(1, len(points))

    def y(value: float) -> float:
        return TREND_TOP + (high - value) / (high - low) * (bottom - TREND_TOP)

    parts = []
    for tick in (low, (low + high) / 2, high):
        parts.append(_line("grid", TREND_LEFT, y(tick), right, y(tick)))
        parts.append(_text(TREND_LEFT - 6, y(tick) + 4, "end", f"{tick:.2f}"))
    places = [(TREND_LEFT + step * (place + 0.5), point) for place, point in enumerate(points)]
    every = max(1, math.ceil(len(points) / 16))
    for place, (x, point) in enumerate(places):
        if point.turn:
            parts.append(_line("turn", x - step / 2, TREND_TOP, x - step / 2, bottom))
        if place % every == 0 or point.current:
            parts.append(_text(x, TREND_HEIGHT - 6, "middle", point.label))
    parts += _trend_marks(places, y)
    return _svg("trend", (TREND_WIDTH, TREND_HEIGHT), parts, described_by)


def _trend_marks(places: Sequence[tuple[float, TrendPoint]], y: Callable[[float], float]) -> list[Markup]:
    path, marks, open_ = "", [], False
    for x, point in places:
        if point.mean is None:
            open_ = False
            continue
        path += f"{'L' if open_ else 'M'}{x:.1f} {y(point.mean):.1f}"
        open_ = True
        if point.interval is not None:
            marks.append(_line("interval", x, y(point.interval[0]), x, y(point.interval[1])))
        marks.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(
                "dot current" if point.current else "dot",
                f"{x:.1f}",
                f"{y(point.mean):.1f}",
                "4.5" if point.current else "3",
            )
        )
    return [Markup('<path class="line" d="{}"/>').format(path), *marks]


def _range(points: Sequence[TrendPoint]) -> tuple[float, float]:
    """The stretch of values that is shown, its ends rounded to tenths (twentieths where that is too coarse)."""
    values = [end for point in points for end in (point.interval or (point.mean,)) if end is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    step = 0.1 if high - low > 0.15 else 0.02
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if high > low:
        return low, high
    return (low - 0.1, high) if high == 1 else (low, high + 0.1)


def _svg(kind: str, size: tuple[int, int], parts: Sequence[Markup], described_by: str = "") -> Markup:
    said = (
        Markup(' role="img" aria-labelledby="{}"').format(described_by)
        if described_by
        else Markup(' aria-hidden="true"')
    )
    head = Markup('<svg class="{}" viewBox="0 0 {} {}"{}>').format(kind, *size, said)
    return Markup("").join([head, *parts, Markup("</svg>")])


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    line = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    return line.format(kind, f"{x1:.1f}", f"{y1:.1f}", f"{x2:.1f}", f"{y2:.1f}")


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(f"{x:.1f}", f"{y:.1f}", anchor, text)


def _point(x: float, y: float, tone: str) -> Markup:
    """A triangle up for better, down for worse, a ring for what cannot be told (not by colour alone); else a dot."""
    if tone in ("unclear", "mean"):
        return Markup('<circle class="point" cx="{}" cy="{}" r="4.5"/>').format(f"{x:.1f}", y)
    sign = 1 if tone == "worse" else -1
    corners = ((0, 6), (-5.5, -4), (5.5, -4))
    path = " ".join(f"{x + dx:.1f},{y + sign * dy:.1f}" for dx, dy in corners)
    return Markup('<polygon class="point" points="{}"/>').format(path)
