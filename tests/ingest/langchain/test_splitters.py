"""Text splitters of LangChain as chunker plugins."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from langchain_core.documents import Document

from ingest.embed.hashing import WordCounter
from ingest.langchain.splitters import SplitterChunker
from ragpress.errors import ChunkError, SettingsError
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, CleanedDocument, Element, ElementKind

TEXT = "Menu\n\nGreen tea. Black tea. Green tea. White tea.\n\nMilk is extra."


class Windows:
    """So many words with some of the last ones again, as LangChain's splitters overlap."""

    def __init__(self, size: int, overlap: int = 0) -> None:
        self.size, self.overlap = size, overlap

    def split_text(self, text: str) -> list[str]:
        words = text.split(" ")
        step = self.size - self.overlap
        return [" ".join(words[at : at + self.size]) for at in range(0, len(words), step)]


class Pieces:
    def __init__(self, *pieces: object) -> None:
        self.pieces = pieces

    def split_text(self, text: str) -> Sequence[object]:
        return self.pieces


def document() -> CleanedDocument:
    body = TEXT.index("Green")
    last = TEXT.index("Milk")
    return CleanedDocument(
        TEXT,
        (
            Element(ElementKind.TITLE, 0, 4, 1, ("Menu",)),
            Element(ElementKind.PARAGRAPH, body, last - 2, 1, ("Menu",)),
            Element(ElementKind.PARAGRAPH, last, len(TEXT), 2, ("Menu", "Extras")),
        ),
    )


def cut(splitter: object, limit: int = 100, heading_context: bool = True) -> tuple[ChunkSpan, ...]:
    chunker = SplitterChunker(splitter, "windows 1")  # type: ignore[arg-type] # any object with its method will do
    return chunker(document(), ChunkSettings(heading_context=heading_context), WordCounter(), limit)


def texts(spans: Sequence[ChunkSpan]) -> list[str]:
    return [TEXT[span.start : span.end] for span in spans]


def test_every_chunk_is_an_exact_span_in_order() -> None:
    spans = cut(Windows(4))

    assert texts(spans) == ["Menu\n\nGreen tea. Black tea.", "Green tea. White tea.\n\nMilk", "is extra."]
    assert [span.page for span in spans] == [1, 1, 2]


def test_repeated_text_is_found_at_its_own_place() -> None:
    first, second = TEXT.index("Green tea."), TEXT.rindex("Green tea.")

    spans = cut(Pieces("Green tea.", "Green tea."))

    assert [span.start for span in spans] == [first, second]


def test_pieces_may_overlap() -> None:
    spans = cut(Windows(4, overlap=2))

    assert texts(spans)[:2] == ["Menu\n\nGreen tea. Black tea.", "Black tea. Green tea."]
    assert spans[1].start < spans[0].end
    assert texts(spans)[-1] == "is extra."


def test_a_splitter_that_knows_its_places_is_believed_where_the_text_agrees() -> None:
    class Knowing(Pieces):
        _add_start_index = True

        def create_documents(self, texts: list[str]) -> Sequence[object]:
            return self.pieces

    second = TEXT.rindex("Green tea.")
    told = [Document("Green tea. ", metadata={"start_index": second}), Document("Milk", metadata={"start_index": 0})]

    assert [span.start for span in cut(Knowing(*told))] == [second, TEXT.index("Milk")]


def test_documents_are_pieces_too_and_empty_ones_are_left_out() -> None:
    assert texts(cut(Pieces(Document("Green tea."), "  ", Document(" Milk is extra. ")))) == [
        "Green tea.",
        "Milk is extra.",
    ]


def test_the_heading_is_what_the_elements_share() -> None:
    spans = cut(Pieces("Menu\n\nGreen tea.", "Black tea.", "White tea.\n\nMilk", "is extra."))

    assert [span.heading for span in spans] == [(), ("Menu",), ("Menu",), ("Menu", "Extras")]
    assert [span.kind for span in spans] == [ElementKind.TITLE] + [ElementKind.PARAGRAPH] * 3


def test_outer_titles_go_where_the_limit_is_near() -> None:
    assert cut(Pieces("is extra."), limit=6)[0].heading == ("Extras",)
    assert cut(Pieces("is extra."), limit=3)[0].heading == ()
    assert cut(Pieces("is extra."), heading_context=False)[0].heading == ()


def test_a_splitter_that_alters_text_is_refused() -> None:
    with pytest.raises(ChunkError, match=r"gave a piece that is not in the document: 'green tea\.'"):
        cut(Pieces("green tea."))
    with pytest.raises(ChunkError, match="not in the document: 'Menu'"):
        cut(Pieces("Milk is extra.", "Menu"))


def test_the_fingerprint_is_the_users_and_the_class() -> None:
    prints = {SplitterChunker(Windows(4), print_).fingerprint for print_ in ("windows 4", "windows 5")}
    prints.add(SplitterChunker(Pieces(), "windows 4").fingerprint)

    assert len(prints) == 3
    with pytest.raises(SettingsError, match="needs a fingerprint"):
        SplitterChunker(Windows(4), "")
