"""Cleaning of characters: wrong decoding, controls, invisible characters, Unicode form, line-end hyphens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

# Arabic, Indic, South-East Asian and Mongolian scripts, and what emoji sequences are made of.
_JOINED_RANGES = (
    (0x0600, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF), (0xFB50, 0xFDCF), (0xFE70, 0xFEFC),
    (0x2190, 0x2BFF), (0xFE0F, 0xFE0F), (0x1F000, 0x1FAFF),
)  # fmt: skip

_PASSES = 4

Log = Callable[[str, str, int], None]
"""Called with a rule, what stood there, and how often it was taken out."""

_CONTINUATION = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
# One character class each: a pattern that begins with a class is searched several times faster than alternatives.
_UTF8_AS_LATIN = re.compile(f"[\u00c2-\u00f4][{_CONTINUATION}]")
_UTF8_AS_CYRILLIC = re.compile(f"[\u0420\u0421][\u0080-\u00bf\u0400-\u045f{_CONTINUATION}](?:[\u0420\u0421].){{2}}")
_UTF8_AS_DOS = re.compile("[\u251c\u221a][\u2550-\u259f\u00a0-\u00ff\u2020]")
_SPECIAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e01ef]"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f][\ufe00-\ufe0f]")
_INVISIBLE = re.compile(
    "(?P<line_end>\r\n?|[\x0b\x0c\x85\u2028\u2029])"
    "|(?P<hyphen>(?<=\\w)\x02[ \r\n]*(?=\\w))"
    "|(?P<control_characters>[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff])"
    "|(?P<soft_hyphens>\u00ad(?:\\n[ \\t]*(?=[^\\W\\d_]))?)"
    "|(?P<joiners>[\u200c\u200d])"
    "|(?P<zero_width>[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb])"
    "|(?P<bidi_controls>[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])"
    "|(?P<tag_characters>[\U000e0000-\U000e007f]+)"
    "|(?P<variation_selectors>(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+|[\U000e0100-\U000e01ef]+)"
)
_LINE_HYPHEN = re.compile(r"[-‐](?<=[^\W\d_][^\W\d_].)\n[ \t]*(?=[^\W\d_])")
_LETTERS_BEFORE = re.compile(r"([^\W\d_]{1,40})$")
_LETTERS = re.compile(r"[^\W\d_]{1,40}")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# First parts of compounds that keep their hyphen when a dictionary of the document does not tell.
_KEEPS_HYPHEN = frozenset(
    (
        "self",
        "well",
        "half",
        "quasi",
        "cross",
        "all",
        "ex",
        "high",
        "low",
        "long",
        "short",
        "state",
        "real",
        "open",
        "full",
        "part",
        "time",
        "cost",
        "user",
        "end",
        "so",
        "two",
        "three",
        "four",
        "five",
        "six",
        "ten",
        "one",
        "first",
        "second",
        "third",
        "large",
        "small",
        "fine",
        "multi",
        "non",
        "anti",
        "mid",
        "co",
    )
)


def has_special_characters(text: str) -> bool:
    """Whether :func:`repair_characters` may change the text. Costs microseconds on ordinary text."""
    if _SPECIAL.search(text):
        return True
    if text.isascii():
        return False
    return bool(not unicodedata.is_normalized("NFC", text) or _SELECTORS.search(text) or _may_be_mojibake(text))


def repair_characters(text: str, repair_encoding: bool, log: Log) -> str:
    """Mend wrong decoding, take out controls and invisible characters, normalise to NFC.

    Joiners stay inside words of scripts that need them (Persian, Hindi…) and inside emoji.

    Args:
        text: one element's text.
        repair_encoding: whether to mend text that was decoded wrongly.
        log: told of everything that was taken out.
    """
    # A character taken out can bring together what was decoded wrongly, so once more until it is stable.
    for _ in range(_PASSES):
        before = text
        text = _repair_once(text, repair_encoding, log)
        if text == before:
            break
    return text


def _repair_once(text: str, repair_encoding: bool, log: Log) -> str:
    if repair_encoding and not text.isascii() and _may_be_mojibake(text):
        text = "\n".join(_repair_encoding(line, log) for line in text.split("\n"))
    if _SPECIAL.search(text) or _SELECTORS.search(text):
        text = _INVISIBLE.sub(lambda match: _visible(match, log), text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        log("unicode_nfc", "", 1)
    return text


def hidden_message(text: str) -> str:
    """What Unicode tag characters spell in ASCII (they are invisible, and language models read them)."""
    return "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) <= 0xE007E)


def dehyphenate(text: str, words: Callable[[], frozenset[str]], log: Log) -> str:
    """Join words cut at a line end.

    The hyphen stays where the document elsewhere spells the compound with it, where the word goes
    on from an earlier hyphen (state-of-the-art), and after first parts such as ``self`` or ``well``.

    Args:
        text: one element of prose.
        words: the words of the whole document, lower case; called only when there is a candidate.
        log: told of every join.
    """

    def join(match: re.Match[str]) -> str:
        before = _LETTERS_BEFORE.search(text, max(0, match.start() - 40), match.start())
        after = _LETTERS.match(text, match.end())
        if not before or not after or not after.group()[0].islower():
            return match.group()
        first, second = before.group(), after.group()
        log("dehyphenated", f"{first}-\n{second}", 1)
        continues = before.start() > 0 and text[before.start() - 1] in "-‐"
        return "-" if continues or _keeps_hyphen(first.lower(), second.lower(), words()) else ""

    return _LINE_HYPHEN.sub(join, text)


def has_line_hyphen(text: str) -> bool:
    """Whether a word may be cut at a line end somewhere."""
    return ("-\n" in text or "‐\n" in text) and _LINE_HYPHEN.search(text) is not None


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text in lower case, compounds with their hyphens."""
    return frozenset(word.lower() for word in _WORD.findall(text))


def _may_be_mojibake(text: str) -> bool:
    if _UTF8_AS_LATIN.search(text):
        return True
    # The letters that UTF-8's Cyrillic lead bytes turn into; looking for one letter costs next to nothing.
    cyrillic = "\u0420" in text or "\u0421" in text
    dos = "\u251c" in text or "\u221a" in text
    return bool((cyrillic and _UTF8_AS_CYRILLIC.search(text)) or (dos and _UTF8_AS_DOS.search(text)))


def _keeps_hyphen(first: str, second: str, words: frozenset[str]) -> bool:
    if f"{first}-{second}" in words:
        return True
    return first + second not in words and first in _KEEPS_HYPHEN


def _repair_encoding(line: str, log: Log) -> str:
    if not _may_be_mojibake(line):
        return line
    import ftfy  # noqa: PLC0415  (costs 50 ms, and most documents never need it)

    fixed: str = ftfy.fix_text(
        line,
        unescape_html=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    if fixed != line:
        log("encoding", line, 1)
    return fixed


def _visible(match: re.Match[str], log: Log) -> str:
    rule = match.lastgroup or ""
    found = match.group()
    if rule == "line_end":
        return "\n"
    if rule == "hyphen":
        return "-\n"
    if rule == "joiners" and _joins(match.string, match.start()):
        return found
    if rule == "variation_selectors" and len(found) == 1 and _is_han(match.string[match.start() - 1 : match.start()]):
        return found
    log("zero_width" if rule == "joiners" else rule, _shown(rule, found), len(found.strip() or found))
    return ""


def _shown(rule: str, found: str) -> str:
    message = hidden_message(found) if rule == "tag_characters" else ""
    return message or f"U+{ord(found[0]):04X}"


def _joins(text: str, at: int) -> bool:
    if at == 0 or at + 1 >= len(text) or text[at + 1].isspace():
        return False
    return _takes_joiners(text[at - 1])


@cache
def _takes_joiners(char: str) -> bool:
    code = ord(char)
    return any(low <= code <= high for low, high in _JOINED_RANGES)


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\U00020000" <= char <= "\U0003ffff"
