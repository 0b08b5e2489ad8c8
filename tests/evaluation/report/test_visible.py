"""Hostile text is shown for what it is."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from evaluation.report.visible import isolated, language_tag, markup, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\n\tand 中文 🔧", "plain text\n\tand 中文 🔧"),
        ("safe\u202etxt.exe", "safe⟨U+202E⟩txt.exe"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("bell\x07 esc\x1b[31m", "bell⟨U+0007⟩ esc⟨U+001B⟩[31m"),
        ("\ud800", "⟨U+D800⟩"),
        ("line\r\nend", "line\nend"),
        ("x" + "\U000e0041" * 10, "x⟨U+E0041⟩⟨U+E0041⟩⟨U+E0041⟩⟨U+E0041⟩⟨+6⟩"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_what_nobody_sees_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_markup_is_escaped_around_what_is_written_out() -> None:
    assert markup('<b>&"\u202e') == Markup('&lt;b&gt;&amp;&#34;<span class="hidden-character">⟨U+202E⟩</span>')


def test_only_text_from_right_to_left_is_isolated() -> None:
    assert isolated("release 4") == "release 4"
    assert isolated("שלום") == "\u2068שלום\u2069"


@pytest.mark.parametrize(
    ("text", "tag"), [("退款期限", "zh"), ("refund", ""), ("ひらがなと漢字", ""), ("한국 漢字", "")]
)
def test_only_chinese_is_called_chinese(text: str, tag: str) -> None:
    assert language_tag(text) == tag
