"""Which generator would answer, why, and what to do if it would not: what ``ragpress doctor`` shows."""

from __future__ import annotations

import asyncio

import msgspec

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError, GeneratorRefusedError, MissingDependencyError, ModelError, SettingsError
from ragpress.settings import secret
from serving.generate.kinds import AUTO, EXTRACTIVE, NO_FALLBACK, OPENAI, TRANSFORMERS, chosen_kind, generator_plugin

_SECONDS = 3.0


class GeneratorReport(msgspec.Struct, frozen=True, kw_only=True):
    """Which generator would answer now.

    Attributes:
        kind: the kind that would answer, the fallback's where that one would; the set kind where none would.
        model: its model as far as it is known.
        ready: whether a question would be answered.
        why: why it is this one.
        advice: what to do; "" where all is as set.
        models: what the server offers, where one was asked.
    """

    kind: str
    model: str
    ready: bool
    why: str
    advice: str = ""
    models: tuple[str, ...] = ()


def describe_generator(settings: GeneratorSettings, seconds: float = _SECONDS) -> GeneratorReport:
    """Which generator would answer now. Not for use in an event loop: see :func:`probe_generator`.

    Args:
        settings: the ``[generator]`` section.
        seconds: the longest wait for a server.
    """
    return asyncio.run(probe_generator(settings, seconds))


async def probe_generator(settings: GeneratorSettings, seconds: float = _SECONDS) -> GeneratorReport:
    """Which generator would answer now. Asks a server for its models; loads no model and generates nothing.

    Args:
        settings: the ``[generator]`` section.
        seconds: the longest wait for a server.
    """
    try:
        kind = chosen_kind(settings)
        if kind == EXTRACTIVE:
            return _quotes(settings)
        if kind == OPENAI:
            return await _served(settings, seconds)
        return _local(settings) if kind == TRANSFORMERS else _plugin(kind)
    except (SettingsError, MissingDependencyError, ModelError) as error:
        return GeneratorReport(
            kind=settings.kind, model=settings.model, ready=False, why="it cannot be loaded", advice=str(error)
        )


def _quotes(settings: GeneratorSettings) -> GeneratorReport:
    if settings.kind == AUTO:
        why = "[generator] names no server (base_url), so answers quote the documents"
    else:
        why = "[generator] kind is 'extractive': answers quote the documents"
    return GeneratorReport(kind=EXTRACTIVE, model="", ready=True, why=why)


async def _served(settings: GeneratorSettings, seconds: float) -> GeneratorReport:
    from serving.generate.served import only_model  # noqa: PLC0415 - imports openai
    from serving.generate.server import Server  # noqa: PLC0415 - imports openai

    server = Server(settings, secret(settings.api_key_env))
    try:
        models = await server.models(seconds)
        model = settings.model or only_model(models, server.address)
    except GeneratorRefusedError as error:
        return _refused(settings, str(error), ())
    except GeneratorError as error:
        return _absent(settings, str(error))
    finally:
        await server.aclose()
    names = tuple(served.id for served in models)
    if model not in names:
        found = ", ".join(names) or "none"
        return _refused(settings, f"{server.address} does not offer the model {model!r}. It offers: {found}.", names)
    return GeneratorReport(
        kind=OPENAI, model=model, ready=True, why=f"{server.address} answers and offers {model}", models=names
    )


def _refused(settings: GeneratorSettings, fault: str, models: tuple[str, ...]) -> GeneratorReport:
    # Not what a fallback is for: see FallbackGenerator.
    advice = "Mend model, base_url or the key (api_key_env) in [generator]; until then questions get this error."
    return GeneratorReport(kind=OPENAI, model=settings.model, ready=False, why=fault, advice=advice, models=models)


def _absent(settings: GeneratorSettings, fault: str) -> GeneratorReport:
    if settings.fallback == NO_FALLBACK:
        advice = 'Mend that, or let answers quote the documents meanwhile: fallback = "extractive" in [generator].'
        return GeneratorReport(kind=OPENAI, model=settings.model, ready=False, why=fault, advice=advice)
    return GeneratorReport(
        kind=EXTRACTIVE,
        model="",
        ready=True,
        why=f'fallback = "extractive", because: {fault}',
        advice="Until the server answers, answers quote the documents.",
    )


def _local(settings: GeneratorSettings) -> GeneratorReport:
    from serving.generate.local_models import find_local_model  # noqa: PLC0415 - rarely needed

    model = find_local_model(settings.model)
    return GeneratorReport(
        kind=TRANSFORMERS, model=model.name, ready=True, why=f"[generator] kind is 'transformers' ({model.origin})"
    )


def _plugin(name: str) -> GeneratorReport:
    plugin = generator_plugin(name)
    return GeneratorReport(kind=name, model="", ready=True, why=f"[generator] names this plugin ({plugin.version})")
