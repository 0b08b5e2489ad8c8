"""The loopback S3 service, for releases in an S3-compatible store."""

from tests.ragpress.storage.conftest import s3, s3_service

__all__ = ["s3", "s3_service"]
