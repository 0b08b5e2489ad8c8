"""A follow-up as a question that can be understood, and searched for, without the conversation.

A served model rewrites it where there is one (``chain``); what it says is checked here. Otherwise a rule decides: a
question that points back (a pronoun, an opening like "and", very few words of its own) is followed by the words that
carry the earlier questions, as far as they are in its own script. English and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.lexical import words
from ragpress.prompts import Prompt
from serving.evidence.sentences import without_citations
from serving.evidence.terms import terms_of
from serving.prompting import earlier_turns, visible
from serving.types import Turn

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|there|such|same|one|ones|former"
    r"|latter|above|other|others|another|else|both|either)\b"
    r"|它|他|她|这|那|该|此|其(?!他|它|余|中|实)|上述|前者|后者|另外|同样|呢[？?]?\s*$",
    re.IGNORECASE,
)
_OPENS_AS_MORE = re.compile(
    r"\s*(?:and|but|or|so|also|then|what about|how about|what if|why not|why|how come|ok|okay|yes|no|really"
    r"|are you sure"
    r"|那么|那|还有|以及|另外|但是|但|为什么|怎么|然后|真的)\b"
    r"|\s*(?:那么|那|还有|以及|另外|但是|但|为什么|然后|真的)",
    re.IGNORECASE,
)
_SAYS = re.compile(r"[^\W_]")
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_PUNCTUATION = ".,;:!?\"'()[]{}“”‘’。，、；：！？（）《》「」"
_FEW_WORDS = 2
_ADDED_WORDS = 8
_QUESTIONS_BACK = 2
_LONGEST_EARLIER = 4000
# What is longer is no word that carries a question: a dump, an encoded file.
_LONGEST_WORD = 64
_LONGEST = 400


def is_follow_up(question: str, history: Sequence[Turn]) -> bool:
    """Whether a question needs the earlier ones to be understood."""
    if not any(turn.role == "user" for turn in history):
        return False
    if not _SAYS.search(question):
        return False
    few = len(set(terms_of(question).stems)) <= _FEW_WORDS
    return few or bool(_POINTS_BACK.search(question) or _OPENS_AS_MORE.match(question))


def standalone_by_rule(question: str, history: Sequence[Turn]) -> str:
    """The question, followed by the words that carry the earlier questions where it points back to them."""
    if not is_follow_up(question, history):
        return question
    held = set(terms_of(question).stems)
    chinese = bool(_CHINESE.search(question))
    added: list[str] = []
    asked = [turn.content for turn in history if turn.role == "user"]
    for earlier in (text[:_LONGEST_EARLIER] for text in reversed(asked[-_QUESTIONS_BACK:])):
        if chinese != bool(_CHINESE.search(earlier)):
            continue  # words of another language would only pull the search away
        for word in words(visible(without_citations(earlier))).split():
            stems = terms_of(word).stems
            if stems and len(word) <= _LONGEST_WORD and held.isdisjoint(stems) and len(added) < _ADDED_WORDS:
                held.update(stems)
                added.append(word.strip(_PUNCTUATION))
    return f"{question.strip()} ({' '.join(added)})" if added else question


def rewrite_messages(prompt: Prompt, question: str, history: Sequence[Turn]) -> tuple[Turn, ...]:
    """What a model is asked in order to get a standalone question."""
    lines = [f"{turn.role}: {' '.join(turn.content.split())}" for turn in earlier_turns(history)]
    values = {"history": "\n".join(lines), "question": visible(question)}
    return (Turn("user", prompt.render("rewrite", values).strip()),)


def checked_rewrite(text: str, question: str, history: Sequence[Turn]) -> str | None:
    """What a model wrote, if it is a question that could have come out of this conversation; else None.

    It must be one line of bounded length, with a word of the conversation, and say nothing that is not in it but a few
    words of grammar.
    """
    lines = [line.strip() for line in visible(text).strip().splitlines() if line.strip()]
    if len(lines) != 1 or not 1 < len(lines[0]) <= _LONGEST:
        return None
    rewritten = lines[0].strip("\"'“”「」 ")
    stems = set(terms_of(rewritten).stems)
    known = set(terms_of(" ".join([question, *(turn.content for turn in history)])).stems)
    own = stems & known
    if not own or len(own) < len(stems) / 2:
        return None
    return rewritten
