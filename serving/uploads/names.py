"""Names of uploaded files and of the folders that hold them: what a caller writes never leads out of its folder."""

from __future__ import annotations

import re
import unicodedata

from ragpress.errors import UsageError

MOST_BYTES = 255
_SEPARATORS = re.compile(r"[/\\]")
# Characters that look like a separator or a dot, and those that Windows refuses or gives a meaning.
_UNFIT = re.compile('[<>:"|?*\u2044\u2215\u29f8\uff0f\uff3c\ufe68]')
_EDGE_DOTS = " .\u2024\u2025\u2026\ufe52\uff0e\uff61"
# Controls, format characters (bidi overrides, zero-width and tag characters among them), half characters, line ends.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
_OWNER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def safe_name(name: str) -> str:
    """The name under which an uploaded file is kept: the last part of what the caller wrote, made harmless.

    Separators and what stands before them, controls, invisible characters and dots at both ends are dropped;
    characters that Windows refuses become ``_``; the rest is normalised (NFC).

    Raises:
        UsageError: nothing is left of it, or it is longer than 255 bytes.
    """
    last = _SEPARATORS.split(name)[-1]
    kinds = ((character, unicodedata.category(character)) for character in last)
    seen = "".join(" " if kind == "Zs" else character for character, kind in kinds if kind not in _UNSEEN)
    plain = unicodedata.normalize("NFC", _UNFIT.sub("_", seen)).strip(_EDGE_DOTS)
    if not plain.strip("_"):
        raise UsageError(f"{name[:100]!r} is no file name. Name the file, for example 'report.pdf'.")
    if _WINDOWS_DEVICE.fullmatch(plain.split(".")[0].rstrip()):
        plain = "_" + plain
    if len(plain.encode()) > MOST_BYTES:
        raise UsageError(
            f"The name {plain[:40]!r}… has {len(plain.encode())} bytes; at most {MOST_BYTES} are kept. Shorten it."
        )
    return plain


def check_owner(owner: str) -> str:
    """The owner itself, where it can be the name of a folder.

    Raises:
        UsageError: it cannot.
    """
    if not _OWNER.fullmatch(owner):
        raise UsageError(
            f"Nothing can be kept for {owner[:100]!r}: expected a key whose name has letters, digits, '.', '-' and '_' "
            "only. An operator makes one with: ragpress keys add NAME"
        )
    return owner
