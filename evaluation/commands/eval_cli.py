"""Commands ``ragpress eval``: run, compare, list, show, cases. Each stands in a module of its own."""

from __future__ import annotations

import typer

from evaluation.commands import cases_cli, compare_cli, generate_cli, run_cli

app = typer.Typer(help="Evaluation: cases, runs, comparisons, reports, the gate.", no_args_is_help=True)
run_cli.add_to(app)
cases_cli.add_to(app)
compare_cli.add_to(app)
generate_cli.add_to(app)
