"""Which kind of generator the settings mean."""

from __future__ import annotations

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import SettingsError
from ragpress.plugins import Plugin, load_plugin

AUTO = "auto"
EXTRACTIVE = "extractive"
OPENAI = "openai"
TRANSFORMERS = "transformers"
NO_FALLBACK = "none"

GENERATORS = "ragpress.generators"
"""Entry points of other packages' generators: functions of the ``[generator]`` settings and the cache folder."""


def chosen_kind(settings: GeneratorSettings) -> str:
    """The kind that answers: one of this module's, or the name of a plugin.

    Raises:
        SettingsError: the server's address is missing, or the fallback is unknown.
    """
    if settings.fallback not in {NO_FALLBACK, EXTRACTIVE}:
        raise SettingsError(
            f"[generator] fallback: expected {NO_FALLBACK!r} or {EXTRACTIVE!r}, found {settings.fallback!r}."
        )
    if settings.kind == AUTO:
        return OPENAI if settings.base_url else EXTRACTIVE
    if settings.kind == OPENAI and not settings.base_url:
        raise SettingsError(
            "[generator] kind is 'openai' and base_url is empty. Expected the server's address, for example "
            'base_url = "http://127.0.0.1:8000/v1".'
        )
    return settings.kind


def generator_plugin(name: str) -> Plugin:
    """Another package's generator.

    Raises:
        SettingsError: there is none of this name; the message lists the built-in and the installed ones.
    """
    try:
        return load_plugin(GENERATORS, name)
    except SettingsError as error:
        built_in = ", ".join((AUTO, EXTRACTIVE, OPENAI, TRANSFORMERS))
        raise SettingsError(f"[generator] kind {name!r} is none of the built-in ones ({built_in}). {error}") from error
