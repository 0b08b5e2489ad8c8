"""Documents: list, read, upload, delete, quarantine."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
