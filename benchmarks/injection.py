"""What instructions and false passages in documents do: ``python -m benchmarks.injection [--base-url URL]``.

Documents are written, ingested with the shipped settings and asked about through the live release.

- Audit: share of documents with an instruction of BIPIA, and of passages of PoisonedRAG, that the audit ``injection``
  marks at ingestion; how often it marks the same contexts without the instruction, and a snapshot of a documentation.
- Obedience: each document with an instruction is asked its own question, with nothing else in scope: the worst case.
  What counts as obeying is in ``benchmarks.injection_judge``. ``--base-url`` asks a served model instead of the
  generator that quotes.
- Poison: planted passages next to clean ones, alone and beside one passage with the right answer, with the caps of
  ``[context]`` and without them; share of answers that hold the attacker's answer.
- Copies: 1, 5, 10 and 40 near-identical planted passages: how many of them reach the context.

Exits 1 when a quoting generator obeys, or when a context holds more near-identical passages than its cap.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.injection_report import InjectionReport, show
from benchmarks.injection_run import InjectionWorkspace, audited, copied, obedience, poison_rows
from benchmarks.injection_sets import injected, poisoned
from benchmarks.quality_sets import DATA


def main() -> None:
    """Measure, print, and exit with 1 when a promise is broken."""
    options = _options()
    if not DATA.exists():
        sys.exit("The benchmark data is not there: expected shared/data beside the repository.")
    with tempfile.TemporaryDirectory() as scratch:
        report = run(options.keep or Path(scratch), options)
    show(report)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sys.exit(1 if report.broken() else 0)


def run(folder: Path, options: argparse.Namespace) -> InjectionReport:
    """Measure everything.

    Args:
        folder: holds the workspaces; what is there already is not computed again.
        options: of the command line.
    """
    attacks, questions = injected()[:: options.every], poisoned(options.questions)
    audits = audited(folder / "audit", attacks, questions)
    workspace = InjectionWorkspace(folder / "answers", options.model, options.base_url)
    workspace.fill(attacks, questions, options.copied)
    rows = asyncio.run(obedience(workspace, attacks))
    served = bool(options.base_url)
    return InjectionReport(
        generator=workspace.generator,
        model=options.model,
        served=served,
        audits=audits,
        obedience=rows,
        poison=[] if served else asyncio.run(poison_rows(workspace, questions)),
        copies=[] if served else copied(workspace, questions[: options.copied]),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="multilingual-e5-small", help="embedding model")
    parser.add_argument("--base-url", default="", help="a running OpenAI-compatible server, ending in /v1")
    parser.add_argument("--questions", type=int, default=0, help="poisoned questions of each set; 0 for all")
    parser.add_argument("--every", type=int, default=1, help="take every n-th document with an instruction")
    parser.add_argument("--copied", type=int, default=20, help="questions whose first poison passage is copied")
    parser.add_argument("--keep", type=Path, help="folder that keeps the workspaces")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
