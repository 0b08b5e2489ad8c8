"""Errata: where they apply, what they leave alone, and when they are flagged instead."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.repairs.errata import Corrected, apply_errata
from index.repairs.records import Erratum
from ingest.parse.registry import parse_bytes
from ragpress.settings import ParseSettings
from ragpress.types import ParsedDocument

TEXT = """# Pump manual

Intro of the pump.

## Output

The pump gives 12 litres a minute.

It needs 230 volts.

## Output

| part | price |
| --- | --- |
| seal | 7 |
"""
VERSION = hashlib.sha256(TEXT.encode()).hexdigest()
OTHER = "0" * 64


def parsed(text: str = TEXT) -> ParsedDocument:
    """A Markdown text as the pipeline reads it."""
    return parse_bytes(text.encode(), "a.md", ParseSettings())


def erratum(find: str, replace: str, before: str = "", after: str = "", version: str = VERSION) -> Erratum:
    """An erratum of the document."""
    return Erratum(
        collection="default",
        source="a.md",
        version=version,
        find=find,
        replace=replace,
        before=before,
        after=after,
        reason="wrong",
        by="Ada",
        at="2026-03-01",
    )


def texts(corrected: Corrected) -> list[str]:
    """The text of every element."""
    document = corrected.document
    return [document.text[element.start : element.end] for element in document.elements]


def check_offsets(document: ParsedDocument) -> None:
    """Elements ascend, do not overlap, start and end with text, and cover all but white space."""
    at = 0
    for element in document.elements:
        assert at <= element.start < element.end <= len(document.text)
        assert not document.text[at : element.start].strip()
        assert document.text[element.start : element.end].strip()
        at = element.end
    assert not document.text[at:].strip()


def test_a_span_inside_an_element_changes_nothing_else() -> None:
    before = parsed()

    found = apply_errata(before, [erratum("12", "1,200")], VERSION)

    assert found.document.text == before.text.replace("12", "1,200")
    assert (found.marks, len(found.applied)) == ((), 1)
    check_offsets(found.document)
    assert [element.heading for element in found.document.elements] == [element.heading for element in before.elements]
    assert "| seal | 7 |" in texts(found)[-1]


def test_a_title_changes_in_the_paths_below_it_up_to_its_next_namesake() -> None:
    found = apply_errata(parsed(), [erratum("Output", "Flow", before="## ", after="\n\nThe pump")], VERSION)

    assert found.marks == ()
    paths = [element.heading for element in found.document.elements]
    assert paths.count(("Pump manual", "Flow")) == 3
    assert paths[-1] == ("Pump manual", "Output")


def test_the_documents_title_follows_its_heading() -> None:
    found = apply_errata(parsed(), [erratum("Pump manual", "Fan manual")], VERSION)

    assert found.document.title == "Fan manual"
    assert {element.heading[0] for element in found.document.elements} == {"Fan manual"}


def test_a_span_over_two_elements_makes_them_one() -> None:
    found = apply_errata(parsed(), [erratum("a minute.\n\nIt needs", "an hour and needs")], VERSION)

    assert "The pump gives 12 litres an hour and needs 230 volts." in texts(found)
    check_offsets(found.document)


def test_an_element_that_becomes_empty_is_gone() -> None:
    found = apply_errata(parsed(), [erratum("It needs 230 volts.", "")], VERSION)

    assert len(found.document.elements) == len(parsed().elements) - 1
    check_offsets(found.document)


def test_text_is_put_in_where_only_its_surroundings_are_named() -> None:
    found = apply_errata(parsed(), [erratum("", " or 3 gallons", before="12 litres", after=" a minute")], VERSION)

    assert "12 litres or 3 gallons a minute" in found.document.text
    check_offsets(found.document)


def test_several_errata_are_placed_in_the_text_as_it_was_read() -> None:
    ones = [erratum("230", "110"), erratum("12", "230"), erratum("seal", "gasket")]

    found = apply_errata(parsed(), ones, VERSION)
    again = apply_errata(parsed(), ones[::-1], VERSION)

    assert "gives 230 litres" in found.document.text
    assert "needs 110 volts" in found.document.text
    assert found.document == again.document


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (erratum("13", "14"), "not there any more"),
        (erratum("Output", "Flow"), "stands there twice"),
        (erratum("\n\n", " ", before="minute.", after="It needs"), "between two pieces"),
        (erratum("99", "12", before="gives "), "says so by itself now"),
        (erratum("12", "13", version=OTHER), "too short to tell the place"),
    ],
)
def test_what_does_not_fit_is_flagged_and_changes_nothing(one: Erratum, said: str) -> None:
    found = apply_errata(parsed(), [one], VERSION)

    assert found.document == parsed()
    assert [mark.audit for mark in found.marks] == ["erratum_stale"]
    assert said in found.marks[0].reason


def test_of_two_that_overlap_the_first_holds() -> None:
    ones = [erratum("12 litres", "13 litres"), erratum("litres a minute", "gallons a minute")]

    found = apply_errata(parsed(), ones, VERSION)

    assert "gives 13 litres a minute" in found.document.text
    assert "it overlaps erratum-" in found.marks[0].reason


def test_a_long_anchor_tells_the_place_in_another_version() -> None:
    one = erratum("12", "24", before="The pump gives ", after=" litres a minute", version=OTHER)

    assert "gives 24 litres" in apply_errata(parsed(), [one], VERSION).document.text


@given(st.data())
def test_whatever_is_replaced_offsets_stay_right(data: st.DataObject) -> None:
    words = st.lists(st.sampled_from(["alpha", "beta", "泵", "# Title", "## Part", "- item", "x"]), min_size=1)
    document = parsed("\n\n".join(data.draw(words)))
    places = st.integers(0, len(document.text))
    ones = []
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted((data.draw(places), data.draw(places)))
        replacement = data.draw(st.text("ab 泵\n", max_size=6))
        ones.append(
            erratum(document.text[start:end], replacement, document.text[:start], document.text[end:], version=VERSION)
        )

    found = apply_errata(document, ones, VERSION)

    check_offsets(found.document)
    assert len(found.applied) + len(found.marks) == len(ones)
    if len(found.applied) == 1:
        assert any(one.before + one.replace + one.after == found.document.text for one in ones)
    if not found.applied:
        assert found.document == document
