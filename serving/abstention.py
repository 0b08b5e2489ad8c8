"""Sentences by which a model says that the documents do not answer, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ragpress.prompts import Prompt
from serving.evidence.texts import plain

_WHERE = (
    r"(?:(?:provided|given|available|supplied|above|retrieved|these|the|any of the) )*"
    r"(?:passages?|documents?|context|sources?|texts?|excerpts?|information|materials?|content|references?)"
)
_ENGLISH = (
    r"\bI (?:do not|don[’']t) (?:know|have (?:\w+ ){0,3}(?:information|details?|data|answer|context|access))",
    r"\b(?:I|we)(?:[’']m| am| are| was| were)? ?(?:not able|unable|could not|couldn[’']t|cannot"
    r"|can[’']t|did not|didn[’']t)"
    r"(?: to)? (?:be )?(?:find|found|answer|determine|locate|provide|tell|say|see)",
    rf"{_WHERE}(?: \w+){{0,6}} (?:do(?:es)? not|don[’']t|doesn[’']t|did not|didn[’']t|cannot|contains? no|provides? no"
    r"|has no|have no|gives? no|includes? no|mentions? no|is not|are not|isn[’']t|aren[’']t)"
    r"(?: \w+){0,4}? ?(?:answer|contain|mention|provide|specif|state|include|say|address|discuss|have|give|cover|tell"
    r"|information|details?|enough|sufficient|describe|indicate|explain)",
    r"\bthere (?:is|are) (?:no|not (?:any|enough|sufficient)) (?:\w+ ){0,3}(?:information|mention|answer|details?)",
    r"\bno (?:\w+ ){0,3}(?:information|answer|details?|passage|mention)(?: \w+){0,8}? (?:is|are|was|were|could be"
    r"|can be)? ?"
    r"(?:found|provided|given|available|mentioned|stated|contained)",
    rf"\b(?:not|n[’']t) (?:\w+ )?(?:mentioned|specified|stated|provided|answered|available|found|covered|addressed"
    rf"|discussed|given|included|contained|described)(?: \w+){{0,3}} (?:in|by|from|within) {_WHERE}",
    r"\b(?:cannot|can[’']t|could not|couldn[’']t) be (?:answered|determined|found)",
    r"\bnot enough (?:information|context)",
)
_CHINESE = (
    r"(?:文档|资料|段落|上下文|文中|材料|内容|信息|参考|文本|片段|来源)[^。！？]{0,24}"
    r"(?:没有|未|并未|无法|不能|不足|找不到|没)[^。！？]{0,24}(?:找到|提及|提到|提供|说明|回答|确定|包含|涉及|信息|答案|内容|给出|以|说)",
    r"(?:没有|未能|未|无法|不能|找不到|没能)(?:在|从|根据)[^。！？]{0,24}(?:文档|资料|段落|上下文|文中|材料|内容|信息)[^。！？]{0,16}"
    r"(?:找到|提及|提到|得知|得出|回答|确定|答案|信息|内容)?",
    r"(?:无法|不能|没法)(?:\w{0,6})(?:回答|确定|得知|判断)",
    r"(?:没有|未)(?:\w{0,4})(?:相关|足够|任何)(?:\w{0,4})(?:信息|内容|资料|答案)",
    r"(?:我|目前)(?:并)?(?:不知道|不清楚)",
)
_ABSTAINS = re.compile("|".join((*_ENGLISH, *_CHINESE)), re.IGNORECASE)


def says_no_answer(sentence: str, prompt: Prompt) -> bool:
    """Whether a sentence says that the documents do not answer.

    Args:
        sentence: of an answer, with or without citation marks.
        prompt: its own texts of abstention count too.
    """
    body = plain(sentence)
    own = {text.strip() for text in prompt.abstain.values()}
    return body in own or _ABSTAINS.search(body) is not None


def is_abstention(sentences: Iterable[tuple[str, bool]], prompt: Prompt) -> bool:
    """Whether an answer as a whole abstains: nothing in it claims anything but that.

    Args:
        sentences: of the answer, and whether each claims anything.
        prompt: the prompt version.
    """
    told = [(says_no_answer(sentence, prompt), claims) for sentence, claims in sentences]
    return any(abstains for abstains, _ in told) and all(abstains or not claims for abstains, claims in told)
