"""A loopback S3 service for the tests of the stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ragpress.storage.s3_server import Fault, FaultyS3


@pytest.fixture(scope="session")
def s3_service() -> Iterator[FaultyS3]:
    service = FaultyS3()
    service.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", service.url)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        yield service
    service.stop()


@pytest.fixture
def s3(s3_service: FaultyS3) -> Iterator[FaultyS3]:
    """The service without any fault; a test's faults end with it."""
    s3_service.fault = Fault.NONE
    yield s3_service
    s3_service.fault = Fault.NONE
