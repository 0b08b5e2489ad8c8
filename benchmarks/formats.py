"""How well every file of the shared ``doc_formats`` set is read: ``python -m benchmarks.formats --out FILE``.

Each file goes through the worker pool as in an ingestion. Per format: files read and refused, expected facts found,
forbidden facts found, recall and precision of words against the reference text, time. Exits 1 when a parser died or
ran out of time, or when a file that needs a password was not refused.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from ingest.parse.pool import ParserPool
from ragpress.errors import EncryptedError, ParserDiedError, TimeLimitError
from ragpress.settings import ParseSettings, WorkerSettings
from ragpress.types import ElementKind, ParsedDocument

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "doc_formats"
_LINK_TARGET = re.compile(r"\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)?")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_UNREAD_KINDS = {ElementKind.NAVIGATION, ElementKind.HEADER, ElementKind.FOOTER}


class FileScore(msgspec.Struct):
    """What was measured on one file; what does not apply is None.

    Attributes:
        file: path within the data set.
        format: as the manifest names it.
        category: as the manifest names it.
        outcome: ``read`` or the error's class name.
        reason: the error's message.
        seconds: wall time.
        facts: expected facts, and how many were found.
        violations: forbidden facts that were found outside navigation, headers and footers.
        recall: share of the reference's words that were read (multiset).
        kept: the same for the words outside navigation, headers and footers, which cleaning removes.
        precision: share of the words read that the reference has (multiset).
        missing: facts that were not found.
    """

    file: str
    format: str
    category: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    facts: tuple[int, int] = (0, 0)
    violations: int = 0
    recall: float | None = None
    kept: float | None = None
    precision: float | None = None
    missing: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    """Words without markup: links lose their targets, comments and tags are dropped, Han characters stand alone."""
    text = _TAG.sub(" ", _COMMENT.sub(" ", _LINK_TARGET.sub("]", unicodedata.normalize("NFKC", text))))
    text = re.sub(r"([\u3400-\u9fff\u3040-\u30ff])", r" \1 ", text)
    return [word.casefold() for word in _WORD.findall(text)]


def overlap(expected: list[str], found: list[str]) -> float | None:
    """Share of the expected words that are found, each as often as it is expected; None when none is expected."""
    if not expected:
        return None
    have = Counter(found)
    return sum(min(count, have[word]) for word, count in Counter(expected).items()) / len(expected)


def content(document: ParsedDocument) -> str:
    """The text that stays after navigation, headers and footers are removed."""
    return "\n".join(document.text[e.start : e.end] for e in document.elements if e.kind not in _UNREAD_KINDS)


def score(entry: dict[str, Any], document: ParsedDocument) -> FileScore:
    """Compare one document that was read with what the manifest knows about it."""
    result = FileScore(entry["file"], entry["format"], entry["category"], "read")
    metadata = " ".join(f"{key}: {value}" for key, value in document.metadata.items())
    everything = " ".join(words(f"{document.title} {metadata} {document.text}"))
    body = " ".join(content(document).split())
    facts = {fact: " ".join(words(fact)) for fact in entry.get("must_include", [])}
    facts = {fact: normal for fact, normal in facts.items() if normal}
    result.missing = tuple(fact for fact, normal in facts.items() if normal not in everything)
    result.facts = (len(facts), len(facts) - len(result.missing))
    result.violations = sum(1 for fact in entry.get("must_not_include", []) if fact in body)
    if entry.get("reference"):
        reference = words((DATA / entry["reference"]).read_text(encoding="utf-8"))
        read = words(document.text)
        result.recall, result.precision = overlap(reference, read), overlap(read, reference)
        result.kept = overlap(reference, words(content(document)))
    return result


def measure(ocr: bool) -> list[FileScore]:
    """Parse every file of the set, one at a time so that its time is its own."""
    entries = [json.loads(line) for line in (DATA / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    scores = []
    with ParserPool(ParseSettings(ocr=ocr), WorkerSettings(processes=1)) as pool:
        for entry in entries:
            began = time.perf_counter()
            result = pool.parse(str(DATA / entry["file"]), entry["file"])
            seconds = time.perf_counter() - began
            if isinstance(result.outcome, ParsedDocument):
                one = score(entry, result.outcome)
            else:
                kind = type(result.outcome).__name__
                one = FileScore(entry["file"], entry["format"], entry["category"], kind, str(result.outcome))
                one.facts = (len(entry.get("must_include", [])), 0)
            one.seconds = seconds
            scores.append(one)
    return scores


def failures(scores: list[FileScore]) -> list[str]:
    """What must never happen: a dead or hung parser, or a file that needs a password and was read."""
    entries = [json.loads(line) for line in (DATA / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    locked = {entry["file"] for entry in entries if entry.get("password")}
    bad = [f"{s.file}: {s.outcome}" for s in scores if s.outcome in (ParserDiedError.__name__, TimeLimitError.__name__)]
    bad += [f"{s.file}: {s.seconds:.1f} s" for s in scores if s.seconds > 30]
    return bad + [
        f"{s.file}: needs a password, but: {s.outcome}" for s in scores if s.file in locked and not _refused(s)
    ]


def _refused(one: FileScore) -> bool:
    return one.outcome == EncryptedError.__name__


def summary(scores: list[FileScore]) -> list[dict[str, Any]]:
    """One row for each format."""
    groups: dict[str, list[FileScore]] = defaultdict(list)
    for one in scores:
        groups[one.format].append(one)
        groups["all"].append(one)
    rows = []
    for name, group in sorted(groups.items(), key=lambda item: (item[0] == "all", item[0])):
        recalls = [one.recall for one in group if one.recall is not None]
        kept = [one.kept for one in group if one.kept is not None]
        precisions = [one.precision for one in group if one.precision is not None]
        refused = Counter(one.category for one in group if one.outcome != "read")
        rows.append(
            {
                "format": name,
                "files": len(group),
                "read": sum(one.outcome == "read" for one in group),
                "refused": dict(refused),
                "facts": sum(one.facts[0] for one in group),
                "facts_found": sum(one.facts[1] for one in group),
                "violations": sum(one.violations for one in group),
                "references": len(recalls),
                "recall": statistics.fmean(recalls) if recalls else None,
                "kept": statistics.fmean(kept) if kept else None,
                "precision": statistics.fmean(precisions) if precisions else None,
                "seconds_median": statistics.median(one.seconds for one in group),
                "seconds_max": max(one.seconds for one in group),
            }
        )
    return rows


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """Print the rows as a table."""
    table = Table(
        "format", "files", "read", "refused", "facts", "viol.", "refs", "recall", "kept", "prec.", "ms med", "ms max"
    )
    for row in rows:
        refused = ", ".join(f"{count} {category}" for category, count in row["refused"].items())
        table.add_row(
            row["format"],
            str(row["files"]),
            str(row["read"]),
            refused,
            f"{row['facts_found']}/{row['facts']}",
            str(row["violations"]),
            str(row["references"]),
            "" if row["recall"] is None else f"{row['recall']:.3f}",
            "" if row["kept"] is None else f"{row['kept']:.3f}",
            "" if row["precision"] is None else f"{row['precision']:.3f}",
            f"{1000 * row['seconds_median']:.0f}",
            f"{1000 * row['seconds_max']:.0f}",
        )
    console.print(table)


def main() -> int:
    """Measure, print, write; 1 when something happened that must not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, help="where the JSON goes")
    options.add_argument("--ocr", action="store_true", help="read scans (extra ocr)")
    options.add_argument(
        "--verbose", action="store_true", help="every file refused, fact missed, or recalled below .95"
    )
    arguments = options.parse_args()
    if not DATA.is_dir():
        sys.exit(f"The shared data set is missing: {DATA.parent.name}/{DATA.name} beside this repository.")
    scores = measure(arguments.ocr)
    rows = summary(scores)
    console = Console(width=140)
    show(rows, console)
    bad = failures(scores)
    for line in bad:
        console.print(f"FAILED {line}", markup=False)
    for one in scores if arguments.verbose else []:
        if one.outcome != "read" or one.missing or (one.recall is not None and one.recall < 0.95):
            recall = "" if one.recall is None else f"recall {one.recall:.3f} precision {one.precision or 0:.3f}"
            console.print(
                f"{one.file} {one.category} {one.outcome} {recall} {one.missing or ''} {one.reason}", markup=False
            )
    if arguments.out:
        report = {"formats": rows, "failures": bad, "files": [msgspec.to_builtins(one) for one in scores]}
        arguments.out.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
