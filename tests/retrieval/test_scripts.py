"""Collections in several scripts: who is in which, and what centring does to a question's cosines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from ragpress.answer_settings import AccessSettings
from retrieval.access import AccessRules
from retrieval.filters import Filter
from retrieval.scope import ANYBODY, OPERATOR, Scopes
from retrieval.scripts import Scripts, script
from retrieval.search import Searcher
from tests.workspace import SETTINGS, Workspace

ENGLISH = "The ferry to the island leaves every hour from pier {n}, and the last one sails at {n} in the evening."
CHINESE = "开往岛上的渡轮每小时从{n}号码头出发，最后一班在晚上{n}点开船，请提前十分钟到达售票处。"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I declare a body?", "latin"),
        ("Où est la gare ?", "latin"),
        ("在 FastAPI 里怎么用 Depends？", "han"),
        ("フェリーはいつ出ますか", "han"),
        ("Когда отходит паром?", "cyrillic"),
        ("배는 언제 떠나요?", "hangul"),
        ("2026 – 4?", "latin"),
    ],
)
def test_the_script_of_a_question(text: str, expected: str) -> None:
    assert script(text) == expected


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("scripts"))
    made.write({f"en/{n}.md": ENGLISH.format(n=n) for n in range(12)})
    made.write({f"zh/{n}.md": CHINESE.format(n=n) for n in range(6)})
    made.write({"en/short.md": "Pier"})
    made.ingest()
    return made


def scopes(workspace: Workspace, settings: AccessSettings | None = None) -> Scopes:
    return Scopes(workspace.open(), AccessRules(settings or AccessSettings()))


def test_every_row_is_in_one_group(workspace: Workspace) -> None:
    release = workspace.open()
    groups = {group.script: group for group in Scripts(release).of(scopes(workspace).of(OPERATOR))}

    assert list(groups) == ["latin", "han"]
    for number, segment in release.segments.items():
        sources = segment.chunks["source"].to_pylist()
        assert groups["han"].masks[number].tolist() == [source.startswith("docs/zh/") for source in sources]
        assert groups["latin"].masks[number].tolist() == [source.startswith("docs/en/") for source in sources]


def test_a_collection_in_one_script_has_no_groups(tmp_path: Path, workspace: Workspace) -> None:
    single = Workspace(tmp_path, SETTINGS)
    single.write({"a.md": ENGLISH.format(n=1), "short.md": "Pier"})
    single.ingest()

    assert Scripts(single.open()).of(scopes(single).of(OPERATOR)) == ()
    chinese = scopes(workspace).of(OPERATOR, Filter(sources=("docs/zh/**",)))
    assert Scripts(workspace.open()).of(chinese) == ()


def test_what_may_not_be_read_is_in_no_mask_and_in_no_centre(workspace: Workspace, tmp_path: Path) -> None:
    rules = AccessSettings(rules={"docs/en/1*.md": ("staff",)})
    scope = scopes(workspace, rules).of(ANYBODY)
    groups = Scripts(workspace.open()).of(scope)
    without = Workspace(tmp_path)
    kept = {f"en/{n}.md": ENGLISH.format(n=n) for n in range(12) if not str(n).startswith("1")}
    without.write({**kept, **{f"zh/{n}.md": CHINESE.format(n=n) for n in range(6)}, "en/short.md": "Pier"})
    without.ingest()

    alone = Scripts(without.open()).of(scopes(without).of(OPERATOR))

    assert scope.masks is not None
    assert all((group.masks[number] <= scope.masks[number]).all() for group in groups for number in scope.masks)
    for group, other in zip(groups, alone, strict=True):
        np.testing.assert_allclose(group.centre, other.centre, atol=1e-6)


def test_order_within_a_script_stays_and_cosines_are_told_as_they_are(workspace: Workspace) -> None:
    release = workspace.open()
    embedder = workspace.environment().embedders.load(release.manifest.embed)
    dense = msgspec.structs.replace(release.manifest.retrieval, lexical_weight=0.0, collapse=2.0)
    question = "ferry to the island 渡轮 pier 3 in the evening"
    balanced = Searcher(release, lambda: embedder, dense).search(question, 30)
    plain = Searcher(release, lambda: embedder, msgspec.structs.replace(dense, script_balance=0.0)).search(question, 30)

    for folder in ("docs/en/", "docs/zh/"):
        orders = [[hit.source for hit in hits if hit.source.startswith(folder)] for hits in (balanced, plain)]
        assert orders[0] == orders[1]
    best = [next(hit.score for hit in hits if hit.source.startswith("docs/zh/")) for hits in (balanced, plain)]
    assert best[0] > best[1]
    cosines = {hit.source: hit.stages["dense"].score for hit in plain}
    assert {hit.source: hit.stages["dense"].score for hit in balanced} == pytest.approx(cosines)


def test_the_best_cosine_is_that_of_the_nearest_chunk(workspace: Workspace) -> None:
    release = workspace.open()
    embedder = workspace.environment().embedders.load(release.manifest.embed)
    searcher = Searcher(release, lambda: embedder)
    question = "When does the last ferry sail?"

    hits = searcher.search(question, 30)

    nearest = max(hit.stages["dense"].score for hit in hits if "dense" in hit.stages)
    assert searcher.context(question).best_cosine == pytest.approx(nearest)
