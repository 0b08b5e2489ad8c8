"""Fixtures of comparisons."""

from tests.ragpress.storage.conftest import s3, s3_service

__all__ = ["s3", "s3_service"]
