"""Finds and masks personal data by pattern and checksum, in Chinese and English text.

Sources: GB 11643-1999 (resident identity number, ISO 7064 MOD 11-2), ISO/IEC 7812 (Luhn), ISO 13616
(IBAN, MOD 97-10), ITU-T E.164 (telephone numbers, at most 15 digits). Every pattern is bounded in
length and guarded on its left side, so matching takes linear time.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ragpress.errors import SettingsError

Span: TypeAlias = "tuple[int, int]"

_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")
_ID_CARD = re.compile(
    r"(?<![0-9A-Za-z])[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
    r"(?![0-9A-Za-z])"
)
_CARD = re.compile(
    r"(?<![0-9A-Za-z.])(?:[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"
    r"|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}|[0-9]{13,19})(?![0-9A-Za-z])"
)
_CARD_BRAND = re.compile(
    r"4(?:.{12}|.{15}|.{18})|(?:5[1-5]|2[2-7]|35|65).{14}|3[47].{13}|6011.{12}|(?:2131|1800).{11}|64[4-9].{13}|62.{14,17}|3(?:0[0-5]|[68].).{11}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[0-9]{2}")
_PHONE = re.compile(
    r"(?<![0-9A-Za-z+.-])(?:"
    r"(?:\+?86[- ]?)?1[3-9][0-9](?:[0-9]{8}|[- ][0-9]{4}[- ][0-9]{4})"  # Chinese mobile
    r"|(?:\(0[0-9]{2,3}\) ?|0[0-9]{2,3}-)[0-9]{7,8}(?:-[0-9]{1,6})?"  # Chinese landline
    r"|[48]00-[0-9]{3,4}-[0-9]{3,4}"  # Chinese service numbers
    r"|(?:\+|00)[1-9][0-9]{0,2}(?:[ .-]?\([0-9]{1,4}\))?(?:[ .-]?[0-9]{1,5}){2,6}"  # international
    # North America
    r"|(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?: ?x[0-9]{1,6})?"
    r"|0[0-9]{1,4}[ -][0-9]{3,4}[ -][0-9]{3,4}"  # national with trunk prefix
    r"|0[0-9]{1,3}(?:[ .][0-9]{2}){3,4}"  # the same in pairs of digits
    r")(?![0-9A-Za-z])"
)
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])")

_IBAN_LENGTH = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FO", "GL", "NL"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK", "MN"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
}


def is_id_card(number: str) -> bool:
    """Whether 18 characters are a valid Chinese resident identity number (MOD 11-2)."""
    total = sum(int(digit) * (1 << (17 - place)) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def is_luhn(digits: str) -> bool:
    """Whether a string of digits has a valid Luhn check digit."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_iban(compact: str) -> bool:
    """Whether a string of capital letters and digits is a valid IBAN (MOD 97-10)."""
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def check_kinds(kinds: tuple[str, ...]) -> None:
    """Check the names in the setting ``clean.mask_pii``.

    Raises:
        SettingsError: a name is unknown.
    """
    for kind in kinds:
        if kind not in _FINDERS:
            near = difflib.get_close_matches(kind, _FINDERS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(_FINDERS)
            raise SettingsError(f"clean.mask_pii: there is no kind {kind!r}; expected some of: {known}.{hint}")


def mask(text: str, kinds: tuple[str, ...]) -> tuple[str, dict[str, int]]:
    """Replace personal data by its kind in brackets, for example ``[email]``.

    Args:
        text: any text.
        kinds: what to mask, see the setting ``clean.mask_pii``.

    Returns:
        The masked text, and how many of each kind were masked.
    """
    counts: dict[str, int] = {}
    for kind, find in _FINDERS.items():
        if kind not in kinds:
            continue
        parts: list[str] = []
        at = 0
        for start, end in find(text):
            if start >= at:
                parts += [text[at:start], f"[{kind}]"]
                at = end
                counts[kind] = counts.get(kind, 0) + 1
        text = "".join(parts) + text[at:] if parts else text
    return text, counts


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield match.start(), match.start() + len(match.group().rstrip(".-"))


def _id_cards(text: str) -> Iterator[Span]:
    return (match.span() for match in _ID_CARD.finditer(text) if is_id_card(match.group()))


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = match.group().replace(" ", "").replace("-", "")
        if _CARD_BRAND.fullmatch(digits) and is_luhn(digits):
            yield match.span()


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTH.get(match[1].upper(), 0)
        compact, end = "", match.start()
        while end < len(text) and len(compact) < length and (text[end] == " " or text[end].isalnum()):
            compact += text[end].strip()
            end += 1
        ends_here = end >= len(text) or not text[end].isalnum()
        if length and len(compact) == length and ends_here and compact.isascii() and is_iban(compact.upper()):
            yield match.start(), end


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if 7 <= sum(char.isdigit() for char in match.group()) <= 16:
            yield match.span()


def _addresses(text: str) -> Iterator[Span]:
    matches = [*_IPV4.finditer(text), *(_IPV6.finditer(text) if ":" in text else ())]
    for match in sorted(matches, key=lambda found: found.start()):
        try:
            address = ipaddress.ip_address(match.group())
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified):
            yield match.span()


# In this order: an identity number would else be read as a card, a card as a telephone number.
_FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "email": _emails,
    "iban": _ibans,
    "id_card": _id_cards,
    "credit_card": _cards,
    "ip": _addresses,
    "phone": _phones,
}
