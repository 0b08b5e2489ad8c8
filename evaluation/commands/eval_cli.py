"""Commands ``ragpress eval``: run, compare, list, show. Those about cases stand in ``cases_cli``."""

from __future__ import annotations

import typer

from evaluation.commands import cases_cli, compare_cli, generate_cli

app = typer.Typer(help="Evaluation: cases, runs, comparisons, reports, the gate.", no_args_is_help=True)
cases_cli.add_to(app)
compare_cli.add_to(app)
generate_cli.add_to(app)
