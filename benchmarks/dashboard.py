"""How long the dashboard's overview takes at many answers: ``python -m benchmarks.dashboard [ANSWERS]``.

Writes a workspace with so many answers (100,000 unless told) of the last 30 days, a hundredth of them rated, seals the
journals and asks for overviews. Measured are the first look of a fresh workspace (it takes the facts of every sealed
file), the first look of a later process (the facts lie in the cache) and the looks after it, each with the journals
read and computed anew. Prints JSON; seconds of wall and of processor time.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from index.environment import Environment
from ragpress.wiring import open_environment
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord
from serving.journal.sealing import seal_journals
from serving.overview.buckets import zone_of
from serving.overview.build import AnswerFilter, Look, Overviews, Surroundings
from serving.overview.quality import Prices
from serving.overview.records import ServiceState
from serving.types import Seconds, Usage
from tests.serving.journalled import answered, checked, citation, keep, passage, rated

_DAYS = 30
_BATCH = 2_000
_PASSAGE = "A passage of the length that a generator reads, with words that say little. " * 8
_AROUND = Surroundings(
    collections=("default",),
    prices=Prices(0.4, 1.6),
    currency="USD",
    service=ServiceState(version="", workers=1, keys_required=False, generator=None, writer=None),
)


def main() -> None:
    """Run and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "ragpress.toml").write_text('[embed]\nmodel = "hashing"\n', encoding="utf-8")
        environment = open_environment(root)
        size = _write(environment, count)
        look = Look("default", _DAYS, zone_of("UTC"))
        first = _timed(lambda: _opened(environment).overview(look, _AROUND))
        process = _timed(lambda: _opened(environment).overview(look, _AROUND))
        overviews = _opened(environment)
        overviews.overview(look, _AROUND)
        again = [_timed(lambda: overviews.overview(look, _AROUND)) for _ in range(5)]
        page = _timed(lambda: overviews.page(AnswerFilter(collection="default", rating="down")))
        seen = overviews.overview(look, _AROUND)
    assert seen.totals.answers == count
    told = {
        "answers": count,
        "journal_bytes": size,
        "first_look_ever": first,
        "first_look_of_a_process": process,
        "look": sorted(again, key=lambda one: one["wall"])[len(again) // 2],
        "page_of_answers": page,
    }
    print(json.dumps(told, indent=1))


def _opened(environment: Environment) -> Overviews:
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    moments = iter(range(0, 1_000_000, 1_000))
    return Overviews(environment, journal, clock=lambda: float(next(moments)))


def _write(environment: Environment, count: int) -> int:
    """Journal so many answers, sealed; returns the bytes of the sealed files."""
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    chance, now = random.Random(7), datetime.now(UTC)
    times = sorted(now - timedelta(seconds=chance.random() * (_DAYS - 1) * 86_400) for _ in range(count))
    for start in range(0, count, _BATCH):
        records = [_record(at, chance) for at in times[start : start + _BATCH]]
        keep(journal, *records)
        some = [record for record in records if chance.random() < 0.01]
        keep(journal, *(rated(one, datetime.fromisoformat(one.at), chance.choice(["up", "down"])) for one in some))
    journal.close()
    seal_journals(environment)
    return sum(size for _, size in environment.store.list("journal/"))


def _record(at: datetime, chance: random.Random) -> AnswerRecord:
    names = [f"d{chance.randrange(500)}" for _ in range(6)]
    return answered(
        at,
        release=f"r{at.day}",
        question="How long may a visitor keep the red badge that the front desk hands out?",
        citations=(citation(names[0], f"docs/{names[0]}.md"),),
        sentences=checked(True, chance.random() < 0.9, None),
        seconds=Seconds(0.02, chance.random(), 1 + chance.random()),
        usage=Usage(chance.randrange(3_000), chance.randrange(300)),
        context=tuple(passage(name, f"docs/{name}.md", number, _PASSAGE) for number, name in enumerate(names, 1)),
    )


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(time.perf_counter() - wall, 3), "cpu": round(time.process_time() - processor, 3)}


if __name__ == "__main__":
    main()
