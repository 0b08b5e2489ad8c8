"""All kinds of faults, and the plan of a run: which fault goes into which pool, decided by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import msgspec

from benchmarks.loop_crowd import CROWD
from benchmarks.loop_damage import DAMAGE
from benchmarks.loop_records import Corrected, Kind, Plan
from benchmarks.loop_sets import SETS
from benchmarks.loop_wiring import WIRING
from ragpress.errors import UsageError

_STEP = 7
KINDS: dict[str, Kind] = {kind.name: kind for kind in (*DAMAGE, *CROWD, *WIRING)}
"""By name."""


def plans(
    seed: int, count: int, half: str, kinds: Sequence[str] = (), *, corrected: Corrected = "both", callers: int = 1
) -> list[Plan]:
    """So many faults, spread evenly over kinds, pools, with and without an earlier release and a correction.

    Args:
        seed: of everything that is random in them.
        count: how many.
        half: which half of every pool's documents.
        kinds: names of the kinds; empty means all.
        corrected: only faults with a correction, only those without, or both.
        callers: how many different callers complain of each.

    Returns:
        The plans; none where no chosen kind comes with such a complaint.
    """
    if callers < 1:
        raise UsageError(f"Expected at least 1 caller who complains, found {callers}.")
    chosen = [KINDS[name] for name in kinds] or list(KINDS.values())
    rows = [row for row in (_cells(kind, seed, half, corrected) for kind in chosen) if row]
    rounds = -(-count // max(1, len(rows)))
    # Kinds start at different ways, so that a short run meets all pools.
    ordered = [row[(number + _STEP * at) % len(row)] for number in range(rounds) for at, row in enumerate(rows)]
    return [
        msgspec.structs.replace(plan, number=number, callers=callers) for number, plan in enumerate(ordered[:count])
    ]


def _cells(kind: Kind, seed: int, half: str, corrected: Corrected) -> list[Plan]:
    """Every way to inject a kind, so ordered that a few of them are as different as many."""
    pools = _balanced(kind.pools or tuple(SETS))
    told = [given for given in kind.corrections if corrected == "both" or given == (corrected == "only")]
    ways = list(product(kind.histories, told))
    period = len(pools) * len(ways)
    cells = []
    for number in range(period):
        # Pools go round once for every way; the shift makes all pairs meet.
        history, correction = ways[(number + number // len(pools)) % len(ways)]
        cells.append(
            Plan(
                kind=kind.name,
                pool=pools[number % len(pools)],
                half=half,
                number=0,
                history=history,
                corrected=correction,
                seed=seed,
            )
        )
    return cells


def _balanced(pools: Sequence[str]) -> list[str]:
    """The languages in turn; pools of the language that has fewer come again."""
    by_language = [[name for name in pools if name.endswith(language)] for language in ("_en", "_zh")]
    groups = [group for group in by_language if group]
    most = max(map(len, groups), default=0)
    known = [group[number % len(group)] for number in range(most) for group in groups]
    return known or list(pools)
