"""Measures how much of a text reads as mojibake, as unmapped glyphs or as failed OCR.

A token (what stands between white space) is noise when no language writes such a thing: characters
of no meaning, marks inside a word, a word without a vowel. Ideographs are noise when they are rare
in Chinese (simplified and traditional) and Japanese alike: UTF-8 read as GBK turns common
characters into rare ones. Code and tables are left out: there such tokens are normal.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ragpress.types import CleanedDocument, ElementKind

# Enough for a share to one digit; a text that looks bad in the windows is then read whole.
_WINDOWS = 6
_WINDOW = 300
_SUSPICIOUS = 0.12
# In fewer characters a share says nothing.
_FEWEST = 40

_BROKEN = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x80-\x9f\U000f0000-\U0010ffff]")
_KNOWN_MOJIBAKE = re.compile(
    "(?:锟斤拷|烫烫烫|屯屯屯|ï¿½|â€|[ÃÂÐÑÅ][\u0080-\u00bf\u2018-\u2026\u20ac\u0152-\u0192]|(?:[ÐÑØÙÎÏ].){3})"
)
_HAN = re.compile("[\u3400-\u9fff]")
_TOKEN = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]+")
_ASCII_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_MARK_INSIDE = re.compile(
    r"[^\W\d_][~^|¬§°¢¥£€{}<>\\=*#@$%!?;&\"+«»•¦¨©®¶±¤]+[^\W\d_]|[^\W_][¬¦¨¤¶]|[a-z]\d+[a-z]+\d*[a-z]"
)
_VOWELS = b"aeiouyAEIOUY"
_VOWEL = re.compile(f"[{_VOWELS.decode()}]")
_EDGE = "\"'`“”‘’«»()[]{}<>.,;:!?…*_~#|/\\-–—=+"
# Addresses, paths, calls and markup: marks inside them are meant.
_MEANT = re.compile(r"://|\w\(|\]\(|</?\w+[ >]|&\w+;|\w_\w|\w@\w+\.\w|^\w+=\w+$")
_TEX = re.compile(r"\\[A-Za-z]{3,}")
_ODD_MARK = re.compile(r"[~^|¬§¢¥£{}<>\\=*#@$%!?;&\"+]")
_HIGH_LATIN = re.compile("[\u00a1-\u00ff]")
_MARKUP = re.compile(
    r"</?[A-Za-z!][^<>]{0,500}>|`[^`\n]{1,200}`|\]\([^)\n]{1,300}\)|https?://[^\s]{1,300}|\{\*[^}\n]{1,200}\}"
)
_LATIN_VOWELS_LEAST = 0.22


def garbage_share(cleaned: CleanedDocument) -> float:
    """Share of a document's prose, by characters, that reads as noise, 0 to 1."""
    parts = [
        cleaned.text[element.start : element.end]
        for element in cleaned.elements
        if element.kind not in (ElementKind.CODE, ElementKind.TABLE)
    ]
    text = "\n".join(parts)
    if len(text) > _WINDOWS * _WINDOW and noise_share(_windows(text)) < _SUSPICIOUS:
        return 0.0
    return noise_share(text)


def noise_share(text: str) -> float:
    """Share of the characters of a text, white space left out, that stand in noise."""
    text = _MARKUP.sub(" ", text)
    ideographs = _HAN.findall(text)
    tokens = _TOKEN.findall(text)
    total = sum(map(len, tokens)) + len(ideographs)
    if total < _FEWEST:
        return len(_BROKEN.findall(text)) / total if total else 0.0
    noise = sum(len(token) for token in tokens if _is_noise(token))
    share = noise / total
    if len(ideographs) >= _FEWEST:
        share += _rare_share(ideographs) * len(ideographs) / total
    return max(min(share, 1.0), _vowelless(tokens, total))


def _windows(text: str) -> str:
    step = len(text) // _WINDOWS
    # From and to a space, so that no word is cut.
    return " ".join(
        text[at : at + _WINDOW].partition(" ")[2].rpartition(" ")[0] for at in range(0, step * _WINDOWS, step)
    )


# Words repeat: of a collection's tokens nearly all were judged before.
@lru_cache(maxsize=1 << 15)
def _is_noise(token: str) -> bool:
    if token.isalpha() and token.isascii():
        return len(token) > 3 and not _VOWEL.search(token)
    if not token.isascii() and (_BROKEN.search(token) or _KNOWN_MOJIBAKE.search(token)):
        return True
    if _TEX.search(token):
        return False
    core = token.strip(_EDGE)
    if not core:
        return len(set(token)) > 2
    if _ASCII_WORD.fullmatch(core):
        return len(core) > 3 and not _VOWEL.search(core)
    return _is_mixed(core)


def _is_mixed(core: str) -> bool:
    """Whether letters and marks are mixed as in no language and no address."""
    if len(core) > 3 and not core.isascii() and 2 * len(_HIGH_LATIN.findall(core)) > len(core):
        return True
    marks = _ODD_MARK.findall(core)
    if len(set(marks)) > 2 or (len(core) > 2 and 5 * len(marks) >= 2 * len(core)):
        return True
    return _MARK_INSIDE.search(core) is not None and not _MEANT.search(core)


def _rare_share(ideographs: list[str]) -> float:
    """Share of rare characters beyond what names and terms explain."""
    common = _common_ideographs()
    rare = sum(char not in common for char in ideographs) / len(ideographs)
    return max(0.0, (rare - 0.1) / 0.3) if rare > 0.1 else 0.0


def _vowelless(tokens: list[str], total: int) -> float:
    """1 for a text in ASCII letters whose letters are no language's: glyph numbers shifted against ASCII."""
    words = list(filter(None, map(_ascii_word, tokens)))
    letters = "".join(words)
    # Acronyms in a Chinese text have no vowels either, but they are few.
    if len(letters) < 200 or len(letters) < 0.5 * total or len(set(words)) < 12:
        return 0.0
    vowels = len(letters) - len(letters.encode("ascii").translate(None, _VOWELS))
    return 1.0 if vowels < _LATIN_VOWELS_LEAST * len(letters) else 0.0


@lru_cache(maxsize=1 << 15)
def _ascii_word(token: str) -> str:
    """The word of a token, marks around it left out; "" if it is not two or more ASCII letters."""
    core = token.strip(_EDGE)
    return core if len(core) > 1 and core.isascii() and core.isalpha() else ""


@cache
def _common_ideographs() -> frozenset[str]:
    """The first levels of GB 2312, Big5 and JIS X 0208: some 6,000 characters in everyday use."""
    found: set[str] = set()
    for charset, low, high in (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6), ("euc_jp", 0xB0, 0xCF)):
        # a line end after each pair keeps one that is no character from swallowing the next
        pairs = (bytes((lead, trail)) for lead in range(low, high + 1) for trail in range(0x40, 0xFF))
        found.update(b"\n".join(pairs).decode(charset, "ignore"))
    return frozenset(char for char in found if "\u4e00" <= char <= "\u9fff")
