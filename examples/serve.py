"""``make serve``: a workspace over the sample folder (or ``DOCS=folder``), brought up to date, then the service."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.demo import RUN, left_out
from ragpress.settings import FILE_NAME, load_workspace

SAMPLE = Path(__file__).resolve().parent / "sample"
DONE, DONE_WITH_QUARANTINE = 0, 3


def main(words: Sequence[str]) -> None:
    """Make the workspace where it is missing, ingest, and become the service.

    ``WORKSPACE=folder`` serves a workspace that exists, or makes one there; ``DOCS=folder`` names the documents of a
    new one.

    Args:
        words: options of ``ragpress serve``.

    Raises:
        SystemExit: the documents are no folder, or a command failed.
    """
    folder = os.environ.get("WORKSPACE")
    documents = os.environ.get("DOCS")
    if documents and not Path(documents).is_dir():
        raise SystemExit(f"DOCS={documents} is not a folder. Name a folder of documents: make serve DOCS=folder")
    workspace = prepare(Path(folder).resolve() if folder else RUN, Path(documents).resolve() if documents else None)
    ragpress(workspace, "ingest", codes=(DONE, DONE_WITH_QUARANTINE))
    os.chdir(workspace)
    os.execv(sys.executable, [sys.executable, "-m", "ragpress", "serve", *words])  # noqa: S606 - our own command line


def prepare(workspace: Path, documents: Path | None) -> Path:
    """The workspace, made over the documents where it does not read them yet.

    Raises:
        SystemExit: it exists, reads other documents, and is not the demo's own.
    """
    if (workspace / FILE_NAME).is_file() and (documents is None or _reads(workspace, documents)):
        return workspace
    if workspace == RUN:
        shutil.rmtree(RUN, ignore_errors=True)
    elif (workspace / FILE_NAME).is_file():
        raise SystemExit(f"{workspace} reads other documents than {documents}. Set folders in its {FILE_NAME}.")
    workspace.mkdir(parents=True, exist_ok=True)
    if documents is None:
        documents = workspace / "documents"
        shutil.copytree(SAMPLE, documents, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    ragpress(workspace, "init", ".", "--source", str(documents))
    return workspace


def ragpress(workspace: Path, *words: str, codes: tuple[int, ...] = (DONE,)) -> None:
    """Run one command in the workspace.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run([sys.executable, "-m", "ragpress", *words], cwd=workspace, check=False)  # noqa: S603
    if done.returncode not in codes:
        raise SystemExit(done.returncode)


def _reads(workspace: Path, documents: Path) -> bool:
    folders = load_workspace(workspace).collection("default").sources.folders
    return documents in {(workspace / folder).resolve() for folder in folders}


if __name__ == "__main__":
    main(sys.argv[1:])
