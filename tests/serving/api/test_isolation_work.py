"""The work of a question does not depend on documents that the caller may not read: counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.lexical import LexicalIndex
from index.row_filter import RowFilter
from index.vectors import VectorIndex
from ingest.embed.hashing import HashingEmbedder
from ragpress.serve_settings import ServeSettings
from ragpress.wiring import open_environment
from retrieval.cache import LruCache
from retrieval.rows import ReleaseRows
from serving.api.app import create_app
from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.remembered import RememberedEmbedder
from serving.server.worker import open_service
from tests.workspace import SETTINGS, Workspace

RULES = '[access]\nrules = { "docs/secret/**" = ["staff"] }\n'
QUESTIONS = ("What is the code of the vault?", "narwhal", "When does the reading room open?", "金库的密码是什么？")
OPEN = {
    "hours.md": "# Hours\n\nThe reading room opens at eight. The vault of the museum is open on Mondays.\n",
    "rooms.md": "# Rooms\n\nThe reading room has forty seats, the museum has six rooms.\n",
}
MATCHING = "# Vault\n\nThe code of the vault is narwhal. 金库的密码是独角鲸。\n"
OTHER = "# House\n\nThe sofa in the house is crimson. 花园的颜色是深红色。\n"


class Work:
    """Counts what is done, by kind."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.done: Counter[tuple[object, ...]] = Counter()
        vectors, lexical = VectorIndex.search, LexicalIndex.search

        def dense(index: VectorIndex, query: Any, depth: int, allowed: Any) -> Any:
            found = vectors(index, query, depth, allowed)
            compared = "all" if allowed is None else int(np.count_nonzero(allowed))
            self.done["dense", depth, compared, len(found[1])] += 1
            return found

        def words(index: LexicalIndex, query: str, depth: int, allowed: RowFilter | None = None) -> Any:
            found = lexical(index, query, depth, allowed)
            self.done["lexical", depth, None if allowed is None else allowed.rows, len(found[1])] += 1
            return found

        patch.setattr(VectorIndex, "search", dense)
        patch.setattr(LexicalIndex, "search", words)
        for owner, name in (
            (HashingEmbedder, "embed_query"),
            (HashingEmbedder, "embed_passages"),
            (RememberedEmbedder, "embed_passages"),
            (LruCache, "get"),
            (LruCache, "put"),
            (ReleaseRows, "hit"),
            (ReleaseRows, "value"),
        ):
            self._count(patch, owner, name)

    def _count(self, patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        real = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            size = len(arguments[1]) if name == "embed_passages" else 1
            self.done[owner.__name__, name, size] += 1
            return real(*arguments, **named)

        patch.setattr(owner, name, counted)


def work_of(root: Path, secret: str, work: Work) -> Iterator[tuple[Counter[tuple[object, ...]], int, list[str]]]:
    """For each question: the work done, the length of the response and the quoted sources."""
    root.mkdir()
    workspace = Workspace(root, SETTINGS + RULES)
    workspace.write({**OPEN, **{f"secret/{number}.md": secret.replace("# ", f"# {number} ") for number in range(8)}})
    assert workspace.ingest().published
    token = KeyRing(workspace.environment().store).add(Grant(name="nobody", roles=(Role.ASK,)))[1]
    app = create_app(lambda: open_service(open_environment(root)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {token}"}) as client:
        for question in QUESTIONS:
            work.done = Counter()
            chat = {"model": "default", "messages": [{"role": "user", "content": question}]}
            told = client.post("/v1/chat/completions", json=chat).json()
            hits = client.post("/v1/retrieve", json={"query": question, "k": 20}).json()["hits"]
            sources = [hit["source"] for hit in hits]
            done, work.done = work.done, Counter()
            yield done, len(told["choices"][0]["message"]["content"]), sources


def test_work_is_the_same_whether_unreadable_documents_match_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(monkeypatch)

    matching = list(work_of(tmp_path / "matching", MATCHING, work))
    other = list(work_of(tmp_path / "other", OTHER, work))

    assert matching == other
    assert all(done for done, _, _ in matching)
    assert any(name[0] == "lexical" for done, _, _ in matching for name in done)
    assert any(name[0] == "dense" and name[2] == 2 for done, _, _ in matching for name in done)
