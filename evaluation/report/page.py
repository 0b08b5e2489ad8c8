"""What the page shows of a report's figures: lines of its tables and plots, with every number written out."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from evaluation.metrics.catalogue import metric
from evaluation.report import figures
from evaluation.report.contents import BASELINE, CANDIDATE, CaseRow, Contents, MetricRow, SliceRow
from evaluation.report.plots import (
    Scale,
    TrendPoint,
    axis_row,
    delta_scale,
    interval_row,
    share_scale,
    trend_plot,
)
from evaluation.report.visible import visible
from index.evaluations import EvaluationSummary, MetricSummary

FEW = 10
"""Slices with fewer cases are shown pale."""
_HINTS = 2
_LABEL = 12
_SAME = 1e-9
GROUPS = ("retrieval", "answer", "abstention", "cost")


class MetricLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table of metrics. ``tone`` is ``better``, ``worse`` or ``unclear``."""

    name: str
    definition: tuple[str, str]
    gated: bool
    floor: str
    baseline: str
    candidate: str
    delta: str
    interval: str
    p: str
    cases: str
    missing: str
    moved: str
    tone: str
    plot: Markup


class MetricTable(msgspec.Struct, frozen=True):
    """The metrics that the gate looks at, the others, and the axis of their plots."""

    gated: tuple[MetricLine, ...]
    others: tuple[MetricLine, ...]
    axis: Markup


class SliceCell(msgspec.Struct, frozen=True):
    """A metric of a slice: its value, the difference from the baseline's and which way that points."""

    value: str
    delta: str
    tone: str


class SliceLine(msgspec.Struct, frozen=True):
    """A slice with a cell for each column."""

    value: str
    cases: int
    few: bool
    cells: tuple[SliceCell, ...]


class SliceGroup(msgspec.Struct, frozen=True):
    """The slices of one kind."""

    kind: str
    lines: tuple[SliceLine, ...]


class MissingLine(msgspec.Struct, frozen=True):
    """A reason for missing values, the metrics it is about, and its cases on each side (the baseline's first)."""

    reason: str
    metrics: tuple[str, ...]
    cases: tuple[int, ...]


class ScoreLine(msgspec.Struct, frozen=True):
    """A metric of a case: its value or values, and which way it went (``better``, ``worse`` or "")."""

    name: str
    values: str
    tone: str


class ScoreLines(msgspec.Struct, frozen=True):
    """Scores of a case: those that the gate looks at, the others that differ, and what its summary shows."""

    main: tuple[ScoreLine, ...]
    rest: tuple[ScoreLine, ...]
    hints: tuple[ScoreLine, ...]


class TrendPlot(msgspec.Struct, frozen=True):
    """A metric over the evaluations."""

    name: str
    plot: Markup


class TrendLine(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation of the trend as a line of its table."""

    number: int
    evaluation: EvaluationSummary
    current: bool
    values: tuple[str, ...]


def metric_table(contents: Contents) -> MetricTable:
    """The table of metrics with a forest plot: of differences, or of means where nothing is compared."""
    shares = [row for row in contents.metrics.values() if row.unit == "share"]
    ends = [end for row in shares if row.delta for end in (row.delta.ci or (row.delta.delta or 0.0,))]
    compared = contents.baseline is not None
    scale = delta_scale([*ends, contents.margin]) if compared else share_scale()
    names = sorted(contents.metrics, key=lambda name: _order(contents, name))
    lines = [_metric_line(contents, name, scale) for name in names if _has_value(contents.metrics[name])]
    gated, others = (tuple(line for line in lines if line.gated is wanted) for wanted in (True, False))
    return MetricTable(gated, others, axis_row(scale, signed=compared))


def _order(contents: Contents, name: str) -> tuple[int, int]:
    if name in contents.gated:
        return 0, contents.gated.index(name)
    group = contents.metrics[name].group
    return 1 + (GROUPS.index(group) if group in GROUPS else len(GROUPS)), list(contents.metrics).index(name)


def _has_value(row: MetricRow) -> bool:
    return bool((row.summary and row.summary.n) or (row.delta and row.delta.n))


def _metric_line(contents: Contents, name: str, scale: Scale) -> MetricLine:
    row, about = contents.metrics[name], metric(name)
    floor = contents.floors.get(name)
    compared = contents.baseline is not None
    delta, summary = row.delta, row.summary or MetricSummary(mean=None, ci=None, n=0)
    value, ends = (delta.delta, delta.ci) if compared and delta else (summary.mean, summary.ci)
    tone = tone_of(value, ends, row.higher_is_better) if compared else "unclear"
    limit = -contents.margin if compared and row.gated else floor
    drawn = value is not None and row.unit == "share" and not (compared and delta is None)
    plot = interval_row(scale, value or 0.0, ends, tone if compared else "mean", limit) if drawn else Markup("")
    known = delta.n if compared and delta else summary.n
    return MetricLine(
        name=name,
        definition=(about.en, about.zh),
        gated=row.gated,
        floor="" if floor is None else figures.share(floor),
        baseline=figures.quantity(delta.baseline if delta else None, row.unit),
        candidate=figures.quantity(delta.candidate if compared and delta else summary.mean, row.unit),
        delta=figures.difference(delta.delta if delta else None, row.unit),
        interval=figures.interval(ends, plus=compared, unit=row.unit),
        p=figures.probability(delta.p_adjusted if delta else None),
        cases=figures.count(known),
        missing=figures.count(delta.missing if compared and delta else summary.missing),
        moved=f"{delta.better} / {delta.worse}" if delta else figures.NOTHING,
        tone=tone,
        plot=plot,
    )


def tone_of(value: float | None, ends: tuple[float, float] | None, higher_is_better: bool) -> str:
    """``better`` or ``worse`` where an interval leaves out zero, else ``unclear``."""
    if value is None or ends is None or ends[0] <= 0 <= ends[1]:
        return "unclear"
    return "better" if (value > 0) == higher_is_better else "worse"


def slice_columns(contents: Contents) -> tuple[str, ...]:
    """Metrics that the tables of slices show: the gate's, as far as some case has a value."""
    known = [name for name in contents.gated if name in contents.metrics and _has_value(contents.metrics[name])]
    return tuple(known or [name for name in contents.metrics if _has_value(contents.metrics[name])][:6])


def slice_groups(contents: Contents) -> tuple[SliceGroup, ...]:
    """The slices by kind, the largest first."""
    columns = slice_columns(contents)
    kinds = dict.fromkeys(row.kind for row in contents.slices)
    groups = []
    for kind in kinds:
        rows = sorted((row for row in contents.slices if row.kind == kind), key=lambda row: (-row.cases, row.value))
        lines = [
            SliceLine(
                row.value,
                row.cases,
                row.cases < FEW,
                tuple(_cell(contents, name, row) for name in columns),
            )
            for row in rows
        ]
        groups.append(SliceGroup(kind, tuple(lines)))
    return tuple(groups)


def _cell(contents: Contents, name: str, row: SliceRow) -> SliceCell:
    metric, now, delta = contents.metrics[name], row.metrics.get(name), row.deltas.get(name)
    if delta is None or delta.delta is None:
        return SliceCell(figures.quantity(None if now is None else now.mean, metric.unit), "", "")
    tone = "" if row.cases < FEW else tone_of(delta.delta, delta.ci, metric.higher_is_better)
    return SliceCell(figures.quantity(delta.candidate, metric.unit), figures.signed(delta.delta), tone)


def missing_lines(contents: Contents) -> tuple[MissingLine, ...]:
    """Reasons for missing values; metrics that miss as many values for the same reason share a line."""
    sides = (BASELINE, CANDIDATE) if contents.baseline is not None else (CANDIDATE,)
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    for row in contents.missing:
        numbers.setdefault((row.reason, row.metric), {})[row.side] = row.cases
    metrics: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (reason, name), found in numbers.items():
        metrics.setdefault((reason, tuple(found.get(side, 0) for side in sides)), []).append(name)
    return tuple(MissingLine(reason, tuple(names), cases) for (reason, cases), names in metrics.items())


def score_lines(contents: Contents, case: CaseRow) -> ScoreLines:
    """The scores of a case, the gate's metrics first; of others, where something is compared, those that differ."""
    before = {} if case.baseline is None else case.baseline.scores
    after = case.candidate.scores
    names = [name for name in contents.metrics if name in before or name in after]
    lines = {name: _score_line(contents, name, case) for name in names}
    gated = [name for name in contents.gated if name in lines]
    changes = {name: abs(after[name] - before[name]) for name in gated if name in before and name in after}
    telling = sorted((name for name in changes if lines[name].tone), key=lambda name: -changes[name])[:_HINTS]
    return ScoreLines(
        main=tuple(lines[name] for name in gated),
        rest=tuple(line for name, line in lines.items() if name not in gated and (line.tone or case.baseline is None)),
        hints=tuple(lines[name] for name in telling),
    )


def _score_line(contents: Contents, name: str, case: CaseRow) -> ScoreLine:
    row, new = contents.metrics[name], case.candidate.scores.get(name)
    if case.baseline is None:
        return ScoreLine(name, figures.quantity(new, row.unit), "")
    old = case.baseline.scores.get(name)
    text = f"{figures.quantity(old, row.unit)} → {figures.quantity(new, row.unit)}"
    if old is None or new is None or abs(new - old) < _SAME:
        return ScoreLine(name, text, "")
    return ScoreLine(name, text, "better" if (new > old) == row.higher_is_better else "worse")


def trend_plots(contents: Contents) -> tuple[TrendPlot, ...]:
    """A plot for each metric of the slices that at least two evaluations have."""
    plots, series = [], contents.trend
    for place, name in enumerate(slice_columns(contents)):
        points = [_trend_point(contents, number, name) for number in range(len(series))]
        if sum(point.mean is not None for point in points) > 1:
            plots.append(TrendPlot(name, trend_plot(points, f"trend-{place}")))
    return tuple(plots)


def _trend_point(contents: Contents, number: int, name: str) -> TrendPoint:
    series = contents.trend
    one = series[number]
    metric = one.metrics.get(name)
    return TrendPoint(
        label=_trend_label(one, number, contents.kind),
        mean=None if metric is None else metric.mean,
        interval=None if metric is None else metric.ci,
        current=number == len(series) - 1,
        turn=contents.kind != "trend" and number > 0 and one.prompt != series[number - 1].prompt,
    )


def _trend_label(one: EvaluationSummary, number: int, kind: str) -> str:
    """A prompt's name where prompts are compared; else the evaluation's number in the table."""
    name = visible(one.prompt.partition("@")[0])
    if kind != "trend":
        return str(number + 1)
    return name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"


def trend_lines(contents: Contents) -> tuple[TrendLine, ...]:
    """The evaluations of the trend as a table, newest first."""
    columns = slice_columns(contents)
    lines, series = [], contents.trend
    for number, one in enumerate(series):
        means = [one.metrics[name].mean if name in one.metrics else None for name in columns]
        values = tuple(
            figures.quantity(mean, contents.metrics[name].unit) for mean, name in zip(means, columns, strict=True)
        )
        lines.append(TrendLine(number=number + 1, evaluation=one, current=number == len(series) - 1, values=values))
    return tuple(reversed(lines))
