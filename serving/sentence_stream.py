"""Cuts a text into sentences while it grows. What it finds depends on the text alone, not on how it arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from serving.evidence.sentences import complete_until, split_sentences

# Where a sentence may begin, so that only there it is looked whether the one before has ended.
_MAY_BEGIN = re.compile(r"(?<=\W)\S|\n")
# Citation marks come whole (``safe_text``), so a bracket that is none begins no mark. A pipe alone is no row yet.
_MARKS = re.compile(r"(?:\[\d+\])+")
_NO_MARK = str.maketrans("[【［|", "¤¤¤¤")
# What goes on for so long without an end is judged in parts.
_LONGEST = 1000
# Without one of these nothing has ended.
_ENDS = re.compile(r"[.!?…。！？｡:：;；\n\]]")
_FENCE_LINE = re.compile(r"[ \t]*(?:```|~~~)")


class Ended(msgspec.Struct, frozen=True):
    """The end of a sentence whose text just left.

    Attributes:
        start: its first code point in the whole text.
        end: one past its last.
        text: the sentence.
        code: it is a line of a code block, which states nothing.
    """

    start: int
    end: int
    text: str
    code: bool = False


class SentenceStream:
    """Gives pieces of the text, and the end of each sentence before anything that follows it.

    White space is held back until something follows, so that what belongs to a sentence can be put right behind it.
    """

    def __init__(self) -> None:
        self._text = ""
        self._base = 0
        self._given = 0
        self._seen = 0
        self._fenced = False

    def feed(self, piece: str) -> Iterator[str | Ended]:
        """What the next piece lets leave."""
        self._text += piece
        yield from self._look()
        yield from self._give(self._trimmed(len(self._text)))

    def finish(self) -> Iterator[str | Ended]:
        """What is left, once nothing more comes; white space at the end never leaves."""
        end = self._trimmed(len(self._text))
        yield from self._give(end)
        if self._fenced:
            yield from self._end_code(end)
        else:
            yield from self._end_sentences(end)

    def _look(self) -> Iterator[str | Ended]:
        """Look at every place, in order, where a sentence may have ended; what stands before it has left by then."""
        while match := _MAY_BEGIN.search(self._text, self._seen):
            place = match.start()
            marks = _MARKS.match(self._text, place)
            self._seen = marks.end() if marks else place + 1
            before = self._trimmed(place)
            yield from self._give(before)
            if self._text[place] == "\n":
                yield from self._line_ended(place)
            elif self._fenced:
                continue
            elif place - self._base > _LONGEST:
                yield from self._end_sentences(before)
            elif _ENDS.search(self._text, self._base, place):
                first = marks.group() if marks else self._text[place].translate(_NO_MARK)
                yield from self._end_sentences(self._base + complete_until(self._text[self._base : place] + first))

    def _line_ended(self, place: int) -> Iterator[str | Ended]:
        start = self._text.rfind("\n", 0, place) + 1
        fence = _FENCE_LINE.match(self._text, start, place) is not None
        if self._fenced:
            yield from self._end_code(place)
            self._fenced = not fence
        elif fence:
            yield from self._end_sentences(start)
            self._base = start
            self._fenced = True

    def _end_sentences(self, end: int) -> Iterator[Ended]:
        """End every sentence from the base up to a place."""
        if end <= self._base:
            return
        body, base = self._text[self._base : end], self._base
        self._base = end
        for span in split_sentences(body):
            yield Ended(base + span.start, base + span.end, body[span.start : span.end])

    def _end_code(self, end: int) -> Iterator[Ended]:
        body, base = self._text[self._base : end], self._base
        self._base = end
        if body.strip():
            yield Ended(base, end, body, code=True)

    def _trimmed(self, end: int) -> int:
        """One past the last character before a place that is no white space, as far as it has not left."""
        return self._given + len(self._text[self._given : end].rstrip())

    def _give(self, end: int) -> Iterator[str]:
        if end > self._given:
            yield self._text[self._given : end]
            self._given = end
