"""What stands before the endpoints: limits of bodies and pauses, allowed hosts and origins, security headers."""

from __future__ import annotations

from fastapi import FastAPI

from ragpress.serve_settings import ServeSettings


def guard(app: FastAPI, settings: ServeSettings) -> None:
    """Put the middlewares around an application."""
