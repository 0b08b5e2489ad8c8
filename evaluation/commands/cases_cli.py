"""Commands ``ragpress eval import`` and ``generate``, and ``ragpress eval cases``: the cases of a workspace."""

from __future__ import annotations

import typer

cases = typer.Typer(help="Cases: list, review, accept, reject.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands into ``ragpress eval``."""
    app.add_typer(cases, name="cases")
