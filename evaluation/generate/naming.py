"""Whether the cells of a table name things, so that a question with them reads like one."""

from __future__ import annotations

import re

from evaluation.generate.english_words import BE, HAVE, MODALS, NO_SUBJECT_START, finite_forms

_VERBS = frozenset("gets takes means does makes says gives goes comes asks answers reads writes needs shows".split())  # noqa: SIM905
_ENDS_OPEN = frozenset("for in on at by of to from with under over than as when if until on".split())  # noqa: SIM905
_UNITS = frozenset("ms s seconds minutes hours mb gb kb bytes percent points".split())  # noqa: SIM905
_ADVERBS = frozenset({"again", "only", "also", "now", "later", "before", "after"})
# In front of a phrase, or alone as a header, they are orders or questions, no names.
_BARE = frozenset("do get use see ask run set make go take give put keep send open choose write read add".split())  # noqa: SIM905
_ARTICLES = frozenset({"a", "an", "the", "each", "every", "any", "all", "no"})
_PRONOUNS = frozenset({"it", "you", "they", "we", "he", "she", "who", "what", "which", "how", "why", "that"})
_WORD = re.compile(r"[A-Za-z][\w'’-]*")
_LONGEST_PHRASE = 4


def is_noun_header(column: str) -> bool:
    """Whether an English header of a column names an attribute: ``price``, ``warranty in months``; not ``gets``, ``the
    candidate is refused when``, ``good for``, ``200``.
    """
    words = _words(column)
    if not words or re.search(r"\d", column) or words[0] in _ARTICLES | _ENDS_OPEN | _UNITS:
        return False
    if words[-1] in _ENDS_OPEN | _ADVERBS or (len(words) == 1 and (words[0] in _BARE or words[0].endswith("ed"))):
        return False
    return not any(_is_verb(word) or word in _PRONOUNS for word in words)


def is_plural(column: str) -> bool:
    """Whether an English header names several things."""
    head = re.split(r",| (?:in|of|for|per|to|at|on) ", column.strip().lower(), maxsplit=1)[0]
    return re.search(r"(?<![sui])s$", head) is not None


def is_entity(key: str) -> bool:
    """Whether an English row's name names a thing: ``Lark Mini``, ``E22``, ``rear door``; not ``keeps a connection
    without a request`` or ``a number without a passage``.
    """
    words = _words(key)
    if not words:
        return False
    phrase = key[:1].islower() and len(words) > _LONGEST_PHRASE and not re.search(r"\d", key)
    opens = (
        (key[:1].islower() and len(words) > 1 and words[0] in _BARE)
        or words[0] in _ARTICLES
        or words[0] in NO_SUBJECT_START
        or words[-1] in _ENDS_OPEN
    )
    return not phrase and not opens and not any(_is_verb(word) or word in _PRONOUNS for word in words)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _is_verb(word: str) -> bool:
    known = finite_forms().get(word)
    return word in BE or word in MODALS or word in HAVE or word in _VERBS or (known is not None and known[1] == "does")
