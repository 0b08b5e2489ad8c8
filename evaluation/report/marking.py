"""Texts of a case as safe HTML: evidence marked in passages, differences marked in answers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from markupsafe import Markup

from evaluation.comparing.records import DiffPiece
from evaluation.report.contents import Span
from evaluation.report.visible import markup, shortened

MOST_OF_AN_ANSWER = 4_000
_LEAST_ALIKE = 0.35
BEFORE, AFTER = "before", "after"
_OWN = {BEFORE: ("removed", Markup("<del>{}</del>")), AFTER: ("added", Markup("<ins>{}</ins>"))}
"""By side: the kind of pieces that only it says, and how they are marked."""


def marked(text: str, spans: Sequence[Span]) -> Markup:
    """A text with its spans as ``mark`` elements; where two overlap, the stretch has both classes."""
    edges = sorted({0, len(text), *(edge for span in spans for edge in (span.start, span.end))})
    parts = []
    for start, end in itertools.pairwise(edges):
        kinds = sorted({span.kind for span in spans if span.start <= start and end <= span.end})
        shown = markup(text[start:end])
        parts.append(Markup('<mark class="{}">{}</mark>').format(" ".join(kinds), shown) if kinds else shown)
    return Markup("").join(parts)


def answer_text(text: str, differences: Sequence[DiffPiece], side: str) -> tuple[Markup, int]:
    """One side's answer, what only it says marked; and how many characters were left out.

    Args:
        text: the answer.
        differences: the two answers word by word; empty where nothing is to be marked.
        side: ``before`` or ``after``.
    """
    if not _alike(differences):
        shown, left = shortened(text, MOST_OF_AN_ANSWER)
        return markup(shown), left
    own, element = _OWN[side]
    room, parts, total = MOST_OF_AN_ANSWER, [], 0
    for piece in _joined(differences, own):
        total += len(piece.text)
        shown = markup(piece.text[: max(0, room)])
        room -= len(piece.text)
        if shown:
            parts.append(shown if piece.kind == "same" else element.format(shown))
    return Markup("").join(parts), max(0, total - MOST_OF_AN_ANSWER)


def _alike(pieces: Sequence[DiffPiece]) -> bool:
    """Whether two answers have enough in common for marks to help: of others every second word would be marked."""
    shared = sum(len(piece.text) for piece in pieces if piece.kind == "same" and not piece.text.isspace())
    other = sum(len(piece.text) for piece in pieces if piece.kind != "same")
    return shared > 0 and 2 * shared / (2 * shared + other) >= _LEAST_ALIKE


def _joined(pieces: Sequence[DiffPiece], own: str) -> list[DiffPiece]:
    """One side's pieces; blanks between two that only it has are marked with them."""
    side = [piece for piece in pieces if piece.kind in ("same", own)]
    joined: list[DiffPiece] = []
    for place, piece in enumerate(side):
        between = piece.kind == "same" and piece.text.isspace() and 0 < place < len(side) - 1
        kind = own if between and side[place - 1].kind == own == side[place + 1].kind else piece.kind
        if joined and joined[-1].kind == kind:
            joined[-1] = DiffPiece(kind, joined[-1].text + piece.text)
        else:
            joined.append(DiffPiece(kind, piece.text))
    return joined
