from __future__ import annotations

from tests.ingest.embed.conftest import model_cache

__all__ = ["model_cache"]
