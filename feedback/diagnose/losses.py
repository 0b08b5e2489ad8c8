"""How the version that is searched now lost what an earlier one said."""

from __future__ import annotations

from difflib import SequenceMatcher

from feedback.diagnose.observation import Loss
from ingest.garbage import noise_share
from ingest.near_duplicates import verify_jaccard

_LONGEST = 40_000
_SAME_TEXT = 0.35
"""Shared word shingles from which two texts are versions of one."""
_NOISY = 0.75
_PART = 0.9


def loss_of(before: str, now: str, quote: str) -> Loss:
    """What happened to a text between two versions.

    Args:
        before: the text of the version that held the quote.
        now: the text of the version that is searched.
        quote: the words that are lost.
    """
    one, other = before[:_LONGEST], now[:_LONGEST]
    if not other.strip():
        return "truncated"
    if noise_share(other) > max(0.15, 2 * noise_share(one)):
        return "garbled"
    kept = _contained(other, one)
    if kept >= _PART and len(other) < _PART * len(one):
        return "table" if "|" in quote or "\t" in quote else "truncated"
    near = _near(quote, other)
    if near >= _NOISY and _characters_differ(quote, other):
        return "garbled"
    if verify_jaccard(one, other) >= _SAME_TEXT or kept >= _SAME_TEXT:
        return "edited"
    return "garbled" if near >= _NOISY else "replaced"


def _contained(part: str, whole: str) -> float:
    """Share of a text's lines that another one holds too."""
    lines = [line.strip() for line in part.splitlines() if line.strip()]
    if not lines:
        return 0.0
    held = sum(len(line) for line in lines if line in whole)
    return held / sum(map(len, lines))


def _near(quote: str, text: str) -> float:
    """How alike (0..1) the nearest stretch of a text is to a quote."""
    if not quote:
        return 0.0
    matcher = SequenceMatcher(None, text, quote, autojunk=False)
    found = matcher.find_longest_match()
    start = max(0, found.a - found.b)
    return SequenceMatcher(None, text[start : start + len(quote)], quote, autojunk=False).ratio()


def _characters_differ(quote: str, text: str) -> bool:
    """Whether single characters within words are others, as by OCR, rather than whole words."""
    known = set(text.split())
    changed = [word for word in quote.split() if word not in known]
    if not changed:
        return False
    alike = sum(
        any(SequenceMatcher(None, word, other, autojunk=False).ratio() >= 0.6 for other in known if len(other) > 2)
        for word in changed
    )
    return len(changed) >= 2 and alike >= 0.7 * len(changed)
