"""Retrieval quality on public sets: ``python -m benchmarks.quality [--sets xquad,rgb,chroma] [--out FILE]``.

Every set goes the way of a user's folder: files are written, ingested with the shipped settings and searched through
the live release; hybrid search, dense alone and lexical alone differ by nothing but their weights.

- ``xquad``: every paragraph is one small document; same language, across languages, both languages in one index.
- ``rgb``: Chinese; positive and negative passages of all questions in one index, every passage a document.
- ``chroma``: the spans of the first five hits against the exact excerpts that answer, at several chunk sizes.
- ``financebench``: evidence pages among the pages of the first hits; all PDFs of the set in one index.

Where documents are ranked, a document stands where its best chunk stands; documents of the same text, which a search
gives as one hit with copies, stand one behind the other. Exits 1 when hybrid search is worse than the better of the
two by more than chance explains (95 % interval of paired differences), or when a goal on the spans is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.quality_report import GroupResult, QualityReport, show
from benchmarks.quality_run import MODES, KeptQueries, QualityWorkspace, measure, query_embedder
from benchmarks.quality_sets import DATA, SETS, Corpus, Group
from ragpress.settings import ChunkSettings

# Token sizes of the published figures, and one between the two that beats both of them.
CHROMA_SIZES = (100, 144, 200, 250, 400)


def main() -> None:
    """Measure, print, and exit with 1 when a goal is missed."""
    options = _options()
    missing = [name for name in options.sets.split(",") if name not in SETS]
    if missing:
        sys.exit(f"Unknown set {missing[0]!r}; known: {', '.join(SETS)}.")
    if not DATA.exists():
        sys.exit("The benchmark data is not there: expected shared/data beside the repository.")
    with tempfile.TemporaryDirectory() as scratch:
        report = run(options.keep or Path(scratch), options.sets.split(","), options.model, options.questions)
    show(report)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sys.exit(1 if report.missed() else 0)


def run(folder: Path, sets: list[str], model: str, questions: int) -> QualityReport:
    """Measure these sets.

    Args:
        folder: holds the workspaces; what is there already is not computed again.
        sets: names of ``SETS``.
        model: embedding model.
        questions: the most questions of a group; 0 for all.
    """
    results: list[GroupResult] = []
    embedder: KeptQueries | None = None
    for name in sets:
        for corpus in SETS[name]():
            for size in _sizes(corpus):
                workspace = QualityWorkspace(folder / corpus.name, corpus, model, size)
                _ingest(workspace)
                embedder = embedder or query_embedder(workspace)
                groups = (Group(group.name, group.questions[: questions or None]) for group in corpus.groups)
                results += [measure(workspace, group, mode, embedder) for group in groups for mode in MODES]
    return QualityReport(model=model, results=tuple(results))


def _ingest(workspace: QualityWorkspace) -> None:
    chunks = workspace.ingest()
    refused = f", {workspace.quarantined} documents quarantined" if workspace.quarantined else ""
    print(f"{workspace.corpus.name}, at most {workspace.size} tokens: {chunks} chunks{refused}", file=sys.stderr)


def _sizes(corpus: Corpus) -> list[int]:
    default = ChunkSettings().max_tokens
    return sorted({*CHROMA_SIZES, default}) if corpus.unit == "span" else [default]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS), help="comma-separated")
    parser.add_argument("--model", default="multilingual-e5-small")
    parser.add_argument("--questions", type=int, default=0, help="the most questions of a group; 0 for all")
    parser.add_argument("--keep", type=Path, help="folder for the workspaces, kept for the next run")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
