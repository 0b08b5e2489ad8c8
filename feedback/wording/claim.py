"""What a sentence claims, by its words: "Checked with finance, it's 42 %" claims "42 %".

People put what is right into sentences of their own; :func:`core` takes it out by the words that such sentences are
made of. Where documents say it, :func:`feedback.wording.stated.stated` knows better. Pure functions of texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.cases.folding import Span
from feedback.wording.terms import AFTERTHOUGHT, BEING, DENYING, HAN_DENYING, SAYING
from feedback.wording.tokens import QUOTES, Token, clauses_of, is_small_talk, tokens_of
from serving.evidence.answer_kind import AnswerKind, answer_kind, holds_kind
from serving.evidence.sentences import without_citations

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
_ASIDE = re.compile(r"\s*[(（][^()（）]{1,40}[)）][\s.。!！?？]*$")
_STRIPPED = " \t\n\"'“”‘’`「」『』,，;；:：。.!！?？…"
LONGEST = 2000
"""Code points of a sentence that are read."""
OPENING, CLOSING = ("(", "（", "[", "【"), (")", "）", "]", "】")
"""Brackets that part a claim from what stands beside it."""
_LITTLE, _LITTLE_HAN = 1.0, 3.0
_HAN_STRONG = frozenset("是为成说写：")
_TALKY = 0.6
_LABELLING = frozenset(":：=")


def core(said: str, question: str = "") -> str:
    """What a sentence claims, by the words that frame claims in English and Chinese.

    Args:
        said: the user's sentence.
        question: what was asked; "" where it is not known.

    Returns:
        A part of the sentence; never "" unless the sentence is.
    """
    text = _without_aside(without_denial(without_citations(said).strip()[:LONGEST]))
    tokens = tokens_of(text, question)
    if not any(token.says for token in tokens):
        return _behind_the_last_turn(text, tokens)
    clauses = _not_denied(text, clauses_of(_behind_label(text, tokens)))
    kept = _of_kind(text, clauses, question) or _less_talk(clauses)
    span = trimmed(len(text), tokens, _behind_small_talk(text, [token for clause in kept for token in clause]))
    return cleaned(text[span.start : span.end]) or text


def without_denial(text: str) -> str:
    """Without what the sentence says is not right."""
    denied = _NOT_BUT.search(text)
    if denied is not None and any(map(str.isalnum, text[denied.end() :])):
        text = text[denied.end() :]
    for found in _NOT_THIS.finditer(text):
        rest = text[: found.start()] + text[found.end() :]
        if any(token.says for token in tokens_of(rest, "")):
            return rest
    return text


def _without_aside(text: str) -> str:
    """Without small talk in brackets at the end: "5 (see the handbook)", "5（见手册）"."""
    aside = _ASIDE.search(text)
    if aside is None or not any(map(str.isalnum, text[: aside.start()])):
        return text
    tokens = tokens_of(aside[0], "")
    talk = any(token.kind == "talk" for token in tokens)
    return text[: aside.start()] if talk and is_small_talk(aside[0], tokens) else text


def _behind_label(text: str, tokens: Sequence[Token]) -> Sequence[Token]:
    """Tokens behind a label: "Reality: 5", "[勘误] 正确表述：5"."""
    for number, token in enumerate(tokens):
        if token.kind == "clause":
            label = text[token.start : token.end] in _LABELLING and is_small_talk(text, tokens[:number])
            return tokens[number + 1 :] if label and any(one.says for one in tokens[number + 1 :]) else tokens
    return tokens


def _not_denied(text: str, clauses: list[list[Token]]) -> list[list[Token]]:
    """Clauses without those that end with saying that it is wrong ("1894 is wrong"), where others are left."""
    kept = [clause for clause in clauses if not _denies(text, clause)]
    return kept or clauses


def _denies(text: str, clause: Sequence[Token]) -> bool:
    behind = clause[max(number for number, token in enumerate(clause) if token.says) + 1 :]
    words = [text[token.start : token.end].lower() for token in behind]
    return any(word in DENYING or HAN_DENYING.fullmatch(word) is not None for word in words)


def _of_kind(text: str, clauses: list[list[Token]], question: str) -> list[list[Token]]:
    """The only clause that holds what is asked for: a date, a number; none where several do, or that is not told."""
    kind = answer_kind(question) if question else None
    if kind not in (AnswerKind.DATE, AnswerKind.NUMBER) or len(clauses) < 2:
        return []
    held = [clause for clause in clauses if holds_kind(kind, text[clause[0].start : clause[-1].end], question)]
    return held if len(held) == 1 else []


def _less_talk(clauses: list[list[Token]]) -> list[list[Token]]:
    """Clauses without those at either end that are mostly talk, where others are not."""
    talky = [_talk_share(clause) >= _TALKY for clause in clauses]
    if all(talky):
        return clauses
    first = talky.index(False)
    last = len(talky) - talky[::-1].index(False)
    return clauses[first:last]


def _talk_share(clause: Sequence[Token]) -> float:
    letters = sum(token.end - token.start for token in clause if token.kind != "mark")
    talk = sum(token.end - token.start for token in clause if token.kind == "talk")
    return talk / max(1, letters)


def _behind_small_talk(text: str, kept: list[Token]) -> list[Token]:
    """Tokens without a few words before "is" or "says" that name nothing: "the march memo says 5", "上个月定的是5"."""
    best = 0
    for number, token in enumerate(kept):
        if text[token.start : token.end] in QUOTES:
            break
        before, behind = kept[:number], kept[number + 1 :]
        strong = token.turning and token.kind in ("talk", "short") and _is_strong(text, token, before)
        if strong and _little(text, before) and any(one.says for one in behind):
            best = number + 1
    return _before_small_talk(text, kept[best:])


def _before_small_talk(text: str, kept: list[Token]) -> list[Token]:
    """Tokens without a few words behind "as" or "per": "5 as of this year", "5 since the reorg"."""
    for number, token in enumerate(kept):
        word, behind = text[token.start : token.end].lower(), kept[number + 1 :]
        if word in AFTERTHOUGHT and any(one.says for one in kept[:number]) and _little(text, behind):
            return kept[:number]
    return kept


def _little(text: str, left: Sequence[Token]) -> bool:
    """Whether tokens are small talk, and hardly a word of them was not asked."""
    han = any(one.kind == "han" for one in left)
    return is_small_talk(text, left) and sum(one.weight for one in left) <= (_LITTLE_HAN if han else _LITTLE)


def _is_strong(text: str, token: Token, before: Sequence[Token]) -> bool:
    """Whether a word hardly stands within what is claimed but to say it of what was asked."""
    word = text[token.start : token.end].lower()
    if word in SAYING or word in BEING or word.startswith(("'", "’")):
        return True
    # "为" and the like are parts of many words.
    return word[-1] in _HAN_STRONG and (len(word) > 1 or word == "是" or (bool(before) and not before[-1].says))


def trimmed(length: int, tokens: Sequence[Token], kept: Sequence[Token]) -> Span:
    """The kept tokens without talk before the first word that says something and behind the last one."""
    says = [number for number, token in enumerate(kept) if token.says]
    before = [number for number in range(says[0]) if kept[number].turning]
    behind = [number for number in range(says[-1] + 1, len(kept)) if kept[number].ending]
    first = kept[before[-1] + 1 if before else 0]
    last = kept[behind[0] - 1 if behind else len(kept) - 1]
    # Signs that are no token ("$", "(") belong to the words they touch.
    start = max((token.end for token in tokens if token.end <= first.start), default=0)
    return Span(start, min((token.start for token in tokens if token.start >= last.end), default=length))


def _behind_the_last_turn(text: str, tokens: Sequence[Token]) -> str:
    """Where every word is one of those that frame claims ("No, it's right"): the last of them."""
    for token in reversed(tokens):
        rest = cleaned(text[token.end :]) if token.turning else ""
        if rest:
            return rest
    return cleaned(text) or text


def cleaned(text: str) -> str:
    """A text without marks and brackets around it; "" where it says nothing."""
    if not any(map(str.isalnum, text)):
        return ""
    text = text.strip(_STRIPPED)
    wrapped = text[0] in OPENING and text[-1] in CLOSING and not any(sign in text[1:] for sign in OPENING)
    return text[1:-1].strip(_STRIPPED) if wrapped else text
