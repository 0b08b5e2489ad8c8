"""The chat page, the dashboard and their assets."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
