"""Generators that several releases have in common.

A publish brings a new release, rarely a new generator: where the settings are the same, the connections to the served
model, and what its circuit learnt, stay.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Hashable

from serving.generate.circuit import CircuitState, circuit_of
from serving.types import GenerationEvent, GenerationRequest, Generator, GeneratorName


class GeneratorShare:
    """Lends generators by what decides them; one is closed when nobody holds it any more. Any thread may borrow."""

    def __init__(self) -> None:
        self._lent: dict[Hashable, _Lent] = {}
        self._lock = threading.Lock()

    def borrow(self, key: Hashable, make: Callable[[], Generator]) -> Generator:
        """The generator of a key, made where there is none. Give it back with its ``aclose``.

        Args:
            key: equal for generators that would answer alike.
            make: makes one.
        """
        with self._lock:
            lent = self._lent.get(key)
            if lent is None:
                lent = self._lent[key] = _Lent(make())
            lent.holders += 1
        return _Borrowed(lent.generator, lambda: self._returned(key))

    def _returned(self, key: Hashable) -> bool:
        """Note that a holder is gone; whether it was the last."""
        with self._lock:
            lent = self._lent[key]
            lent.holders -= 1
            if not lent.holders:
                del self._lent[key]
            return not lent.holders


class _Lent:
    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.holders = 0


class _Borrowed:
    """One holder's view of a shared generator."""

    def __init__(self, generator: Generator, returned: Callable[[], bool]) -> None:
        self._generator = generator
        self._returned: Callable[[], bool] | None = returned

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return self._generator.name

    @property
    def circuit(self) -> CircuitState | None:
        """Of the generator; None where it has none."""
        return circuit_of(self._generator)

    def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
        """See :class:`serving.types.Generator`."""
        return self._generator.stream(request)

    async def aclose(self) -> None:
        """Give it back; the last holder closes it."""
        returned, self._returned = self._returned, None
        if returned is not None and returned():
            await self._generator.aclose()
