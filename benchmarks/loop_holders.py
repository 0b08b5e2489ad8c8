"""How surely the document that holds the right answer is found, given a question and what a user says is right.

Usage: ``python -m benchmarks.loop_holders [--questions 400] [--folder build/loop_holders] [--fit]``

XQuAD in English and Chinese, all in one live collection, once with an article a document and once with a paragraph a
document (so that four documents speak of the same things as the right one). Three forms of a claim: the gold ``span``;
a ``correction`` around it ("No, it is …", "不对，应该是…"); a ``statement`` of the question's words and the answer. And
``none``: only the question, without any claim. For each is reported how often the first holder is the gold document,
how often its quote holds the gold span, how often it is sure (:data:`feedback.diagnose.holders.SURE`); and how often
something is taken for a sure holder when the gold document (in both languages) is taken away, which should be seldom.
CPU-seconds are of the process, for the whole of ``find_holders`` (all layers, ranks of the first ones included).

``--fit`` prints the constants of ``feedback/diagnose/scoring.py``, fitted on the half of the questions called ``tune``
(by a checksum of the id); figures are of the other half.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.fitting import auroc, fit_logistic
from benchmarks.quality_sets import DATA, LANGUAGES, records
from feedback.diagnose.holders import SURE, find_holders, layers_of
from feedback.diagnose.matching import Window, find_places, wanted, windows
from feedback.diagnose.scoring import ASKED_NAMES, CLAIMED_NAMES
from feedback.records import BadCase, Holder
from feedback.wording.claim import core
from feedback.workbench import Workbench
from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment
from serving.journal.answers import AnswerJournal

SETTINGS = '[sources]\nfolders = ["docs"]\n'
FORMS = ("span", "correction", "statement", "none")
UNITS = ("article", "paragraph")
_AHEAD = timedelta(seconds=10)
_NEGATIVES = 12
_QUESTION_MARKS = " ?？。"


class Asked(msgspec.Struct, frozen=True):
    """A question with its gold answer.

    Attributes:
        id: of the question.
        language: of the question.
        question: its words.
        answer: the gold span.
        source: source path of the gold document.
        start: first code point of the span in it.
    """

    id: str
    language: str
    question: str
    answer: str
    source: str
    start: int

    @property
    def tune(self) -> bool:
        """Whether constants are fitted on it."""
        return zlib.crc32(self.id.encode()) % 2 == 0

    def claim(self, form: str) -> str:
        """What a user says is right, in one of :data:`FORMS`."""
        chinese = self.language == "zh"
        if form == "correction":
            return f"不对，应该是{self.answer}。" if chinese else f"No, that is wrong. It is {self.answer}."
        if form == "statement":
            asked = self.question.strip(_QUESTION_MARKS)
            return f"{asked}：{self.answer}。" if chinese else f"{self.answer}: {asked}."
        return self.answer if form == "span" else ""


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--questions", type=int, default=400, help="about so many for each language and unit, evenly spaced"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/loop_holders"), help="where workspaces are kept")
    parser.add_argument("--units", nargs="*", choices=UNITS, default=list(UNITS))
    parser.add_argument("--fit", action="store_true", help="print constants fitted on the other half")
    options = parser.parse_args()
    if not (DATA / "xquad_en_zh").is_dir():
        print(f"The shared benchmark data is not at {DATA}: nothing to measure on.", file=sys.stderr)
        return 1
    print("unit       lang  form        n    first doc  gold quote  sure   sure without it  CPU p50 / p95 ms")
    for unit in options.units:
        bench = _bench(options.folder / unit, unit)
        for language in LANGUAGES:
            every = [item for item in questions(language, unit) if not item.tune]
            asked = every[:: max(1, len(every) // options.questions)]
            for form in () if options.fit else FORMS:
                print(
                    f"{unit:<10} {language}    {form:<10} {len(asked):4}  {_measured(bench, asked, form)}", flush=True
                )
        if options.fit:
            _fit(bench, [item for language in LANGUAGES for item in questions(language, unit) if item.tune])
        bench.journal.close()
    return 0


def questions(language: str, unit: str) -> Iterator[Asked]:
    """The questions of a language, over documents of a unit."""
    for row in records(DATA / "xquad_en_zh" / f"questions.{language}.jsonl"):
        gold = row["gold"][0]
        stem = gold["doc"].removesuffix(".txt")
        whole = unit == "article"
        yield Asked(
            id=row["id"],
            language=language,
            question=row["question"],
            answer=gold["answer"],
            source=f"docs/{stem}.txt" if whole else f"docs/{stem}-{gold['para']}.txt",
            start=gold["answer_start"] - (0 if whole else gold["para_start"]),
        )


def _bench(root: Path, unit: str) -> Workbench:
    fresh = not (root / "ragpress.toml").exists()
    if fresh:
        _write(root, unit)
    base = open_environment(root)
    environment = msgspec.structs.replace(base, now=lambda: datetime.now(UTC) + _AHEAD)
    if fresh or environment.releases("default").live_id() is None:
        ingest(IngestRequest(), environment)
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    return Workbench(environment, "default", journal)


def _write(root: Path, unit: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for path in sorted((DATA / "xquad_en_zh").glob("*/*.txt")):
        text = path.read_text(encoding="utf-8")
        rows = records(path.parents[1] / f"questions.{path.parent.name}.jsonl") if unit == "paragraph" else []
        spans = {
            (gold["para"], gold["para_start"], gold["para_end"])
            for row in rows
            for gold in row["gold"]
            if gold["doc"] == f"{path.parent.name}/{path.name}"
        }
        parts = {f"-{number}": text[start:end] for number, start, end in sorted(spans)} or {"": text}
        for suffix, part in parts.items():
            target = root / "docs" / path.parent.name / f"{path.stem}{suffix}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(part, encoding="utf-8")
    (root / "ragpress.toml").write_text(SETTINGS, encoding="utf-8")


def _measured(bench: Workbench, asked: Sequence[Asked], form: str) -> str:
    subject = bench.live()
    if subject is None:
        raise RuntimeError("nothing is live: the ingest failed")
    first = quoted = sure = wrong = 0
    cost: list[float] = []
    for item in asked:
        began = time.process_time()
        found = find_holders(bench, subject, _bad(item, subject.manifest.id), core(item.claim(form), item.question))
        cost.append(time.process_time() - began)
        if found:
            first += found[0].source == item.source
            quoted += found[0].source == item.source and found[0].start <= item.start < found[0].end
            sure += found[0].score >= SURE
        wrong += any(holder.score >= SURE for holder in found if not _is_gold(holder, item))
    cost.sort()
    count = len(asked)
    shares = "      ".join(f"{100 * value / count:5.1f}" for value in (first, quoted, sure, wrong))
    return f"{shares}           {1000 * cost[count // 2]:.0f} / {1000 * cost[int(count * 0.95)]:.0f}"


def _is_gold(holder: Holder, item: Asked) -> bool:
    """Whether a holder is the gold document, in either language."""
    return holder.source.split("/", 2)[2] == item.source.split("/", 2)[2]


def _bad(item: Asked, release: str) -> BadCase:
    return BadCase(case_id=item.id, collection="default", question=item.question, release=release)


def _fit(bench: Workbench, asked: Sequence[Asked]) -> None:
    for label, forms, names in (
        ("CLAIMED", ("span", "correction", "statement"), CLAIMED_NAMES),
        ("ASKED", ("none",), ASKED_NAMES),
    ):
        rows: list[dict[str, float]] = []
        labels: list[bool] = []
        weights: list[float] = []
        for item in asked:
            for form in forms:
                for window, right in _labelled(bench, item, form):
                    rows.append(window.features)
                    labels.append(right)
                    weights.append(1.0)
        model = fit_logistic(rows, labels, weights, names)
        area = auroc([model.probability(row) for row in rows], labels)
        print(f"{label} = {model}  # {len(rows)} places, {sum(labels)} right, AUROC {area:.3f}")


def _labelled(bench: Workbench, item: Asked, form: str) -> Iterator[tuple[Window, bool]]:
    """The right place, and the likeliest wrong ones: those of the gold document, and those of others."""
    subject = bench.live()
    if subject is None:
        return
    layers = layers_of(bench, subject)
    texts = layers.of("live")
    reads: list[Any] = [text.read for text in texts]
    about = wanted(item.question, item.claim(form))
    places = find_places(reads, about, layers.rarity)
    measured = windows(reads, [text.lead for text in texts], places, about, layers.rarity)
    wrong = 0
    for window in measured:
        holder = texts[window.place.text]
        if holder.source == item.source and window.start <= item.start < window.end:
            yield window, True
        elif holder.source.split("/", 2)[2] != item.source.split("/", 2)[2] and wrong < _NEGATIVES:
            wrong += 1
            yield window, False


if __name__ == "__main__":
    sys.exit(main())
