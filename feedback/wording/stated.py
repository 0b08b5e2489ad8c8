"""What a sentence claims, by what the documents say: whatever stands around it, in words that nobody foresaw.

What stands in a document word for word, next to the words of the question, is the claim. Pure functions of texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise

from evaluation.cases.folding import FoldedText, Span, fold
from feedback.wording.claim import CLOSING, LONGEST, OPENING, cleaned, core, trimmed, without_denial
from feedback.wording.tokens import FEW, QUOTES, Token, clauses_of, is_small_talk, tokens_of
from serving.evidence.sentences import without_citations
from serving.evidence.terms import stems_of

# Before the beginning of a sentence: nothing, a new line with its mark, the end of another one.
_BEGINS = re.compile(r"^$|(?:^|[\n。！？]|[.!?]\s|[.!?][\"”’)]\s)[\s#>*+-]*$")
_AROUND, _AROUND_HAN = 240, 90
_ALMOST, _SHARE = 0.9, 0.25
# So many words that say something may stand around a claim that a document says.
_AT_MOST = 5.0
_NEAR, _BOUND, _SURELY = 0.25, 0.45, 0.6
# From so many ideographs on a run is no part of a longer word by chance.
_HAN_NAME = 2
_TOLD = 0.25
# A longer sentence is the answer itself, with little around it.
_MOST_TOKENS = 200
_PLACES = 8


def stated(said: str, question: str, wrong: str, texts: Iterable[FoldedText]) -> str:
    """What a sentence claims, by what the documents say: the part of it that stands in one, next to what was asked.

    Args:
        said: the user's sentence.
        question: what was asked.
        wrong: the answer that the sentence corrects; what that says too is hardly the claim.
        texts: where it may stand.

    Returns:
        A part of the sentence; :func:`core` of it where no text says enough of it.
    """
    read = list(texts)
    whole = without_citations(said).strip()[:LONGEST]
    text = without_denial(whole)
    if text != whole:
        # What looks like a denial may be a part of what a document says.
        found = _told(whole, cleaned(whole), question, wrong, read, least=_ALMOST)
        if found:
            return found
    plain = core(said, question)
    return _told(text, plain, question, wrong, read) or plain


def _told(text: str, plain: str, question: str, wrong: str, texts: Sequence[FoldedText], *, least: float = 0.0) -> str:
    """The part of a sentence that a text says, next to what was asked; "" where none says enough of it.

    Args:
        text: the sentence.
        plain: what it claims by its words.
        question: what was asked.
        wrong: what the answer says.
        texts: where it may stand.
        least: share (0..1) of the sentence that must be said.
    """
    tokens = tokens_of(text, question)
    stems = frozenset(stems_of(question))
    blamed, every = fold(wrong), _all_of(tokens)
    best, found, sentence = 0.0, None, False
    needles = _needles(text, tokens)
    for read in texts:
        if not any(needle in read.folded for needle in needles):
            continue
        for first, last in _runs(text, tokens, read.folded):
            part = text[tokens[first].start : tokens[last].end]
            weighs = sum(token.weight for token in tokens[first : last + 1])
            if weighs < least * every or (blamed and weighs < every and fold(part) in blamed):
                continue
            near, begins = _nearness(read, part, stems)
            if near >= 0 and weighs * (_TOLD + near) > best and _is_told(text, tokens, (first, last), near, plain):
                best, found, sentence = weighs * (_TOLD + near), (first, last), begins
    return "" if found is None else _between(text, tokens, found, plain, sentence=sentence)


def _needles(text: str, tokens: Sequence[Token]) -> list[str]:
    """Pieces, folded, of which a text that says what is claimed holds one; none of a sentence that is too long."""
    if len(tokens) > _MOST_TOKENS:
        return []
    words = [fold(text[one.start : one.end]) for one in tokens if one.kind != "han" and one.weight]
    pairs = [text[one.start : two.end] for one, two in pairwise(tokens) if one.kind == two.kind == "han" and one.weight]
    return words + pairs or [fold(text[one.start : one.end]) for one in tokens if one.weight]


def _runs(text: str, tokens: Sequence[Token], held: str) -> Iterator[tuple[int, int]]:
    """Longest runs of tokens (first, last) that a folded text holds; none lies in another."""
    end = 0
    for first, token in enumerate(tokens):
        if token.kind in ("clause", "mark"):
            continue
        last = max(first, end)
        while last < len(tokens) and fold(text[token.start : tokens[last].end]) in held:
            last += 1
        if last > max(first, end):
            stop = last - 1
            while tokens[stop].kind in ("clause", "mark"):
                stop -= 1
            if any(one.weight for one in tokens[first : stop + 1]):
                yield first, stop
            end = last


def _nearness(read: FoldedText, part: str, stems: frozenset[str]) -> tuple[float, bool]:
    """Share (0..1) of the question's words around the best of the places where a part stands; -1 where it does not.

    And whether a sentence begins there.
    """
    reach = _AROUND if part.isascii() else _AROUND_HAN
    best, begins = -1.0, False
    for span in islice(read.find_all(part), _PLACES):
        around = read.text[max(0, span.start - reach) : span.end + reach]
        near = len(stems.intersection(stems_of(around))) / max(1, len(stems))
        if near > best:
            best, begins = near, _BEGINS.search(read.text[max(0, span.start - 4) : span.start]) is not None
    return best, begins


def _all_of(tokens: Sequence[Token]) -> float:
    return sum(token.weight for token in tokens)


def _is_told(text: str, tokens: Sequence[Token], run: tuple[int, int], near: float, plain: str) -> bool:
    """Whether a run is what the sentence claims: next to what was asked, and parted from what stands beside it."""
    first, last = _says_in(tokens, run)
    inside, every = sum(token.weight for token in tokens[first : last + 1]), _all_of(tokens)
    at = text.find(plain)
    own = Span(at, at + len(plain)) if at >= 0 else Span(0, len(text))
    if not _within(tokens[first], own):
        own = Span(tokens[first].start, tokens[last].end)
    figures = [token for token in tokens if token.kind == "word" and token.weight > 1 and _within(token, own)]
    if any(token.start < tokens[first].start or token.end > tokens[last].end for token in figures):
        return False
    apart = _stands_apart(text, tokens, run, sure=near >= _SURELY)
    if near >= _BOUND:
        return apart and inside >= 1.0 and _rest_is_talk(text, tokens, first, last)
    # Of a statement that a document says in part, the rest is claimed as well.
    most = inside >= _ALMOST * every
    left = any(token.weight and _within(token, own) for token in (*tokens[:first], *tokens[last + 1 :]))
    enough = not left and inside >= _SHARE * every and every - inside <= _AT_MOST
    return apart and (most or (near >= _NEAR and enough))


def _says_in(tokens: Sequence[Token], run: tuple[int, int]) -> tuple[int, int]:
    """A run without the small words at its ends."""
    says = [number for number in range(run[0], run[1] + 1) if tokens[number].says] or list(run)
    return says[0], says[-1]


def _stands_apart(text: str, tokens: Sequence[Token], run: tuple[int, int], *, sure: bool) -> bool:
    """Whether no word that says something touches a run; one may where the run is surely told.

    In a script without spaces a small word of one ideograph may be a part of any other.
    """
    first, last = run
    before, behind = tokens[max(0, first - 1) : first], tokens[last + 1 : last + 2]
    beside = [
        *(one for one in before if one.says or (_is_sign(one) and not one.turning)),
        *(one for one in behind if one.says or (_is_sign(one) and not one.ending)),
    ]
    if sure and any(one.weight for one in beside):
        within = last - first
        han = tokens[first].kind == tokens[last].kind == "han" and within >= _HAN_NAME
        latin = tokens[first].kind == "word" and within > 0 and len(beside) == 1 and is_small_talk(text, beside)
        return (han or latin) and all(one.weight for one in beside)
    if text[: tokens[first].start].endswith(OPENING):
        beside = [one for one in beside if one not in before]
    if text[tokens[last].end :].startswith(CLOSING):
        beside = [one for one in beside if one not in behind]
    return not beside


def _is_sign(token: Token) -> bool:
    return token.kind == "talk" and token.end - token.start == 1


def _rest_is_talk(text: str, tokens: Sequence[Token], first: int, last: int) -> bool:
    """Whether what is left out frames a claim: little in the same clause, and no further items of a list."""
    begin, end = first, last
    while begin > 0 and not _closes(text, tokens[begin - 1]):
        begin -= 1
    while end + 1 < len(tokens) and not _closes(text, tokens[end + 1]):
        end += 1
    beside = [token for token in (*tokens[begin:first], *tokens[last + 1 : end + 1]) if token.weight]
    told = sum(token.weight for token in tokens[first : last + 1])
    if not is_small_talk(text, beside) or sum(token.weight for token in beside) > told:
        return False
    others = clauses_of([*tokens[:begin], *tokens[end + 1 :]])
    return all(any(one.kind in ("talk", "short") for one in clause) or len(clause) > FEW for clause in others)


def _closes(text: str, token: Token) -> bool:
    return token.kind == "clause" or text[token.start : token.end] in QUOTES


def _within(token: Token, span: Span) -> bool:
    return span.start <= token.start and token.end <= span.end


def _between(text: str, tokens: Sequence[Token], run: tuple[int, int], plain: str, *, sentence: bool) -> str:
    """The run, less the talk at its ends, but for a sentence that stands in a document as a whole."""
    first, last = run
    part = cleaned(text[tokens[first].start : tokens[last].end])
    whole = sentence or (first == 0 and all(token.kind in ("clause", "mark") for token in tokens[last + 1 :]))
    if whole or not any(token.says for token in tokens[first : last + 1]):
        return part
    span = trimmed(len(text), tokens, tokens[first : last + 1])
    shorter = cleaned(text[span.start : span.end])
    return shorter if shorter in plain or plain in part else part
