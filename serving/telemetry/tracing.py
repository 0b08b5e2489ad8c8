"""Sets up OpenTelemetry's SDK as the standard ``OTEL_*`` environment variables say."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry import trace

from ragpress import __version__
from ragpress.errors import MissingDependencyError
from ragpress.serve_settings import TelemetrySettings
from serving.telemetry.spans import Spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_FLUSH_SECONDS = 3.0


def start_tracing(settings: TelemetrySettings) -> tuple[Spans | None, Callable[[], None]]:
    """What makes spans, and what sends the last ones in the end.

    The SDK reads ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_SERVICE_NAME``,
    ``OTEL_RESOURCE_ATTRIBUTES`` and, in place of ``trace_share``, ``OTEL_TRACES_SAMPLER``. A provider that this process
    already has, as ``opentelemetry-instrument`` makes one, is used as it is.

    Args:
        settings: the ``[telemetry]`` section.

    Returns:
        None and a function that does nothing where ``traces`` is off.

    Raises:
        MissingDependencyError: the extra ``otel`` is not installed.
    """
    if not settings.traces:
        return None, lambda: None
    try:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - optional
    except ImportError as error:
        raise _missing() from error
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        return Spans(present, content=settings.trace_content), lambda: None
    provider = _provider(settings)
    trace.set_tracer_provider(provider)

    def stop() -> None:
        provider.force_flush(int(_FLUSH_SECONDS * 1000))
        provider.shutdown()

    return Spans(provider, content=settings.trace_content), stop


def _provider(settings: TelemetrySettings) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - optional
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - optional
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - optional
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415 - optional

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
    except ImportError as error:
        raise _missing() from error
    name = os.environ.get("OTEL_SERVICE_NAME") or "ragpress"
    resource = Resource.create({"service.name": name, "service.version": __version__})
    sampler = None if "OTEL_TRACES_SAMPLER" in os.environ else ParentBasedTraceIdRatio(settings.trace_share)
    provider = TracerProvider(resource=resource, sampler=sampler)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=_FLUSH_SECONDS)))
    return provider


def _missing() -> MissingDependencyError:
    return MissingDependencyError("What sends OpenTelemetry spans ([telemetry] traces)", "pip install 'ragpress[otel]'")
