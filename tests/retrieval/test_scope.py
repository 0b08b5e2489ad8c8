"""Scopes on a real release of several segments with updates and deletions, against brute force over the same rows."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from index import rarity
from index.documents import DocumentRow, to_rows
from index.opened import OpenRelease
from ragpress.answer_settings import AccessSettings
from ragpress.errors import UsageError
from retrieval import placement, scope
from retrieval.access import ANYBODY, OPERATOR, AccessRules, Principal
from retrieval.scope import Filter, Scope, Scopes
from tests.workspace import SETTINGS, Workspace

NEVER_COMPACT = SETTINGS + "\n[index]\ncompact_deleted = 1.0\ncompact_segments = 100\n"
VOCABULARY = [f"w{number}x" for number in range(25)]
# Every text and every heading has the same length, so that BM25's mean length is the same for every set of rows.
TEXT_WORDS = 8
DEPTH = 6

Place = tuple[int, int]
Vector = npt.NDArray[np.float32]


class Facts(NamedTuple):
    tag: str
    day: date
    author: str


class Row(NamedTuple):
    document: DocumentRow
    words: list[str]
    heading: list[str]
    vector: Vector


class Library:
    """A release and everything in it, read without a search."""

    def __init__(self, release: OpenRelease) -> None:
        release.load()
        self.release = release
        self.documents = [row for row in to_rows(release.documents) if row.chunks]
        self.rows = dict(self._rows())

    def _rows(self) -> Iterator[tuple[Place, Row]]:
        for document in self.documents:
            vectors = self.release.segments[document.segment].vectors
            numbers = range(document.first_row, document.first_row + document.chunks)
            matrix = vectors.reconstruct(np.array(numbers, np.int64))
            assert matrix is not None
            texts = self.release.chunk_rows(document)["text"].to_pylist()
            name = document.source.rsplit("/", 1)[-1]
            for number, text, vector in zip(numbers, texts, matrix, strict=True):
                yield (document.segment, number), Row(document, text.split(), name.split("."), vector)


def facts(source: str) -> Facts:
    chosen = random.Random(source)
    return Facts(chosen.choice(["red", "blue"]), date(2024, chosen.randint(1, 12), 1), chosen.choice(["Ada", "Bo"]))


def page(source: str, seed: int = 0) -> str:
    own, chosen = facts(source), random.Random(f"{source} {seed}")
    text = " ".join(chosen.choices(VOCABULARY, weights=range(1, 26), k=TEXT_WORDS))
    return f"---\ntags: [{own.tag}, all]\ndate: {own.day}\nauthor: {own.author}\n---\n{text}\n"


SOURCES = [f"{top}/{inner}/n{number}.md" for top in "abc" for inner in "xy" for number in range(6)]


def fill(workspace: Workspace) -> None:
    """Three segments: documents are added, edited and deleted in turn."""
    workspace.write({source: page(source) for source in SOURCES[:24]})
    workspace.ingest()
    workspace.write({source: page(source) for source in SOURCES[24:]})
    workspace.write({source: page(source, 1) for source in SOURCES[:24:5]})
    for source in SOURCES[1:24:7]:
        (workspace.docs / source).unlink()
    workspace.ingest()
    workspace.write({source: page(source, 2) for source in SOURCES[2:30:6]})
    workspace.ingest()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    workspace = Workspace(tmp_path_factory.mktemp("library"), NEVER_COMPACT)
    fill(workspace)
    found = Library(workspace.open())
    assert len(found.release.segments) == 3
    assert all(segment.record.deleted_rows for number, segment in found.release.segments.items() if number < 3)
    # One of the four that were deleted came back.
    assert len(found.documents) == len(SOURCES) - 3
    return found


PATTERNS = ["docs/**", "docs/a/", "docs/b/x/*", "**/y/**", "n3.md", "docs/c/y/n[0-2].md", "*.txt", "/docs/a/x/n0.md"]
GROUPS = st.frozensets(st.sampled_from(["staff", "hr", "everyone"]), max_size=2)
RULES = st.builds(
    lambda rules, default: AccessSettings(
        default=tuple(default), rules={pattern: tuple(groups) for pattern, groups in rules.items()}
    ),
    st.dictionaries(st.sampled_from(PATTERNS), GROUPS, max_size=4),
    GROUPS,
)
PRINCIPALS = st.builds(Principal, GROUPS, st.integers(0, 9).map(lambda number: number == 0))
DAYS = st.one_of(st.none(), st.integers(1, 12).map(lambda month: f"2024-{month:02d}-01"))
FILTERS = st.one_of(
    st.none(),
    st.builds(
        Filter,
        sources=st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
        tags=st.sampled_from([(), ("red",), ("blue", "none"), ("all",), ("none",)]),
        after=DAYS,
        before=DAYS,
        metadata=st.sampled_from([{}, {"author": ("Ada",)}, {"author": ("Ada", "bo")}, {"nothing": ("x",)}]),
    ),
)
QUERIES = st.lists(st.sampled_from([*VOCABULARY, "n3", "md", "absent"]), min_size=1, max_size=4).map(" ".join)


def may_read(rules: AccessSettings, principal: Principal, source: str) -> bool:
    groups = rules.default
    for pattern, named in rules.rules.items():
        if GitIgnoreSpec.from_lines([pattern]).match_file(source):
            groups = named
    return principal.unrestricted or bool({*groups} & {*principal.groups, "everyone"})


def wants(where: Filter | None, document: DocumentRow) -> bool:
    if where is None:
        return True
    own = facts(document.source.removeprefix("docs/"))
    return (
        (not where.sources or GitIgnoreSpec.from_lines(where.sources).match_file(document.source))
        and (not where.tags or bool({own.tag, "all"} & set(where.tags)))
        and (where.after is None or own.day.isoformat() >= where.after)
        and (where.before is None or own.day.isoformat() < where.before)
        and all(
            key == "author" and own.author.lower() in {one.lower() for one in values}
            for key, values in where.metadata.items()
        )
    )


def bm25(query: str, visible: Sequence[Place], readable: Sequence[Place], rows: dict[Place, Row]) -> dict[Place, float]:
    """Scores of the visible rows that hold a term, with statistics of the readable rows."""
    scores: dict[Place, float] = {}
    for term in dict.fromkeys(query.split()):
        for field, boost in (("words", 1.0), ("heading", 1.5)):
            holders = sum(term in getattr(rows[place], field) for place in readable)
            idf = math.log(1 + (len(readable) - holders + 0.5) / (holders + 0.5))
            for place in visible:
                frequency = getattr(rows[place], field).count(term)
                if frequency:
                    scores[place] = scores.get(place, 0.0) + boost * idf * 2.2 * frequency / (frequency + 1.2)
    return scores


def check_best(found: list[tuple[Place, float]], exact: dict[Place, float], depth: int) -> None:
    """What was found is the best of the exact scores; only equal scores may stand for one another."""
    assert len(found) == len({place for place, _ in found}) == min(depth, len(exact))
    assert {place for place, _ in found} <= exact.keys()
    assert [score for _, score in found] == pytest.approx([exact[place] for place, _ in found], rel=1e-5, abs=1e-6)
    best = sorted(exact.values(), reverse=True)[:depth]
    assert [score for _, score in found] == pytest.approx(best, rel=1e-5, abs=1e-6)


def dense(release: OpenRelease, vector: Vector, made: Scope, depth: int) -> list[tuple[Place, float]]:
    found = []
    for number, segment in release.segments.items():
        scores, rows = segment.search(vector, depth, None if made.masks is None else made.masks[number])
        found += [((number, row), score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
    return sorted(found, key=lambda item: -item[1])[:depth]


def lexical(release: OpenRelease, query: str, made: Scope, depth: int) -> list[tuple[Place, float]]:
    scores, numbers, rows = release.lexical.search(query, depth, made)
    return list(zip(zip(numbers, rows, strict=True), scores, strict=True))


ASKS = st.tuples(RULES, PRINCIPALS, FILTERS)
# They choose between terms that may be found, terms that bar and masks alone: all must give the same.
LIMITS = st.tuples(st.sampled_from([0, 2, 1000]), st.sampled_from([0, 12, 10**6]))


@pytest.mark.workspace
@settings(max_examples=80, deadline=None)
@given(ASKS, QUERIES, LIMITS)
def test_a_scope_finds_just_what_may_be_read_and_is_wanted(
    library: Library, ask: tuple[AccessSettings, Principal, Filter | None], query: str, limits: tuple[int, int]
) -> None:
    rules, principal, where = ask
    readable = [place for place, row in library.rows.items() if may_read(rules, principal, row.document.source)]
    visible = [place for place in readable if wants(where, library.rows[place].document)]
    library.release.__dict__.pop("lexical", None)  # with what it counted under other limits
    with (
        mock.patch.object(placement, "_MOST_TERMS", limits[0]),
        mock.patch.object(rarity, "_LISTED_ROWS_PER_TERM", limits[1]),
    ):
        made = Scopes(library.release, AccessRules(rules)).of(principal, where)
        assert made.rows == len(visible)
        exact = bm25(query, visible, readable, library.rows)
        for depth in (DEPTH, 1000):
            check_best(lexical(library.release, query, made, depth), exact, depth)
        assert library.release.lexical.ceiling(query, made) == pytest.approx(ceiling(query, readable, library.rows))
        vector = direction(library, len(query))
        cosines = {place: float(library.rows[place].vector @ vector) for place in visible}
        for depth in (DEPTH, 1000):
            check_best(dense(library.release, vector, made, depth), cosines, depth)


def ceiling(query: str, readable: Sequence[Place], rows: dict[Place, Row]) -> float:
    counts = [sum(term in rows[place].words for place in readable) for term in dict.fromkeys(query.split())]
    return sum(2.2 * math.log(1 + (len(readable) - count + 0.5) / (count + 0.5)) for count in counts)


def direction(library: Library, seed: int) -> Vector:
    vector = np.cos(np.arange(len(library.rows[min(library.rows)].vector)) + seed)
    unit: Vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


@settings(max_examples=60, deadline=None)
@given(ASKS, ASKS)
def test_keys_are_equal_where_the_visible_documents_are(
    library: Library,
    one: tuple[AccessSettings, Principal, Filter | None],
    other: tuple[AccessSettings, Principal, Filter | None],
) -> None:
    keys, visible = [], []
    for rules, principal, where in (one, other):
        keys.append(Scopes(library.release, AccessRules(rules)).of(principal, where).key)
        readable = [row for row in library.documents if may_read(rules, principal, row.source)]
        visible.append([[row.source for row in readable], [row.source for row in readable if wants(where, row)]])
    assert (keys[0] == keys[1]) == (visible[0] == visible[1])


HR = Principal(frozenset({"hr"}))
SECRET_C = AccessSettings(rules={"docs/c/**": ("hr",), "docs/a/x/n3.md": ("hr",)})


@pytest.mark.workspace
def test_documents_that_may_not_be_read_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    whole, part = Workspace(tmp_path / "with", NEVER_COMPACT), Workspace(tmp_path / "without", NEVER_COMPACT)
    fill(whole)
    whole.write({f"c/z/n{number}.md": f"{' '.join(VOCABULARY[24:16:-1])}\n" for number in range(30)})
    whole.ingest()
    kept = [
        path for path in whole.docs.rglob("*.md") if may_read(SECRET_C, ANYBODY, f"docs/{path.relative_to(whole.docs)}")
    ]
    part.write({str(path.relative_to(whole.docs)): path.read_text(encoding="utf-8") for path in kept})
    part.ingest()
    found = []
    for library in (Library(whole.open()), Library(part.open())):
        made = Scopes(library.release, AccessRules(SECRET_C)).of(ANYBODY)
        assert made.rows == len(kept)
        found.append([answers(library, made, query) for query in ("w24x w3x", "w20x", "n3 w9x absent", "md")])
    for one, other in zip(*found, strict=True):
        assert [text for text, _ in one] == [text for text, _ in other]
        assert [score for _, score in one] == pytest.approx([score for _, score in other], rel=1e-5, abs=1e-6)


def answers(library: Library, made: Scope, query: str) -> list[tuple[str, float]]:
    """Sources and scores, lexical then dense; equal scores by source."""
    vector = direction(library, len(query))
    every = len(SOURCES)
    stages = lexical(library.release, query, made, every), dense(library.release, vector, made, every)
    named = [[(library.rows[place].document.source, round(score, 4)) for place, score in stage] for stage in stages]
    return [item for stage in named for item in sorted(stage, key=lambda item: (-item[1], item[0]))]


def test_callers_with_the_same_rights_share_a_scope(library: Library) -> None:
    scopes = Scopes(library.release, AccessRules(SECRET_C))
    assert scopes.of(ANYBODY) is scopes.of(Principal(frozenset({"visitors"})), Filter())
    assert scopes.of(HR) is scopes.of(OPERATOR)
    assert scopes.of(HR).masks is None
    assert scopes.of(ANYBODY).key != scopes.of(HR).key
    red = scopes.of(ANYBODY, Filter(tags=("red",)))
    assert red is scopes.of(ANYBODY, Filter(tags=("red",)))
    assert red.readable is not None
    assert red.readable.key == scopes.of(ANYBODY).key


def test_only_so_many_scopes_are_kept(library: Library) -> None:
    scopes = Scopes(library.release, AccessRules(SECRET_C))
    with mock.patch.object(scope, "_KEPT", 2):
        first = scopes.of(ANYBODY)
        scopes.of(HR, Filter(tags=("red",)))
    again = scopes.of(ANYBODY)
    assert again is not first
    assert again.key == first.key


def test_whole_folders_are_one_term(library: Library) -> None:
    scopes = Scopes(library.release, AccessRules(SECRET_C))
    assert scopes.of(ANYBODY).barred == ("docs/c/", *(term for term in scopes.of(ANYBODY).barred or () if "@" in term))
    assert len(scopes.of(ANYBODY).barred or ()) == 2
    assert scopes.of(ANYBODY, Filter(sources=("docs/b/**",))).owners == ("docs/b/",)


def test_an_index_from_before_folders_were_terms_is_searched_by_masks(library: Library) -> None:
    made = Scopes(library.release, AccessRules(SECRET_C)).of(ANYBODY)
    index = library.release.lexical
    expected = index.search("w24x w20x", 5, made)
    with mock.patch.object(index, "_names_folders", False):
        assert index.search("w24x w20x", 5, msgspec.structs.replace(made, barred=("no such term",))) == expected


def test_a_wrong_filter_is_refused(library: Library) -> None:
    with pytest.raises(UsageError, match="expected an ISO date"):
        Scopes(library.release, AccessRules(SECRET_C)).of(ANYBODY, Filter(after="soon"))


def test_threads_share_scopes_and_indexes(library: Library) -> None:
    scopes = Scopes(library.release, AccessRules(SECRET_C))
    vector = library.rows[min(library.rows)].vector
    callers = [(ANYBODY, None), (HR, None), (ANYBODY, Filter(tags=("red",))), (HR, Filter(sources=("docs/b/**",)))]

    def ask(number: int) -> tuple[list[tuple[Place, float]], list[tuple[Place, float]]]:
        made = scopes.of(*callers[number % len(callers)])
        return dense(library.release, vector, made, DEPTH), lexical(library.release, "w24x w20x", made, DEPTH)

    alone = [ask(number) for number in range(len(callers))]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, range(200)))
    assert together == [alone[number % len(callers)] for number in range(200)]
