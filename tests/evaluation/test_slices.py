from __future__ import annotations

from evaluation.records import Case, Evidence
from evaluation.slices import members, slice_deltas, slices_of
from tests.evaluation.results import FEW, result


def case(name: str, question: str, sources: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> Case:
    evidence = tuple(Evidence(source, "words") for source in sources)
    return Case(id=name, question=question, evidence=evidence, tags=tags)


CASES = (
    case("a", "How long may I carry over leave?", ("docs/hr/leave.md",), ("must", "leave")),
    case("b", "年假可以结转多久？", ("docs/zh/hr/leave.md",), ("leave",)),
    case("c", "Who pays for parental leave, and how much?", ("docs/hr/parental.md", "docs/it/faq.md")),
    case("d", "What does the canteen cost?"),
)


def test_cases_are_in_the_slices_of_language_tag_and_folder() -> None:
    assert members(CASES) == {
        ("language", "en"): [0, 2, 3],
        ("language", "zh"): [1],
        ("tag", "leave"): [0, 1],
        ("tag", "must"): [0],
        ("folder", "docs/hr"): [0, 2],
        ("folder", "docs/it"): [2],
        ("folder", "docs/zh"): [1],
    }


def test_kinds_come_in_order_and_the_largest_slice_of_each_first() -> None:
    assert [kind for kind, _ in members(CASES)] == ["language"] * 2 + ["tag"] * 2 + ["folder"] * 3


def test_folders_are_told_apart_where_the_sources_part() -> None:
    deep = (case("a", "One?", ("docs/a/b/x/1.md",)), case("b", "Two?", ("docs/a/b/y/z/2.md", "docs/a/b/3.md")))
    found = [value for kind, value in members(deep) if kind == "folder"]
    assert found == ["docs/a/b", "docs/a/b/x", "docs/a/b/y"]
    assert [value for kind, value in members((case("a", "One?", ("readme.md",)),)) if kind == "folder"] == ["."]


def test_each_slice_says_how_many_cases_it_has_and_how_many_have_a_value() -> None:
    rows = [result("a", {"m": 1.0}), result("b", {"m": 0.0}), result("c", {"m": 0.5}), result("d")]
    found = {(item.kind, item.value): item for item in slices_of(CASES, rows, FEW)}
    english = found["language", "en"]
    assert english.cases == 3
    assert (english.metrics["m"].mean, english.metrics["m"].n, english.metrics["m"].missing) == (0.75, 2, 1)
    assert found["language", "zh"].metrics["m"].ci == (0.0, 0.0)


def test_a_drop_shows_in_the_slice_where_it_happened() -> None:
    before = [result(name, {"m": 1.0}) for name in "abcd"]
    after = [result("a", {"m": 1.0}), result("b", {"m": 0.0}), result("c", {"m": 1.0}), result("d", {"m": 1.0})]
    found = {(item.kind, item.value): item for item in slice_deltas(CASES, before, after, FEW, ("m",))}
    assert found["language", "zh"].metrics["m"].delta == -1.0
    assert found["language", "en"].metrics["m"].delta == 0.0
    assert found["folder", "docs/zh"].cases == 1


def test_no_cases_have_no_slices() -> None:
    assert slices_of((), (), FEW) == ()
    assert slice_deltas((), (), (), FEW, ()) == ()
