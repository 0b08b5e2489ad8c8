"""The prompt of an answer: a stable beginning, earlier turns, then the passages between lines that nobody can foresee.

Passages are data (Hines et al., *Defending Against Indirect Prompt Injection Attacks With Spotlighting*,
arXiv:2403.14720): each stands between lines that carry a random mark, and nothing in it can look like such a line, like
a control token of a chat template, or like a citation of this prompt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ragpress.fingerprint import hexdigest
from ragpress.prompts import Prompt
from ragpress.storage.record_ids import new_record_id
from retrieval.context import Passage
from serving.evidence.sentences import parse_citations, without_citations
from serving.language import language_name
from serving.types import Turn

HISTORY_TOKENS = 800
"""The most tokens of earlier turns in a prompt, counted as a Chinese character or four others each."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff9-\uffff\U000e0000-\U000e01ef]"
)
# Control tokens of the chat templates of Llama, Qwen, Gemma, Mistral, Phi, DeepSeek and SmolLM.
_CONTROL_TOKEN = re.compile(
    r"<(?=[|｜])|<(?=<\s*/?SYS>>)"
    r"|<(?=/?(?:s|bos|eos|pad|unk|think|tool_call|tool_response|start_of_turn|end_of_turn|end_of_utterance)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\])",
    re.IGNORECASE,
)
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_LONGEST_TITLE = 200


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question on its way into a prompt.

    Attributes:
        text: the question.
        language: ISO code of the language to answer in.
        history: earlier turns, oldest first.
    """

    text: str
    language: str
    history: tuple[Turn, ...] = ()


def new_answer_id() -> str:
    """An id that nobody can guess, and that sorts by time: 32 hexadecimal characters."""
    return new_record_id()


def delimiter_of(answer_id: str) -> str:
    """The mark on the lines around passages. No document can know it; who knows the answer can replay it."""
    return hexdigest("delimiter", answer_id)[:16]


def build_messages(prompt: Prompt, passages: Sequence[Passage], asked: Asked, delimiter: str) -> tuple[Turn, ...]:
    """The whole prompt: system message, earlier turns, and the last message with the passages and the question.

    The system message is the same for every question, so that a served model's prefix cache keeps it.
    """
    rendered = "\n\n".join(_passage(prompt, passage, delimiter).strip() for passage in passages)
    last = prompt.render(
        "question",
        {
            "delimiter": delimiter,
            "passages": rendered,
            "question": visible(asked.text).replace(delimiter, ""),
            "language": language_name(asked.language),
        },
    )
    return (
        Turn("system", prompt.system.strip()),
        *earlier_turns(asked.history),
        Turn("user", last.strip()),
    )


def earlier_turns(history: Sequence[Turn], tokens: int = HISTORY_TOKENS) -> tuple[Turn, ...]:
    """The last exchanges that fit a budget, as user and assistant in turn, which is what chat templates accept.

    Citations are taken out: their numbers belong to other passages. Turns of other roles, and questions that were
    never answered, are left out.
    """
    kept: list[Turn] = []
    for question, answer in reversed(_exchanges(history)):
        tokens -= count_tokens(question) + count_tokens(answer)
        if tokens < 0:
            break
        kept = [Turn("user", question), Turn("assistant", answer), *kept]
    return tuple(kept)


def as_data(text: str, delimiter: str) -> str:
    """Text of a document as a prompt may hold it: no hidden characters, control tokens, delimiter or citation marks.

    Marks of the document's own (``[9]``) become ``(9)``, so that no model copies them as citations; code keeps them.
    """
    shown = visible(text)
    while delimiter in shown:
        shown = shown.replace(delimiter, "")
    return _without_marks(shown)


def visible(text: str) -> str:
    """A text without hidden characters, and with control tokens of chat templates broken."""
    return _CONTROL_TOKEN.sub(lambda match: "‹" if match.group() == "<" else "(", without_hidden(text))


def without_hidden(text: str) -> str:
    """A text without control, zero-width, bidirectional and tag characters."""
    return _HIDDEN.sub("", text)


def count_tokens(text: str) -> int:
    """About how many tokens a text has, without a tokenizer."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + 3) // 4


def _passage(prompt: Prompt, passage: Passage, delimiter: str) -> str:
    return prompt.render(
        "passage",
        {
            "delimiter": delimiter,
            "number": str(passage.index),
            "title": _one_line(passage.title or passage.source, delimiter),
            "heading": _one_line(" > ".join(passage.heading), delimiter),
            "text": as_data(passage.text, delimiter),
        },
    )


def _one_line(text: str, delimiter: str) -> str:
    return " ".join(as_data(text, delimiter).split())[:_LONGEST_TITLE]


def _without_marks(text: str) -> str:
    marks = parse_citations(text)
    if not marks:
        return text
    code = [(match.start(), match.end()) for match in _CODE.finditer(text)]
    pieces, last = [], 0
    for mark in marks:
        if any(start <= mark.start < end for start, end in code):
            continue
        inner = text[mark.start + 1 : mark.end - 1]
        pieces += [text[last : mark.start], f"({inner})"]
        last = mark.end
    return "".join(pieces) + text[last:]


def _exchanges(history: Sequence[Turn]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    asked = ""
    for turn in history:
        if turn.role == "user":
            asked = visible(turn.content).strip()
        elif turn.role == "assistant" and asked:
            found.append((asked, without_citations(visible(turn.content))))
            asked = ""
    return found
