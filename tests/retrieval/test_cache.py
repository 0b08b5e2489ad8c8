"""Caches: bounded, shared by threads, and never across what callers may read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from ingest.embed.hashing import HashingEmbedder
from ragpress.answer_settings import AccessSettings, ContextSettings
from retrieval.access import ANYBODY, OPERATOR, AccessRules, Principal
from retrieval.cache import LruCache, SearchCache
from retrieval.filters import Filter
from retrieval.search import Searcher
from tests.workspace import Workspace

STAFF = Principal(groups=frozenset({"staff"}))
QUESTION = "When is the canary fed?"


class CountingEmbedder(HashingEmbedder):
    """Counts the questions it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        self.questions += 1
        return super().embed_query(text)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("cache"))
    made.write(
        {
            "open.md": "# Open\n\nThe canary is fed at noon, says the notice at the door.\n",
            "secret/staff.md": "# Staff\n\nThe canary is fed at six, the code of its room is 4711.\n",
        }
    )
    made.ingest()
    return made


RULES = AccessRules(AccessSettings(rules={"docs/secret/**": ("staff",)}))


def searcher_of(workspace: Workspace, cache: SearchCache, embedder: HashingEmbedder | None = None) -> Searcher:
    made = embedder or HashingEmbedder()
    return Searcher(workspace.open(), lambda: made, rules=RULES, cache=cache)


def test_the_entry_used_longest_ago_makes_room() -> None:
    cache: LruCache[int] = LruCache(2)
    cache.put("one", 1)
    cache.put("two", 2)
    assert cache.get("one") == 1
    cache.put("three", 3)

    assert (cache.get("one"), cache.get("two"), cache.get("three")) == (1, None, 3)
    assert "two" not in cache
    assert (cache.counts.hits, cache.counts.misses, cache.counts.entries) == (3, 1, 2)
    cache.clear()
    assert cache.counts.entries == 0


def test_many_threads_share_a_cache() -> None:
    cache: LruCache[int] = LruCache(50)

    def work(seed: int) -> bool:
        for number in range(400):
            key = (seed * 7 + number) % 80
            found = cache.get(key)
            if found is not None and found != key:
                return False
            cache.put(key, key)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    counts = cache.counts
    assert counts.entries == 50
    assert counts.hits + counts.misses == 3200


def test_the_same_question_is_embedded_and_searched_once(workspace: Workspace) -> None:
    cache, embedder = SearchCache(), CountingEmbedder()
    searcher = searcher_of(workspace, cache, embedder)

    first = searcher.search(QUESTION)
    again = searcher.search(QUESTION)
    context = searcher.context(QUESTION)

    assert again == first
    assert searcher.context(QUESTION) is context
    assert embedder.questions == 1
    assert (cache.results.counts.hits, cache.queries.counts.hits) == (2, 1)
    first.clear()
    assert searcher.search(QUESTION) == again


def test_a_caller_never_gets_what_was_kept_for_another(workspace: Workspace) -> None:
    searcher = searcher_of(workspace, SearchCache())
    expected = {
        caller: {hit.source for hit in searcher_of(workspace, SearchCache()).search(QUESTION, caller=caller)}
        for caller in (OPERATOR, STAFF, ANYBODY)
    }

    for caller in (OPERATOR, ANYBODY, STAFF, ANYBODY, OPERATOR, ANYBODY):
        hits = searcher.search(QUESTION, caller=caller)
        context = searcher.context(QUESTION, caller=caller)
        assert {hit.source for hit in hits} == expected[caller]
        assert {passage.source for passage in context.passages} == expected[caller]
    assert expected[ANYBODY] == {"docs/open.md"}
    assert b"4711" not in msgspec.json.encode(searcher.context(QUESTION, caller=ANYBODY))
    assert expected[STAFF] == {"docs/open.md", "docs/secret/staff.md"}


def test_an_explanation_tells_only_of_the_callers_own_cache_entries(workspace: Workspace) -> None:
    searcher = searcher_of(workspace, SearchCache())
    searcher.search(QUESTION, caller=OPERATOR)

    assert not searcher.explain(QUESTION, caller=ANYBODY).cached
    assert searcher.explain(QUESTION, caller=OPERATOR).cached


def test_nobody_can_tell_whether_a_caller_who_reads_other_documents_has_asked(workspace: Workspace) -> None:
    embedder = CountingEmbedder()
    searcher = searcher_of(workspace, SearchCache(), embedder)
    searcher.search(QUESTION, caller=STAFF)

    explained = [searcher.explain(QUESTION, caller=ANYBODY) for _ in range(2)]

    assert embedder.questions == 2
    assert [stage.cached for one in explained for stage in one.stages if stage.name == "embed"] == [False, True]


def test_filters_numbers_and_settings_have_entries_of_their_own(workspace: Workspace) -> None:
    cache = SearchCache()
    searcher = searcher_of(workspace, cache)
    release = workspace.open()
    lexical = msgspec.structs.replace(release.manifest.retrieval, dense_weight=0.0)

    found = [
        searcher.search(QUESTION),
        searcher.search(QUESTION, 1),
        searcher.search(QUESTION, where=Filter(sources=("docs/secret/*",))),
        Searcher(release, HashingEmbedder, lexical, rules=RULES, cache=cache).search(QUESTION),
    ]
    wide, narrow = searcher.context(QUESTION), searcher.context(QUESTION, ContextSettings(passages=1))

    assert [len(hits) for hits in found] == [2, 1, 1, 2]
    assert found[3][0].stages.keys() == {"lexical"}
    assert (len(wide.passages), len(narrow.passages)) == (2, 1)
    assert cache.results.counts.hits == 0
    assert cache.results.counts.entries == 6


def test_a_new_release_finds_nothing_of_the_old_one(tmp_path: Path) -> None:
    changing, cache = Workspace(tmp_path), SearchCache()
    changing.write({"a.md": "# Canary\n\nThe canary is yellow.\n"})
    changing.ingest()
    before = searcher_of(changing, cache).search("canary")
    changing.write({"a.md": "# Canary\n\nThe canary is green by now.\n"})
    changing.ingest()

    after = searcher_of(changing, cache).search("canary")

    assert "yellow" in before[0].text
    assert "green" in after[0].text
    assert cache.queries.counts.hits == 1
