"""A generator that says what a test gives it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError
from serving.types import GenerationEvent, GenerationRequest, GeneratorName, Usage


class SpokenGenerator:
    """Says a text a word at a time, then fails if it has a fault.

    Args:
        text: what it says.
        model: its name.
        fault: raised after the text.
    """

    def __init__(self, text: str = "", model: str = "first", fault: GeneratorError | None = None) -> None:
        self._words = text.split()
        self._model = model
        self._fault = fault
        self.closed = 0

    @property
    def name(self) -> GeneratorName:
        """``spoken`` and its model."""
        return GeneratorName("spoken", self._model)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """The words, then the usage."""
        for word in self._words:
            yield word
        if self._fault is not None:
            raise self._fault
        yield Usage(completion_tokens=len(self._words))

    async def aclose(self) -> None:
        """Counts."""
        self.closed += 1


def spoken(settings: GeneratorSettings, cache: Path) -> SpokenGenerator:
    """As a plugin makes it."""
    return SpokenGenerator(settings.model)
