"""Prompt versions: text files that people review, each with a fingerprint that a release seals.

A version is a TOML file ``prompts/NAME.toml`` of the workspace; ``default`` is built in and may be replaced by a
file of that name. Placeholders are replaced in one pass over the template, so text of documents or questions that
looks like a placeholder stays what it is, and nothing in a template is ever evaluated.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from ragpress.errors import SettingsError
from ragpress.fingerprint import hexdigest

DEFAULT = "default"
FOLDER = "prompts"
JUDGE_PREFIX = "judge-"
"""Files of the folder that begin so are what a judging model is told; they answer nothing."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_KNOWN = {
    "system": frozenset[str](),
    "question": frozenset({"delimiter", "passages", "question", "language"}),
    "passage": frozenset({"delimiter", "number", "title", "heading", "text"}),
    "rewrite": frozenset({"history", "question"}),
}
_NEEDED = {"question": ("passages", "question"), "passage": ("number", "text"), "rewrite": ("question",)}


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of everything ragpress says to a model, and of what it says itself when it abstains.

    Attributes:
        system: the same for every question, so that a served model's prefix cache keeps it.
        question: the last user message: placeholders ``delimiter``, ``passages``, ``question``, ``language``.
        passage: one passage in it: placeholders ``delimiter``, ``number``, ``title``, ``heading``, ``text``.
        rewrite: asks for a standalone question: placeholders ``history``, ``question``.
        abstain: what an abstention says, by ISO language code; ``en`` is there at least.
        unsupported: the sign after a sentence that its citations do not support, by language.
        note: what the version changes, for people; no part of the fingerprint.
    """

    system: str
    question: str
    passage: str
    rewrite: str
    abstain: dict[str, str]
    unsupported: dict[str, str]
    note: str = ""

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal characters that change with every word but those of ``note``."""
        return hexdigest("prompt", msgspec.json.encode(msgspec.structs.replace(self, note=""), order="sorted"))

    def render(self, template: str, values: Mapping[str, str]) -> str:
        """One of its templates with every placeholder replaced, in one pass.

        Args:
            template: ``question``, ``passage`` or ``rewrite``.
            values: by placeholder; one that is missing becomes "".
        """
        text: str = getattr(self, template)
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), text)

    def in_language(self, texts: Mapping[str, str], language: str) -> str:
        """The text for a language (``zh``, ``zh-hant``), else the English one."""
        return texts.get(language) or texts.get(language.split("-", maxsplit=1)[0]) or texts["en"]


class PromptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt with its name, as a workspace or a release knows it."""

    name: str
    fingerprint: str
    prompt: Prompt

    @classmethod
    def of(cls, name: str, prompt: Prompt) -> PromptVersion:
        """A prompt under a name."""
        return cls(name=name, fingerprint=prompt.fingerprint, prompt=prompt)


def parse_prompt(name: str, text: str) -> Prompt:
    """Read and check one prompt file.

    Args:
        name: named in messages.
        text: TOML.

    Raises:
        SettingsError: it is not TOML, a field is missing or unknown, or a placeholder is.
    """
    try:
        prompt = msgspec.convert(tomllib.loads(text), Prompt)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"Prompt {name!r} cannot be read: {error}. Expected TOML with the fields "
            f"{', '.join(Prompt.__struct_fields__)}; `ragpress prompts show default` prints a whole one."
        ) from error
    for field, known in _KNOWN.items():
        _check_placeholders(name, field, getattr(prompt, field), known)
    for field in ("abstain", "unsupported"):
        if not getattr(prompt, field).get("en", "").strip():
            raise SettingsError(f"Prompt {name!r}: expected [{field}] to have a text for 'en', found none.")
    return prompt


def built_in() -> PromptVersion:
    """The prompt that ships with ragpress."""
    text = built_in_text()
    return PromptVersion.of(DEFAULT, parse_prompt(DEFAULT, text))


def built_in_text() -> str:
    """Its file."""
    return files("ragpress").joinpath("default_prompt.toml").read_text(encoding="utf-8")


def load_prompt(workspace: Path, name: str) -> PromptVersion:
    """A prompt version of a workspace.

    Raises:
        SettingsError: there is none of this name, or it is wrong.
    """
    path = prompt_path(workspace, name)
    if not path.is_file():
        if name == DEFAULT:
            return built_in()
        known = ", ".join(prompt_names(workspace))
        raise SettingsError(f"There is no prompt {name!r}: expected the file {path}. Known: {known}.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Prompt file {path} cannot be read as UTF-8 text: {error}.") from error
    return PromptVersion.of(name, parse_prompt(name, text))


def prompt_names(workspace: Path) -> list[str]:
    """Names of all prompt versions of a workspace, the built-in one first."""
    stems = (path.stem for path in (workspace / FOLDER).glob("*.toml") if _NAME.fullmatch(path.stem))
    found = sorted(stem for stem in stems if not stem.startswith(JUDGE_PREFIX))
    return [DEFAULT, *(name for name in found if name != DEFAULT)]


def misnamed_prompts(workspace: Path) -> list[Path]:
    """Files that look like prompt versions and cannot be one, because of their names."""
    return sorted(path for path in (workspace / FOLDER).glob("*.toml") if not _NAME.fullmatch(path.stem))


def prompt_path(workspace: Path, name: str) -> Path:
    """The file of a prompt version.

    Raises:
        SettingsError: the name is not one of letters, digits, '.', '_' and '-'.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(f"Prompt name {name!r}: expected at most 64 letters, digits, '.', '_' or '-'.")
    return workspace / FOLDER / f"{name}.toml"


def _check_placeholders(name: str, field: str, text: str, known: frozenset[str]) -> None:
    found = set(_PLACEHOLDER.findall(text))
    if unknown := sorted(found - known):
        places = ", ".join(sorted(known)) or "none"
        raise SettingsError(
            f"Prompt {name!r}, {field}: unknown placeholder {{{{{unknown[0]}}}}}. Known here: {places}."
        )
    if missing := [wanted for wanted in _NEEDED.get(field, ()) if wanted not in found]:
        raise SettingsError(f"Prompt {name!r}, {field}: expected the placeholder {{{{{missing[0]}}}}}, found none.")
