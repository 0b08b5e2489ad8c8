"""What ``make bench-quality`` shows of whole sets must hold for a part of them in every commit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.quality_report import IOU_GOAL, RECALL_GOAL, GroupResult
from benchmarks.quality_run import MODES, KeptQueries, QualityWorkspace, measure, query_embedder
from benchmarks.quality_sets import DATA, Corpus, Group, chroma, xquad

pytestmark = [
    pytest.mark.data,
    pytest.mark.model,
    pytest.mark.skipif(not DATA.exists(), reason="the benchmark data (shared/data) is not beside the repository"),
]
MODEL = "multilingual-e5-small"
PARAGRAPHS = 40
QUESTIONS = 40
# What one question more or less makes of a mean.
ONE = 1 / QUESTIONS + 1e-9


def part_of_xquad() -> Corpus:
    """The first Chinese paragraphs, and questions in both languages that they answer."""
    corpus = next(found for found in xquad() if found.name == "xquad_zh")
    files = dict(list(corpus.files.items())[:PARAGRAPHS])
    groups = []
    for group in corpus.groups:
        asked = [question for question in group.questions if question.gold[0].source in files]
        groups.append(Group(group.name, tuple(asked[:: len(asked) // QUESTIONS][:QUESTIONS])))
    return Corpus(corpus.name, corpus.unit, files, tuple(groups))


def part_by_turns() -> Corpus:
    """Some articles, each in one of the two languages, and questions in the other one."""
    corpus = next(found for found in xquad() if found.name == "xquad_by_turns")
    articles = [f"{number:02d}_" for number in range(10)]
    files = {name: text for name, text in corpus.files.items() if name[3:6] in articles}
    asked = [question for question in corpus.groups[1].questions if question.gold[0].source in files]
    group = Group("other language", tuple(asked[:: len(asked) // QUESTIONS][:QUESTIONS]))
    return Corpus(corpus.name, corpus.unit, files, (group,))


class Measured:
    """Every mode on the part of XQuAD, and hybrid search with the older fusion by ranks."""

    def __init__(self, folder: Path) -> None:
        corpus = part_of_xquad()
        workspace = QualityWorkspace(folder / "xquad", corpus, MODEL, 256)
        workspace.ingest()
        self.embedder: KeptQueries = query_embedder(workspace)
        self.results: dict[tuple[str, str], GroupResult] = {}
        for group in corpus.groups:
            for mode in MODES:
                self.results[group.name, mode] = measure(workspace, group, mode, self.embedder)
        retrieval = workspace.release.manifest.retrieval
        by_rank = msgspec.structs.replace(retrieval, fusion="reciprocal_rank", lexical_weight=1.0)
        self.by_rank = measure(workspace, corpus.groups[0], "hybrid", self.embedder, by_rank)

    def mean(self, group: str, mode: str, name: str) -> float:
        """One figure."""
        found = self.results[group, mode].mean(name)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quality")


@pytest.fixture(scope="module")
def measured(folder: Path) -> Measured:
    return Measured(folder)


@pytest.mark.parametrize("group", ["xquad en -> zh", "xquad zh -> zh"])
def test_hybrid_search_is_as_good_as_the_better_of_the_two(measured: Measured, group: str) -> None:
    for name in ("hit@1", "hit@5", "ndcg@10"):
        better = max(measured.mean(group, mode, name) for mode in ("dense", "lexical"))
        assert measured.mean(group, "hybrid", name) >= better - ONE, name


def test_both_languages_are_found(measured: Measured) -> None:
    assert measured.mean("xquad zh -> zh", "hybrid", "hit@5") >= 0.95
    assert measured.mean("xquad en -> zh", "hybrid", "hit@5") >= 0.9
    assert measured.mean("xquad en -> zh", "lexical", "hit@5") < 0.8


def test_fusion_by_ranks_would_let_foreign_words_push_the_answer_down(measured: Measured) -> None:
    by_rank = measured.by_rank.mean("ndcg@10")

    assert by_rank is not None
    assert by_rank < measured.mean("xquad en -> zh", "hybrid", "ndcg@10") - 0.05


def test_answers_in_the_other_language_are_found_beside_documents_in_ones_own(measured: Measured, folder: Path) -> None:
    corpus = part_by_turns()
    assert {name[:2] for name in corpus.files} == {"en", "zh"}
    workspace = QualityWorkspace(folder / "turns", corpus, MODEL, 256)
    workspace.ingest()
    biased = msgspec.structs.replace(workspace.release.manifest.retrieval, script_balance=0.0)

    found = measure(workspace, corpus.groups[0], "hybrid", measured.embedder).mean("hit@5")
    before = measure(workspace, corpus.groups[0], "hybrid", measured.embedder, biased).mean("hit@5")

    assert found is not None
    assert before is not None
    assert found >= 0.5
    assert found >= before + 0.1


def test_spans_beat_the_published_recall_and_iou_at_once(measured: Measured, folder: Path) -> None:
    speech = chroma()[0]
    workspace = QualityWorkspace(folder / "speech", speech, MODEL, 144)
    workspace.ingest()

    found = measure(workspace, speech.groups[0], "hybrid", measured.embedder)

    assert (found.mean("recall") or 0) > RECALL_GOAL
    assert (found.mean("iou") or 0) > IOU_GOAL
