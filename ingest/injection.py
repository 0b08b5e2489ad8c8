"""Finds text that speaks to a language model instead of to a reader, in English and Chinese.

Documents about prompt injection are found as well: the audit marks, a person decides. What the
phrases cover follows the attacks of Perez and Ribeiro (Ignore Previous Prompt, 2022), Greshake et
al. (indirect prompt injection, 2023) and Rehberger (image exfiltration, tag characters, 2023–24).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.characters import hidden_message
from ragpress.types import Removal

_GAP = r"\W{1,4}(?:\w{1,20}\W{1,4}){0,%d}?"
_MODEL = r"(?:ai|a\.i\.|llm|large language model|language model|chat ?bot|gpt(?:-\d)?|chatgpt|claude|copilot|gemini)"
_HAN = re.compile(r"[\u4e00-\u9fff]")
# No phrase is longer than this before or after its hint.
_REACH = 300
# Fewer zero-width characters than this come from copy and paste.
_MANY_INVISIBLE = 20


class _Phrase(NamedTuple):
    """A kind of phrase.

    Attributes:
        name: what a person reads.
        hints: the pattern cannot match where none of these stands: looking for them is fast.
        pattern: matched against the text in lower case.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


def _phrase(name: str, hints: str, pattern: str) -> _Phrase:
    return _Phrase(name, tuple(hints.split("\t" if "\t" in hints else "|")), re.compile(pattern))


_PHRASES = (
    _phrase(
        "override of instructions",
        "ignor|disregard|forget|overrid|bypass",
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass)"
        + _GAP % 2
        + r"(?:previous|prior|above|earlier|preceding|existing|everything|(?:all|any)(?: of)?(?: the| your)|all|your"
        + r"|system)"
        + _GAP % 3
        + r"(?:instructions?|prompts?|guidelines|directions|directives|commands|system message|programming)\b",
    ),
    _phrase(
        "change of role",
        "you are now|you're now|no longer|act as|pretend |role-play",
        r"\byou(?: are|'re) (?:now|no longer) (?:an? |in |the |my )?(?:\w{1,20} ){0,3}?"
        + rf"(?:{_MODEL}|assistant|bot|model|mode|hacker|expert|dan|persona|character|evil|free|unrestricted|jailbroken"
        + r")\b|\b(?:act as|pretend (?:to be|that you are|you are)|role-?play as) (?:an? |the )?(?:\w{1,20} ){0,2}?"
        + rf"(?:{_MODEL}|dan|unrestricted|jailbroken|unfiltered|hacker)\b",
    ),
    _phrase(
        "request for the system prompt",
        "system prompt|your prompt|system message|instructions",
        r"\b(?:reveal|print|show|repeat|output|leak|display|expose|disclose|tell me|write out)"
        + _GAP % 3
        + r"(?:(?:system|initial|original|hidden|secret) (?:prompt|instructions|message)"
        + r"|your (?:prompt|instructions))\b",
    ),
    _phrase(
        "new instructions",
        "instruction|directive",
        r"(?:^|\n|[.!?*#\]] {0,2})[*#_ ]{0,4}(?:new|updated|secret|hidden|real|actual|system|important)"
        r"(?: system| new| important)? (?:instructions?|directives?)"
        r"(?: (?:to|for) (?:the )?\w{1,20})?[*_]{0,2}\s?[:：]",
    ),
    _phrase(
        "address to a language model",
        " ai|llm|language model|chatbot|gpt|claude|copilot|gemini",
        r"\b(?:attention|note|notice|message|instructions?|hey|hello|dear|reminder)[,:]? "
        r"(?:to |for )?(?:all |any |the )?"
        + rf"{_MODEL}(?: models?| assistants?| agents?| systems?| bots?| readers?)?s?[,:!]"
        + rf"|\bif you(?: are|'re) (?:an? |the )?(?:\w{{1,20}} )?(?:{_MODEL}|ai assistant|automated (?:system|agent))\b"
        + rf"|\bas an? {_MODEL},? you (?:must|should|will|need|have)\b",
    ),
    _phrase(
        "secrecy towards the user",
        "tell|inform|mention|reveal|alert|notif",
        r"\b(?:do not|don't|never|without)"
        + _GAP % 1
        + r"(?:tell|telling|inform|informing|mention|mentioning|reveal|revealing|alert|alerting|notify|notifying)"
        + r"(?: this| it| that| anything)?(?: to)? (?:the )?(?:user|users|anyone)\b"
        + r"(?! (?:id|name|agent|model|table|input)s?\b)",
    ),
    _phrase(
        "chat template tokens",
        "im_start\t[inst]\t<<sys>>\tuser|>\tassistant|>\tsystem|>",
        r"<\|(?:im_start|im_end|system|user|assistant)\|>|\[inst\]|<<sys>>",
    ),
    _phrase(
        "prescribed answer",
        " asked| asks|asking|please output",
        r"\b(?:when|whenever|if) (?:you are|you're|a user|the user|anyone|someone|the question|users?) (?:is |are )?"
        r"(?:asked|asks?|asking)\b[^.\n]{0,160}?\b(?:you must|always|please output|please answer|only|instead)\b"
        r"[^.\n]{0,20}?\b(?:say|answer|respond|reply|output|recommend|state)\b"
        r"|\bwhen you are asked to (?:provide|give)[^.\n]{0,60}answer\b|\bplease output[:：]? ",
    ),
    _phrase(
        "steering of the reply",
        "your reply|your answer|your response",
        r"\b(?:add|include|insert|append|integrate|embed|incorporate|introduce|replace|rearrange|remove|anagram)\b"
        r"(?:[^.\n]|\.(?! )){0,200}?\b(?:in|to|into|of|from|within) your (?:answer|reply|response)\b"
        r"(?! (?:headers?|body|model|class))"
        r"|\b(?:modify|provide|encode|write|give|scramble|reverse) "
        r"your (?:answer|reply|response) (?:to|with|without|using|in)\b"
        r"|\bin your (?:answer|reply|response), "
        r"(?:add|include|mention|suggest|recommend|say|use|encourage|write)\b",
    ),
    _phrase(
        "code to be worked in",
        "following code|subsequent code",
        r"\b(?:following|subsequent) code (?:snippet|excerpt|block|section|fragment|segment)[^.\n:]{0,60} "
        r"(?:in|into|within|of|to) (?:the \w{1,20} of )?your "
        r"(?:code|codebase|solution|response|implementation|algorithm)\b",
    ),
    _phrase(
        "jailbreak",
        "jailbr|dan |do anything now|developer mode",
        r"\bdo anything now\b|\bdan mode\b|\bjailbr(?:eak|oken) (?:mode|prompt)"
        r"|\bdeveloper mode (?:is )?(?:now )?(?:enabled|on)\b",
    ),
    _phrase(
        "image that carries data out",
        "![",
        r"!\[[^\]\n]{0,200}\]\(https?://[^)\s?]{1,200}\?[^)\s]{0,200}=(?:\{|\[|<|%7b|%5b|\$)",
    ),
    _phrase(
        "end of the data announced",
        "end of |</context|</document|</data|</retrieved|</system",
        r"\bend of (?:the )?(?:document|context|data|user input|system prompt|retrieved \w{1,20})\b[^\n]{0,5}"
        r"(?:\n[^\n]{0,5}){0,3}(?:system|new|now|assistant|user|instruction)|</(?:context|documents?|system|data|retrieved)>\s{0,4}(?:system|new|now|user|ignore)",
    ),
    _phrase(
        "override of instructions (Chinese)",
        "忽略|无视|忘记|忘掉|不要理会|抛开|覆盖|忽視|無視|忘記",
        r"(?:忽略|无视|忘记|忘掉|不要理会|抛开|覆盖|忽視|無視|忘記)[^。！？\n]{0,6}"
        r"(?:之前|以前|先前|上述|上面|以上|前面|此前|所有|一切|全部|你的|系统|系統|任何)[^。！？\n]{0,8}"
        r"(?:指令|提示词|提示詞|系统提示|系統提示|规则|規則|命令|指示|设定|設定|限制|约束|prompt)",
    ),
    _phrase(
        "change of role (Chinese)",
        "你现在|你現在|你从现在|你從現在|你不再|从现在|扮演|假装你",
        r"你(?:现在|現在|从现在起|從現在起|不再)(?:是|成为|成為|扮演)[^。\n]{0,12}(?:ai|助手|模型|机器人|機器人|黑客|模式|专家|角色)"
        r"|从现在(?:开始|起)[，,]?\s?你(?:是|将|要|必须|只能|不)|(?:请|假装)扮演一?[个名位][^。\n]{0,10}(?:ai|黑客|无限制|助手)|假装你是",
    ),
    _phrase(
        "request for the system prompt (Chinese)",
        "提示|指令",
        r"(?:输出|透露|泄露|泄漏|显示|打印|告诉我|重复|公开|说出)[^。\n]{0,8}(?:系统提示|提示词|初始指令|隐藏指令|系统指令|你的指令)",
    ),
    _phrase(
        "address to a language model (Chinese)",
        "人工智能|模型|机器人|若你是|果你是|致所有|为ai|为一个ai|致ai|请ai|有ai|文的ai",
        r"(?:如果|若|假如)你是(?:一个|一名|一款)?(?:ai|人工智能|大模型|大语言模型|语言模型|聊天机器人)"
        r"|(?:致|请)(?:所有|各位|任何)?(?:阅读本文的)?(?:ai|人工智能|大模型|大语言模型|语言模型)(?:助手|模型|系统)?[:：，,]"
        r"|作为(?:一个)?(?:ai|人工智能|语言模型|大模型)(?:助手|模型)?[，,]?你(?:必须|应当|应该|需要|只能)",
    ),
    _phrase(
        "secrecy towards the user (Chinese)",
        "用户|使用者",
        r"(?:不要|不得|不能|切勿|别)(?:告诉|透露|告知|通知|提醒)[^。\n]{0,6}(?:用户|使用者)|不要(?:让|向)用户(?:知道|透露|提及)",
    ),
    _phrase("new instructions (Chinese)", "指令", r"(?:新的?|隐藏的?|真正的|最新的?|更新的?|系统)指令(?:如下)?[:：]"),
    _phrase(
        "prescribed answer (Chinese)",
        "问到|询问|提问",
        r"(?:当|如果|若|只要)(?:你被|用户|有人|被)[^。\n]{0,6}(?:问到|询问|提问)[^。\n]{0,40}(?:必须|一律|只|都要|请)(?:回答|回复|输出|推荐)",
    ),
    _phrase("jailbreak (Chinese)", "越狱|开发者模式", r"越狱模式|(?:进入|开启|启用)(?:越狱|开发者模式)"),
)
_ENGLISH = tuple(phrase for phrase in _PHRASES if phrase.hints[0].isascii())


def injection_phrases(text: str) -> list[str]:
    """Names of the kinds of phrases in a text that are addressed to a language model."""
    lowered = text.lower()
    phrases = _ENGLISH if lowered.isascii() or not _HAN.search(lowered) else _PHRASES
    present = _hints_present(lowered)
    found = []
    for phrase in phrases:
        hints = [hint for hint in phrase.hints if hint in present]
        if hints and _stands_in(phrase.pattern, hints, lowered):
            found.append(phrase.name)
    return found


class _HintTable(NamedTuple):
    """All hints, those of fewer than three bytes first, with the runs of three bytes of the others.

    Attributes:
        hints: in UTF-8.
        short: how many have fewer than three bytes.
        runs: hashes of the runs of all longer hints, one hint after another.
        starts: where the runs of each longer hint start.
    """

    hints: list[bytes]
    short: int
    runs: npt.NDArray[np.uint16]
    starts: npt.NDArray[np.int64]


def _hints_present(lowered: str) -> set[str]:
    """The hints of all phrases that stand in a text.

    A hundred searches through a text cost more than everything else here, so a table of the text's runs
    of three bytes is asked first: a hint with a run that the text lacks need not be looked for.
    """
    body = lowered.encode("utf-8", "surrogatepass")
    table = _hint_table()
    seen = np.zeros(1 << 16, np.bool_)
    seen[_runs(body)] = True
    possible = np.flatnonzero(np.logical_and.reduceat(seen[table.runs], table.starts)) + table.short
    candidates = table.hints[: table.short] + [table.hints[number] for number in possible.tolist()]
    return {hint.decode() for hint in candidates if hint in body}


@cache
def _hint_table() -> _HintTable:
    hints = sorted({hint.encode() for phrase in _PHRASES for hint in phrase.hints}, key=lambda hint: (len(hint), hint))
    short = sum(len(hint) < 3 for hint in hints)
    runs = [_runs(hint) for hint in hints[short:]]
    starts = np.cumsum([0, *map(len, runs[:-1])])
    return _HintTable(hints, short, np.concatenate(runs), starts)


def _runs(body: bytes) -> npt.NDArray[np.uint16]:
    """A hash of each run of three bytes; sums that overflow are meant."""
    data = np.frombuffer(body, np.uint8).astype(np.uint16)
    hashes: npt.NDArray[np.uint16] = data[:-2] * np.uint16(961) + data[1:-1] * np.uint16(31) + data[2:]
    return hashes


def _stands_in(pattern: re.Pattern[str], hints: list[str], lowered: str) -> bool:
    """Whether a phrase occurs; its pattern runs only near its hints, each stretch of text once."""
    for hint in hints:
        at = lowered.find(hint)
        while at >= 0:
            end = at
            start = max(0, at - _REACH)
            while 0 <= at <= end + _REACH:
                end = at + len(hint)
                at = lowered.find(hint, end)
            if pattern.search(lowered, start, end + _REACH):
                return True
    return False


def hidden_text(parsed_text: str, removed: Iterable[Removal]) -> list[str]:
    """Names of the tricks by which text was hidden from a reader.

    Args:
        parsed_text: the text before cleaning.
        removed: what cleaning took out of it.
    """
    counts: dict[str, int] = {}
    for removal in removed:
        counts[removal.rule] = counts.get(removal.rule, 0) + removal.count
    found = []
    if counts.get("tag_characters"):
        message = hidden_message(parsed_text)[:80]
        found.append(f"invisible tag characters that spell {message!r}")
    if counts.get("zero_width", 0) >= _MANY_INVISIBLE:
        found.append(f"{counts['zero_width']} zero-width characters")
    if counts.get("variation_selectors", 0) >= _MANY_INVISIBLE:
        found.append(f"{counts['variation_selectors']} stray variation selectors")
    return found
