"""Feedback that is set aside for what is seen of many together: the same text pasted everywhere, and floods."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence

from evaluation.cases.folding import fold, weight
from feedback.folding.opinions import Opinion

PASTED = 4
"""From so many different questions on, the same correction of one caller on all of them is pasted."""
SHORT_PASTED = 12
"""The same for short corrections ("30 days"), which may be right on several."""
PASTED_BY_ALL = 12
"""The same for one correction of many callers, where it is not short: short ones are often right on many questions."""
_TELLING = 12.0
FLOOD_SECONDS = 600.0
FLOOD = 50
"""From so many answers on that one caller complains of within ten minutes, it may be a flood …"""
FLOOD_SHARE = 0.5
"""… and is one where it is at least this share of what the caller was answered in that time."""


def crowd_doubts(opinions: Sequence[Opinion], asked_by: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Why feedback is set aside, by its id.

    Args:
        opinions: oldest first.
        asked_by: by caller, the times (seconds, ascending) at which it was answered.
    """
    complaints = [opinion for opinion in opinions if opinion.complains and not opinion.voice.person]
    return _pasted(complaints) | _floods(complaints, asked_by)


def _pasted(complaints: Sequence[Opinion]) -> dict[str, str]:
    by_text: dict[str, list[Opinion]] = defaultdict(list)
    for opinion in complaints:
        text = fold(opinion.record.correction)
        if text:
            by_text[text].append(opinion)
    found: dict[str, str] = {}
    for text, same in by_text.items():
        telling = weight(text) >= _TELLING
        if telling and _questions(same) >= PASTED_BY_ALL:
            found |= _told(same)
            continue
        by_caller: dict[str, list[Opinion]] = defaultdict(list)
        for opinion in same:
            by_caller[opinion.voice.name].append(opinion)
        for own in by_caller.values():
            if _questions(own) >= (PASTED if telling else SHORT_PASTED):
                found |= _told(own)
    return found


def _questions(opinions: Sequence[Opinion]) -> int:
    return len({opinion.asked.problem for opinion in opinions})


def _told(same: Sequence[Opinion]) -> dict[str, str]:
    why = f"the same correction was given to {_questions(same)} different questions"
    return {opinion.record.id: why for opinion in same}


def _floods(complaints: Sequence[Opinion], asked_by: Mapping[str, Sequence[float]]) -> dict[str, str]:
    by_caller: dict[str, list[Opinion]] = defaultdict(list)
    for opinion in complaints:
        by_caller[opinion.voice.name].append(opinion)
    found: dict[str, str] = {}
    for name, said in by_caller.items():
        if len(said) >= FLOOD:
            found |= _flooded(said, asked_by.get(name, ()))
    return found


def _flooded(said: list[Opinion], asked: Sequence[float]) -> dict[str, str]:
    """Those of a caller's complaints that lie in a window with too many of them."""
    found: dict[str, str] = {}
    first = done = 0
    answers: dict[str, int] = defaultdict(int)
    for last, opinion in enumerate(said):
        answers[opinion.asked.id] += 1
        while said[first].at < opinion.at - FLOOD_SECONDS:
            left = said[first].asked.id
            answers[left] -= 1
            if not answers[left]:
                del answers[left]
            first += 1
        if len(answers) >= FLOOD and len(answers) >= FLOOD_SHARE * _answered(said, asked, first, last):
            why = f"a flood: one caller complained of {len(answers)} answers within ten minutes"
            found |= {one.record.id: why for one in said[max(first, done) : last + 1]}
            done = last + 1
    return found


def _answered(said: list[Opinion], asked: Sequence[float], first: int, last: int) -> int:
    """How many answers the caller got while it complained, from the first of those answers on."""
    return bisect.bisect_right(asked, said[last].at) - bisect.bisect_left(asked, said[first].asked.at)
