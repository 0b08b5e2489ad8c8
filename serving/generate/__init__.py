"""Generators: what writes an answer's text from the prompt and the passages in it.

Takes the ``[generator]`` settings; gives a :class:`serving.types.Generator`. Heavy libraries are imported when a
generator of their kind is loaded, or later.

- ``extractive`` quotes the passages. ``local`` writes in this process (``local_models`` finds the model).
- ``served`` asks a server (``server``: its connection; ``events``: its stream; ``faults``: its errors; ``circuit``
  leaves a failing one alone).
- ``fallback`` quotes where a server does not answer; ``report`` says which generator would answer, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ragpress.answer_settings import GeneratorSettings
from ragpress.settings import secret
from ragpress.types import Embedder
from serving.generate.kinds import EXTRACTIVE, NO_FALLBACK, OPENAI, TRANSFORMERS, chosen_kind, generator_plugin
from serving.generate.report import GeneratorReport, describe_generator, probe_generator
from serving.types import Generator

__all__ = ["GeneratorReport", "describe_generator", "load_generator", "probe_generator"]


def load_generator(settings: GeneratorSettings, *, embedder: Callable[[], Embedder], cache: Path) -> Generator:
    """The generator that the settings name. It loads its model, or connects, when it is first asked.

    Args:
        settings: the ``[generator]`` section.
        embedder: loads the embedder, which the quoting generator ranks sentences with; called only if one is needed.
        cache: local folder for what can be computed again.

    Raises:
        SettingsError: the kind is unknown, or its settings do not go together.
        MissingDependencyError: it needs a package that is not installed.
        ModelError: the embedder, or the local model, cannot be found.
    """
    kind = chosen_kind(settings)
    if kind == EXTRACTIVE:
        return _extractive(settings, embedder)
    first = _first(kind, settings, cache)
    if settings.fallback == NO_FALLBACK:
        return first
    from serving.generate.fallback import FallbackGenerator  # noqa: PLC0415 - rarely needed

    return FallbackGenerator(first, lambda: _extractive(settings, embedder))


def _first(kind: str, settings: GeneratorSettings, cache: Path) -> Generator:
    if kind == OPENAI:
        from serving.generate.served import ServedGenerator  # noqa: PLC0415 - imports openai

        return ServedGenerator(settings, secret(settings.api_key_env))
    if kind == TRANSFORMERS:
        from serving.generate.local import LocalGenerator  # noqa: PLC0415 - rarely needed

        return LocalGenerator(settings, cache)
    return _plugin(kind, settings, cache)


def _extractive(settings: GeneratorSettings, embedder: Callable[[], Embedder]) -> Generator:
    from serving.generate.extractive import ExtractiveGenerator  # noqa: PLC0415 - numpy

    return ExtractiveGenerator(embedder(), settings)


def _plugin(name: str, settings: GeneratorSettings, cache: Path) -> Generator:
    make: Callable[[GeneratorSettings, Path], Generator] = generator_plugin(name).target
    return make(settings, cache)
