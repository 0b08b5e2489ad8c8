from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clean import check_settings, clean, clean_fingerprint
from ragpress.errors import SettingsError
from ragpress.settings import CleanSettings
from ragpress.types import CleanedDocument, Element, ElementKind, ParsedDocument
from tests.ingest.samples import document, markdown_document

DEFAULT = CleanSettings()


def one(text: str, kind: ElementKind = ElementKind.PARAGRAPH, chosen: CleanSettings = DEFAULT) -> CleanedDocument:
    return clean(document([(text, kind, ())]), chosen)


def paged(pages: list[list[str]], kind: ElementKind = ElementKind.PARAGRAPH) -> ParsedDocument:
    parts = [(text, kind, ()) for page in pages for text in page]
    return document(parts, [number + 1 for number, page in enumerate(pages) for _ in page])


def element_texts(found: CleanedDocument) -> list[str]:
    return [found.text[element.start : element.end] for element in found.elements]


def rules(found: CleanedDocument) -> dict[str, int]:
    counts: dict[str, int] = {}
    for removal in found.removed:
        counts[removal.rule] = counts.get(removal.rule, 0) + removal.count
    return counts


def test_ordinary_text_is_the_same_object() -> None:
    parsed = markdown_document("# Title\n\nSome text — “quoted”, 中文，全角（标点）。\n\n---\n\n| a |\n|---|\n| b |")
    found = clean(parsed, DEFAULT)
    assert found.text is parsed.text
    assert found.elements is parsed.elements
    assert found.removed == ()


@pytest.mark.parametrize(
    ("dirty", "expected", "rule"),
    [
        ("Ã©tÃ© Ã  la cafÃ©tÃ©ria", "été à la cafétéria", "encoding"),
        ("It’s â€œfineâ€\x9d today", "It’s “fine” today", "encoding"),
        ("æ\x95°æ\x8d®å·²å\x8f\x91å¸\x83", "数据已发布", "encoding"),
        ("cafe\u0301", "café", "unicode_nfc"),
        ("ig\u200bno\u2060re \ufeffthis", "ignore this", "zero_width"),
        ("bell\x07 here\x7f", "bell here", "control_characters"),
        ("soft\u00adware is good", "software is good", "soft_hyphens"),
        ("abc\u202edef", "abcdef", "bidi_controls"),
        ("fine\U000e0049\U000e0067\U000e006e", "fine", "tag_characters"),
        ("a\ufe0f\ufe0f\ufe01b", "a\ufe0fb", "variation_selectors"),
        ("an infor\u00ad\nmation", "an information", "soft_hyphens"),
        ("an infor\x02\nmation", "an information", "dehyphenated"),
        ("an infor-\nmation", "an information", "dehyphenated"),
    ],
)
def test_characters_are_repaired_and_counted(dirty: str, expected: str, rule: str) -> None:
    found = one(dirty)
    assert found.text == expected
    assert rule in rules(found)


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian needs its non-joiner
        "क्\u200dष",  # so does Hindi its joiner
        "👩\u200d💻 codes",
        "全角：ＡＢＣ，“引号”",
        "ﬁne ligature",
        "naïve café — à la carte… «été»",
        "СПАСИБО РОССИИ, РСФСР",
        "√2 ≈ 1.41, ├── tree",
    ],
)
def test_legitimate_characters_stay(text: str) -> None:
    assert one(text).text == text


def test_tag_characters_are_recorded_as_what_they_spell() -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "obey me")
    assert [removal.text for removal in one("Hello" + hidden).removed] == ["obey me"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("well-\nknown", "well-known"),
        ("state-of-the-\nart", "state-of-the-art"),
        ("a cross-check; a cross-\ncheck", "a cross-check; a cross-check"),
        ("data-base twice, data-\nbase", "data-base twice, data-base"),
        ("welldone, well-\ndone", "welldone, welldone"),
        ("pages 10-\n20", "pages 10-\n20"),
        ("Smith-\nJones", "Smith-\nJones"),
    ],
)
def test_compounds_keep_their_hyphen(text: str, expected: str) -> None:
    assert one(text).text == expected


@pytest.mark.parametrize("kind", [ElementKind.CODE, ElementKind.TABLE])
def test_code_and_tables_are_not_dehyphenated(kind: ElementKind) -> None:
    assert one("first-\nsecond", kind).text == "first-\nsecond"


def test_rules_can_be_switched_off() -> None:
    off = CleanSettings(repair_encoding=False, dehyphenate=False)
    assert one("Ã©tÃ© infor-\nmation", chosen=off).text == "Ã©tÃ© infor-\nmation"


def test_repeated_headers_and_page_numbers_go_and_are_reported() -> None:
    bodies = ["apples ripen", "trains arrive", "rain falls", "birds sing", "code compiles"]
    parsed = paged(
        [
            [f"ACME Report 2024\n{body} slowly", f"more about how {body}", f"Page {n} of 5"]
            for n, body in enumerate(bodies, 1)
        ]
    )
    found = clean(parsed, DEFAULT)
    assert "ACME" not in found.text
    assert "Page" not in found.text
    assert all(f"{body} slowly" in found.text for body in bodies)
    assert rules(found) == {"repeated_line": 10}
    assert {removal.page for removal in found.removed} == {1, 2, 3, 4, 5}


def test_headers_of_left_and_right_pages() -> None:
    pages = [
        [("Left title" if n % 2 else "Right title"), f"{word} goes on and on"] for n, word in enumerate("abcdefgh")
    ]
    assert "title" not in clean(paged(pages), DEFAULT).text


def test_bare_numbers_that_do_not_count_up_stay() -> None:
    pages = [
        [f"the {word} section has text", number] for word, number in zip("abcd", ("97", "12", "55", "31"), strict=True)
    ]
    parsed = paged(pages)
    assert clean(parsed, DEFAULT).text == parsed.text


def test_table_headers_and_short_documents_are_not_repeated_lines() -> None:
    sheets = paged([["Name | Amount\na | 1"], ["Name | Amount\nb | 2"], ["Name | Amount\nc | 3"]], ElementKind.TABLE)
    two = paged([["Head", "one text"], ["Head", "two text"]])
    assert clean(sheets, DEFAULT).removed == ()
    assert clean(two, DEFAULT).removed == ()


def test_forms_that_repeat_throughout_are_kept() -> None:
    parsed = paged([["Application form\nName of applicant\nSignature"] for _ in range(6)])
    assert clean(parsed, DEFAULT).text == parsed.text


def test_navigation_goes_and_offsets_are_rebuilt() -> None:
    parsed = document(
        [
            ("Home > Docs", ElementKind.NAVIGATION, ()),
            ("Ti\u200btle", ElementKind.TITLE, ("Ti\u200btle",)),
            ("  indented()", ElementKind.CODE, ("Ti\u200btle",)),
            ("© 2024", ElementKind.FOOTER, ("Ti\u200btle",)),
        ]
    )
    found = clean(parsed, DEFAULT)
    assert found.text == "Title\n\n  indented()"
    assert found.elements == (
        Element(ElementKind.TITLE, 0, 5, None, ("Title",)),
        Element(ElementKind.CODE, 7, 19, None, ("Title",)),
    )
    assert [(removal.rule, removal.text) for removal in found.removed if removal.rule in ("navigation", "footer")] == [
        ("navigation", "Home > Docs"),
        ("footer", "© 2024"),
    ]


def test_drop_patterns_take_whole_lines_out() -> None:
    chosen = CleanSettings(drop_patterns=(r"CONFIDENTIAL.*", r"\d+ views"))
    found = one("Keep CONFIDENTIAL inside\n  CONFIDENTIAL draft\n12 views\nlast", chosen=chosen)
    assert found.text == "Keep CONFIDENTIAL inside\nlast"
    assert [removal.text for removal in found.removed] == ["  CONFIDENTIAL draft", "12 views"]


def test_a_dropped_title_leaves_the_heading_paths() -> None:
    parsed = markdown_document("# Advertisement\n\ntext")
    found = clean(parsed, CleanSettings(drop_patterns=("Advertisement",)))
    assert found.text == "text"
    assert found.elements[0].heading == ()


@pytest.mark.parametrize("pattern", ["(", "(?=x)", r"(a)\1", "x**"])
def test_patterns_that_cannot_run_in_linear_time_are_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"clean\.drop_patterns: .*RE2"):
        check_settings(CleanSettings(drop_patterns=(pattern,)))


def test_catastrophic_patterns_are_harmless() -> None:
    chosen = CleanSettings(drop_patterns=(r"(a+)+$b", r"(\w+\s?)+!"))
    assert one("a" * 20_000, chosen=chosen).removed == ()


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a-" * 100_000, "-\n" * 100_000, "@" * 100_000, "1 " * 100_000, "é\u0301" * 50_000]
)
def test_hostile_text_is_cleaned(text: str) -> None:
    everything = CleanSettings(mask_pii=("email", "phone", "id_card", "credit_card", "iban", "ip"))
    assert one(text, chosen=everything).elements


def test_personal_data_never_stands_in_the_report() -> None:
    chosen = CleanSettings(mask_pii=("email",), drop_patterns=("From: .*",))
    found = one("From: ann@example.com\nAnswer to bob@example.com, bob@example.com", chosen=chosen)
    assert found.text == "Answer to [email], [email]"
    assert {(removal.rule, removal.text, removal.count) for removal in found.removed} == {
        ("drop_pattern", "From: [email]", 1),
        ("pii_email", "[email]", 2),
    }


def test_the_fingerprint_follows_the_settings_and_checks_them() -> None:
    assert clean_fingerprint(DEFAULT) != clean_fingerprint(CleanSettings(dehyphenate=False))
    with pytest.raises(SettingsError, match="mask_pii"):
        clean_fingerprint(CleanSettings(mask_pii=("name",)))


_CHARS = st.sampled_from(
    [*"ab C.-1\n é中，", "\u200b", "\u00ad", "\x02", "\u0301", "Ã©", "\U000e0041", "\r\n", "-\n", "👩\u200d💻"]
)
_TEXT = st.lists(_CHARS, min_size=1, max_size=40).map("".join).filter(str.strip)
_PARTS = st.lists(st.tuples(_TEXT, st.sampled_from(list(ElementKind)), st.just(())), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(_PARTS, st.lists(st.integers(1, 4), min_size=8, max_size=8).map(sorted))
def test_cleaning_is_exact_and_idempotent(
    parts: list[tuple[str, ElementKind, tuple[str, ...]]], pages: list[int]
) -> None:
    parsed = document(parts, pages[: len(parts)])
    found = clean(parsed, DEFAULT)
    joined = "\n\n".join(element_texts(found))
    assert joined == found.text
    assert all(text.strip() for text in element_texts(found))
    again = clean(msgspec.structs.replace(parsed, text=found.text, elements=found.elements), DEFAULT)
    assert again.text == found.text
    assert again.elements == found.elements


@settings(max_examples=100, deadline=None)
@given(_PARTS)
def test_what_vanished_was_recorded(parts: list[tuple[str, ElementKind, tuple[str, ...]]]) -> None:
    parsed = document(parts)
    found = clean(parsed, DEFAULT)
    # PDFium spells a hyphen at a line end \\x02: it becomes a hyphen, and nothing vanishes.
    seen, left = ("".join(text.replace("\x02", "-").split()) for text in (parsed.text, found.text))
    if seen != left:
        assert found.removed
