"""How many bad answers are served before the watch rolls a regression back that slipped past the gate; false rollbacks.

    python -m benchmarks.loop_watch [--seeds 500] [--out FOLDER]

Traffic is simulated, the decision is the worker's own (:func:`feedback.loop.watching.compare` at the defaults of
``[loop]``), looked at after every answer. Before the publish, ``before`` answers of which some are bad for other
reasons; after it a share of the questions (``harmed``) is answered wrongly. Of wrong answers some get a thumbs-down
(``told``), some are abstentions (``silent``), the rest is wrong and nobody says so. A harmless publish changes nothing;
one that mends something lowers the shares. Shadow replays, which come before any of this, are left out: what they catch
serves no bad answer at all.

It prints, per kind of traffic: the share of publishes that were rolled back within 2,000 answers, and of these the bad
answers served before (median, 90th percentile, worst), beside those that would have been served without a watch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec
import numpy as np

from feedback.loop.signals import Seen
from feedback.loop.watching import compare, is_worse
from ragpress.loop_settings import LoopSettings

ANSWERS = 2000
SETTINGS = LoopSettings()


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of traffic; all but ``before`` are shares.

    Attributes:
        before: answers in the journal before the publish.
        thumbs: answers that get a thumbs-down though nothing changed.
        abstained: abstentions though nothing changed.
        harmed: questions that the publish harms.
        told: harmed answers that get a thumbs-down.
        silent: harmed answers that are abstentions.
        better: share of the bad answers before that the publish mends.
    """

    before: int
    thumbs: float = 0.03
    abstained: float = 0.1
    harmed: float = 0.0
    told: float = 0.3
    silent: float = 0.5
    better: float = 0.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one kind of traffic over all seeds; counts of bad answers, None where nothing was rolled back."""

    name: str
    seeds: int
    rolled_back: float
    bad_median: float | None
    bad_90: float | None
    bad_worst: float | None
    answers_median: float | None
    bad_without: float


TRAFFIC = {
    "harmless, 2000 before": Traffic(before=2000),
    "harmless, 300 before": Traffic(before=300),
    "harmless, 100 before": Traffic(before=100),
    "harmless, many thumbs": Traffic(before=2000, thumbs=0.2, abstained=0.3),
    "mends something": Traffic(before=2000, thumbs=0.1, better=0.5),
    "5 % harmed": Traffic(before=2000, harmed=0.05),
    "10 % harmed": Traffic(before=2000, harmed=0.1),
    "20 % harmed": Traffic(before=2000, harmed=0.2),
    "20 % harmed, 300 before": Traffic(before=300, harmed=0.2),
    "20 % harmed, thumbs only": Traffic(before=2000, harmed=0.2, silent=0.0),
    "50 % harmed": Traffic(before=2000, harmed=0.5),
    "50 % harmed, 100 before": Traffic(before=100, harmed=0.5),
    "all harmed": Traffic(before=2000, harmed=1.0),
}


def answers(traffic: Traffic, count: int, after: bool, drawn: np.random.Generator) -> tuple[list[Seen], list[bool]]:
    """Answers of one side, and which of them the publish made bad."""
    keep = 1 - traffic.better if after else 1.0
    harmed = drawn.random(count) < (traffic.harmed if after else 0.0)
    silent = harmed & (drawn.random(count) < traffic.silent)
    down = (drawn.random(count) < traffic.thumbs * keep) | (harmed & (drawn.random(count) < traffic.told))
    abstained = (drawn.random(count) < traffic.abstained * keep) | silent
    seen = [
        Seen(
            question=str(number),
            key=f"k{number % 50}",
            release="",
            down=bool(down[number]),
            abstained=bool(abstained[number]),
            unsupported=False,
        )
        for number in range(count)
    ]
    return seen, harmed.tolist()


def rolled_back_after(old: list[Seen], new: list[Seen]) -> int | None:
    """After how many answers the watch goes back; None where it never does. The evidence only grows, so halving finds
    the first look at which it is enough."""

    def worse(count: int) -> bool:
        return is_worse(compare(old, new[:count]), SETTINGS.watch_confidence, SETTINGS.watch_answers)

    if not worse(len(new)):
        return None
    low, high = 0, len(new)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if worse(middle) else (middle, high)
    return high


def measure(name: str, traffic: Traffic, seeds: int) -> Result:
    """One kind of traffic over many seeds."""
    bad, when, without = list[int](), list[int](), list[int]()
    for seed in range(seeds):
        drawn = np.random.default_rng([seed, traffic.before])
        old, _ = answers(traffic, traffic.before, False, drawn)
        new, harmed = answers(traffic, ANSWERS, True, drawn)
        without.append(sum(harmed))
        at = rolled_back_after(old, new)
        if at is not None:
            when.append(at)
            bad.append(sum(harmed[:at]))
    return Result(
        name=name,
        seeds=seeds,
        rolled_back=len(when) / seeds,
        bad_median=float(np.median(bad)) if bad else None,
        bad_90=float(np.percentile(bad, 90)) if bad else None,
        bad_worst=float(max(bad)) if bad else None,
        answers_median=float(np.median(when)) if when else None,
        bad_without=float(np.mean(without)),
    )


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    print(f"{'traffic':28} {'rolled back':>11} {'bad served: median':>18} {'90 %':>6} {'worst':>6} {'without':>8}")
    for name, traffic in TRAFFIC.items():
        result = measure(name, traffic, options.seeds)
        results.append(result)
        figures = [
            "-" if value is None else f"{value:.0f}" for value in (result.bad_median, result.bad_90, result.bad_worst)
        ]
        print(
            f"{name:28} {result.rolled_back:>11.1%} {figures[0]:>18} {figures[1]:>6} {figures[2]:>6} "
            f"{result.bad_without:>8.0f}"
        )
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        body = json.dumps(msgspec.to_builtins(results), indent=1)
        (options.out / "loop_watch.json").write_text(body + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
