"""How the version that is searched now lost what an earlier one said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from feedback.diagnose.noise import noisy_piece
from feedback.diagnose.observation import Loss
from ingest.garbage import noise_share

_LONGEST = 60_000
_SAME_LINE = 0.35
_PART = 0.12
_KEPT = 0.2
_SHOWN = 1500
# So much more alike letter by letter than word by word are lines of which single letters were misread.
_MISREAD = 0.25
_NOISE = 0.2
_RECODINGS = (("gb18030", "utf-8"), ("utf-8", "gb18030"), ("cp1252", "utf-8"), ("latin-1", "utf-8"))
_RECOVERED, _FEWEST_PAIRS = 0.5, 20
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[\u3400-\u9fff]|\w+")
_SENTENCES = re.compile(r"(?<=[.!?。！？\n])\s*")


def loss_of(before: str, now: str, quote: str) -> tuple[Loss, tuple[str, str]]:
    """What happened to a text between two versions.

    Args:
        before: the text of the version that held the quote.
        now: the text of the version that is searched.
        quote: the words that are lost.

    Returns:
        The loss; where nothing but figures differs, the sentence as it is now and as it was.
    """
    one, other = _lines(before[:_LONGEST]), _lines(now[:_LONGEST])
    gone, new = [line for line in one if line not in set(other)], [line for line in other if line not in set(one)]
    if not other:
        return "truncated", ("", "")
    target = max(gone, key=lambda line: _overlap(line, quote), default="")
    added = "".join(new)
    if not target or len(added) < _PART * len(target) or all(line in before for line in new):
        return ("table" if "|" in target else "truncated"), ("", "")
    partner = max(new, key=lambda line: _ratio(target, line))
    if _ratio(target, partner) >= _SAME_LINE or _starts(target, partner):
        return _damage(target, partner)
    kept = sum(len(line) for line in one if line in set(other)) / max(1, sum(map(len, one)))
    if kept < _KEPT and noise_share(added) < _NOISE and "\ufffd" not in added and not _misdecoded(added, before):
        return "replaced", ("", "")
    garbled = _odd(added, before) >= _NOISE or _misdecoded(added, before)
    return ("garbled" if garbled else "edited"), ("", "")


def _misdecoded(text: str, before: str) -> bool:
    """Whether a text becomes much of an earlier one when its bytes are read in another encoding."""
    known = _pairs(before)
    for wrong, right in _RECODINGS:
        read = _pairs(text[:_LONGEST].encode(wrong, "ignore").decode(right, "ignore"))
        if read and len(read & known) >= _RECOVERED * len(read) > _RECOVERED * _FEWEST_PAIRS:
            return len(_pairs(text) & known) < _RECOVERED * len(read & known)
    return False


def _pairs(text: str) -> set[str]:
    return {one + two for one, two in pairwise(text) if one.isalnum() and two.isalnum()}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _overlap(line: str, quote: str) -> float:
    words = set(_WORDS.findall(quote.lower()))
    return len(words & set(_WORDS.findall(line.lower()))) / max(1, len(words))


def _ratio(one: str, other: str) -> float:
    by_words = SequenceMatcher(None, _WORDS.findall(one), _WORDS.findall(other), autojunk=False).ratio()
    if by_words >= _SAME_LINE:
        return by_words
    return max(by_words, SequenceMatcher(None, one[:_SHOWN], other[:_SHOWN], autojunk=False).ratio() - 0.25)


def _starts(target: str, partner: str) -> bool:
    """Whether a line is the beginning of another one."""
    return len(partner) >= 3 and target.startswith(partner[:-1])


def _damage(target: str, partner: str) -> tuple[Loss, tuple[str, str]]:
    """What happened to one line."""
    if _DIGITS.sub("0", target) == _DIGITS.sub("0", partner):
        return "figures", _differing(partner, target)
    one, other = _WORDS.findall(target), _WORDS.findall(partner)
    changes = [item for item in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if item[0] != "equal"]
    removed = sum(item[2] - item[1] for item in changes)
    added = sum(item[4] - item[3] for item in changes)
    if added <= max(1, removed // 6):
        return "truncated", ("", "")
    if noisy_piece(partner) and not noisy_piece(target):
        return "garbled", ("", "")
    if _odd("".join(_added(partner, target)), target) >= _NOISE or _misread(one, other, changes):
        return "garbled", ("", "")
    letters = SequenceMatcher(None, target[:_SHOWN], partner[:_SHOWN], autojunk=False).ratio()
    if letters - SequenceMatcher(None, one, other, autojunk=False).ratio() >= _MISREAD:
        return "garbled", ("", "")
    return "edited", ("", "")


def _misread(one: list[str], other: list[str], changes: Sequence[tuple[str, int, int, int, int]]) -> bool:
    """Whether single letters in many words are others, as a scanner makes them: no editor changes every third word."""
    replaced = [item for item in changes if item[0] == "replace"]
    letters = [
        SequenceMatcher(
            None, "".join(one[item[1] : item[2]]), "".join(other[item[3] : item[4]]), autojunk=False
        ).ratio()
        for item in replaced
    ]
    alike = sum(0.3 <= ratio < 1.0 for ratio in letters)
    return len(replaced) >= 3 and (alike >= 0.5 * len(replaced) or len(replaced) >= 0.08 * len(one))


def _added(partner: str, target: str) -> list[str]:
    matcher = SequenceMatcher(None, target, partner, autojunk=False)
    return [partner[item[3] : item[4]] for item in matcher.get_opcodes() if item[0] != "equal"]


def _differing(now: str, before: str) -> tuple[str, str]:
    """The first sentence that differs, in both texts."""
    pairs = zip(_SENTENCES.split(now), _SENTENCES.split(before), strict=False)
    return next(((one, other) for one, other in pairs if one != other), (now, before))


def _odd(text: str, usual: str) -> float:
    """Share of the characters of a text that read as noise, or are of no kind that the usual text has."""
    letters = [sign for sign in text if not sign.isspace()]
    if not letters:
        return 0.0
    known = {_kind(sign) for sign in usual}
    strange = sum(_kind(sign) not in known or sign == "\ufffd" for sign in letters) / len(letters)
    return max(strange, noise_share(text))


def _kind(sign: str) -> str:
    """What a character belongs to: its category, and the block of 128 that it stands in."""
    return f"{unicodedata.category(sign)[0]}{ord(sign) // 128 if ord(sign) < 0x3000 else 'east'}"
