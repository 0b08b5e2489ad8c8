"""The sentences of ``CHANGES.md`` in English and Chinese, and how other people's words are put into Markdown."""

from __future__ import annotations

import re
import unicodedata

from index.findings import Cause
from ragpress.bilingual import Language, Texts, filled, in_language

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
_BREAKS = re.compile(r"\s+")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})

_TEXTS: dict[str, Texts] = {
    "title": ("# Release {release}", "# 发布版本 {release}"),
    "made": (
        "Collection `{collection}`, built {created}. The release before it: {before}.",
        "集合 `{collection}`，构建于 {created}。上一版本：{before}。",
    ),
    "first": (
        "Collection `{collection}`, built {created}. It is the first release.",
        "集合 `{collection}`，构建于 {created}。这是第一个版本。",
    ),
    "what": ("## What changed", "## 变化"),
    "sizes": (
        "{documents} documents, {chunks} chunks can be found; {quarantined} documents are quarantined.",
        "可检索文档 {documents} 份、文本块 {chunks} 个；隔离文档 {quarantined} 份。",
    ),
    "nothing": ("No document changed.", "文档没有变化。"),
    "added": ("{count} added: {names}.", "新增 {count} 份：{names}。"),
    "changed": ("{count} changed: {names}.", "修改 {count} 份：{names}。"),
    "removed": ("{count} no longer found: {names}.", "不再可检索 {count} 份：{names}。"),
    "now": (", now {state}", "，现为{state}"),
    "and_more": (" and {count} more", " 等，另有 {count} 份"),
    "settings": ("Settings: {pairs}.", "设置：{pairs}。"),
    "steps": ("These steps work otherwise than before: {names}.", "以下步骤的做法与之前不同：{names}。"),
    "repairs": ("## Repairs", "## 修复"),
    "why": ("Why: {reason}", "原因：{reason}"),
    "question": ("Question: “{question}”", "问题：“{question}”"),
    "cause": ("Cause: {cause} ({confidence} sure).", "成因：{cause}（把握 {confidence}）。"),
    "at_fault": ("At fault: {source}: {why}", "出错文档：{source}：{why}"),
    "before": ("Answered before: “{answer}”", "之前的回答：“{answer}”"),
    "after": ("Answered now: “{answer}”", "现在的回答：“{answer}”"),
    "after_from": ("Answered now, from {sources}: “{answer}”", "现在的回答（依据 {sources}）：“{answer}”"),
    "proof": ("Proof: {reason}.", "证明：{reason}。"),
    "by": ("By {by}, {at}.", "由 {by} 于 {at} 作出。"),
    "approved": ("Let through by {by}, {at}.", "由 {by} 于 {at} 批准。"),
    "undo": ("To take it back: `ragpress repair revert {repair}`", "撤回：`ragpress repair revert {repair}`"),
    "taken_back": ("Taken back: `{repair}`.", "已撤回：`{repair}`。"),
    "unknown_repair": (
        "Its file is gone; `ragpress repair list` shows those that there are.",
        "其文件已不存在；现有的修复见 `ragpress repair list`。",
    ),
    "gate": ("## The gate", "## 发布门禁"),
    "pass": ("It passed{against}.", "通过{against}。"),
    "refuse": ("It was refused{against}.", "被拒绝{against}。"),
    "against": (", compared with {release}", "，对比版本 {release}"),
    "reason": ("- Reason: {text}", "- 理由：{text}"),
    "warning": ("- To know: {text}", "- 提示：{text}"),
    "override": ("- {by} let it through all the same, {at}: {why}", "- {by} 于 {at} 仍予放行：{why}"),
    "cases": ("{count} cases were run:", "运行了 {count} 个用例："),
    "figures": ("| metric | before | now | n |", "| 指标 | 之前 | 现在 | n |"),
    "report": ("The report: `ragpress eval show {evaluation}`", "报告：`ragpress eval show {evaluation}`"),
    "no_cases": (
        "No case was run: there are none, or the settings leave them out.",
        "没有运行用例：没有用例，或设置未启用。",
    ),
    "back": ("## To go back", "## 回退"),
    "rollback": (
        "`ragpress releases rollback {before}` makes {before} live again.",
        "`ragpress releases rollback {before}` 使 {before} 重新上线。",
    ),
}
_STATES = {"live": "在线", "quarantined": "隔离", "superseded": "被取代", "deleted": "删除"}
_CAUSES: dict[Cause, Texts] = {
    Cause.MISSING_DOCUMENT: ("a document is missing", "缺少文档"),
    Cause.QUARANTINED_DOCUMENT: ("the document is quarantined", "文档被隔离"),
    Cause.PARSE_FAULT: ("the source has it, the parsed text has not", "源文件里有，解析后的文本里没有"),
    Cause.STALE_DOCUMENT: ("an outdated document", "文档过时"),
    Cause.CONFLICTING_DOCUMENTS: ("documents contradict each other", "文档互相矛盾"),
    Cause.DUPLICATE_DOCUMENTS: ("copies crowd out the evidence", "重复副本挤掉了依据"),
    Cause.POISONED_DOCUMENT: ("a planted document", "被植入的文档"),
    Cause.CHUNK_FAULT: ("the evidence is cut apart", "依据被切断"),
    Cause.RETRIEVAL_MISS: ("the evidence is not retrieved", "没有检索到依据"),
    Cause.ACCESS_DENIED: ("the caller may not read the evidence", "提问者无权阅读依据"),
    Cause.GENERATION_FAULT: ("answered wrongly from the right evidence", "依据正确但回答错误"),
    Cause.PROMPT_FAULT: ("a fault of the prompt", "提示词有误"),
    Cause.NOT_ANSWERABLE: ("the documents do not answer it", "文档无法回答"),
    Cause.FEEDBACK_DISPUTED: ("the answer is right", "回答是正确的"),
}


def say(language: Language, key: str, **values: str | int) -> str:
    """A sentence; values are put in as they are, see :func:`plain`."""
    return filled(language, _TEXTS[key], values)


def cause_in_words(language: Language, cause: Cause) -> str:
    """A cause as a person says it."""
    return in_language(language, _CAUSES[cause])


def state_in_words(language: Language, state: str) -> str:
    """A document's state as a person says it."""
    return _STATES.get(state, state) if language == "zh" else state


def plain(text: str, most: int = 300) -> str:
    """Somebody's words on one line, so that no reader takes them for Markdown or HTML, cut where they are long."""
    line = _BREAKS.sub(" ", text).strip()
    line = "".join(character for character in line if unicodedata.category(character) not in _HIDDEN)
    line = line if len(line) <= most else line[: most - 1].rstrip() + "…"
    return _MARKUP.sub(r"\\\1", line)
