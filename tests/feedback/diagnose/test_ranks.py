"""How far a place comes along the chain, what stands above it, and what says the same as it does."""

from __future__ import annotations

import pytest

from evaluation.subjects import Subject
from feedback.diagnose.access import readable, ruling
from feedback.diagnose.copies import copy_families, document_families
from feedback.diagnose.ranks import ranks_of
from feedback.records import Ranks
from retrieval.access import OPERATOR, Principal
from serving.types import Question
from tests.feedback.diagnose.places import LEAVE, LEAVE_QUESTION, TRAVEL, bad, bench_of, workspace
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

COPIES = {
    f"copy-{at}.md": f"# Leave\n\nHow many days of leave do staff take each year? Ask in room {at} of house {at * 7}.\n"
    for at in range(12)
}
RULES = '[access.rules]\n"docs/leave.md" = ["hr"]\n'


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    files = {"leave.md": LEAVE, "travel.md": TRAVEL, **COPIES, "twin.md": LEAVE.replace("Ask", "Please ask")}
    settings = SETTINGS + RULES + "[context]\npassages = 1\nneighbours = 0\n"
    return workspace(tmp_path_factory.mktemp("crowded"), settings, files)


def _ranks(made: Workspace, name: str, caller: Principal = OPERATOR) -> Ranks:
    with bench_of(made) as bench:
        subject = bench.live()
        assert subject is not None
        row = subject.release.document(f"docs/{name}")
        return ranks_of(subject, Question(text=LEAVE_QUESTION, caller=caller), row.document_id, 9, 40)


def test_a_place_that_is_crowded_out_is_ranked_with_what_stands_above_it(crowded: Workspace) -> None:
    found = _ranks(crowded, "leave.md")
    assert found.fused is not None
    assert found.fused > 2
    assert (found.passage, found.left_out != "") == (None, True)
    assert len(found.above) == found.fused - 1
    assert any(source.startswith("docs/copy-") for source in found.above)


def test_a_place_far_away_is_still_ranked(crowded: Workspace) -> None:
    found = _ranks(crowded, "travel.md")
    assert found.dense is not None
    assert found.passage is None


def test_a_place_that_the_caller_may_not_read_has_no_rank(crowded: Workspace) -> None:
    found = _ranks(crowded, "leave.md", Principal(frozenset({"sales"})))
    assert (found.dense, found.lexical, found.fused, found.hit, found.passage) == (None, None, None, None, None)


def test_copies_among_hits_are_one_family(crowded: Workspace) -> None:
    with bench_of(crowded) as bench:
        subject: Subject | None = bench.live()
        assert subject is not None
        families = copy_families(subject, subject.searcher.search(LEAVE_QUESTION, 16))
        pairs = document_families(subject)
    assert families[0].size >= 10
    assert all(source.startswith("docs/copy-") for source in families[0].sources)
    assert len(families[0].sources) == len(families[0].document_ids)
    assert 0.5 < families[0].share < 1
    assert ("docs/leave.md", "docs/twin.md") in [family.sources for family in pairs]


def test_the_rule_that_hides_a_document_is_named(crowded: Workspace) -> None:
    with bench_of(crowded) as bench:
        sources = ["docs/leave.md", "docs/travel.md"]
        assert readable(bench, bad(LEAVE_QUESTION, groups=("sales",)), sources).tolist() == [False, True]
        assert readable(bench, bad(LEAVE_QUESTION), sources).tolist() == [True, True]
        assert (ruling(bench, sources[0]).pattern, ruling(bench, sources[0]).groups) == ("docs/leave.md", ("hr",))
        assert ruling(bench, sources[1]).pattern == ""
