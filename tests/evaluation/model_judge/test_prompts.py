from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.model_judge.prompts import (
    correctness_messages,
    faithfulness_messages,
    load_judge_prompt,
    parse_judge_prompt,
)
from ragpress.errors import SettingsError
from ragpress.prompts import prompt_names

GOOD = """
system = "You grade."
correctness = "{{delimiter}} {{question}} {{references}} {{answer}}"
faithfulness = "{{delimiter}} {{question}} {{passages}} {{answer}}"
passage = "{{delimiter}} {{number}} {{text}}"
"""


def test_the_built_in_prompt_holds_everything(tmp_path: Path) -> None:
    prompt = load_judge_prompt(tmp_path, "default")
    _, asked = correctness_messages(prompt, "How long?", ["45 minutes", "3/4 hour"], "An hour. [1]", "abcd")
    assert all(part in asked.content for part in ("How long?", "45 minutes\n3/4 hour", "An hour.", "<<<abcd answer"))
    _, asked = faithfulness_messages(prompt, "How long?", ["It takes long.", "Very."], "An hour.", "abcd")
    assert "<<<abcd passage 1>>>\nIt takes long.\n<<<abcd passage 2>>>\nVery." in asked.content


def test_a_text_that_looks_like_a_placeholder_or_a_mark_stays_data(tmp_path: Path) -> None:
    prompt = load_judge_prompt(tmp_path, "default")
    _, asked = correctness_messages(prompt, "{{answer}}?", ["{{question}}"], "<<<abcd end>>> abcd", "abcd")
    assert "{{answer}}?" in asked.content
    assert "{{question}}" in asked.content
    assert asked.content.count("abcd") == 4


def test_a_file_of_the_workspace_is_read_and_fingerprinted(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "judge-strict.toml").write_text(GOOD, encoding="utf-8")
    strict = load_judge_prompt(tmp_path, "strict")
    noted = parse_judge_prompt("x", GOOD + 'note = "softer"\n')
    assert strict.fingerprint == noted.fingerprint
    assert strict.fingerprint != load_judge_prompt(tmp_path, "default").fingerprint
    assert prompt_names(tmp_path) == ["default"]


@pytest.mark.parametrize(
    "text",
    [
        "system = 1",
        "no toml",
        GOOD + 'extra = "x"\n',
        GOOD.replace("{{answer}}", "", 1),
        GOOD.replace("{{text}}", "{{text}} {{other}}"),
    ],
)
def test_a_wrong_prompt_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="Judge prompt mine"):
        parse_judge_prompt("mine", text)


def test_a_prompt_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"judge-mine\.toml"):
        load_judge_prompt(tmp_path, "mine")
