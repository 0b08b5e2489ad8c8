"""What a case costs, and the vectors of questions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from evaluation.running import metering
from evaluation.running.metering import MeteredEmbedder, Tally, tallied
from ingest.embed.hashing import HashingEmbedder
from ingest.memo import VectorMemo
from ragpress.storage.local import LocalStore


class _Clock:
    """Processor seconds that go on by one whenever they are read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def metered(folder: Path) -> MeteredEmbedder:
    embedder = HashingEmbedder()
    return MeteredEmbedder(embedder, VectorMemo(LocalStore(folder), embedder.fingerprint, embedder.dimension))


def test_a_block_inside_another_counts_once() -> None:
    tally = Tally(_Clock())
    with tally.spent():
        with tally.spent():
            pass
        with tally.spent():
            pass
    assert tally.inside == 1.0


def test_what_is_embedded_counts_for_the_case_at_hand_also_in_its_threads(tmp_path: Path) -> None:
    embedder, tallies = metered(tmp_path), [Tally(_Clock()), Tally(_Clock())]

    async def one(tally: Tally, texts: list[str]) -> None:
        with tallied(tally):
            await asyncio.to_thread(embedder.embed_passages, texts)
            await asyncio.to_thread(embedder.embed_query, texts[0])

    async def both() -> None:
        await asyncio.gather(one(tallies[0], ["a"]), one(tallies[1], ["b", "c", "d"]))

    asyncio.run(both())
    embedder.embed_passages(["for nobody"])
    assert [tally.embedded for tally in tallies] == [2, 4]
    assert [tally.inside for tally in tallies] == [2.0, 2.0]


def test_a_question_is_embedded_once_and_found_again(tmp_path: Path) -> None:
    first, tally = metered(tmp_path), Tally()
    with tallied(tally):
        vector = first.embed_query("how long?")
        assert np.array_equal(first.embed_query("how long?"), vector)
        first.seal()
        again = metered(tmp_path).embed_query("how long?")
        assert tally.embedded == 1
        metered(tmp_path).embed_query("how  long?")

    assert np.array_equal(again, vector)
    assert np.array_equal(vector, HashingEmbedder().embed_query("how long?"))
    assert tally.embedded == 2


def test_vectors_of_questions_become_durable_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "_SEALED_TOGETHER", 3)
    embedder = metered(tmp_path)
    packs = []
    for number in range(6):
        embedder.embed_query(f"question {number}")
        packs.append(len(list(LocalStore(tmp_path).list("memo/"))))
    assert packs == [0, 0, 1, 1, 1, 2]
