from __future__ import annotations

from pathlib import Path

import pytest

from ragpress.errors import SettingsError
from ragpress.prompts import built_in, built_in_text, load_prompt, parse_prompt, prompt_names, prompt_path


def changed(old: str, new: str) -> str:
    text = built_in_text()
    assert old in text
    return text.replace(old, new)


def test_the_built_in_prompt_is_whole_and_speaks_both_languages() -> None:
    version = built_in()
    assert version.name == "default"
    assert {"en", "zh"} <= version.prompt.abstain.keys() & version.prompt.unsupported.keys()
    assert version.fingerprint == built_in().fingerprint


def test_every_word_but_the_note_changes_the_fingerprint() -> None:
    base = built_in().prompt
    assert parse_prompt("a", changed("briefly and plainly", "at length")).fingerprint != base.fingerprint
    assert parse_prompt("a", changed("The prompt that ships with ragpress.", "Mine.")).fingerprint == base.fingerprint


def test_a_placeholder_is_replaced_once_and_text_that_looks_like_one_stays() -> None:
    prompt = built_in().prompt
    values = {"delimiter": "D", "passages": "{{question}} {{delimiter}} {0} {x.__class__}", "question": "{{passages}}?"}
    text = prompt.render("question", values)
    assert "{{question}} {{delimiter}} {0} {x.__class__}" in text
    assert "Question: {{passages}}?" in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Question: {{question}}", "Question: {{user}}", "unknown placeholder {{user}}"),
        ("Question: {{question}}", "Question:", "expected the placeholder {{question}}"),
        ('system = """', 'sistem = """', "sistem"),
        ("{{number}}", "", "expected the placeholder {{number}}"),
        ("You answer questions", "You {{passages}} answer", "unknown placeholder {{passages}}"),
        ('\nen = " (not', '\nfr = " (not', "text for 'en'"),
        ('note = "', "note = ", "cannot be read"),
    ],
)
def test_a_wrong_prompt_is_refused_with_what_is_wrong(old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_prompt("mine", changed(old, new))
    assert said in str(caught.value)
    assert "mine" in str(caught.value)


def test_a_file_named_default_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    assert load_prompt(tmp_path, "default") == built_in()
    (tmp_path / "prompts" / "default.toml").write_text(changed("briefly", "at length"), encoding="utf-8")
    assert load_prompt(tmp_path, "default").fingerprint != built_in().fingerprint
    assert prompt_names(tmp_path) == ["default"]


def test_a_prompt_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no prompt 'brief'.*Known: default"):
        load_prompt(tmp_path, "brief")


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "x" * 65, "名"])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="expected at most 64 letters"):
        prompt_path(tmp_path, name)


def test_a_text_is_taken_in_the_language_or_in_english() -> None:
    prompt = built_in().prompt
    assert prompt.in_language(prompt.abstain, "zh-hant") == prompt.abstain["zh"]
    assert prompt.in_language(prompt.abstain, "fr") == prompt.abstain["en"]
