"""A model's text made safe while it streams: no made-up citations, no link targets, no markup, nothing hidden.

What leaves depends on the whole text alone, never on how it was cut into pieces. Held back is only what may still turn
into one of these: a citation mark, a link's target, a URL, code in a line, white space before a mark.

- Citation marks become ``[1][2]``, whatever their form; numbers without a passage are taken out and remembered.
- ``[text](target)`` loses its target; definitions of links and HTML tags are broken, so that nothing is fetched.
- A URL leaves only if it stands in the passages as it is; else its end is an ellipsis.
- Lines of the prompt that mark passages, which small models repeat, are left out (``prompt_echo``).
- In code (fences, and backticks closed in the same line) brackets and tags stay; they are no markup there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from serving.evidence.sentences import parse_citations
from serving.prompt_echo import WithoutEchoes
from serving.prompting import without_hidden

_SPECIAL = re.compile(r"[ \t]{1,200}(?:\Z|(?=[\[【［]))|[\[【［\]<`~/\n]")
_SPACES = re.compile(r"[ \t]*")
_SPECIAL_IN_FENCE = re.compile(r"[`~/\n]")
_MARK_SHAPE = re.compile(r"[\[【［][\d\s,，、;；\-–—~]{1,200}[\]】］]")
_UNFINISHED_SHAPE = re.compile(r"[\[【［][\d\s,，、;；\-–—~]{0,200}\Z")
_OPEN_MARK = re.compile(r"[\[【［][\d\s,，、;；\-–—~]{0,200}\Z")
_TARGET = re.compile(r"\(([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)")
_IS_TARGET = re.compile(r"\s*(?:<[^<>]*>|[^\s<>]*)(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*")
_URL_REST = re.compile(r"[^\s<>\"'`\[\]（）【】「」『』，。；！？、\u3400-\u9fff]{0,2048}")
_HOST = re.compile(r"(?:[^/@?#]*@)?[\w-]+(?:\.[\w-]+)+(?=[:/?#]|\Z)")
_AFTER_URL = ".,;:!?)}*_"
_RUN = re.compile(r"`+|~+")
_INDENT = re.compile(r"[ \t]{0,3}\Z")
_LONGEST_TARGET = 2048
_LONGEST_CODE = 300
_TAIL = 256


class _Step(NamedTuple):
    """How much of the text was read, and what leaves in its place."""

    end: int
    output: str


class SafeText:
    """Makes one answer's text safe, piece by piece.

    Args:
        numbers: numbers of the passages.
        sources: texts in which a URL must stand to be let through.
        mark: the prompt's delimiter: lines with it are echoes of the prompt, and left out.

    Attributes:
        removed: numbers of citations that were taken out, in order, each once.
    """

    def __init__(self, numbers: Sequence[int], sources: Sequence[str], mark: str = "") -> None:
        self._echoes = WithoutEchoes(mark)
        self._numbers = frozenset(numbers)
        self._sources = sources
        self._pending = ""
        self._line = ""
        self._out = ""
        self._fence = ""
        self.removed: list[int] = []

    def feed(self, piece: str) -> str:
        """What the next piece lets leave."""
        self._pending += self._echoes.feed(without_hidden(piece))
        return self._drain(final=False)

    def finish(self) -> str:
        """What was held back, once nothing more comes."""
        self._pending += self._echoes.feed("", final=True)
        return self._drain(final=True)

    def _drain(self, final: bool) -> str:
        text, at, pieces = self._pending, 0, []
        while at < len(text):
            step = self._step(text, at, final)
            if step is None:
                break
            self._line = _line_after(self._line, text[at : step.end])
            self._out = (self._out + step.output)[-_TAIL:]
            pieces.append(step.output)
            at = step.end
        self._pending = text[at:]
        return "".join(pieces)

    def _step(  # noqa: PLR0911 - one way out per kind of character
        self, text: str, at: int, final: bool
    ) -> _Step | None:
        """The next step; None where it takes more text to tell."""
        special = (_SPECIAL_IN_FENCE if self._fence else _SPECIAL).search(text, at)
        if special is None:
            return _Step(len(text), text[at:])
        if special.start() > at:
            return _Step(special.start(), text[at : special.start()])
        char = text[at]
        if char in " \t" or char in "[【［":
            return self._mark(text, at, final)
        if char == "]":
            return self._after_bracket(text, at + 1, "]", final)
        if char == "/":
            return self._slashes(text, at, final)
        if char in "`~":
            return self._ticks(text, at, final)
        if char == "<":
            return _tag(text, at, final)
        return _Step(at + 1, char)

    def _mark(self, text: str, at: int, final: bool) -> _Step | None:
        """A citation mark with the spaces before it, or an ordinary bracket."""
        spaces = _SPACES.match(text, at)
        bracket = spaces.end() if spaces else at
        shape = _MARK_SHAPE.match(text, bracket)
        if shape is None:
            if not final and (bracket == len(text) or _UNFINISHED_SHAPE.match(text, bracket)):
                return None
            end = min(bracket + 1, len(text))
            return _Step(end, text[at:end])
        marks = parse_citations(shape.group())
        if [(mark.start, mark.end) for mark in marks] != [(0, len(shape.group()))]:
            return _Step(bracket + 1, text[at : bracket + 1])
        known = [number for number in marks[0].numbers if number in self._numbers]
        written = text[at:bracket] * bool(known) + "".join(f"[{number}]" for number in known)
        step = self._after_bracket(text, shape.end(), written, final)
        if step is None:
            return None
        self.removed += [one for one in marks[0].numbers if one not in self._numbers and one not in self.removed]
        if known:
            return step
        return _Step(step.end, self._in_place_of_mark(text[at:bracket], text[step.end : step.end + 1]) + step.output)

    def _in_place_of_mark(self, spaces: str, following: str) -> str:
        """What stands where a mark was taken out."""
        if _OPEN_MARK.search(self._out):
            # What stands before and after must not close up to a mark.
            return "…"
        return spaces if following in ("[", "【", "［") else ""

    def _after_bracket(self, text: str, end: int, written: str, final: bool) -> _Step | None:
        """What follows a closing bracket: a link's target goes, a definition is broken."""
        if end == len(text):
            return _Step(end, written) if final else None
        if text[end] != "(":
            return _Step(end, f"{written} " if text[end] == ":" and written else written)
        return self._target(text, end, written, final)

    def _target(self, text: str, end: int, written: str, final: bool) -> _Step | None:
        """What follows a bracket and begins with a parenthesis."""
        window = text[end : end + _LONGEST_TARGET]
        target = _TARGET.match(window)
        if target is not None:
            if not _IS_TARGET.fullmatch(target[1]):
                return _Step(end, written)
            return self._after_bracket(text, end + target.end(), written, final)
        if not final and len(window) < _LONGEST_TARGET and "\n" not in window:
            return None
        return _Step(end, f"{written} ")

    def _slashes(self, text: str, at: int, final: bool) -> _Step | None:
        """The rest of a URL from its two slashes on."""
        if at + 1 == len(text) and not final:
            return None
        if text[at : at + 2] != "//":
            return _Step(at + 1, "/")
        rest = _URL_REST.match(text, at + 2)
        end = rest.end() if rest else at + 2
        if end == len(text) and end - at - 2 < _LONGEST_TARGET and not final:
            return None
        url = text[at:end].rstrip(_AFTER_URL)
        if self._line.endswith(":") and text[at + 2 : at + 3] == "[":
            return _Step(at + 2, "//… ")
        if not (self._line.endswith(":") and len(url) > 2) and not _HOST.match(url[2:]):
            return _Step(at + 2, "//")
        known = any(url in source for source in self._sources)
        return _Step(at + len(url), url if known else "//…")

    def _ticks(self, text: str, at: int, final: bool) -> _Step | None:
        """A run of backticks or tildes: a fence, code in a line, or nothing of the kind."""
        run = _RUN.match(text, at)
        end = run.end() if run else at + 1
        if end == len(text) and not final:
            return None
        ticks = text[at:end]
        if len(ticks) >= 3 and _INDENT.fullmatch(self._line):
            if not self._fence:
                self._fence = ticks
            elif ticks.startswith(self._fence):
                self._fence = ""
            return _Step(end, ticks)
        if self._fence or ticks[0] == "~":
            return _Step(end, ticks if self._fence else self._no_fence(ticks))
        return self._code(text, end, ticks, final)

    def _code(self, text: str, start: int, ticks: str, final: bool) -> _Step | None:
        line = text[start : start + _LONGEST_CODE].partition("\n")
        close = re.search(f"(?<!`){ticks}(?!`)", line[0])
        # The run at the very end may go on.
        undecided = close is not None and start + close.end() == len(text)
        if not final and not line[1] and (close is None or undecided) and len(line[0]) < _LONGEST_CODE:
            return None
        body = line[0][: close.start()] if close else ""
        if not body or _only_marks(body):
            return _Step(start, self._no_fence(ticks))
        return _Step(start + len(body) + len(ticks), f"{ticks}{self._without_urls(body)}{ticks}")

    def _no_fence(self, ticks: str) -> str:
        # Were the text before it in its line removed, it would open a fence.
        return ticks[:2] if self._line.strip() else ticks

    def _without_urls(self, code: str) -> str:
        pieces, at = [], 0
        while (found := code.find("//", at)) >= 0:
            rest = _URL_REST.match(code, found + 2)
            url = code[found : rest.end() if rest else found + 2].rstrip(_AFTER_URL)
            named = (code[:found].endswith(":") and len(url) > 2) or _HOST.match(url[2:])
            elided = named and not any(url in source for source in self._sources)
            end = found + (len(url) if named else 2)
            pieces += [code[at:found], "//…" if elided else code[found:end]]
            at = end
        return "".join(pieces) + code[at:]


def _tag(text: str, at: int, final: bool) -> _Step | None:
    if at + 1 == len(text):
        return _Step(at + 1, "<") if final else None
    following = text[at + 1]
    return _Step(at + 1, "‹" if following in "/!?" or (following.isascii() and following.isalpha()) else "<")


def _only_marks(code: str) -> bool:
    marks = parse_citations(code)
    return bool(marks) and sum(mark.end - mark.start for mark in marks) == len(code.strip())


def _line_after(line: str, text: str) -> str:
    _, newline, tail = text.rpartition("\n")
    return (tail if newline else line + text)[-_TAIL:]
