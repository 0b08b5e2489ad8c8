"""Reads dates and version numbers from file names, metadata and the head of a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_CHINESE_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")}
_MONTHS = {
    month: number
    for number, month in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_MONTH_NAME = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"

_DATE = re.compile(
    r"(?<![0-9.])(?:"
    r"(?P<y1>(?:19|20)[0-9]{2})[-_./年 ]{1,2}(?P<m1>1[0-2]|0?[1-9])"
    r"(?:[-_./月 ]{1,2}(?P<d1>3[01]|[12][0-9]|0?[1-9])日?|月?)(?![0-9])"
    r"|(?P<y2>(?:19|20)[0-9]{2})(?P<m2>1[0-2]|0[1-9])(?P<d2>3[01]|[12][0-9]|0[1-9])(?![0-9])"
    rf"|(?:(?P<d3>3[01]|[12][0-9]|0?[1-9])[ .-]{{1,2}})?(?P<m3>{_MONTH_NAME})[ .,-]{{1,2}}"
    r"(?:(?P<d4>3[01]|[12][0-9]|0?[1-9]),? )?(?P<y3>(?:19|20)[0-9]{2})"
    r"|(?P<y4>(?:19|20)[0-9]{2})(?:年(?:度|版)?)?(?![0-9])"
    r")"
)
_VERSION = re.compile(
    r"(?<![a-z0-9])(?:v|ver|version|rev|revision|版本)[ ._:：-]{0,2}"
    r"(?P<number>[0-9]{1,4}(?:[._][0-9]{1,4}){0,3})(?![0-9a-z])"
    r"|(?P<ordinal>[0-9]{1,2})(?:st|nd|rd|th)[ _-]ed(?:ition|n)?\b"
    r"|第(?P<chinese>[0-9]{1,2}|[一二三四五六七八九十]{1,3})[版次](?:修订)?"
)
_OLD = re.compile(
    r"(?<![a-z])(?:old|obsolete|deprecated|superseded|outdated|draft|backup|bak|archived?)(?![a-z])"
    r"|旧版|旧|草稿|备份|作废|废止|过期"
)
_NEW = re.compile(r"(?<![a-z])(?:latest|final|current|revised|updated)(?![a-z])|最新版?|最终版?|新版|修订[版稿]?|定稿")
_COPY = re.compile(
    r"\([0-9]{1,3}\)|（[0-9]{1,3}）|(?<![a-z])(?:copy(?: of)?(?: [0-9]{1,2})?|duplicate)(?![a-z])|副本|复件|拷贝"
)
_SEPARATORS = re.compile(r"[\s_\-.,()（）\[\]【】+~]+")
_LABEL = re.compile(
    r"(?:last[ -](?:updated|modified|revised)|updated(?: on)?|modified|revised"
    r"|effective(?: date| from)?|published(?: on)?|date"
    r"|更新(?:日期|时间|于)?|修订日期|发布(?:日期|时间)|生效日期|日期)[*_ ]{0,3}[:：]?[*_ ]{0,3}",
)
_DATE_KEYS = ("updated", "last_updated", "lastmod", "modified", "revised", "date", "published", "created")
_HEAD = 600


class Edition(NamedTuple):
    """What tells one edition of a document from another.

    Attributes:
        version: version number, most significant first; () if unknown.
        date: year, month, day as far as known; () if unknown.
        rank: -1 if it is called old or draft, 1 if it is called final or latest, else 0.
    """

    version: tuple[int, ...] = ()
    date: tuple[int, ...] = ()
    rank: int = 0


def is_older(one: Edition, other: Edition) -> bool | None:
    """Whether the first edition is older than the second; None where nothing tells.

    Versions decide before dates, dates before words such as draft or final.
    """
    if one.version and other.version and _padded(one.version) != _padded(other.version):
        return _padded(one.version) < _padded(other.version)
    shared = min(len(one.date), len(other.date))
    if shared and one.date[:shared] != other.date[:shared]:
        return one.date[:shared] < other.date[:shared]
    return one.rank < other.rank if one.rank != other.rank else None


def find_date(text: str) -> tuple[int, ...]:
    """The first date in a text: (year,), (year, month) or (year, month, day); () if there is none."""
    match = _DATE.search(text.lower())
    if not match:
        return ()
    group = match.groupdict()
    year = group["y1"] or group["y2"] or group["y3"] or group["y4"]
    month = group["m1"] or group["m2"] or (str(_MONTHS[group["m3"][:3]]) if group["m3"] else None)
    day = group["d1"] or group["d2"] or group["d3"] or group["d4"]
    parts = [int(part) for part in (year, month, day if month else None) if part]
    return tuple(parts)


def find_version(text: str) -> tuple[int, ...]:
    """The first version number in a text, for example (2, 1); () if there is none."""
    match = _VERSION.search(text.lower())
    if not match:
        return ()
    if match["chinese"]:
        return (_chinese_number(match["chinese"]),)
    return tuple(int(part) for part in re.split(r"[._]", match["number"] or match["ordinal"]))


def named_edition(name: str) -> Edition:
    """What a file name or title says of its edition."""
    lowered = name.lower().replace("_", " ")
    rank = -1 if _OLD.search(lowered) else 1 if _NEW.search(lowered) else 0
    return Edition(find_version(lowered), find_date(lowered), rank)


def stated_date(metadata: Mapping[str, str], head: str) -> tuple[int, ...]:
    """The date that a document states of itself: in its metadata, else after a label in its head."""
    lowered = {key.lower().replace("-", "_").replace(" ", "_"): value for key, value in metadata.items()}
    for key in _DATE_KEYS:
        # Dates of PDF files look like D:20240301120000+01'00'.
        value = lowered.get(key, "")
        date = find_date(value[2:10] if value.startswith("D:") else value)
        if date:
            return date
    beginning = head[:_HEAD].lower()
    for match in _LABEL.finditer(beginning):
        found = _DATE.match(beginning, match.end())
        if found:
            return find_date(found.group())
    return ()


def stated_version(metadata: Mapping[str, str], head: str) -> tuple[int, ...]:
    """The version that a document states of itself: in its metadata, else in its head."""
    for key, value in metadata.items():
        if key.lower() in ("version", "revision", "edition"):
            found = find_version(f"version {value.strip().lstrip('vV')}")
            if found:
                return found
    return find_version(head[:_HEAD])


@lru_cache(maxsize=65536)
def bare_name(name: str) -> str:
    """A file or title without versions, dates and words such as copy, old, final: what editions share."""
    lowered = name.lower().replace("_", " ")
    for pattern in (_COPY, _DATE, _VERSION, _OLD, _NEW):
        lowered = pattern.sub(" ", lowered)
    return _SEPARATORS.sub(" ", lowered).strip()


@lru_cache(maxsize=65536)
def path_family(source: str) -> str:
    """What the paths of editions share: every folder and the stem, bare. "" if nothing of the stem is left.

    Folders named by a language code stay, so translations are different families.
    """
    *folders, name = source.replace("\\", "/").split("/")
    stem = name.rpartition(".")[0] or name
    bare = bare_name(stem)
    if not any(char.isalpha() for char in bare):
        return ""
    return "/".join((*filter(None, map(bare_name, folders)), bare))


def _padded(version: tuple[int, ...]) -> tuple[int, ...]:
    return (*version, 0, 0, 0, 0)[:4]


def _chinese_number(text: str) -> int:
    if text.isascii():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _CHINESE_DIGITS[text[-1]]
    return 10 * (_CHINESE_DIGITS[tens] if tens else 1) + (_CHINESE_DIGITS[ones] if ones else 0)
