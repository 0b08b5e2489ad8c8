"""Text of documents, questions and answers made safe to look at: nothing hidden, nothing reordered, no markup.

Unicode has characters that nobody sees and that change what is seen: controls, overrides of the writing direction
(Boucher and Anderson, "Trojan Source", 2021), zero-width and tag characters. They are written out as their code point.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_HIDDEN = re.compile(
    "(?:"
    "[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # controls but tab and line feed
    "|[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\ufeff\uffa0\ufff9-\ufffb]"  # drawn as nothing
    "|[\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f]"  # zero-width, line separators, directions
    "|[\ud800-\udfff]"  # half of a character
    "|[\U000e0000-\U000e0fff]"  # tags
    ")+"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_HAN = re.compile("[\u3400-\u9fff]")
_KANA_OR_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
_MOST_WRITTEN_OUT = 4


def visible(text: str) -> str:
    """The text with every hidden character written out: ``⟨U+202E⟩``; of a long run the first, and how many."""
    return _HIDDEN.sub(lambda match: _written_out(match[0]), text.replace("\r\n", "\n"))


def markup(text: str) -> Markup:
    """The same as HTML: everything escaped, what was hidden in a ``span`` of class ``hidden-character``."""
    pieces, at = [], 0
    text = text.replace("\r\n", "\n")
    for match in _HIDDEN.finditer(text):
        pieces.append(escape(text[at : match.start()]))
        code = _written_out(match[0])
        pieces.append(Markup('<span class="hidden-character">{}</span>').format(code))
        at = match.end()
    pieces.append(escape(text[at:]))
    return Markup("").join(pieces)


def isolated(text: str) -> str:
    """The text for the inside of a sentence: what is written from right to left leaves the rest in its order."""
    shown = visible(text)
    return f"\u2068{shown}\u2069" if _RIGHT_TO_LEFT.search(shown) else shown


def language_tag(text: str) -> str:
    """``zh`` for a text in Chinese characters and no kana or hangul, so that its glyphs are Chinese ones; else ""."""
    return "zh" if _HAN.search(text) and not _KANA_OR_HANGUL.search(text) else ""


def shortened(text: str, most: int) -> tuple[str, int]:
    """The beginning of a text, at most so many characters, and how many were left out."""
    return (text, 0) if len(text) <= most else (text[:most], len(text) - most)


def _written_out(run: str) -> str:
    shown = "".join(f"⟨U+{ord(one):04X}⟩" for one in run[:_MOST_WRITTEN_OUT])
    return shown if len(run) <= _MOST_WRITTEN_OUT else f"{shown}⟨+{len(run) - _MOST_WRITTEN_OUT}⟩"
