"""Makes records of answers and feedback durable for endpoints, and tells the telemetry how that went."""

from __future__ import annotations

import logging
import time

from ragpress.errors import StorageError
from serving.api.errors import ApiError
from serving.api.service import Service
from serving.journal.records import AnswerRecord, FeedbackRecord

_logger = logging.getLogger(__name__)


async def keep_answer(service: Service, record: AnswerRecord) -> None:
    """Keep an answer; it is on the disk when this returns.

    Raises:
        ApiError: 503, it is not kept.
    """
    await _keep(service, record)
    service.telemetry.answered(record)


async def keep_feedback(service: Service, record: FeedbackRecord) -> None:
    """Keep a feedback; it is on the disk when this returns.

    Raises:
        ApiError: 503, it is not kept.
    """
    await _keep(service, record)
    service.telemetry.feedback(record)


async def _keep(service: Service, record: AnswerRecord | FeedbackRecord) -> None:
    began = time.perf_counter()
    try:
        if isinstance(record, AnswerRecord):
            await service.journal.record(record)
        else:
            await service.journal.record_feedback(record)
    except StorageError as error:
        service.telemetry.committed(time.perf_counter() - began, kept=False)
        _logger.exception("The journal refuses %s %s", type(record).__name__, record.id)
        raise ApiError(
            503,
            "The service cannot write its journal at the moment, so it keeps no answers and no feedback. Tell its "
            "operator.",
            kind="server_error",
            code="journal_unavailable",
            retry_after=5.0,
        ) from error
    service.telemetry.committed(time.perf_counter() - began, kept=True)
