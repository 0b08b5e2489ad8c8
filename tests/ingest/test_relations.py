from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.near_duplicates import estimate, near_duplicates, shingles, signature, verify_jaccard
from ingest.relations import DocumentFacts, facts, relate
from ingest.versions import find_date, find_version, named_edition, path_family, stated_date
from ragpress.settings import AuditRule, AuditSettings
from ragpress.types import AuditAction, AuditMark, CleanedDocument, ParsedDocument

_RNG = random.Random(3)
_VOCABULARY = [f"word{number}" for number in range(2000)]
TEXT = " ".join(_RNG.choices(_VOCABULARY, k=400))
HAN = "".join(chr(_RNG.randrange(0x4E00, 0x5E00)) for _ in range(400))
OFF = AuditRule(action=AuditAction.OFF)


def edited(text: str, share: float) -> str:
    words = text.split(" ")
    for at in random.Random(1).sample(range(len(words)), round(share * len(words))):
        words[at] = "changed"
    return " ".join(words)


def row(source: str, text: str = TEXT, title: str = "", metadata: dict[str, str] | None = None) -> DocumentFacts:
    parsed = ParsedDocument(text, (), title=title, metadata=metadata or {})
    return facts(source, source, parsed, CleanedDocument(text, ()))


def exact(texts: dict[str, str]) -> dict[str, tuple[AuditMark, ...]]:
    rows = [row(source, text) for source, text in texts.items()]
    return relate(rows, AuditSettings(), lambda one, other: verify_jaccard(texts[one.source], texts[other.source]))


def outdated(*rows: DocumentFacts) -> dict[str, str]:
    found = relate(rows, AuditSettings(near_duplicate=OFF), lambda one, other: 0.0)
    return {document_id: marks[0].related[0] for document_id, marks in found.items()}


def test_shingles_are_runs_of_three_words_or_ideographs() -> None:
    assert len(shingles("One two, three four")) == 2
    assert len(shingles("数据库发布")) == 3
    assert shingles("ONE two THREE").tolist() == shingles("one — two\nthree!").tolist()
    assert len(shingles("only two")) == 1
    assert len(shingles("... !")) == 0


def test_the_exact_similarity_is_that_of_the_sets() -> None:
    assert verify_jaccard("a b c d", "a b c e") == pytest.approx(1 / 3)
    assert verify_jaccard(TEXT, TEXT) == 1.0
    assert verify_jaccard("", "") == 0.0


@pytest.mark.parametrize("text", [TEXT, HAN])
def test_signatures_estimate_the_similarity(text: str) -> None:
    other = text[: len(text) * 3 // 4]
    assert len(signature(text)) == 256
    assert abs(estimate(signature(text), signature(other)) - verify_jaccard(text, other)) < 0.2
    assert signature("?!") == b""


def test_the_signature_is_fixed_by_the_text_alone() -> None:
    assert np.frombuffer(signature("The quick brown fox"), "<u4")[:3].tolist() == [3835719781, 3649315189, 2026620275]


def test_candidates_of_changed_documents_only() -> None:
    signatures = [signature(TEXT), signature(HAN), signature(edited(TEXT, 0.01)), signature(HAN + "了"), b""]
    assert [pair[:2] for pair in near_duplicates(signatures)] == [(0, 2), (1, 3)]
    assert [pair[:2] for pair in near_duplicates(signatures, [3])] == [(1, 3)]
    assert near_duplicates(signatures, []) == []


def test_many_copies_give_linearly_many_pairs() -> None:
    assert len(near_duplicates([signature(TEXT)] * 500)) < 1000


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 0.06))
def test_similar_texts_are_candidates(share: float) -> None:
    other = edited(TEXT, share)
    if verify_jaccard(TEXT, other) >= 0.85:
        assert near_duplicates([signature(TEXT), signature(other)])


def test_the_later_source_is_the_copy() -> None:
    found = exact({"b/copy.md": edited(TEXT, 0.01), "a/original.md": TEXT, "c/else.md": HAN})
    assert list(found) == ["b/copy.md"]
    mark = found["b/copy.md"][0]
    assert mark.audit == "near_duplicate"
    assert mark.related == ("a/original.md",)
    assert 0.8 <= mark.measure < 1
    assert "a/original.md" in mark.reason


def test_candidates_below_the_threshold_are_not_marked() -> None:
    assert exact({"a.md": TEXT, "b.md": edited(TEXT, 0.1)}) == {}


def test_of_two_editions_the_older_is_the_duplicate() -> None:
    found = relate([row("manual-v1.md"), row("manual-v2.md")], AuditSettings(), lambda one, other: 1.0)
    assert {mark.audit for mark in found["manual-v1.md"]} == {"near_duplicate", "outdated"}
    assert "manual-v2.md" not in found


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("guide v1.md", "guide v2.md"),
        ("guide-1.9.md".replace("1.9", "v1.9"), "guide-v1.10.md"),
        ("2023/policy.pdf", "2024/policy.pdf"),
        ("policy-2023-12-31.docx", "policy-2024-01-01.docx"),
        ("policy_20230105.docx", "policy_20240105.docx"),
        ("handbook old.md", "handbook.md"),
        ("handbook_draft.md", "handbook_final.md"),
        ("手册（旧版）.md", "手册.md"),
        ("手册第一版.docx", "手册第二版.docx"),
        ("制度2022年.docx", "制度2023年修订.docx"),
        ("v1/api/guide.md", "v2/api/guide.md"),
        ("archive/guide.md", "guide.md"),
    ],
)
def test_the_older_edition_is_outdated(older: str, newer: str) -> None:
    assert outdated(row(newer), row(older)) == {older: newer}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("docs/en/guide.md", "docs/zh/guide.md"),
        ("guide.en.v1.md", "guide.zh.v2.md"),
        ("chapter 1.md", "chapter 2.md"),
        ("report.md", "report (1).md"),
        ("2024-01-05.md", "2024-01-12.md"),
        ("a/guide v1.md", "b/guide v2.md"),
        ("guide v1.md", "tutorial v2.md"),
    ],
)
def test_other_documents_are_not_editions(one: str, other: str) -> None:
    assert outdated(row(one), row(other)) == {}


def test_minutes_of_two_meetings_are_not_editions() -> None:
    assert outdated(row("minutes 2024-01-05.md", TEXT), row("minutes 2024-02-05.md", HAN)) == {}


def test_translations_with_one_path_are_not_editions() -> None:
    english = "The plan is for the city and it was in the end that you with this are on by an. " * 5
    chinese = "这是一个关于城市规划的文件。" * 20
    assert outdated(row("v1/plan.md", english), row("v2/plan.md", chinese)) == {}


def test_dates_in_front_matter_and_text_decide() -> None:
    old = row("a/x.md", title="Travel expense policy", metadata={"updated": "2022-05-01"})
    new = row("b/y.md", "Last updated: March 3, 2024\n" + TEXT, title="Travel expense policy")
    assert outdated(old, new) == {"a/x.md": "b/y.md"}


def test_of_three_editions_all_but_the_newest_point_to_it() -> None:
    assert outdated(row("g v1.md"), row("g v3.md"), row("g v2.md")) == {"g v1.md": "g v3.md", "g v2.md": "g v3.md"}


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-03-01T10:00", (2024, 3, 1)),
        ("20240301", (2024, 3, 1)),
        ("2024年3月1日", (2024, 3, 1)),
        ("2024年3月", (2024, 3)),
        ("1 March 2024", (2024, 3, 1)),
        ("March 3, 2024", (2024, 3, 3)),
        ("report 2024", (2024,)),
        ("room 20245", ()),
        ("1.2024", ()),
    ],
)
def test_dates(text: str, date: tuple[int, ...]) -> None:
    assert find_date(text) == date


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v2.1", (2, 1)),
        ("Version 3", (3,)),
        ("2nd edition", (2,)),
        ("第十二版", (12,)),
        ("第2版", (2,)),
        ("ipv6", ()),
        ("rev", ()),
    ],
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert find_version(text) == version


def test_names() -> None:
    assert named_edition("x_old.md").rank == -1
    assert named_edition("final/x.md").rank == 1
    assert named_edition("golden.md").rank == 0
    assert path_family("docs/en/guide_v2 (1).md") == "docs/en/guide"
    assert path_family("2024-01-05.md") == ""
    assert stated_date({"modified": "D:20240301120000+01'00'"}, "") == (2024, 3, 1)


def test_the_result_does_not_depend_on_the_order() -> None:
    rows = [row(f"g v{number}.md", edited(TEXT, number / 200)) for number in range(5)]
    shuffled = random.Random(2).sample(rows, len(rows))
    assert relate(rows, AuditSettings(), lambda a, b: 1.0) == relate(shuffled, AuditSettings(), lambda a, b: 1.0)


def test_a_renamed_document_keeps_its_facts() -> None:
    assert msgspec.structs.replace(row("a.md"), source="b.md", document_id="b.md") == row("b.md")


def test_ten_thousand_unrelated_documents_cost_little() -> None:
    generator = np.random.default_rng(1)
    rows = [
        DocumentFacts(
            document_id=str(number),
            source=f"folder{number % 100}/about-{chr(97 + number % 21)}{number}.md",
            title=f"Title number {number}",
            language="en",
            dated="",
            versioned="",
            signature=generator.integers(0, 2**32, 64, dtype=np.uint32).tobytes(),
            characters=8000,
            content=str(number).encode(),
        )
        for number in range(10_000)
    ]
    assert relate(rows, AuditSettings(), lambda one, other: 1.0) == {}
