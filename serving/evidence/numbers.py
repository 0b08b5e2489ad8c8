"""Numbers in English and Chinese text as values, so that ``25 million``, ``2,500万`` and ``二千五百万`` are the same.

A claim's number must stand in its evidence. What a claim rounds (``about 182 million`` of 181,674,817) is found too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_SCALES = {
    "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9, "b": 1e9,
    "trillion": 1e12, "千": 1e3, "万": 1e4, "萬": 1e4,
    "百万": 1e6, "千万": 1e7, "亿": 1e8, "億": 1e8, "万亿": 1e12, "兆": 1e12,
}  # fmt: skip
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000, "dozen": 12, "half": 0.5,
    "once": 1, "twice": 2, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "single": 1, "double": 2, "both": 2, "million": 1e6, "billion": 1e9,
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9,
    "october": 10, "november": 11, "december": 12,
}  # fmt: skip
_DIGITS = ("零〇", "一壹", "二贰两兩", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGIT = {char: value for value, chars in enumerate(_DIGITS) for char in chars}
_UNIT = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIAD = {"万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
# its 百 is no number of its own
_PER_CENT = "百分之"
_HAN_CHARS = "".join([*_DIGIT, *_UNIT, *_MYRIAD])

_FIGURE = re.compile(
    r"(?<![A-Za-z0-9_.])[$€£¥]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?-?(thousand|million|billion|trillion|bn|mn)\b|([kKmMbB])\b|(万亿|百万|千万|[千万萬亿億兆]))?",
    re.IGNORECASE,
)
_HAN_NUMBER = re.compile(f"[{_HAN_CHARS}]+")
# A single numeral is often part of a word (一些, 万一); one that counts something is a number.
_COUNTED = re.compile(
    r"(?:年|月|日|号|岁|个|人|名|位|次|届|倍|天|周|小时|分|秒|元|美元|米|公里|吨|种|所|家|座|层|支|场|成|世纪|年代)"
)
# A longer run of digits states no number, and may be beyond every float.
_MOST_DIGITS = 30
_LATIN_WORD = re.compile(r"[A-Za-z]+")


class Number(NamedTuple):
    """A number that a text states: its value, and how many significant digits were written."""

    value: float
    digits: int


def numbers_claimed(text: str) -> list[Number]:
    """Numbers a sentence states: figures, and Chinese numerals that count something."""
    text = text.replace(_PER_CENT, " " * len(_PER_CENT))
    found = [_figure(match) for match in _figures(text)]
    for match in _HAN_NUMBER.finditer(text):
        if _follows_figure(text, match.start()):
            continue
        if len(match.group()) > 1 or _COUNTED.match(text, match.end()):
            value = _han_value(match.group())
            if value is not None:
                found.append(Number(value, max(1, len(str(int(value)).rstrip("0")))))
    return found


def numbers_held(text: str) -> frozenset[float]:
    """Every value that a text may be read to state, number words and names of months included."""
    text = text.replace(_PER_CENT, " " * len(_PER_CENT))
    held = {number.value for number in map(_figure, _figures(text))}
    held |= {float(match[1].replace(",", "")) for match in _figures(text)}
    held |= {value for match in _HAN_NUMBER.finditer(text) if (value := _han_value(match.group())) is not None}
    held |= {float(_WORDS[word]) for word in _LATIN_WORD.findall(text.lower()) if word in _WORDS}
    return frozenset(held)


def missing_numbers(claimed: list[Number], held: frozenset[float]) -> int:
    """How many claimed numbers no held value equals or rounds to."""
    return sum(number.value not in held and not any(_rounds_to(value, number) for value in held) for number in claimed)


def _figures(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _FIGURE.finditer(text) if len(match[1]) <= _MOST_DIGITS)


def _figure(match: re.Match[str]) -> Number:
    body = match[1].replace(",", "")
    unit = next((group for group in match.groups()[1:] if group), "")
    scale = _SCALES[unit.lower()] if unit else 1.0
    return Number(round(float(body) * scale, 9), len(body.replace(".", "").strip("0")) or 1)


def _rounds_to(value: float, number: Number) -> bool:
    """Whether a value, written with the claim's digits (two at least), is what the claim says."""
    if number.digits < 2 or not value or not number.value:
        return False
    places = number.digits - 1 - math.floor(math.log10(abs(value)))
    return math.isclose(round(value, places), number.value, rel_tol=1e-9)


def _follows_figure(text: str, start: int) -> bool:
    return start > 0 and text[start - 1].isdigit()


def _han_value(text: str) -> float | None:
    """Value of a Chinese numeral: 二千五百万, 二〇二一; None where it is none."""
    if len(text) > _MOST_DIGITS:
        return None
    if all(char in _DIGIT for char in text):
        return float("".join(str(_DIGIT[char]) for char in text))
    total = section = digit = 0
    for char in text:
        if char in _DIGIT:
            digit = _DIGIT[char]
        elif char in _UNIT:
            section += (digit or 1) * _UNIT[char]
            digit = 0
        else:
            section += digit
            if not section and not total:
                return None
            total = (total + section) * _MYRIAD[char] if char in "亿億" else total + section * _MYRIAD[char]
            section = digit = 0
    return float(total + section + digit)
