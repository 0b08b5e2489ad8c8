"""Releases: list, publish, roll back."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
