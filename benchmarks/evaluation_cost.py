"""What an evaluation costs: 1,000 cases anew, all of them again, and again after an edit of 1 % of the documents.

Usage: ``python -m benchmarks.evaluation_cost [--cases 1000] [--runs 1] [--out FILE]``

The documents are the paragraphs of XQuAD in English and Chinese (320 files), the cases its questions, half of them in
each language; a case's evidence is the sentence that holds the gold span. The embedder is the default one, answers are
quoted. Every run is a fresh process; its processor time is that of the whole process while it evaluates, its share
*outside* is what was spent neither in retrieval nor in the embedder: reading passages and quoting, checking sentences,
scoring, finding evidence, naming and keeping results. Loading the model counts as embedding.

The edit adds a sentence to every hundredth document. It is ingested, and the cases are evaluated again twice: with what
is known, and all anew. Counted beside each other: the cases that were judged, and those whose passages read otherwise
than before; and whether both evaluations say the same of every case. An edit changes the statistics of the lexical
index, so a few cases may retrieve other passages though no document of theirs changed. The gate is off: it would make
the answers before they are measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.quality_sets import DATA, LANGUAGES, SETS, records
from evaluation.cases.files import accepted, load_cases, save_cases
from evaluation.records import Case, CaseResult, EvaluatedRelease, Evidence
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.subjects import open_subject
from index.environment import open_release
from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment
from serving.evidence.sentences import split_sentences

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = '[sources]\nfolders = ["docs"]\n[gate]\ncases = "off"\n'
GOAL = 0.2
EDIT_EVERY = 100
_QUESTIONS = "xquad_en_zh"


class Run(msgspec.Struct, frozen=True):
    """One evaluation in a process of its own.

    Attributes:
        found: its results.
        load: load average of the machine when it ended.
    """

    found: EvaluatedRelease
    load: float

    @property
    def share(self) -> float:
        """Share of its processor time that is neither retrieval nor embedding."""
        return self.found.totals.outside_seconds / self.found.totals.cpu_seconds


class Incremental(msgspec.Struct, frozen=True):
    """The evaluation after an edit.

    Attributes:
        documents: documents that were edited.
        changed: cases whose passages read otherwise than before.
        judged: cases that were judged.
        equal: whether the cases that were judged are those that changed.
        same: whether every case has the answer and the scores that an evaluation anew gives it.
        run: the evaluation.
        anew: the evaluation that reused nothing.
    """

    documents: int
    changed: int
    judged: int
    equal: bool
    same: bool
    run: Run
    anew: Run


def main() -> None:
    """Measure, print, and exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=1, help="evaluations anew; medians are reported")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--child", nargs=2, metavar=("WORKSPACE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--fresh", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(Path(arguments.child[0]), Path(arguments.child[1]), arguments.fresh)
        return
    if not (DATA / _QUESTIONS).is_dir():
        sys.exit(f"The benchmark data is missing: expected the folder {DATA / _QUESTIONS}.")
    with tempfile.TemporaryDirectory(prefix="ragpress-evaluation-") as folder:
        root = prepare(Path(folder) / "workspace", arguments.cases)
        twins = [shutil.copytree(root, Path(folder) / f"run-{number}") for number in range(arguments.runs)]
        anew = [run(twin) for twin in twins]
        again = [run(twins[-1]) for _ in range(max(arguments.runs, 3))]
        edited = incremental(twins[-1], anew[-1])
    show(anew, again, edited)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures(anew, again, edited), indent=1), encoding="utf-8")
    sys.exit(0 if statistics.median(one.share for one in anew) <= GOAL and edited.equal and edited.same else 1)


def prepare(root: Path, count: int) -> Path:
    """A published workspace with cases."""
    root.mkdir(parents=True)
    (root / "ragpress.toml").write_text(SETTINGS, encoding="utf-8")
    corpus = next(corpus for corpus in SETS["xquad"]() if corpus.name == "xquad_en_zh")
    corpus.write(root / "docs")
    save_cases(root, "xquad", [case for language in LANGUAGES for case in xquad_cases(language, count // 2)])
    ingest(IngestRequest(), open_environment(root))
    return root


def xquad_cases(language: str, count: int) -> list[Case]:
    """The first questions of a language as cases; the evidence is the sentence that holds the answer."""
    cases = []
    for row in records(DATA / _QUESTIONS / f"questions.{language}.jsonl")[:count]:
        gold = row["gold"][0]
        text = (DATA / _QUESTIONS / gold["doc"]).read_text(encoding="utf-8")
        paragraph, at = text[gold["para_start"] : gold["para_end"]], gold["answer_start"] - gold["para_start"]
        span = next(span for span in split_sentences(paragraph) if span.start <= at < span.end)
        source = f"docs/{gold['doc'].removesuffix('.txt')}-{gold['para']}.txt"
        evidence = (Evidence(source, paragraph[span.start : span.end]),)
        name = f"{language}-{row['id']}"
        cases.append(Case(id=name, question=row["question"], answer=gold["answer"], evidence=evidence))
    return cases


def run(root: Path, fresh: bool = False) -> Run:
    """Evaluate in a process of its own."""
    file = root / "found.json"
    options = ["--child", str(root), str(file), *(["--fresh"] if fresh else [])]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "benchmarks.evaluation_cost", *options]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=environment)
    return Run(msgspec.json.decode(file.read_bytes(), type=EvaluatedRelease), os.getloadavg()[0])


def child(root: Path, file: Path, fresh: bool) -> None:
    """Evaluate, and write what was found."""
    environment = open_environment(root)
    cases = accepted(load_cases(root, "default"))
    subject = open_subject(environment, open_release(environment, "default", None), "live")
    found = evaluate(environment, subject, cases, RunOptions(reuse=not fresh))
    file.write_bytes(msgspec.json.encode(found))


def incremental(root: Path, before: Run) -> Incremental:
    """Edit 1 % of the documents, and evaluate with what is known and anew."""
    files = sorted((root / "docs").rglob("*.txt"))[EDIT_EVERY // 2 :: EDIT_EVERY]
    for file in files:
        file.write_text(edited(file.read_text(encoding="utf-8")), encoding="utf-8")
    # Until then a scan takes a file of the same size for unchanged only after hashing it.
    time.sleep(0.1)
    ingest(IngestRequest(), open_environment(root))
    after = run(root)
    anew = run(root, fresh=True)
    pairs = list(zip(before.found.results, after.found.results, strict=True))
    changed = {new.case for old, new in pairs if read(old) != read(new)}
    judged = {result.case for result in after.found.results if not result.reused}
    return Incremental(
        documents=len(files),
        changed=len(changed),
        judged=len(judged),
        equal=changed == judged,
        same=[said(one) for one in after.found.results] == [said(one) for one in anew.found.results],
        run=after,
        anew=anew,
    )


def edited(text: str) -> str:
    """A document with a sentence more at its end and a letter more at its beginning."""
    more = (
        "这一段在本周修订过。"
        if any("\u4e00" <= letter <= "\u9fff" for letter in text)
        else "It was revised this week."
    )
    return f"{text.rstrip()} {more}\n"


def read(result: CaseResult) -> list[object]:
    """What the generator read for a case, ids and places left out."""
    return [
        [one.source, one.title, one.heading, one.chunk, one.text, one.start - one.text_start, one.marks, one.copies]
        for one in result.passages
    ]


def said(result: CaseResult) -> list[object]:
    """What an evaluation says of a case: retrieval, answer, citations, scores."""
    return [
        result.case, result.hits, result.evidence, result.answer, result.abstained, result.citations,
        result.sentences, result.scores, result.missing, result.error,
    ]  # fmt: skip


def show(anew: Sequence[Run], again: Sequence[Run], after: Incremental) -> None:
    """Print the figures."""
    table = Table("evaluation", "cases", "judged", "embedded", "seconds", "CPU-s", "outside CPU-s", "share", "load")
    rows = (("anew", anew), ("all known", again), ("after the edit", [after.run]), ("the same, anew", [after.anew]))
    for name, runs in rows:
        totals = [one.found.totals for one in runs]
        table.add_row(
            name,
            str(len(runs[0].found.results)),
            str(totals[0].judged),
            str(totals[0].embedded),
            f"{statistics.median(one.seconds for one in totals):.1f}",
            f"{statistics.median(one.cpu_seconds for one in totals):.1f}",
            f"{statistics.median(one.outside_seconds for one in totals):.1f}",
            f"{statistics.median(one.share for one in runs):.1%}",
            f"{max(one.load for one in runs):.1f}",
        )
    out, same = Console(), "yes" if after.same else "NO"
    out.print(table)
    out.print(f"The edit changed {after.documents} documents and what {after.changed} cases read.")
    out.print(f"{after.judged} were judged, {'the same ones' if after.equal else 'NOT the same ones'}.")
    out.print(f"Every case is as in the evaluation anew: {same}.")


def figures(anew: Sequence[Run], again: Sequence[Run], after: Incremental) -> dict[str, object]:
    """The figures as JSON."""
    kinds = {"anew": anew, "known": again, "edited": [after.run], "edited_anew": [after.anew]}
    return {
        "totals": {name: [msgspec.to_builtins(one.found.totals) for one in runs] for name, runs in kinds.items()},
        "shares": {name: [one.share for one in runs] for name, runs in kinds.items()},
        "documents": after.documents,
        "changed": after.changed,
        "judged": after.judged,
        "equal": after.equal,
        "same": after.same,
    }


if __name__ == "__main__":
    main()
