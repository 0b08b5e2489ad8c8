"""Imports the slow modules, and warms them up, into the fork server, so that each process of a campaign starts at once.

Importing them starts no thread that matters to a fork (OpenBLAS and jemalloc mind forks themselves).
"""

from __future__ import annotations

import importlib

MODULES = (
    "duckdb",
    "faiss",
    "index.catalogue",
    "index.health",
    "index.history",
    "index.lineage",
    "index.pipeline",
    "ingest.embed.hashing",
    "opencc",
    "pyarrow.parquet",
    "retrieval.search",
    "rich.table",
    "rjieba",
    "tantivy",
    "tests.faults.harness",
)

for name in MODULES:
    importlib.import_module(name)

# Dictionaries and models that a process would otherwise load for its first document.
importlib.import_module("index.lexical").words("年假")
importlib.import_module("ingest.language").language("Replace the carbon filter every six months.")
