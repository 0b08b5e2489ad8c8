"""Metrics of other packages: functions that score an answer, found by the entry point ``ragpress.metrics``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from evaluation.metrics.catalogue import METRICS, Metric
from evaluation.records import Case
from ragpress.errors import SettingsError
from ragpress.plugins import load_plugin

if TYPE_CHECKING:
    from evaluation.metrics.answers import AnswerFacts

GROUP = "ragpress.metrics"


class MetricPlugin(msgspec.Struct, frozen=True):
    """A metric of another package.

    Attributes:
        name: its name in the settings and in reports.
        fingerprint: of its package's version and of its own: scores that are kept are reckoned again when it changes.
        score: the function: a case and what the service made of it, to a value; None where it has no meaning.
        metric: what reports say of it.
    """

    name: str
    fingerprint: str
    score: Callable[[Case, AnswerFacts], float | None]
    metric: Metric


def load_metrics(names: Sequence[str]) -> tuple[MetricPlugin, ...]:
    """The metrics that the settings name.

    What a report says of one is its function's docstring; an attribute ``higher_is_better`` = False tells that less of
    it is better, ``unit`` what it counts.

    Raises:
        SettingsError: no package offers one, it cannot be imported, or it has the name of a built-in one.
    """
    return tuple(_load(name) for name in dict.fromkeys(names))


def _load(name: str) -> MetricPlugin:
    if name in METRICS or "@" in name:
        raise SettingsError(f"The metric {name!r} is built in: expected the name of a plugin ({GROUP}).")
    plugin = load_plugin(GROUP, name)
    words = (plugin.target.__doc__ or name).strip().split("\n\n")[0]
    metric = Metric(
        name=name,
        group="plugin",
        en=words,
        zh=words,
        higher_is_better=bool(getattr(plugin.target, "higher_is_better", True)),
        unit=str(getattr(plugin.target, "unit", "share")),
    )
    return MetricPlugin(name, plugin.fingerprint, plugin.target, metric)
