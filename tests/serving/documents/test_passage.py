"""The passage view: exactly the cited span, in its page or its paragraphs, and never too much."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragpress.errors import UsageError
from ragpress.types import Element, ElementKind
from serving.documents.passage import AROUND, MOST_CHARACTERS, passage


def document(paragraphs: list[str], pages: list[int | None]) -> tuple[str, tuple[Element, ...]]:
    """A text of paragraphs, each on its page."""
    text, elements = "", []
    for number, (paragraph, page) in enumerate(zip(paragraphs, pages, strict=True)):
        text += "\n\n" if text else ""
        place = len(text), len(text) + len(paragraph)
        elements.append(Element(ElementKind.PARAGRAPH, *place, page, ("Book", f"Part {number}")))
        text += paragraph
    return text, tuple(elements)


PAGED = document(["第一页 😀 text", "more of it", "second page", "second again", "third"], [1, 1, 2, 2, 3])


def test_a_span_of_a_paged_document_comes_with_its_whole_page() -> None:
    text, elements = PAGED
    start = text.index("again")
    shown = passage(text, elements, (start, start + 5), None)
    assert text[shown.start : shown.end] == "second page\n\nsecond again"
    assert (shown.page, shown.heading) == (2, ("Book", "Part 3"))
    assert shown.highlight == (start, start + 5)


def test_a_span_over_two_pages_comes_with_both() -> None:
    text, elements = PAGED
    shown = passage(text, elements, (text.index("again"), len(text)), None)
    assert text[shown.start : shown.end] == "second page\n\nsecond again\n\nthird"
    assert shown.page == 2


def test_a_page_can_be_asked_for_and_the_first_is_the_beginning() -> None:
    text, elements = PAGED
    third = passage(text, elements, None, 3)
    assert (text[third.start : third.end], third.highlight) == ("third", None)
    first = passage(text, elements, None, None)
    assert text[first.start : first.end] == "第一页 😀 text\n\nmore of it"
    with pytest.raises(UsageError, match="pages 1 to 3"):
        passage(text, elements, None, 4)
    with pytest.raises(UsageError, match="no pages"):
        passage(*document(["a"], [None]), None, 1)


def test_without_pages_whole_paragraphs_around_the_span_are_shown() -> None:
    text, elements = document([f"paragraph {n} " + "word " * 60 for n in range(60)], [None] * 60)
    start = text.index("paragraph 30")
    shown = passage(text, elements, (start, start + 12), None)
    assert text[shown.start : shown.end].startswith("paragraph ")
    assert text[shown.end - 1 : shown.end + 2].strip() == ""
    assert start - AROUND <= shown.start < start
    assert start + 12 < shown.end <= start + 12 + AROUND
    assert shown.page is None


@pytest.mark.parametrize("span", [(-1, 2), (3, 3), (5, 2), (0, 10**9)])
def test_a_span_outside_the_text_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="within the text"):
        passage(*PAGED, span, None)


def test_a_text_without_elements_is_shown_too() -> None:
    assert passage("", (), None, None).end == 0
    assert passage("abc", (), (1, 2), None).highlight == (1, 2)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 9000), st.sampled_from([None, 1, 1, 2])), min_size=1, max_size=8),
    st.data(),
)
def test_what_is_shown_holds_the_span_and_is_bounded(parts: list[tuple[int, int | None]], data: st.DataObject) -> None:
    text, elements = document(
        ["x" * length for length, _ in parts], sorted((page for _, page in parts), key=lambda page: page or 0)
    )
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    shown = passage(text, elements, (start, end), None)
    assert shown.highlight is not None
    assert shown.highlight == (start, min(end, start + MOST_CHARACTERS - 2 * AROUND))
    assert 0 <= shown.start <= shown.highlight[0]
    assert shown.highlight[1] <= shown.end <= len(text)
    assert shown.end - shown.start <= MOST_CHARACTERS
