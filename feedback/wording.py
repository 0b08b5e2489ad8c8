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
from feedback.wording_terms import (
    AFTERTHOUGHT,
    BEING,
    DENYING,
    ENDING,
    HAN_DENYING,
    HAN_ENDING,
    HAN_TALK,
    HAN_TURNING,
    SAYING,
    TALK,
    TURNING,
)
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
# Before the beginning of a sentence: nothing, a new line with its mark, the end of another one.
_BEGINS = re.compile(r"^$|(?:^|[\n。！？]|[.!?]\s|[.!?][\"”’)]\s)[\s#>*+-]*$")
_STRIPPED = " \t\n\"'“”‘’`「」『』,，;；:：。.!！?？…"
_LONGEST = 2000
_AROUND, _AROUND_HAN = 240, 90
_ALMOST, _SHARE = 0.9, 0.25
# So many words that say something may stand around a claim that a document says.
_AT_MOST = 5.0
_NEAR, _BOUND, _SURELY = 0.25, 0.45, 0.6
# From so many ideographs on a run is no part of a longer word by chance.
_HAN_NAME = 2
# So many words may be left out behind "is", "says" or "per": fewer where each is an ideograph.
_FEW, _FEW_HAN = 4, 6
_LITTLE, _LITTLE_HAN = 1.0, 3.0
_HAN_STRONG = frozenset("是为成说写：")
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
    span = _trimmed(len(text), tokens, _behind_small_talk(text, [token for clause in kept for token in clause]))
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
    read = list(texts)
    whole = without_citations(said).strip()[:_LONGEST]
    text = _without_denial(whole)
    if text != whole:
        # What looks like a denial may be a part of what a document says.
        found = _told(whole, _cleaned(whole), question, wrong, read, least=_ALMOST)
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
    tokens = _tokens(text, question)
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


def _behind_small_talk(text: str, kept: list[_Token]) -> list[_Token]:
    """Tokens without a few words before "is" or "says" that name nothing: "the march memo says 5", "上个月定的是5"."""
    best = 0
    for number, token in enumerate(kept):
        if text[token.start : token.end] in _QUOTED:
            break
        before, behind = kept[:number], kept[number + 1 :]
        strong = token.turning and token.kind in ("talk", "short") and _is_strong(text, token, before)
        if strong and _little(text, before) and any(one.says for one in behind):
            best = number + 1
    return _before_small_talk(text, kept[best:])


def _before_small_talk(text: str, kept: list[_Token]) -> list[_Token]:
    """Tokens without a few words behind "as" or "per": "5 as of this year", "5 since the reorg"."""
    for number, token in enumerate(kept):
        word, behind = text[token.start : token.end].lower(), kept[number + 1 :]
        if word in AFTERTHOUGHT and any(one.says for one in kept[:number]) and _little(text, behind):
            return kept[:number]
    return kept


def _little(text: str, left: Sequence[_Token]) -> bool:
    """Whether tokens are small talk, and hardly a word of them was not asked."""
    han = any(one.kind == "han" for one in left)
    return _small(text, left) and sum(one.weight for one in left) <= (_LITTLE_HAN if han else _LITTLE)


def _is_strong(text: str, token: _Token, before: Sequence[_Token]) -> bool:
    """Whether a word hardly stands within what is claimed but to say it of what was asked."""
    word = text[token.start : token.end].lower()
    if word in SAYING or word in BEING or word.startswith(("'", "’")):
        return True
    # "为" and the like are parts of many words.
    return word[-1] in _HAN_STRONG and (len(word) > 1 or word == "是" or (bool(before) and not before[-1].says))


def _small(text: str, left: Sequence[_Token]) -> bool:
    """Whether tokens are small talk: a few words without a name or a figure."""
    says = [one for one in left if one.says]
    # A sentence begins with a capital whatever it says.
    plain = not any(map(_telling, "".join(text[max(1, one.start) : one.end] for one in says)))
    return plain and len(says) <= (_FEW_HAN if any(one.kind == "han" for one in says) else _FEW)


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


def _all_of(tokens: Sequence[_Token]) -> float:
    return sum(token.weight for token in tokens)


def _is_told(text: str, tokens: Sequence[_Token], run: tuple[int, int], near: float, plain: str) -> bool:
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


def _says_in(tokens: Sequence[_Token], run: tuple[int, int]) -> tuple[int, int]:
    """A run without the small words at its ends."""
    says = [number for number in range(run[0], run[1] + 1) if tokens[number].says] or list(run)
    return says[0], says[-1]


def _stands_apart(text: str, tokens: Sequence[_Token], run: tuple[int, int], *, sure: bool) -> bool:
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
        latin = tokens[first].kind == "word" and within > 0 and len(beside) == 1 and _small(text, beside)
        return (han or latin) and all(one.weight for one in beside)
    if text[: tokens[first].start].endswith(_OPENING):
        beside = [one for one in beside if one not in before]
    if text[tokens[last].end :].startswith(_CLOSING):
        beside = [one for one in beside if one not in behind]
    return not beside


def _is_sign(token: _Token) -> bool:
    return token.kind == "talk" and token.end - token.start == 1


def _rest_is_talk(text: str, tokens: Sequence[_Token], first: int, last: int) -> bool:
    """Whether what is left out frames a claim: little in the same clause, and no further items of a list."""
    begin, end = first, last
    while begin > 0 and not _closes(text, tokens[begin - 1]):
        begin -= 1
    while end + 1 < len(tokens) and not _closes(text, tokens[end + 1]):
        end += 1
    beside = [token for token in (*tokens[begin:first], *tokens[last + 1 : end + 1]) if token.weight]
    told = sum(token.weight for token in tokens[first : last + 1])
    if not _small(text, beside) or sum(token.weight for token in beside) > told:
        return False
    others = _clauses([*tokens[:begin], *tokens[end + 1 :]])
    return all(any(one.kind in ("talk", "short") for one in clause) or len(clause) > _FEW for clause in others)


def _closes(text: str, token: _Token) -> bool:
    return token.kind == "clause" or text[token.start : token.end] in _QUOTED


def _telling(sign: str) -> bool:
    return sign.isdigit() or sign.isupper()


def _within(token: _Token, span: Span) -> bool:
    return span.start <= token.start and token.end <= span.end


def _between(text: str, tokens: Sequence[_Token], run: tuple[int, int], plain: str, *, sentence: bool) -> str:
    """The run, less the talk at its ends, but for a sentence that stands in a document as a whole."""
    first, last = run
    part = _cleaned(text[tokens[first].start : tokens[last].end])
    whole = sentence or (first == 0 and all(token.kind in ("clause", "mark") for token in tokens[last + 1 :]))
    if whole or not any(token.says for token in tokens[first : last + 1]):
        return part
    span = _trimmed(len(text), tokens, tokens[first : last + 1])
    shorter = _cleaned(text[span.start : span.end])
    return shorter if shorter in plain or plain in part else part
