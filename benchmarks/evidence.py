"""What the passages bear: abstention, citation check and quoted answers: ``python -m benchmarks.evidence``.

On the shared sets: how well the evidence score tells questions whose answer is in the corpus from those whose passages
were taken away, or that have none (AUROC, false and missed abstentions); how well the support score agrees with people
(Spearman and balanced accuracy beside published detectors); how often a quoted answer holds the right words; and CPU
time. ``--fit`` prints the constants of serving/evidence/calibration.py instead. Everything is embedded once and kept in
a file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.evidence_fit import (
    EVIDENCE_FEATURES,
    SUPPORT_FEATURES,
    as_source,
    chosen_threshold,
    claim_examples,
    fit_models,
    question_examples,
)  # fmt: skip
from benchmarks.evidence_mixed import xquad_mixed
from benchmarks.evidence_sets import REPORT, Asked, bare, holds, mtrag, rgb, xquad
from benchmarks.fitting import auroc, operating_point, spearman
from benchmarks.support_sets import Claim, Rated, faithbench_answers, mtrag_answers, mtrag_claims, xquad_claims
from benchmarks.vector_cache import VectorCache
from ingest.embed import load_embedder
from ragpress.answer_settings import AnswerSettings, GeneratorSettings
from ragpress.settings import EmbedSettings
from ragpress.types import Embedder
from serving.evidence.score import EvidenceScorer
from serving.evidence.support import SupportChecker
from serving.evidence.terms import terms_of
from serving.evidence.texts import read_evidence
from serving.generate.extractive import ExtractiveGenerator

DIRECTIONS = (("en", "en"), ("zh", "zh"), ("zh", "en"), ("en", "zh"))
_ENGLISH_ONLY = {"all-MiniLM-L6-v2"}
_QUOTED = 150


class Row(msgspec.Struct, frozen=True):
    """A row of a report: what was measured on what, and the figures by name."""

    table: str
    name: str
    figures: dict[str, float]


def main() -> None:
    """Run the benchmark and print its tables, or the fitted constants."""
    options = _options()
    real = load_embedder(EmbedSettings(model=options.model), options.cache)
    options.vectors.parent.mkdir(parents=True, exist_ok=True)
    embedder = VectorCache(real, options.vectors)
    if options.fit:
        print_fit(embedder)
        return
    rows = report(embedder, real, options.step)
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(rows), ensure_ascii=False) + "\n")
        return
    for title in dict.fromkeys(row.table for row in rows):
        _print_table(title, [row for row in rows if row.table == title])


def report(embedder: Embedder, real: Embedder, step: int) -> list[Row]:
    """Every table. ``real`` is the embedder that keeps nothing, for the CPU times."""
    directions = DIRECTIONS[:1] if embedder.name in _ENGLISH_ONLY else DIRECTIONS
    asked = [one for pair in directions for one in xquad(embedder, *pair, step)] + mtrag(embedder)
    if embedder.name not in _ENGLISH_ONLY:
        asked += rgb(embedder)
    rows = abstention_rows(asked, embedder)
    if embedder.name not in _ENGLISH_ONLY:
        rows += abstention_rows(xquad_mixed(embedder, 2 * step), embedder)
    rated = {"mtrag, held-out half": _held_out(mtrag_answers()), "faithbench": faithbench_answers()}
    for name, answers in rated.items():
        rows += citation_rows(name, answers, embedder)
    for generator in (embedder, None):
        rows += quoted_rows(asked, generator)
    return rows + cost_rows(asked, real)


def print_fit(embedder: Embedder) -> None:
    """Print the constants as they stand in the source."""
    asked = [one for pair in DIRECTIONS for one in xquad(embedder, *pair, 2)] + mtrag(embedder)
    asked += xquad_mixed(embedder, 4)
    scorer = EvidenceScorer(embedder)
    questions = question_examples(asked, [scorer.features(one.question, one.context) for one in asked])
    claims = all_claims()
    checked = claim_examples(claims, _claim_features(embedder, claims))
    for title, examples, wanted in (("EVIDENCE", questions, EVIDENCE_FEATURES), ("SUPPORT", checked, SUPPORT_FEATURES)):
        models = fit_models(examples, wanted)
        for name, model in models.items():
            sys.stdout.write(as_source(name, model) + "\n")
        for kind in ("", "_WORDS"):
            point = chosen_threshold(examples, models[title + kind], models[f"{title}_ACROSS{kind}"])
            sys.stdout.write(
                f"# {title}{kind}: threshold {point.threshold:.3f}, {_words(point.recall, point.specificity)}\n"
            )


def _words(recall: float, specificity: float) -> str:
    return f"keeps {recall:.1%} of what is right, refuses {specificity:.1%} of what is not"


def all_claims() -> list[Claim]:
    """Every claim to fit on or to report."""
    return mtrag_claims(mtrag_answers()) + [one for pair in DIRECTIONS for one in xquad_claims(*pair)]


def _claim_features(embedder: Embedder, claims: Sequence[Claim]) -> list[dict[str, float]]:
    checker, found = SupportChecker(embedder), []
    for first in range(0, len(claims), 200):
        block = claims[first : first + 200]
        found += checker.features([one.sentence for one in block], [one.evidence for one in block])
    return found


def abstention_rows(asked: Sequence[Asked], embedder: Embedder) -> list[Row]:
    """AUROC and the default threshold's errors: with the embedder's cosines, and with words alone."""
    rows = []
    for title, scorer in (("words and cosine", EvidenceScorer(embedder)), ("words alone", EvidenceScorer(None))):
        scores = [scorer.score(one.question, one.context) for one in asked]
        for name in dict.fromkeys(one.name for one in asked if not one.answerable):
            base = name.split(", p")[0].split(", a")[0].split(", n")[0].split(", other")[0]
            chosen = [at for at, one in enumerate(asked) if one.half == REPORT and _compared(one, name, base)]
            labels = [asked[at].answerable for at in chosen]
            if len(set(labels)) < 2:
                continue
            found = [scores[at] for at in chosen]
            point = operating_point(found, labels, AnswerSettings().abstain)
            rows.append(Row(f"Abstention, {title}", name, {
                "answerable": sum(labels), "unanswerable": len(labels) - sum(labels), "AUROC": auroc(found, labels),
                "false abstentions": 1 - point.recall, "missed abstentions": 1 - point.specificity,
            }))  # fmt: skip
    return rows


def _compared(one: Asked, name: str, base: str) -> bool:
    return (one.name == name and not one.answerable) or (one.answerable and one.name == base)


def _held_out(answers: Sequence[Rated]) -> list[Rated]:
    return [answer for answer in answers if answer.half == REPORT and answer.model != "reference"]


def citation_rows(name: str, answers: Sequence[Rated], embedder: Embedder) -> list[Row]:
    """Agreement of the support of whole answers with people, beside the detectors that the set brings."""
    rows = []
    for title, checker in (("ragpress combined", SupportChecker(embedder)), ("ragpress lexical", SupportChecker(None))):
        supports = [checker.support(answer.claims, [answer.evidence] * len(answer.claims)) for answer in answers]
        for how, joined in (("mean", statistics.fmean), ("least", min)):
            rows.append(
                _agreement(name, f"{title}, {how} of the sentences", answers, [joined(each) for each in supports])
            )
    for detector in sorted({name for answer in answers for name in answer.others}):
        having = [answer for answer in answers if detector in answer.others]
        rows.append(_agreement(name, detector, having, [answer.others[detector] for answer in having]))
    return rows


def _agreement(name: str, scorer: str, answers: Sequence[Rated], scores: Sequence[float]) -> Row:
    labels = [answer.faithful for answer in answers]
    threshold = AnswerSettings().support if scorer.startswith("ragpress") else 0.5
    point = operating_point(scores, labels, threshold)
    return Row(f"Citation check, {name}", scorer, {
        "answers": len(answers), "unfaithful": len(labels) - sum(labels),
        "Spearman": spearman(scores, [answer.rating for answer in answers]), "AUROC": auroc(scores, labels),
        "balanced accuracy at the default": point.balanced,
    })  # fmt: skip


def quoted_rows(asked: Sequence[Asked], embedder: Embedder | None) -> list[Row]:
    """How often a quoted answer has the gold answer's words, for up to 150 questions a set."""
    rows = []
    generator = ExtractiveGenerator(embedder, GeneratorSettings())
    for name in dict.fromkeys(one.name for one in asked if one.gold and one.answerable and "," not in one.name):
        having = [one for one in asked if one.name == name and one.answerable]
        chosen = having[:: max(1, len(having) // _QUOTED)][:_QUOTED]
        texts = [" ".join(quote.text for quote in generator.quotes(one.question, one.context)) for one in chosen]
        hits = [any(bare(gold) in bare(text) for gold in one.gold) for one, text in zip(chosen, texts, strict=True)]
        rows.append(Row("Quoted answers, " + ("words and cosine" if embedder else "words alone"), name, {
            "questions": len(chosen), "answer quoted": statistics.fmean(hits),
            "answer in the context": statistics.fmean(holds(one.context, one.gold) for one in chosen),
            "characters": statistics.fmean(map(len, texts)),
        }))  # fmt: skip
    return rows


def cost_rows(asked: Sequence[Asked], real: Embedder) -> list[Row]:
    """CPU milliseconds of one question, everything read anew."""
    chosen = [one for one in asked if one.answerable][:: max(1, len(asked) // 60)]
    scorer = EvidenceScorer(real)
    quoting, words = ExtractiveGenerator(real, GeneratorSettings()), ExtractiveGenerator(None, GeneratorSettings())
    checker = SupportChecker(real)
    real.embed_query("warm")

    def check(one: Asked) -> None:
        passage = one.context.passages[0].text
        checker.support([passage[:120]], [[passage]])

    measured: dict[str, Callable[[Asked], object]] = {
        "evidence score": lambda one: scorer.score(one.question, one.context),
        "quoted answer, words alone": lambda one: words.quotes(one.question, one.context),
        "quoted answer, with the embedder": lambda one: quoting.quotes(one.question, one.context),
        "support of one sentence by one passage": check,
    }
    return [Row("CPU milliseconds a question", name, _times(chosen, run)) for name, run in measured.items()]


def _times(chosen: Sequence[Asked], run: Callable[[Asked], object]) -> dict[str, float]:
    spent = []
    for one in chosen[:40]:
        read_evidence.cache_clear()
        terms_of.cache_clear()
        before = time.process_time()
        run(one)
        spent.append(1000 * (time.process_time() - before))
    return {"p50": statistics.median(spent), "p95": statistics.quantiles(spent, n=20)[-1]}


def _print_table(title: str, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    table = Table("", *names, title=title)
    for row in rows:
        table.add_row(row.name, *(_figure(row.figures.get(name)) for name in names))
    Console(width=160).print(table)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return str(int(value)) if value == int(value) and abs(value) > 1 else f"{value:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="multilingual-e5-small", help="the embedder")
    parser.add_argument("--cache", type=Path, default=Path("build/models"), help="folder of exported models")
    parser.add_argument("--vectors", type=Path, default=Path("build/vectors.db"), help="file that keeps the vectors")
    parser.add_argument("--step", type=int, default=2, help="take every n-th question of XQuAD")
    parser.add_argument("--fit", action="store_true", help="print the constants of serving/evidence/calibration.py")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
