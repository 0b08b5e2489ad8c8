"""What ``ragpress eval run``, ``list`` and ``show`` print for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evaluation.counted import counted

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.model_judge.records import JudgeReport
    from evaluation.running.kept_reports import EvaluationList, KeptEvaluation
    from evaluation.running.session import RunRecord
    from index.evaluations import EvaluationSummary, MetricSummary

_SHOWN = 10
_IN_LISTS = ("recall@10", "answer_correctness", "faithfulness", "passed")


def evaluated(record: RunRecord, out: Console) -> None:
    """What an evaluation found."""
    out.print(f"{record.label} ({record.release}), prompt {record.prompt}, {record.generator}", markup=False)
    _metrics(record.metrics, out)
    if record.judge is not None:
        _judge(record.judge, out)
    for failed in record.errors[:_SHOWN]:
        out.print(f"error {failed.case} ({failed.step}): {failed.kind}: {failed.message}", style="red", markup=False)
    _more(len(record.errors), "errors", out)
    for review in record.review[:_SHOWN]:
        out.print(f"look at {review.case}: {review.reason}", style="yellow", markup=False)
    _more(len(record.review), "cases to look at", out)
    out.print(
        f"{counted(record.cases, 'case')}: {record.judged} judged, {record.reused} reused, "
        f"{len(record.review)} to look at again, {counted(len(record.errors), 'error')}."
    )
    if record.reused:
        saved = f" and {counted(record.saved_tokens, 'token')}" if record.saved_tokens else ""
        out.print(f"Reuse saved {record.saved_seconds:.1f} s{saved}.")
    tokens = record.prompt_tokens + record.completion_tokens
    spent = f", {counted(tokens, 'token')}" if tokens else ""
    embedded = f"{counted(record.embedded, 'text')} embedded"
    out.print(f"{record.seconds:.1f} s, {record.cpu_seconds:.1f} CPU-seconds, {embedded}{spent}.")
    for earlier in record.trend:
        out.print(_line(earlier), style="dim", markup=False)
    out.print(f"{record.evaluation}  {record.report}", markup=False)


def listed(record: EvaluationList, out: Console) -> None:
    """Evaluations, a line each."""
    for summary in record.evaluations:
        out.print(_line(summary), markup=False)
    if not record.evaluations:
        out.print("There is no evaluation yet. Make one with: ragpress eval run", markup=False)
    for key in record.damaged:
        out.print(
            f"{key} is damaged and left out; remove its folder from the data directory.", style="red", markup=False
        )


def kept(record: KeptEvaluation, out: Console) -> None:
    """One evaluation."""
    summary = record.evaluation
    out.print(_line(summary), markup=False)
    out.print(f"{summary.label} ({summary.release}), prompt {summary.prompt}", markup=False)
    _metrics(summary.metrics, out)
    for reason in summary.reasons:
        out.print(f"- {reason}", markup=False)
    out.print(
        f"{counted(summary.cases, 'case')}: {summary.judged} judged, {summary.reused} reused, "
        f"{summary.review} to look at again, {counted(summary.errors, 'error')}; {summary.seconds:.1f} s."
    )
    if record.report:
        out.print(record.report, markup=False)


def _metrics(metrics: Mapping[str, MetricSummary], out: Console) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in ("mean", "interval", "n", "missing"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, found in metrics.items():
        interval = "" if found.ci is None else f"{found.ci[0]:.3f} – {found.ci[1]:.3f}"
        mean = "" if found.mean is None else f"{found.mean:.3f}"
        table.add_row(name, mean, interval, str(found.n), str(found.missing))
    out.print(table)


def _judge(judge: JudgeReport, out: Console) -> None:
    out.print(f"{judge.model} judges, prompt {judge.prompt}, {judge.repeats} times each:", markup=False)
    for name, found in judge.metrics.items():
        mean = "no value" if found.mean is None else f"{found.mean:.3f}"
        spread = "" if found.spread is None else f", spread {found.spread:.3f}"
        out.print(f"  {name} {mean}{spread}, {counted(found.n, 'case')}, {found.missing} without", markup=False)


def _line(summary: EvaluationSummary) -> str:
    known = {name: summary.metrics[name].mean for name in _IN_LISTS if name in summary.metrics}
    means = [f"{name} {mean:.3f}" for name, mean in known.items() if mean is not None]
    parts = (summary.id, summary.created, summary.kind, summary.label, counted(summary.cases, "case"), *means)
    return " · ".join((*parts, *([summary.verdict] if summary.verdict else [])))


def _more(count: int, what: str, out: Console) -> None:
    if count > _SHOWN:
        out.print(f"… and {count - _SHOWN} more {what}; the report has them all.", markup=False)
