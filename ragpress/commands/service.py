"""Commands ``ragpress serve``, ``ragpress mcp``: what others reach over a protocol."""

from __future__ import annotations
