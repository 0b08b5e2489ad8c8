"""Jobs: uploads that wait to be ingested, and what became of them."""

from __future__ import annotations


class JobBoard:
    """The jobs of a workspace, seen by every worker process."""
