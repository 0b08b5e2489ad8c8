"""The judge's prompt versions: ``prompts/judge-NAME.toml``, and the one that is built in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from ragpress.errors import SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.prompts import DEFAULT, JUDGE_PREFIX, prompt_path
from serving.prompting import as_data
from serving.types import Turn

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_NEEDED = {
    "system": frozenset[str](),
    "correctness": frozenset({"delimiter", "question", "references", "answer"}),
    "faithfulness": frozenset({"delimiter", "question", "passages", "answer"}),
    "passage": frozenset({"delimiter", "number", "text"}),
}


class JudgePrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of what the judge is told.

    Attributes:
        system: the same for every judgement.
        correctness: placeholders ``delimiter``, ``question``, ``references``, ``answer``.
        faithfulness: placeholders ``delimiter``, ``question``, ``passages``, ``answer``.
        passage: one passage: placeholders ``delimiter``, ``number``, ``text``.
        note: for people; no part of the fingerprint.
    """

    system: str
    correctness: str
    faithfulness: str
    passage: str
    note: str = ""

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal characters that change with every word but those of ``note``."""
        return hexdigest("judge prompt", msgspec.json.encode(msgspec.structs.replace(self, note=""), order="sorted"))


def load_judge_prompt(workspace: Path, name: str) -> JudgePrompt:
    """A prompt version of the judge.

    Args:
        workspace: the workspace's folder.
        name: ``default`` is built in; a file ``prompts/judge-default.toml`` replaces it.

    Raises:
        SettingsError: there is none of this name, or it is wrong.
    """
    path = prompt_path(workspace, f"{JUDGE_PREFIX}{name}")
    if path.is_file():
        try:
            return parse_judge_prompt(path.name, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"Prompt file {path} cannot be read as UTF-8 text: {error}.") from error
    if name == DEFAULT:
        text = files("evaluation.model_judge").joinpath("default_judge.toml").read_text(encoding="utf-8")
        return parse_judge_prompt("the built-in one", text)
    raise SettingsError(f"[judge] prompt {name!r}: expected the file {path}; {DEFAULT!r} is built in.")


def parse_judge_prompt(name: str, text: str) -> JudgePrompt:
    """Read and check one prompt file.

    Args:
        name: named in messages.
        text: TOML.

    Raises:
        SettingsError: it is not TOML, or a field or a placeholder is missing or unknown.
    """
    try:
        prompt = msgspec.convert(tomllib.loads(text), JudgePrompt)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"Judge prompt {name} cannot be read: {error}. Expected TOML with the fields "
            f"{', '.join(JudgePrompt.__struct_fields__)}."
        ) from error
    for field, needed in _NEEDED.items():
        found = frozenset(_PLACEHOLDER.findall(getattr(prompt, field)))
        if found != needed:
            raise SettingsError(
                f"Judge prompt {name}, {field}: expected the placeholders {sorted(needed)}, found {sorted(found)}."
            )
    return prompt


def correctness_messages(
    prompt: JudgePrompt, question: str, references: Sequence[str], answer: str, delimiter: str
) -> tuple[Turn, ...]:
    """The messages that ask how right an answer is; everything in them that others wrote is data."""
    values = {
        "question": as_data(question, delimiter),
        "references": "\n".join(as_data(reference, delimiter) for reference in references),
        "answer": as_data(answer, delimiter),
        "delimiter": delimiter,
    }
    return _messages(prompt, prompt.correctness, values)


def faithfulness_messages(
    prompt: JudgePrompt, question: str, passages: Sequence[str], answer: str, delimiter: str
) -> tuple[Turn, ...]:
    """The messages that ask how far passages support an answer."""
    shown = [
        _filled(prompt.passage, {"delimiter": delimiter, "number": str(number), "text": as_data(text, delimiter)})
        for number, text in enumerate(passages, start=1)
    ]
    values = {
        "question": as_data(question, delimiter),
        "passages": "\n".join(text.strip() for text in shown),
        "answer": as_data(answer, delimiter),
        "delimiter": delimiter,
    }
    return _messages(prompt, prompt.faithfulness, values)


def _messages(prompt: JudgePrompt, template: str, values: Mapping[str, str]) -> tuple[Turn, ...]:
    return (Turn("system", prompt.system.strip()), Turn("user", _filled(template, values).strip()))


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
