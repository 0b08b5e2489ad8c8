"""What access rules and filters cost a search, and whether it stays exact: ``python -m benchmarks.access``.

A made-up collection of documents of ten chunks each. One folder tree is laid out so that a rule ``docs/[K-7]/**``
opens a share of the rows (whole folders), another pattern the same share of documents strewn over all folders. For
each of them: CPU time of resolving the scope, of a dense and of a lexical search (median over the queries; the lexical
one once with the rarity of every term still to be counted), and how many of the exact top ten it finds. Exact is, for
the dense search, every allowed row of the same index compared, and every allowed original vector; for the lexical
search, all matches fetched and those not allowed dropped afterwards. Exits 1 when a row came back that was not allowed,
or the lexical search missed one.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import Writer
from index import documents
from index.documents import DocumentRow
from index.lexical import LexicalIndex, LexicalRow, LexicalWriter, owner
from index.opened import OpenRelease
from index.vectors import VectorIndex, write_index
from ragpress.answer_settings import AccessSettings
from ragpress.types import Float32Matrix
from retrieval.access import AccessRules, Principal
from retrieval.scope import Scope, Scopes

SHARES = (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
_DOCUMENT_ROWS = 10
_FOLDER_DOCUMENTS = 100
_CLUSTERS = 2000
_DEPTH = 66
_TOP = 10
# Queries whose answers are compared with the exact ones.
_CHECKED = 10
_SEED = 7


class Corpus(NamedTuple):
    """What is searched: the release as a scope sees it, both indexes, FAISS's own index, its vectors, the queries."""

    release: OpenRelease
    lexical: LexicalIndex
    vectors: VectorIndex
    whole: Any
    matrix: Float32Matrix
    queries: list[tuple[str, npt.NDArray[np.float32]]]


class _Segment:
    """A segment without deleted rows, as far as a scope looks at it."""

    def __init__(self, rows: int) -> None:
        self.record = self
        self.rows, self.deleted_rows = rows, 0
        self.alive = np.ones(rows, np.bool_)


class _Release:
    """A release of one segment, as far as a scope looks at it."""

    def __init__(self, table: Any, rows: int) -> None:
        self.manifest = self
        self.id = "bench"
        self.documents = table
        self.segments = {1: _Segment(rows)}


def levels(count: int) -> list[int]:
    """The level of each of so many documents: a document of level K is in every share up to ``SHARES[K]``."""
    ends = [1 + round((count - 1) * share) for share in SHARES]
    return [max(level for level, end in enumerate(ends) if place < end) for place in range(count)]


def document_rows(rows: int) -> Iterator[DocumentRow]:
    """Documents whose folder and name tell their levels; the first, of the rarest level, has a single row."""
    count = 1 + math.ceil((rows - 1) / _DOCUMENT_ROWS)
    ranks = levels(count)
    strewn = np.random.default_rng(_SEED).permutation(count - 1) + 1
    first = 0
    for number, level in enumerate(ranks):
        other = ranks[int(strewn[number - 1])] if number else level
        size = min(_DOCUMENT_ROWS, rows - first) if number else 1
        source = f"docs/{level}/{number // _FOLDER_DOCUMENTS:05d}/{number:06d}-{other}.md"
        yield DocumentRow(
            document_id=f"d{number:024x}", source=source, state="live", segment=1, first_row=first, chunks=size
        )
        first += size


def make_corpus(folder: Path, rows: int, dimension: int, queries: int) -> Corpus:
    """Write and open both indexes; vectors lie around made-up centres."""
    import faiss

    rng = np.random.default_rng(_SEED)
    table = list(document_rows(rows))
    matrix = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (rows, dimension))
    centres = rng.standard_normal((_CLUSTERS, dimension), np.float32)
    for start in range(0, rows, 50_000):
        size = min(50_000, rows - start)
        block = centres[rng.integers(0, _CLUSTERS, size)] + 0.7 * rng.standard_normal((size, dimension), np.float32)
        matrix[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    write_index(matrix, folder / "vectors.faiss", 150_000)
    writer = Writer()
    (folder / "lexical").mkdir()
    lexical = LexicalWriter(folder / "lexical")
    lexical.add(
        LexicalRow(owner(one.document_id, 1), 1, row, "page", " ".join(writer.words(60)), one.source)
        for one in table
        for row in range(one.first_row, one.first_row + one.chunks)
    )
    lexical.finish()
    near = matrix[np.sort(rng.integers(0, rows, queries))] + 0.05 * rng.standard_normal((queries, dimension))
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    asked = [(" ".join(writer.words(8)), vector) for vector in near]
    release = cast(OpenRelease, _Release(documents.to_table(table), rows))
    vectors = VectorIndex(folder / "vectors.faiss", rows, dimension)
    whole = faiss.read_index(str(folder / "vectors.faiss"))
    return Corpus(release, LexicalIndex(folder / "lexical"), vectors, whole, matrix, asked)


def patterns() -> Iterator[tuple[str, float, str]]:
    """Layout, share and the pattern of the sources that share holds."""
    last = len(SHARES) - 1
    for level, share in enumerate(SHARES):
        yield "folders", share, f"docs/[{level}-{last}]/**"
        if 0 < level < last:
            yield "strewn", share, f"docs/**/*-[{level}-{last}].md"


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    before = time.process_time()
    work()
    return 1000 * (time.process_time() - before)


def measure(corpus: Corpus, pattern: str) -> dict[str, float]:
    """Costs and recall of the searches of a caller who may read only what a pattern matches."""
    scopes = Scopes(corpus.release, AccessRules(AccessSettings(default=("rest",), rules={pattern: ("readers",)})))
    # The first caller of a release pays for reading its document table and matching the rules.
    first = milliseconds(lambda: scopes.of(Principal(frozenset({"rest"}))))
    principal = Principal(frozenset({"readers"}))
    resolve = milliseconds(lambda: scopes.of(principal))
    scope = scopes.of(principal)
    mask = None if scope.masks is None else scope.masks[1]
    texts, vectors = [text for text, _ in corpus.queries], [vector for _, vector in corpus.queries]
    counting, lexical = (
        [milliseconds(partial(corpus.lexical.search, text, _DEPTH, scope)) for text in texts] for _ in range(2)
    )
    dense = [milliseconds(partial(corpus.vectors.search, vector, _DEPTH, mask)) for vector in vectors]
    return {
        "rows": scope.rows,
        "first_ms": first,
        "resolve_ms": resolve,
        "dense_ms": statistics.median(dense),
        "lexical_first_ms": statistics.median(counting),
        "lexical_ms": statistics.median(lexical),
        "lexical_worst_ms": max(lexical),
        **_recalls(corpus, scope, mask),
    }


def _recalls(corpus: Corpus, scope: Scope, mask: npt.NDArray[np.bool_] | None) -> dict[str, float]:
    allowed = np.arange(len(corpus.matrix)) if mask is None else np.flatnonzero(mask)
    found: dict[str, list[float]] = {"dense_recall": [], "dense_recall_original": [], "lexical_recall": []}
    for text, vector in corpus.queries[:_CHECKED]:
        _, rows = corpus.vectors.search(vector, _TOP, mask)
        if not np.isin(rows, allowed).all():
            raise SystemExit("a row came back that was not allowed")
        original = allowed[np.argsort(-(corpus.matrix @ vector)[allowed], kind="stable")[:_TOP]]
        found["dense_recall"].append(_share(rows.tolist(), _compared(corpus, vector, mask)))
        found["dense_recall_original"].append(_share(rows.tolist(), original.tolist()))
        found["lexical_recall"].append(_lexical_recall(corpus.lexical, text, scope))
    return {name: statistics.fmean(values) for name, values in found.items()}


def _compared(corpus: Corpus, vector: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_] | None) -> list[int]:
    """The best allowed rows by the vectors as the index holds them, each one compared."""
    import faiss

    library: Any = faiss
    bits = np.packbits(np.ones(len(corpus.matrix), np.bool_) if mask is None else mask, bitorder="little")
    selector = library.IDSelectorBitmap(bits)
    if isinstance(corpus.whole, faiss.IndexIVF):
        parameters = library.SearchParametersIVF(nprobe=corpus.whole.nlist, sel=selector)
    else:
        parameters = library.SearchParameters(sel=selector)
    _, rows = corpus.whole.search(vector.reshape(1, -1), _TOP, params=parameters)
    return [row for row in rows[0].tolist() if row >= 0]


def _lexical_recall(lexical: LexicalIndex, text: str, scope: Scope) -> float:
    """Whether the best scores are those of all matches, fetched first and filtered afterwards."""
    by_masks = msgspec.structs.replace(scope, owners=None, barred=None)
    found, _, _ = lexical.search(text, _TOP, scope)
    exact, _, _ = lexical.search(text, lexical.rows, by_masks)
    if len(found) != min(_TOP, len(exact)):
        return 0.0
    return statistics.fmean(np.isclose(found, exact[:_TOP], rtol=1e-5)) if found else 1.0


def _share(found: list[int], exact: list[int]) -> float:
    return len(set(found) & set(exact)) / len(exact) if exact else 1.0


_COLUMNS = {
    "rows": "{:,.0f}",
    "first_ms": "{:.1f}",
    "resolve_ms": "{:.1f}",
    "dense_ms": "{:.2f}",
    "dense_recall": "{:.4f}",
    "dense_recall_original": "{:.4f}",
    "lexical_first_ms": "{:.2f}",
    "lexical_ms": "{:.2f}",
    "lexical_worst_ms": "{:.2f}",
    "lexical_recall": "{:.4f}",
}


def main() -> int:
    """Measure, print a table and write ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(Path(folder), options.rows, options.dimension, options.queries)
        for layout, share, pattern in patterns():
            results.append({"layout": layout, "share": share, **measure(corpus, pattern)})
            sys.stderr.write(f"{results[-1]}\n")
    table = Table("layout", "share", *_COLUMNS, title=f"{options.rows:,} rows of {options.dimension} dimensions")
    for one in results:
        table.add_row(one["layout"], f"{one['share']:g}", *(form.format(one[name]) for name, form in _COLUMNS.items()))
    Console(width=160).print(table)
    if options.out:
        options.out.write_text(json.dumps({"results": results}, indent=1), encoding="utf-8")
    return 0 if all(one["lexical_recall"] == 1.0 for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
