"""Which problem an answer belongs to: the same question of callers who may read the same, after the same turns.

The id is reckoned from the words alone, without any model or index, so that whoever takes feedback in can tell it at
once, and so that it never changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ragpress.fingerprint import hexdigest
from serving.journal.records import AnswerRecord
from serving.types import Turn

_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘`´"))
# Punctuation says nothing, but for what belongs to a number (1.5, -5, 20%), a name (C#, R&D) or an address.
_KEPT = frozenset("%#&@$€£¥+<>=±°")
_NUMBER = re.compile(r"(?<![^\W_])-(?=\d)|(?<=\d)[.,:/](?=\d)")
_SPACES = re.compile(rf"\s+|(?<=[{_HAN}])(?=[^\s{_HAN}])|(?<=[^\s{_HAN}])(?=[{_HAN}])")
_JOINED = re.compile(rf"(?<=[{_HAN}]) (?=[{_HAN}])")
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|dear (?:team|all)|good (?:morning|afternoon|evening)|excuse me|please|pls"
    r"|(?:can|could|would|will) you (?:please |kindly )?(?:tell|show|explain to|inform) (?:me|us)"
    r"|(?:please |pls )?(?:tell|show) (?:me|us)|i (?:want|would like|need|d like) to know|do you know|may i ask)\s+"
    r"|(?:你好|您好|请问(?:一下)?|問一下|问一下|麻烦(?:问一下|问下|告诉我|您|你)?|请告诉我|告诉我|我想(?:知道|问一下|问)"
    r"|想问一下|想知道|请教(?:一下)?|能不能告诉我|请|你们?知道|那么?)\s*)"
)
_ENDING = re.compile(
    r"(?:\s+(?:please|pls|thanks|thank you|thx|asap)|\s*(?:谢谢(?:你|您|了|啦)?|多谢|[吗嗎呢吧啊呀嘛啦哦哈]))$"
)
_FREE = frozenset({"a", "an", "the", "do", "does", "did", "is", "are", "am", "please", "的"})
_MOST_CUT = 4
_LONGEST = 4000


@lru_cache(maxsize=1 << 14)
def fold_question(text: str) -> str:
    """A question as it is compared: width, case, punctuation, politeness, articles and final particles do not count.

    Numbers, names, negations and the order of the words stay as they are.
    """
    wide = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold().translate(_APOSTROPHES)
    held = _NUMBER.sub(lambda match: f"\x00{ord(match.group()):x}\x01", wide)
    bare = "".join(character if _counts(character) else " " for character in held)
    bare = re.sub("\x00([0-9a-f]+)\x01", lambda match: chr(int(match[1], 16)), bare)
    line = _SPACES.sub(" ", bare).strip()
    for _ in range(_MOST_CUT):
        shorter = _ENDING.sub("", _OPENING.sub("", line)).strip()
        if not shorter or shorter == line:
            break
        line = shorter
    kept = [word for word in line.split(" ") if word not in _FREE]
    return _JOINED.sub("", " ".join(kept or line.split(" ")))


def problem_id(collection: str, question: str, groups: Sequence[str] | None, history: Sequence[Turn] = ()) -> str:
    """Id of a problem, and of the case that it becomes.

    Args:
        collection: the collection that was asked.
        question: as typed.
        groups: groups of the caller, in any order; None for an operator.
        history: earlier turns.
    """
    turns = [[turn.role, fold_question(turn.content)] for turn in history]
    readers = None if groups is None else sorted(set(groups))
    return "feedback-" + hexdigest("problem", collection, fold_question(question), readers, turns)[:12]


def problem_of(answer: AnswerRecord) -> str | None:
    """Id of the problem that an answer belongs to; None where its question is not in the journal."""
    if not answer.question.strip():
        return None
    return problem_id(answer.collection, answer.question, answer.groups, answer.history)


def _counts(character: str) -> bool:
    return character in _KEPT or character in "\x00\x01" or unicodedata.category(character)[0] in "LNM"
