"""Takes out of a model's text the lines of its prompt that mark passages: small models repeat them."""

from __future__ import annotations

_AROUND = " \t<"


class WithoutEchoes:
    """Leaves out what stands from a prompt's random mark to the end of its line, and lines that hold nothing else.

    What leaves depends on the whole text alone, never on how it was cut into pieces. Held back is only what may be the
    beginning of the mark, with the spaces and angle brackets before it.

    Args:
        mark: the delimiter of this prompt; "" leaves every text as it is.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._held = ""
        self._in_echo = False
        self._line_shown = False

    def feed(self, piece: str, final: bool = False) -> str:
        """What the next piece lets leave; with the last one, all of it."""
        if not self._mark:
            return piece
        text, pieces = self._held + piece, []
        while text:
            if self._in_echo:
                text = self._after_echo(text)
                continue
            at = text.find(self._mark)
            if at < 0:
                break
            pieces.append(self._shown(text[:at].rstrip(_AROUND)))
            self._in_echo, text = True, text[at + len(self._mark) :]
        end = len(text) if final else self._decided(text)
        self._held = text[end:]
        pieces.append(self._shown(text[:end]))
        return "".join(pieces)

    def _after_echo(self, text: str) -> str:
        """What follows the line of an echo; the line's end stays where something stood before the mark."""
        at = text.find("\n")
        if at < 0:
            return ""
        self._in_echo = False
        return text[at:] if self._line_shown else text[at + 1 :]

    def _decided(self, text: str) -> int:
        """How much of a text is no beginning of an echo."""
        mark = self._mark
        longest = min(len(mark) - 1, len(text))
        begun = next((size for size in range(longest, 0, -1) if text.endswith(mark[:size])), 0)
        return len(text[: len(text) - begun].rstrip(_AROUND))

    def _shown(self, text: str) -> str:
        if text:
            _, newline, line = text.rpartition("\n")
            self._line_shown = bool(line.strip()) or (self._line_shown and not newline)
        return text
