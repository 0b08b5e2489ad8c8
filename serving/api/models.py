"""Models: the collections and their live releases."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
