"""Whether the rule for follow-ups finds what the last turn alone does not: MTRAG-UN, lexical search over its contexts.

The contexts of all tasks of the set, pooled, are the corpus. For each task with earlier turns and contexts of its own,
it is measured how many of these are among the first 5 when the search is for the last turn as it is, for the question
that the rule makes (:func:`serving.standalone.standalone_by_rule`), and for all turns of the user put together. The
search is BM25 (k1 1.2, b 0.75) over the words of the lexical index. Differences are tested by paired bootstrap over
conversations, since tasks of one conversation share text.

Run it with ``make bench-follow-ups``. It needs the shared benchmark data beside the repository.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from serving.evidence.terms import terms_of
from serving.standalone import is_follow_up, standalone_by_rule
from serving.types import Turn

DATA = Path(__file__).parents[2] / "shared" / "data" / "mtrag" / "mtragun_tasks.jsonl"
_K1, _B, _DEPTH, _DRAWS = 1.2, 0.75, 5, 2000

Query = Callable[[str, Sequence[Turn]], str]
QUERIES: dict[str, Query] = {
    "last turn as it is": lambda question, history: question,  # noqa: ARG005 - one signature for all
    "rule": standalone_by_rule,
    "all turns": lambda question, history: " ".join([*_asked(history), question]),
}


class Task(msgspec.Struct, frozen=True):
    """A question in a conversation, and the passages that belong to it."""

    conversation: str
    question: str
    history: tuple[Turn, ...]
    contexts: frozenset[str]


class Bm25:
    """BM25 over texts in memory.

    Args:
        texts: by id.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self._postings: dict[str, list[tuple[str, int]]] = defaultdict(list)
        stems = {name: terms_of(text).stems for name, text in texts.items()}
        for name, found in stems.items():
            for stem, count in Counter(found).items():
                self._postings[stem].append((name, count))
        self._lengths = {name: len(found) for name, found in stems.items()}
        self._mean = sum(self._lengths.values()) / len(self._lengths)

    def best(self, query: str, depth: int) -> list[str]:
        """Ids of the best texts, best first."""
        scores: dict[str, float] = defaultdict(float)
        for stem in dict.fromkeys(terms_of(query).stems):
            postings = self._postings.get(stem, ())
            rarity = math.log(1 + (len(self._lengths) - len(postings) + 0.5) / (len(postings) + 0.5))
            for name, count in postings:
                length = 1 - _B + _B * self._lengths[name] / self._mean
                scores[name] += rarity * count * (_K1 + 1) / (count + _K1 * length)
        return sorted(scores, key=lambda name: (-scores[name], name))[:depth]


def load(path: Path) -> tuple[list[Task], dict[str, str]]:
    """The tasks that have earlier turns and contexts, and every context's text by id."""
    texts: dict[str, str] = {}
    tasks = []
    for line in path.read_bytes().splitlines():
        record: dict[str, Any] = msgspec.json.decode(line)
        for context in record["contexts"]:
            texts[context["document_id"]] = f"{context.get('title') or ''}\n{context['text']}"
        turns = tuple(_turn(turn) for turn in record["input"])
        own = frozenset(context["document_id"] for context in record["contexts"])
        if len(turns) > 1 and own:
            tasks.append(Task(record["conversation_id"], turns[-1].content, turns[:-1], own))
    return tasks, texts


def recalls(tasks: Sequence[Task], index: Bm25, query: Query) -> list[float]:
    """Recall of each task's own contexts among the first five."""
    found = []
    for task in tasks:
        best = set(index.best(query(task.question, task.history), _DEPTH))
        found.append(len(best & task.contexts) / min(_DEPTH, len(task.contexts)))
    return found


def interval(tasks: Sequence[Task], differences: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of a mean difference, conversations drawn as wholes."""
    groups: dict[str, list[float]] = defaultdict(list)
    for task, difference in zip(tasks, differences, strict=True):
        groups[task.conversation].append(difference)
    sums = np.array([[sum(group), len(group)] for group in groups.values()])
    draws = np.random.default_rng(0).integers(0, len(sums), (_DRAWS, len(sums)))
    totals = sums[draws].sum(axis=1)
    low, high = np.percentile(totals[:, 0] / totals[:, 1], [2.5, 97.5])
    return float(low), float(high)


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="mtragun_tasks.jsonl")
    path: Path = parser.parse_args().data
    if not path.is_file():
        sys.stderr.write(f"Skipped: expected the shared benchmark data at {path}, found nothing.\n")
        return 0
    tasks, texts = load(path)
    index = Bm25(texts)
    follow_ups = [is_follow_up(task.question, task.history) for task in tasks]
    sys.stdout.write(f"{len(tasks)} tasks with earlier turns, {sum(follow_ups)} taken for follow-ups, ")
    sys.stdout.write(f"{len(texts)} passages.\n\n| searched for | R@5 | follow-ups | others | against last turn |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- |\n")
    base: list[float] = []
    for name, query in QUERIES.items():
        found = recalls(tasks, index, query)
        base = base or found
        low, high = interval(tasks, [one - other for one, other in zip(found, base, strict=True)])
        parts = [_mean([value for value, follow in zip(found, follow_ups, strict=True) if follow is kind])
                 for kind in (True, False)]  # fmt: skip
        gain = f"{_mean(found) - _mean(base):+.3f} [{low:+.3f}, {high:+.3f}]"
        sys.stdout.write(f"| {name} | {_mean(found):.3f} | {parts[0]:.3f} | {parts[1]:.3f} | {gain} |\n")
    return 0


def _turn(turn: dict[str, Any]) -> Turn:
    return Turn("user" if turn["speaker"] == "user" else "assistant", turn["text"])


def _asked(history: Sequence[Turn]) -> list[str]:
    return [turn.content for turn in history if turn.role == "user"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


if __name__ == "__main__":
    sys.exit(main())
