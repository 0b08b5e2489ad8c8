"""What is typed after --set and --prompt."""

from __future__ import annotations

import pytest

from evaluation.comparing.changes import changed, parse_change
from ragpress.errors import SettingsError, UsageError
from ragpress.settings import CollectionSettings


def test_values_are_read_as_in_the_settings_file() -> None:
    change = parse_change(
        "brief",
        [
            "retrieval.k=5",
            "answer.abstain = 0.5",
            "generator.model=Qwen/Qwen3-0.6B",
            'sources.folders=["docs", "more"]',
            "clean.navigation=false",
            "audit.injection.action=quarantine",
        ],
    )
    assert change.settings == {
        "retrieval": {"k": 5},
        "answer": {"abstain": 0.5},
        "generator": {"model": "Qwen/Qwen3-0.6B"},
        "sources": {"folders": ["docs", "more"]},
        "clean": {"navigation": False},
        "audit": {"injection": {"action": "quarantine"}},
    }
    settings = changed(CollectionSettings(), change)
    assert (settings.retrieval.k, settings.answer.abstain, settings.sources.folders) == (5, 0.5, ("docs", "more"))
    assert change.label.startswith("prompt brief, retrieval.k=5, answer.abstain = 0.5")
    assert settings.chunk == CollectionSettings().chunk


def test_a_quoted_name_is_one_name() -> None:
    assert parse_change(None, ['parse.plugins.".log"=logbook']).settings == {"parse": {"plugins": {".log": "logbook"}}}


@pytest.mark.parametrize(
    ("option", "builds"),
    [
        ("retrieval.k=5", False),
        ("context.passages=1", False),
        ("generator.temperature=0.5", False),
        ('access.default=["staff"]', False),
        ("chunk.max_tokens=64", True),
        ("embed.model=all-MiniLM-L6-v2", True),
        ("clean.navigation=false", True),
        ('sources.exclude=["*.csv"]', True),
        ("index.exact_rows=10", True),
    ],
)
def test_what_needs_another_index(option: str, builds: bool) -> None:
    assert parse_change(None, [option]).builds is builds


def test_a_prompt_alone_needs_no_index() -> None:
    change = parse_change("brief", [])
    assert not change.builds
    assert not change.nothing
    assert parse_change(None, []).nothing


@pytest.mark.parametrize("option", ["retrieval.k", "k=5", "=5", "retrieval..k=5", "retrieval.k 5", ""])
def test_what_is_no_setting_is_told(option: str) -> None:
    with pytest.raises(UsageError, match=r"expected SECTION\.NAME=VALUE"):
        parse_change(None, [option])


@pytest.mark.parametrize("second", ["retrieval.k=6", "retrieval.k.x=6"])
def test_a_setting_has_one_value(second: str) -> None:
    with pytest.raises(UsageError, match="was given a value already"):
        parse_change(None, ["retrieval.k=5", second])


@pytest.mark.parametrize("option", ["gate.margin=0.5", "evaluation.k=5", "workers.processes=2", "release.keep=3"])
def test_what_decides_no_answer_is_turned_down(option: str) -> None:
    with pytest.raises(SettingsError, match="decides no answer"):
        parse_change(None, [option])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("chunk.max_token=64", r"--set, \[chunk\].*Did you mean 'max_tokens'"),
        ("chunks.max_tokens=64", "--set has an unknown name 'chunks'. Did you mean 'chunk'"),
        ("retrieval.k=0", r"--set, \[retrieval\.k\].*>= 1"),
        ("retrieval.k=many", "Expected `int`, got `str`"),
        ("retrieval.k=5\nx = 1", "Expected `int`, got `str`"),
        ("retrieval.fusion=best", "Invalid enum value"),
    ],
)
def test_settings_are_checked_as_those_of_the_file(option: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        changed(CollectionSettings(), parse_change(None, [option]))
