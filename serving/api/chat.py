"""Chat completions as OpenAI's API has them, streamed and not."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
