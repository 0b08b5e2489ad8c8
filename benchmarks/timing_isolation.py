"""Whether a caller can time what it may not read: ``python -m benchmarks.timing_isolation``.

Two workspaces hold the same readable documents and as many unreadable ones, of the same length. In one, the unreadable
documents are full of a word of the question; in the other, of another word. A caller who may not read them asks
questions with that word, each once in either workspace, in random order, one right after the other. How well do the
times tell the two apart? The area under the ROC curve says: 0.5 is chance, 1 always. The interval of 95 % comes from
resampling the pairs (2,000 times). ``search`` is retrieval alone, ``answer`` the whole answer with the quoting
generator; embedding is that of the ``hashing`` model. CPU is that of the whole process.

With ``--rare`` the word stands in one unreadable document only: what an attacker would most like to know. With
``--control`` the questions hold a third word, which stands nowhere: how far two workspaces that tell nothing differ.
With ``--staff`` the caller may read all: whether these clocks tell a difference where there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import Writer
from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment
from retrieval.access import ANYBODY, Principal
from retrieval.search import Searcher
from serving.chain import Answerer
from serving.opening import open_answers
from serving.types import Question

SETTINGS = """\
[sources]
folders = ["docs"]
[embed]
model = "hashing"
[access]
rules = { "docs/secret/**" = ["staff"] }
"""
WORDS = ("narwhal", "pelican")
NOWHERE = "cormorant"
_RESAMPLES = 2000
_SEED = 7
_WARM_UP = 20
_WORD_EVERY = 6

Times = npt.NDArray[np.float64]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How well one clock tells whether unreadable documents match.

    Attributes:
        what: ``search`` or ``answer``.
        clock: ``wall`` or ``cpu``.
        pairs: questions that were asked in both workspaces.
        matching_ms: median time where unreadable documents match.
        other_ms: median time where they do not.
        auroc: area under the ROC curve; 0.5 is chance.
        low: lower end of its interval of 95 %.
        high: upper end.
    """

    what: str
    clock: str
    pairs: int
    matching_ms: float
    other_ms: float
    auroc: float
    low: float
    high: float


def auroc(positive: Times, negative: Times) -> float:
    """Probability that a positive time is longer than a negative one, ties by half (Mann and Whitney's U)."""
    order = np.sort(negative)
    below = np.searchsorted(order, positive, side="left")
    upto = np.searchsorted(order, positive, side="right")
    return float((below + upto).sum() / (2 * positive.size * negative.size))


def told(what: str, clock: str, matching: Times, other: Times) -> Told:
    """The area with its interval, from pairs of times in seconds, both of shape (pairs,)."""
    draw = np.random.default_rng(_SEED)
    picks = (draw.integers(0, matching.size, matching.size) for _ in range(_RESAMPLES))
    low, high = np.quantile([auroc(matching[pick], other[pick]) for pick in picks], [0.025, 0.975])
    return Told(
        what=what,
        clock=clock,
        pairs=matching.size,
        matching_ms=float(np.median(matching)) * 1000,
        other_ms=float(np.median(other)) * 1000,
        auroc=auroc(matching, other),
        low=float(low),
        high=float(high),
    )


def make_workspace(root: Path, word: str, readable: int, secret: int, rare: bool) -> Answerer:
    """A workspace whose unreadable documents hold a word, ready to answer."""
    writer = Writer()
    (root / "docs" / "secret").mkdir(parents=True)
    (root / "ragpress.toml").write_text(SETTINGS, encoding="utf-8")
    for number in range(readable):
        text = " ".join(writer.words(150))
        (root / "docs" / f"page-{number}.md").write_text(f"# Page {number}\n\n{text}.\n", encoding="utf-8")
    for number in range(secret):
        words = writer.words(150)
        if not rare or not number:
            words[::_WORD_EVERY] = [word] * len(words[::_WORD_EVERY])
        path = root / "docs" / "secret" / f"page-{number}.md"
        path.write_text(f"# Page {number}\n\n{' '.join(words)}.\n", encoding="utf-8")
    environment = open_environment(root)
    ingest(IngestRequest(), environment)
    answerer = open_answers(environment, "default")
    assert isinstance(answerer.parts.source, Searcher)
    answerer.parts.source.load()
    return answerer


def measure(answerers: list[Answerer], questions: list[str], ask: Callable[[Answerer, str], object]) -> Times:
    """Times of questions in both workspaces: seconds of shape (2 clocks, 2 workspaces, questions)."""
    draw = random.Random(_SEED)
    times = np.zeros((2, len(answerers), len(questions)))
    for number, question in enumerate(questions):
        order = list(range(len(answerers)))
        draw.shuffle(order)
        for place in order:
            wall, cpu = time.perf_counter(), time.process_time()
            ask(answerers[place], question)
            times[:, place, number] = time.perf_counter() - wall, time.process_time() - cpu
    return times[:, :, _WARM_UP:]


def run(options: argparse.Namespace, folder: Path) -> list[Told]:
    """Build both workspaces, ask, compare."""
    answerers = []
    for word in WORDS:
        (folder / word).mkdir()
        answerers.append(make_workspace(folder / word, word, options.readable, options.secret, options.rare))
    writer, caller = Writer(), Principal(frozenset({"staff"})) if options.staff else ANYBODY
    found = []

    def search(answerer: Answerer, question: str) -> object:
        assert isinstance(answerer.parts.source, Searcher)
        return answerer.parts.source.search(question, caller=caller)

    with asyncio.Runner() as runner:

        def answer(answerer: Answerer, question: str) -> object:
            return runner.run(answerer.answer(Question(text=question, caller=caller)))

        for what, ask in (("search", search), ("answer", answer)):
            count = options.questions + _WARM_UP
            questions = [
                f"{NOWHERE if options.control else WORDS[0]} {' '.join(writer.words(5))} {what} {number}?"
                for number in range(count)
            ]
            wall, cpu = measure(answerers, questions, ask)
            found += [told(what, "wall", *wall), told(what, "cpu", *cpu)]
        for answerer in answerers:
            runner.run(answerer.aclose())
    return found


def show(found: list[Told]) -> None:
    """Print what was found as a table."""
    table = Table("what", "clock", "pairs", "matching ms", "other ms", "AUROC", "95 %")
    for one in found:
        interval = f"{one.low:.3f} to {one.high:.3f}"
        medians = (f"{one.matching_ms:.3f}", f"{one.other_ms:.3f}")
        table.add_row(one.what, one.clock, str(one.pairs), *medians, f"{one.auroc:.3f}", interval)
    Console().print(table)


def main() -> None:
    """Run the benchmark as the options say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readable", type=int, default=300, help="documents that the caller may read")
    parser.add_argument("--secret", type=int, default=1000, help="documents that it may not read")
    parser.add_argument("--questions", type=int, default=500, help="questions, each asked in both workspaces")
    parser.add_argument("--rare", action="store_true", help="the word stands in one unreadable document only")
    parser.add_argument("--control", action="store_true", help="ask for a word that stands nowhere")
    parser.add_argument("--staff", action="store_true", help="ask as one who may read every document")
    parser.add_argument("--out", type=Path, help="write the figures as JSON here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options, Path(folder))
    show(found)
    if options.out:
        options.out.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
