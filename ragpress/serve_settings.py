"""The sections of ``ragpress.toml`` that say how the service runs. They decide no answer, so no release seals them;
they hold for the whole workspace and are read when ``ragpress serve`` starts.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ragpress.bounds import PositiveFloat, PositiveInt, Share


class ServeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HTTP service.

    Attributes:
        host: address to listen on. Without API keys only an address of this machine is taken.
        port: port to listen on.
        workers: worker processes; each holds the models and the live releases for itself.
        concurrency: answers that one worker makes at once.
        queue: requests that wait for their turn in one worker; further ones get 429 with ``Retry-After``.
        queue_seconds: the longest wait for a turn; then 429.
        answer_seconds: the longest time that one answer may take; then it ends with an error.
        grace_seconds: how long a stopping worker lets its streams finish.
        header_seconds: a client that has not sent a whole request head by then is cut off; so is one that sends
            nothing on a new connection.
        body_seconds: the longest pause within a body; then 408.
        idle_seconds: how long a connection without a request stays open.
        send_seconds: a client that takes nothing of its answer for so long is cut off.
        connections: open connections of one worker; further ones get 503.
        body_bytes: a larger JSON body gets 413, before it is read.
        header_bytes: a larger request head gets 431.
        upload_bytes: a larger uploaded file gets 413.
        upload_files: the most files of one upload.
        cors_origins: origins of web pages that may call the service; none unless set.
        hosts: names under which the service may be called (the ``Host`` header); empty takes any once there are API
            keys, and those of this machine without keys.
        proxy: the service stands behind a reverse proxy that sets ``X-Forwarded-For`` and ``-Proto``.
        watch_seconds: how often a worker looks whether another release is live.
        pinned_releases: releases named by ``collection@release`` that a worker keeps open, beside the live ones.
        languages: languages of the pages; the reader's browser chooses among them.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8321
    workers: PositiveInt = 1
    concurrency: PositiveInt = 256
    queue: Annotated[int, msgspec.Meta(ge=0)] = 64
    queue_seconds: PositiveFloat = 10.0
    answer_seconds: PositiveFloat = 300.0
    grace_seconds: PositiveFloat = 30.0
    header_seconds: PositiveFloat = 8.0
    body_seconds: PositiveFloat = 8.0
    idle_seconds: PositiveFloat = 8.0
    send_seconds: PositiveFloat = 30.0
    connections: PositiveInt = 4096
    body_bytes: PositiveInt = 1_000_000
    header_bytes: PositiveInt = 32_768
    upload_bytes: PositiveInt = 200_000_000
    upload_files: PositiveInt = 100
    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    proxy: bool = False
    watch_seconds: PositiveFloat = 0.3
    pinned_releases: PositiveInt = 3
    languages: tuple[Literal["en", "zh"], ...] = ("en", "zh")


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The journals of answers, feedback, jobs and runs.

    Attributes:
        file_bytes: a journal file that has grown to this size is closed and sealed into Parquet.
        retention_days: answers older than this, and the releases that only they need, may be removed by
            ``ragpress releases gc``.
        batch_seconds: the longest that a record waits for others, to be made durable together with them; 0 takes
            those that came while the disk was busy with the records before.
    """

    file_bytes: PositiveInt = 16_000_000
    retention_days: PositiveFloat = 90.0
    batch_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the service tells of itself.

    Attributes:
        log_format: ``text`` for a terminal or ``json`` (one object a line).
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        traces: send OpenTelemetry spans to the collector that the standard ``OTEL_EXPORTER_OTLP_*`` variables name
            (extra ``otel``).
        trace_content: put questions, passages and answers into the spans.
        trace_share: share of the requests that are traced.
        price_input: price of a million tokens that a generator reads, for the dashboard; in ``currency``.
        price_output: price of a million tokens that it writes.
        currency: what the prices are in.
    """

    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    traces: bool = False
    trace_content: bool = False
    trace_share: Share = 1.0
    price_input: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    price_output: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    currency: str = "USD"
