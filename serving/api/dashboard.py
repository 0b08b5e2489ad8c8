"""What the dashboard shows."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
