"""Cost and latency as the page shows them: one line for each figure, a column for each side."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from evaluation.records import Totals
from evaluation.report import figures
from evaluation.report.contents import Contents, Latency


class CostLine(msgspec.Struct, frozen=True):
    """A figure of every side, the baseline's first; ``words`` is the key of its name."""

    words: str
    values: tuple[str, ...]


def cost_lines(contents: Contents) -> tuple[CostLine, ...]:
    """What the runs cost; lines that say nothing on any side are left out."""
    sides = [(contents.totals, contents.latency)]
    if contents.baseline_totals is not None and contents.baseline_latency is not None:
        sides.insert(0, (contents.baseline_totals, contents.baseline_latency))
    lines = [CostLine(words, tuple(figure(*side) for side in sides)) for words, figure in _FIGURES]
    empty = {figures.NOTHING, "0"}
    return tuple(line for line in lines if line.words in _ALWAYS or not empty.issuperset(line.values))


_ALWAYS = {"cost.judged", "cost.reused"}
_FIGURES: tuple[tuple[str, Callable[[Totals, Latency], str]], ...] = (
    ("cost.judged", lambda totals, _: figures.count(totals.judged)),
    ("cost.reused", lambda totals, _: figures.count(totals.reused)),
    ("cost.saved_seconds", lambda totals, _: figures.seconds(totals.saved_seconds or None)),
    ("cost.saved_tokens", lambda totals, _: figures.count(totals.saved_tokens)),
    ("cost.embedded", lambda totals, _: figures.count(totals.embedded)),
    ("cost.prompt_tokens", lambda totals, _: figures.count(totals.prompt_tokens)),
    ("cost.completion_tokens", lambda totals, _: figures.count(totals.completion_tokens)),
    ("cost.seconds", lambda totals, _: figures.seconds(totals.seconds)),
    ("cost.cpu", lambda totals, _: figures.seconds(totals.cpu_seconds)),
    ("cost.outside", lambda totals, _: figures.seconds(totals.outside_seconds)),
    ("cost.retrieve", lambda _, latency: figures.seconds(latency.retrieve)),
    ("cost.first_token", lambda _, latency: figures.seconds(latency.first_token)),
    ("cost.total", lambda _, latency: figures.seconds(latency.total)),
    ("cost.total.high", lambda _, latency: figures.seconds(latency.total_high)),
)
