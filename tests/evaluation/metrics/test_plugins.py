from __future__ import annotations

import math

import pytest

from evaluation.metrics.answers import Scorer
from evaluation.metrics.plugins import GROUP, load_metrics
from ragpress.errors import SettingsError
from serving.evidence.support import SupportChecker
from tests.evaluation.metrics.records import case, facts
from tests.plugins import PluginFolder, plugins

__all__ = ["plugins"]

CODE = '''\
def words(case, answer):
    """Words of the answer.

    Counts what white space parts.
    """
    return float(len(answer.text.split())) if case.answer else None

def broken(case, answer):
    return float("nan")

words.higher_is_better = False
'''


def test_an_installed_metric_scores_beside_the_built_in_ones(plugins: PluginFolder) -> None:
    plugins.install("counting", CODE, {GROUP: "words = counting:words\nbroken = counting:broken"})
    loaded = load_metrics(["words", "broken", "words"])
    scorer = Scorer(None, SupportChecker(None), 0.38, loaded)

    found = scorer.score(case("1932"), facts("In 1932."))
    assert found.scores["words"] == 2.0
    assert found.missing["broken"] == "the plugin gives nan"
    assert "words" in scorer.score(case(), facts("In 1932.")).missing
    assert all(math.isfinite(value) for value in found.scores.values())
    assert [(one.metric.en, one.metric.higher_is_better) for one in loaded] == [
        ("Words of the answer.", False),
        ("broken", True),
    ]


def test_a_new_version_of_a_metric_scores_again(plugins: PluginFolder) -> None:
    prints = set()
    for version in ("1.0", "1.1"):
        plugins.install("counting", CODE, {GROUP: "words = counting:words"}, version)
        prints.add(Scorer(None, SupportChecker(None), 0.38, load_metrics(["words"])).fingerprint)
    assert len(prints) == 2


@pytest.mark.parametrize("name", ["faithfulness", "recall@3"])
def test_a_built_in_name_cannot_be_taken(name: str) -> None:
    with pytest.raises(SettingsError, match="is built in"):
        load_metrics([name])


def test_a_metric_that_is_not_installed_is_named() -> None:
    with pytest.raises(SettingsError, match="'word_count'"):
        load_metrics(["word_count"])
