"""Bytes of unknown encoding to text."""

from __future__ import annotations

import codecs

from ragpress.errors import ParseError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CJK_CODECS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "big5": "cp950", "euc-kr": "cp949"}
_DETECT_BYTES = 200_000


def decode(data: bytes) -> str:
    """Decode a text file: strict UTF-8, byte order marks, then detection. Line ends become ``\\n``.

    Args:
        data: the whole file.

    Raises:
        ParseError: the bytes are no text in any encoding that could be found.
    """
    text = _decode(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _decode(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    if b"\0" in data:
        return _wide(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _torn_tail(data, error) or _mostly_utf8(data, error):
            return data.decode("utf-8", "replace")
    return _detected(data)


def _torn_tail(data: bytes, error: UnicodeDecodeError) -> bool:
    return error.start > 0 and error.start >= len(data) - 3 and not data[: error.start].isascii()


def _mostly_utf8(data: bytes, error: UnicodeDecodeError) -> bool:
    """A few stray bytes in what is otherwise non-ASCII UTF-8 are damage, not another encoding."""
    text = data[:_DETECT_BYTES].decode("utf-8", "replace")
    bad = text.count("�")
    good = sum(1 for character in text if character > "\x7f") - bad
    return error.start > 0 and good > 3 * bad


def _wide(data: bytes) -> str:
    """NUL bytes: UTF-16 or UTF-32 without a mark, or no text at all."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    pairs = max(len(head) // 2, 1)
    if max(even, odd) > 0.7 * pairs and min(even, odd) < 0.05 * pairs:
        return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    if data.count(0) <= max(len(data) // 1000, 3):
        return _decode(data.replace(b"\0", b""))
    raise ParseError("The file holds binary data where text was expected. Convert it, or exclude it from the sources.")


def _detected(data: bytes) -> str:
    import chardet  # noqa: PLC0415 - a tenth of a second that UTF-8 files never pay

    found = chardet.detect(data[:_DETECT_BYTES], prefer_superset=True, compat_names=False)
    name = str(found["encoding"] or "").lower()
    if not name:
        raise ParseError("The text is in no encoding that could be recognised. Save the file as UTF-8.")
    try:
        return data.decode(_CJK_CODECS.get(name, name), "replace")
    except LookupError as error:
        raise ParseError(f"The text's encoding {name!r} is not supported. Save the file as UTF-8.") from error


def printable_share(text: str) -> float:
    """Share of characters that are neither controls nor replacement characters (1.0 for empty text)."""
    if not text:
        return 1.0
    sample = text[:20_000]
    bad = sum(1 for c in sample if (c < " " and c not in "\n\t\r\f\v\x1b") or c == "�" or "\x7f" <= c < "\xa0")
    return 1.0 - bad / len(sample)
