from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import chunk, chunk_fingerprint, embedding_text
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, CleanedDocument, ElementKind, ParsedDocument
from tests.ingest.samples import RegexTokens, cleaned, document, markdown_document

TOKENS = RegexTokens()
SMALL = ChunkSettings(max_tokens=40, min_tokens=8)

_WORDS = st.sampled_from(
    [
        "alpha",
        "beta.",
        "gamma,",
        "internationalisation",
        "e.g.",
        "Dr.",
        "x",
        "42.",
        "数据。",
        "发布、",
        "检索系统",
        "؟",
        "|",
        "\n",
    ]
)
_TEXT = st.lists(_WORDS, min_size=1, max_size=60).map(" ".join).map(str.strip).filter(bool)
_PATH = st.lists(st.sampled_from(["Intro", "安装", "A long title of a section about settings"]), max_size=4).map(tuple)
_KINDS = st.sampled_from(list(ElementKind))
_DOCUMENTS = st.lists(st.tuples(_TEXT, _KINDS, _PATH), min_size=1, max_size=14).map(document)


def texts(spans: tuple[ChunkSpan, ...], text: str) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def check_invariants(document: CleanedDocument, spans: tuple[ChunkSpan, ...], chosen: ChunkSettings) -> None:
    covered: set[int] = set()
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(document.text)
        body = document.text[span.start : span.end]
        assert body == body.strip()
        length = len(TOKENS.token_starts(embedding_text(document.text, span, chosen)))
        assert length <= chosen.max_tokens
        assert abs(length - span.tokens) <= 2 + 3 * len(span.heading)
        covered.update(range(span.start, span.end))
        end = span.end
    missing = [at for at, char in enumerate(document.text) if not char.isspace() and at not in covered]
    assert missing == []


@settings(max_examples=150, deadline=None)
@given(_DOCUMENTS, st.sampled_from([16, 24, 40, 256]), st.booleans())
def test_chunks_are_exact_ascending_complete_and_short_enough(parsed: ParsedDocument, size: int, context: bool) -> None:
    chosen = ChunkSettings(max_tokens=size, min_tokens=8, heading_context=context)
    found = chunk(cleaned(parsed), chosen, TOKENS, 512)
    check_invariants(cleaned(parsed), found, chosen)


def test_the_smaller_of_setting_and_window_limits() -> None:
    parsed = document([("one two three. " * 100, ElementKind.PARAGRAPH, ())])
    assert max(span.tokens for span in chunk(cleaned(parsed), ChunkSettings(), TOKENS, 30)) <= 30


def test_a_document_without_elements_has_no_chunks() -> None:
    assert chunk(CleanedDocument("", ()), SMALL, TOKENS, 512) == ()


def test_a_title_stays_with_the_text_that_follows_it() -> None:
    parsed = markdown_document("# Guide\n\n## Install\n\n" + "Run the installer now. " * 6)
    spans = chunk(cleaned(parsed), SMALL, TOKENS, 512)
    assert texts(spans, parsed.text)[0].startswith("Guide\n\nInstall\n\nRun the installer")


def test_the_heading_context_is_what_stands_above_the_text() -> None:
    parsed = markdown_document("# Guide\n\n## Install\n\n" + "Run the installer now. " * 20)
    first, *later = chunk(cleaned(parsed), SMALL, TOKENS, 512)
    assert first.heading == ()
    assert {span.heading for span in later} == {("Guide", "Install")}
    assert embedding_text(parsed.text, later[0], SMALL).startswith("Guide > Install\nRun")


def test_without_heading_context_only_the_text_is_embedded() -> None:
    parsed = markdown_document("# Guide\n\n" + "Run the installer now. " * 20)
    chosen = ChunkSettings(max_tokens=40, min_tokens=8, heading_context=False)
    span = chunk(cleaned(parsed), chosen, TOKENS, 512)[1]
    assert span.heading == ("Guide",)
    assert embedding_text(parsed.text, span, chosen) == parsed.text[span.start : span.end]


def test_long_heading_paths_lose_their_outermost_titles() -> None:
    path = ("The outermost title is much too long to be of use", "Middle title of the path", "Inner")
    parsed = document([("Some words here. " * 30, ElementKind.PARAGRAPH, path)])
    headings = {span.heading for span in chunk(cleaned(parsed), SMALL, TOKENS, 512)}
    assert headings == {("Middle title of the path", "Inner")}


@pytest.mark.parametrize(
    ("kind", "text", "end"),
    [
        (ElementKind.PARAGRAPH, "Version 2.5 came out. " * 30, "."),
        (ElementKind.PARAGRAPH, "检索系统返回结果，并给出来源。" * 30, "。"),
        (ElementKind.CODE, "\n".join(f"call_number_{n}(argument)" for n in range(40)), ")"),
        (ElementKind.TABLE, "\n".join(f"| row {n} | value |" for n in range(40)), "|"),
        (ElementKind.LIST, "\n".join(f"- item {n} is here!" for n in range(40)), "!"),
    ],
)
def test_long_elements_are_cut_where_a_reader_would(kind: ElementKind, text: str, end: str) -> None:
    parsed = document([(text.strip(), kind, ("T",))])
    parts = texts(chunk(cleaned(parsed), SMALL, TOKENS, 512), parsed.text)
    assert len(parts) > 3
    assert {part[-1] for part in parts} == {end}


def test_abbreviations_do_not_end_a_sentence() -> None:
    sentence = "Ask Dr. Smith about it, e.g. Monday, at the U.S. office on Elm St. today please."
    parsed = document([(" ".join([sentence] * 12), ElementKind.PARAGRAPH, ())])
    assert {part[:7] for part in texts(chunk(cleaned(parsed), SMALL, TOKENS, 512), parsed.text)} == {"Ask Dr."}


def test_a_table_that_fits_is_kept_whole() -> None:
    table = "\n".join(f"| {n} | x |" for n in range(5))
    parsed = document([("Before. " * 12, ElementKind.PARAGRAPH, ("A",)), (table, ElementKind.TABLE, ("A",))])
    assert any(table in part for part in texts(chunk(cleaned(parsed), SMALL, TOKENS, 512), parsed.text))


def test_a_text_without_white_space_is_cut_too() -> None:
    parsed = document([("x" * 5000, ElementKind.PARAGRAPH, ())])
    check_invariants(cleaned(parsed), chunk(cleaned(parsed), SMALL, TOKENS, 512), SMALL)


def test_sections_share_a_chunk_only_when_one_of_them_is_tiny() -> None:
    body = "word " * 12
    apart = markdown_document(f"# A\n\n{body}\n\n# B\n\n{body}")
    joined = markdown_document(f"# A\n\n## One\n\nyes\n\n## Two\n\n{body}")
    assert len(chunk(cleaned(apart), SMALL, TOKENS, 512)) == 2
    assert len(chunk(cleaned(joined), SMALL, TOKENS, 512)) == 1


def test_unrelated_sections_never_share_a_chunk() -> None:
    parsed = markdown_document("# A\n\n## One\n\n### Deep\n\nyes\n\n## Two\n\nno")
    parts = texts(chunk(cleaned(parsed), SMALL, TOKENS, 512), parsed.text)
    assert parts == ["A\n\nOne\n\nDeep\n\nyes", "Two\n\nno"]


def test_the_page_is_that_of_the_first_character() -> None:
    parts = [(f"Page text number {n}. " * 4, ElementKind.PARAGRAPH, ()) for n in range(6)]
    parsed = document(parts, pages=[1, 2, 3, 4, 5, 6])
    for span in chunk(cleaned(parsed), SMALL, TOKENS, 512):
        assert span.page == next(e.page for e in parsed.elements if e.start <= span.start < e.end)


def test_the_fingerprint_ignores_a_window_wider_than_the_setting() -> None:
    assert chunk_fingerprint(SMALL, "t", 128) == chunk_fingerprint(SMALL, "t", 512)
    assert (
        len({chunk_fingerprint(SMALL, "t", 128), chunk_fingerprint(SMALL, "t", 32), chunk_fingerprint(SMALL, "u", 512)})
        == 3
    )


def test_an_edit_changes_only_chunks_near_it() -> None:
    rng = random.Random(7)
    vocabulary = [f"w{n}" for n in range(300)]
    parts = [
        (" ".join(rng.choices(vocabulary, k=rng.randint(3, 30))) + ".", ElementKind.PARAGRAPH, ("A",))
        for _ in range(200)
    ]
    before = document(parts)
    old = set(texts(chunk(cleaned(before), SMALL, TOKENS, 512), before.text))
    changes = []
    for _ in range(60):
        edited = list(parts)
        at = rng.randrange(len(parts))
        edited[at] = (" ".join(rng.choices(vocabulary, k=rng.randint(1, 40))), ElementKind.PARAGRAPH, ("A",))
        after = document(edited)
        changes.append(len(set(texts(chunk(cleaned(after), SMALL, TOKENS, 512), after.text)) - old))
    assert sum(changes) / len(changes) <= 2
    assert max(changes) <= 5
