"""Stored answers and the lineage of answers, citations, chunks and documents."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
