"""What a user's sentence says is right, without the words around it: "Checked with finance, it's 42 %" claims "42 %".

People put what is right into sentences of their own. :func:`core` takes it out by the words that such sentences are
made of. :func:`stated` does not rest on them where the documents say it: what stands there word for word, next to the
words of the question, is the claim, whatever is said around it. Pure functions of texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise

import msgspec

from evaluation.cases.folding import FoldedText, Span, fold
from feedback.wording_terms import BEING, DENYING, ENDING, HAN_DENYING, HAN_ENDING, HAN_TALK, HAN_TURNING, TALK, TURNING
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.sentences import without_citations
from serving.evidence.terms import stems_of

_TOKEN = re.compile(
    r"(?P<clause>\.{2,}|…+|[。！!？?；;\n]|\.(?!\w)|(?<!\d)[,，、]|[,，、](?!\d)|(?<!\d)[:：]|[:：](?!\d)"
    r"|(?<![^\s])[-–—=]+>?(?=\s)|——)"
    r"|(?P<mark>[\"“”「」『』]|(?<!\w)['‘’`]+|['‘’`]+(?!\w))"
    rf"|(?P<han_talk>{HAN_TALK})"
    r"|(?P<han>[\u3400-\u9fff])"
    r"|(?P<short>['’](?:s|re|m|ll|d|ve)\b)"
    r"|(?P<word>[^\W_\u3400-\u9fff]+(?:(?:['’](?!(?:s|re|m|ll|d|ve)\b)|[.,:_/&@–-])[^\W_\u3400-\u9fff]+)*)",
    re.IGNORECASE,
)
# What the claim is not: "not 1894", "而不是1894年", "不是1894年，是1893年".
_NOT_THIS = re.compile(
    r"(?:(?:[,，;；、(（]|[.。!！]|\s[-–—]+)\s*(?:\b(?:and|so|but)\s+)?(?:\bnot\b|并非|不是)"
    r"|\s+and\s+not\b|\bnot(?=\s*\d)|\b(?:rather than|instead of)\b|而不是|而非)(?!\s+(?:only|just)\b)\s*"
    r"[^,，.。;；!！?？)）]{1,80}[)）]?",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(
    r"^.{0,20}?(?:(?:不是|并非).{1,40}?(?:而是|应该是|应当是|[,，]是)|\bnot\s+(?!only\b|just\b).{1,60}?,?\s+but\s+(?:rather\s+)?"
    r"|\b(?:isn['’]t|wasn['’]t|is not|was not)\s+[^,.;]{1,60}[,.;]\s*"
    r"(?=(?:it|they|he|she|that)(?:['’]s|\s+(?:is|was|are))\b))",
    re.IGNORECASE,
)
_STRIPPED = " \t\n\"'“”‘’`「」『』,，;；:：。.!！?？…"
_LONGEST = 2000
_AROUND, _AROUND_HAN = 240, 90
_ALMOST, _SHARE = 0.9, 0.25
# So many words that say something may stand around a claim that a document says.
_AT_MOST = 5.0
_NEAR = 0.25
_QUOTED = frozenset('"“”「」『』')
_OPENING, _CLOSING = ("(", "（", "[", "【"), (")", "）", "]", "】")
_TALKY = 0.6
_TOLD = 0.25
# A longer sentence is the answer itself, with little around it.
_MOST_TOKENS = 200
_PLACES = 8


class _Token(msgspec.Struct, frozen=True):
    """A piece of a sentence: where, what kind, how much it says, and whether a claim may begin behind or end before."""

    start: int
    end: int
    kind: str
    weight: float
    turning: bool
    ending: bool

    @property
    def says(self) -> bool:
        return self.kind in ("word", "han")


def core(said: str, question: str = "") -> str:
    """What a sentence claims, by the words that frame claims in English and Chinese.

    Args:
        said: the user's sentence.
        question: what was asked; "" where it is not known.

    Returns:
        A part of the sentence; never "" unless the sentence is.
    """
    text = _without_denial(without_citations(said).strip()[:_LONGEST])
    tokens = _tokens(text, question)
    if not any(token.says for token in tokens):
        return _behind_the_last_turn(text, tokens)
    clauses = _not_denied(text, _clauses(tokens))
    kept = _of_kind(text, clauses, question) or _less_talk(clauses)
    span = _trimmed(len(text), tokens, [token for clause in kept for token in clause])
    return _cleaned(text[span.start : span.end]) or text


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
    text = _without_denial(without_citations(said).strip()[:_LONGEST])
    plain = core(said, question)
    tokens = _tokens(text, question)
    stems = frozenset(stems_of(question))
    blamed = fold(wrong)
    best, found = 0.0, None
    needles = _needles(text, tokens)
    for read in texts:
        if not any(needle in read.folded for needle in needles):
            continue
        for first, last in _runs(text, tokens, read.folded):
            part = text[tokens[first].start : tokens[last].end]
            weighs = sum(token.weight for token in tokens[first : last + 1])
            if blamed and weighs < _all_of(tokens) and fold(part) in blamed:
                continue
            near = _nearness(read, part, stems)
            if near >= 0 and weighs * (_TOLD + near) > best and _is_told(text, tokens, (first, last), near, plain):
                best, found = weighs * (_TOLD + near), (first, last)
    return plain if found is None else _between(text, tokens, found, plain)


def _without_denial(text: str) -> str:
    """Without what the sentence says is not right."""
    denied = _NOT_BUT.search(text)
    if denied is not None and any(map(str.isalnum, text[denied.end() :])):
        text = text[denied.end() :]
    for found in _NOT_THIS.finditer(text):
        rest = text[: found.start()] + text[found.end() :]
        if any(token.says for token in _tokens(rest, "")):
            return rest
    return text


def _tokens(text: str, question: str) -> tuple[_Token, ...]:
    made = tuple(_read(text, question))
    if any(token.weight for token in made):
        return made
    # All of it is asked, or is talk: then that is what is claimed.
    return tuple(
        msgspec.structs.replace(token, weight=1.0 if token.kind not in ("clause", "mark") else 0.0) for token in made
    )


def _read(text: str, question: str) -> Iterator[_Token]:
    asked_words, asked_pairs = _asked(question)
    turning = False
    for found in _TOKEN.finditer(text):
        kind, word = str(found.lastgroup), found.group().lower()
        start, end = found.span()
        if kind == "han":
            known = text[start - 1 : end] in asked_pairs or text[start : end + 1] in asked_pairs
            yield _Token(start, end, kind, 0.0 if known else 0.5, False, False)
            turning = False
            continue
        kind = "talk" if kind in ("short", "han_talk") or (kind == "word" and word in TALK) else kind
        if kind == "word":
            weight = 2.0 if any(map(str.isdigit, word)) else 1.0
            yield _Token(start, end, kind, 0.0 if _known(word, asked_words) else weight, False, False)
            turning = False
            continue
        # "Is it 5?", "she told me 5": what stands between a turn and the claim belongs to the turn.
        before = text[:start].rstrip().lower()
        turning = (
            kind == "clause"
            or word in _QUOTED
            or _turns(word)
            or (turning and word in ("me", "us"))
            or (word in ("it", "that", "this") and before.endswith(("isn't", "is", "not", "wasn't")))
        )
        ending = (
            kind == "clause"
            or word in _QUOTED
            or _turns(word)
            or word in ENDING
            or HAN_ENDING.fullmatch(word) is not None
        )
        yield _Token(start, end, kind, 0.0, turning, ending)


def _turns(word: str) -> bool:
    return word in TURNING or HAN_TURNING.fullmatch(word) is not None or word.startswith(("'", "’"))


def _known(word: str, asked: frozenset[str]) -> bool:
    return word in asked or (len(word) > 4 and (word + "s" in asked or word.rstrip("s") in asked))


@lru_cache(maxsize=256)
def _asked(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words of a question, and pairs of its ideographs."""
    words = frozenset(found.group().lower() for found in _TOKEN.finditer(question) if found.lastgroup == "word")
    pairs = frozenset(one + two for one, two in pairwise(question) if one >= "\u3400" and two >= "\u3400")
    return words, pairs


def _clauses(tokens: Sequence[_Token]) -> list[list[_Token]]:
    clauses: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "clause":
            clauses.append([])
        else:
            clauses[-1].append(token)
    return [clause for clause in clauses if any(token.says for token in clause)]


def _not_denied(text: str, clauses: list[list[_Token]]) -> list[list[_Token]]:
    """Clauses without those that end with saying that it is wrong ("1894 is wrong"), where others are left."""
    kept = [clause for clause in clauses if not _denies(text, clause)]
    return kept or clauses


def _denies(text: str, clause: Sequence[_Token]) -> bool:
    behind = clause[max(number for number, token in enumerate(clause) if token.says) + 1 :]
    words = [text[token.start : token.end].lower() for token in behind]
    return any(word in DENYING or HAN_DENYING.fullmatch(word) is not None for word in words)


def _of_kind(text: str, clauses: list[list[_Token]], question: str) -> list[list[_Token]]:
    """The only clause that holds what is asked for: a date, a number; none where several do, or that is not told."""
    kind = answer_kind(question) if question else None
    if kind not in (AnswerKind.DATE, AnswerKind.NUMBER) or len(clauses) < 2:
        return []
    held = [clause for clause in clauses if holds_kind(kind, text[clause[0].start : clause[-1].end], question)]
    return held if len(held) == 1 else []


def _less_talk(clauses: list[list[_Token]]) -> list[list[_Token]]:
    """Clauses without those at either end that are mostly talk, where others are not."""
    talky = [_talk_share(clause) >= _TALKY for clause in clauses]
    if all(talky):
        return clauses
    first = talky.index(False)
    last = len(talky) - talky[::-1].index(False)
    return clauses[first:last]


def _talk_share(clause: Sequence[_Token]) -> float:
    letters = sum(token.end - token.start for token in clause if token.kind != "mark")
    talk = sum(token.end - token.start for token in clause if token.kind == "talk")
    return talk / max(1, letters)


def _trimmed(length: int, tokens: Sequence[_Token], kept: Sequence[_Token]) -> Span:
    """The kept tokens without talk before the first word that says something and behind the last one."""
    says = [number for number, token in enumerate(kept) if token.says]
    before = [number for number in range(says[0]) if kept[number].turning]
    behind = [number for number in range(says[-1] + 1, len(kept)) if kept[number].ending]
    first = kept[before[-1] + 1 if before else 0]
    last = kept[behind[0] - 1 if behind else len(kept) - 1]
    # Signs that are no token ("$", "(") belong to the words they touch.
    start = max((token.end for token in tokens if token.end <= first.start), default=0)
    return Span(start, min((token.start for token in tokens if token.start >= last.end), default=length))


def _behind_the_last_turn(text: str, tokens: Sequence[_Token]) -> str:
    """Where every word is one of those that frame claims ("No, it's right"): the last of them."""
    for token in reversed(tokens):
        rest = _cleaned(text[token.end :]) if token.turning else ""
        if rest:
            return rest
    return _cleaned(text) or text


def _cleaned(text: str) -> str:
    if not any(map(str.isalnum, text)):
        return ""
    text = text.strip(_STRIPPED)
    wrapped = text[0] in _OPENING and text[-1] in _CLOSING and not any(sign in text[1:] for sign in _OPENING)
    return text[1:-1].strip(_STRIPPED) if wrapped else text


def _needles(text: str, tokens: Sequence[_Token]) -> list[str]:
    """Pieces, folded, of which a text that says what is claimed holds one; none of a sentence that is too long."""
    if len(tokens) > _MOST_TOKENS:
        return []
    words = [fold(text[one.start : one.end]) for one in tokens if one.kind != "han" and one.weight]
    pairs = [text[one.start : two.end] for one, two in pairwise(tokens) if one.kind == two.kind == "han" and one.weight]
    return words + pairs or [fold(text[one.start : one.end]) for one in tokens if one.weight]


def _runs(text: str, tokens: Sequence[_Token], held: str) -> Iterator[tuple[int, int]]:
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


def _nearness(read: FoldedText, part: str, stems: frozenset[str]) -> float:
    """Share (0..1) of the question's words around the best of the places where a part stands; -1 where it does not."""
    reach = _AROUND if part.isascii() else _AROUND_HAN
    best = -1.0
    for span in islice(read.find_all(part), _PLACES):
        around = read.text[max(0, span.start - reach) : span.end + reach]
        best = max(best, len(stems.intersection(stems_of(around))) / max(1, len(stems)))
    return best


def _all_of(tokens: Sequence[_Token]) -> float:
    return sum(token.weight for token in tokens)


def _is_told(text: str, tokens: Sequence[_Token], run: tuple[int, int], near: float, plain: str) -> bool:
    """Whether a run says enough of the sentence to be what it claims."""
    first, last = run
    inside = sum(token.weight for token in tokens[first : last + 1])
    at = text.find(plain)
    own = Span(at, at + len(plain)) if at >= 0 else Span(0, len(text))
    figures = [token for token in tokens if token.kind == "word" and token.weight > 1 and _within(token, own)]
    if any(token.start < tokens[first].start or token.end > tokens[last].end for token in figures):
        return False
    if near < _NEAR and inside < _ALMOST * _all_of(tokens):
        return False
    # Of a statement that a document says in part, the rest is claimed as well.
    enough = inside >= _SHARE * _all_of(tokens) and _all_of(tokens) - inside <= _AT_MOST
    return enough and _stands_apart(text, tokens, run, own)


def _stands_apart(text: str, tokens: Sequence[_Token], run: tuple[int, int], own: Span) -> bool:
    """Whether a claim may begin and end where a run does, small words at its ends set aside.

    Within what is claimed by its words (``own``) only a new clause, a quote, or a verb behind what was asked parts it.
    """
    says = [number for number in range(run[0], run[1] + 1) if tokens[number].says] or list(run)
    first, last = says[0], says[-1]
    while first > 0 and tokens[first - 1].kind == "talk" and not tokens[first - 1].turning:
        first -= 1
    while last + 1 < len(tokens) and tokens[last + 1].kind == "talk" and not tokens[last + 1].ending:
        last += 1
    asked = not any(token.weight for token in tokens[:first] if _within(token, own))
    begins = first == 0 or _parts(text, tokens[first - 1], own, asked=asked, turning=tokens[first - 1].turning)
    begins = begins or text[: tokens[first].start].endswith(_OPENING)
    if not begins or last + 1 == len(tokens) or text[tokens[last].end :].startswith(_CLOSING):
        return begins
    return _parts(text, tokens[last + 1], own, asked=False, turning=tokens[last + 1].ending)


def _parts(text: str, token: _Token, own: Span, *, asked: bool, turning: bool) -> bool:
    """Whether a token parts a claim from what stands beside it."""
    word = text[token.start : token.end].lower()
    if not _within(token, own) or token.kind == "clause" or word in _QUOTED:
        return turning
    return asked and (word in BEING or word == "是")


def _within(token: _Token, span: Span) -> bool:
    return span.start <= token.start and token.end <= span.end


def _between(text: str, tokens: Sequence[_Token], run: tuple[int, int], plain: str) -> str:
    """The run, less the talk at its ends, but for a sentence that stands in a document as a whole."""
    first, last = run
    part = _cleaned(text[tokens[first].start : tokens[last].end])
    whole = first == 0 and all(token.kind in ("clause", "mark") for token in tokens[last + 1 :])
    if whole or not any(token.says for token in tokens[first : last + 1]):
        return part
    span = _trimmed(len(text), tokens, tokens[first : last + 1])
    shorter = _cleaned(text[span.start : span.end])
    return shorter if shorter in plain or plain in part else part
