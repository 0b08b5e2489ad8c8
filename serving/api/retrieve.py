"""Retrieval: the chunks for a query."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
