"""Generators: what writes an answer's text from the prompt and the passages in it.

Takes the ``[generator]`` settings; gives a :class:`serving.types.Generator`. Heavy libraries are imported when a
generator is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import SettingsError
from ragpress.types import Embedder
from serving.types import Generator

__all__ = ["load_generator"]


def load_generator(settings: GeneratorSettings, *, embedder: Callable[[], Embedder], cache: Path) -> Generator:
    """The generator that the settings name. It loads its model, or connects, when it is first used.

    Args:
        settings: the ``[generator]`` section.
        embedder: loads the embedder, which quoting generators rank sentences with; called only if one is needed.
        cache: local folder for what can be computed again.

    Raises:
        SettingsError: the kind is unknown, or its settings do not go together.
        MissingDependencyError: it needs a package that is not installed.
    """
    raise SettingsError(f"[generator] kind: expected one of the installed generators, found {settings.kind!r}.")
