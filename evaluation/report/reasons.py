"""Reasons of the gate, causes of a change and reasons for a missing value, worded in both languages.

Records bring an English message and the figures in it. Chinese is made of the code and the figures; where one of them
is unknown here, the message stands in both languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from evaluation.comparing.records import Why
from evaluation.metrics.answers import ANSWERABLE, ANSWERED, NO_EMBEDDER, NO_REFERENCE, NOTHING_KNOWN
from evaluation.metrics.catalogue import NOT_COUNTED
from evaluation.metrics.grounding import NO_CLAIMS
from evaluation.metrics.retrieval import MUST_ABSTAIN, NO_EVIDENCE, NOTHING_RETRIEVED
from evaluation.metrics.spans import NO_PASSAGES
from evaluation.records import EvidenceState, LocatedEvidence, Reason

FOR_REVIEW = "the case must be looked at again"
ENDED_IN_ERROR = "the case ended in an error"

_DROP = (
    "{before} → {after}（{delta}，区间 {low} 至 {high}，单侧校正 p {p}），"
    "共 {n} 个用例，其中 {worse} 个下降、{better} 个上升"
)
_REASONS: Final[Mapping[str, str]] = {
    "worse": "{metric} 变差：" + _DROP,
    "undecided": "{metric} 看起来变差，但这些用例不足以排除偶然：" + _DROP,
    "lost": "{metric} 在 {cases} 个用例中有 {lost} 个失去了值（{gained} 个新得到值）："
    "答案变成未作答，或失去了度量所依据的内容",
    "floor": "{metric} 为 {after}，低于 [gate] floors 要求的 {floor}",
    "must": "{found} 个必过用例未通过",
    "integrity": "该版本不完整：{message}",
    "review": "{cases} 个用例中有 {found} 个需要复核，因为来源不再包含其证据；最多允许 {allowed}",
    "errors": "{cases} 个用例中有 {found} 个出错，而基准没有出错；最多允许 {allowed}",
    "unmeasured": "{metric} 是门禁指标，但没有任何用例在两边都有值",
    "cases_gone": "上一版本据以评判的 {cases} 个用例中有 {found} 个已不存在（其中 {must} 个为必过用例）",
    "cases_changed": "上一版本据以评判的 {cases} 个用例中有 {found} 个的问题、答案或证据已改变",
    "must_gone": "上一版本据以评判的 {cases} 个用例中有 {found} 个不再是必过用例",
    "rules_looser": "规则比评判上一版本时更宽松：{rules}",
    "no_baseline": "没有与当前版本比较，只检查了下限和必过用例：{why}",
    "baseline_errors": "{cases} 个用例中有 {found} 个在基准版本中出错，无法据此比较",
    "new_evidence": "{cases} 个用例中有 {found} 个的证据在基准版本中不存在：门禁只用其余用例检验是否变差",
    "few_cases": "{n} 个用例只能可靠地发现 {metric} 下降 {drop} 个百分点以上的变化；"
    "要发现 5 个百分点的下降约需 {needed} 个用例",
}  # fmt: skip
_CAUSES: Final[Mapping[str, str]] = {
    "error": "{side}在 {step} 步骤出错：{error}",
    "document_gone": "该版本中已没有 {source}",
    "text_lost": "{source} 文件未变，但该版本的文本中不再有这条证据：在解析或清洗时丢失",
    "evidence_moved": "证据现位于 {after}，不再位于 {before}",
    "document_added": "新增了 {source}",
    "document_changed": "{source} 已改变：{removed} 个文本块消失，{added} 个新增",
    "document_recut": "{source} 的分块不同：{removed} 个文本块消失，{added} 个新增",
    "review": "该用例需要复核：{reason}",
    "passages": "所读段落不同：不再来自 {gone}；现在来自 {came}",
    "chunk_cut": "{source} 的分块边界不同：证据被切成 {after} 块（原为 {before} 块）",
    "chunk_whole": "{source} 的分块边界不同：证据位于 {after} 块中（原被切成 {before} 块）",
    "crowded_out": "证据被其他内容挤后（排名 {before} → {after}）：{sources}",
    "ranked_lower": "证据排名下降：{before} → {after}",
    "ranked_higher": "证据排名上升：{before} → {after}",
    "left_out": "{source} 中的证据照常被检索到，但不再属于所读段落",
    "prompt": "提示词不同",
    "settings": "设置不同：{settings}",
    "generator": "决定答案的因素没有差异：生成器本身的输出有波动",
}
_MISSING: Final[Mapping[str, str]] = {
    NO_PASSAGES: "生成器没有读到任何段落",
    NO_REFERENCE: "用例没有参考答案",
    ANSWERED: "服务给出了回答",
    ANSWERABLE: "文档可以回答该问题",
    NO_EMBEDDER: "没有向量模型",
    NOTHING_KNOWN: "用例既无参考答案也无证据",
    NO_CLAIMS: "答案没有任何陈述",
    NOT_COUNTED: "未计数",
    NO_EVIDENCE: "用例没有给出证据",
    MUST_ABSTAIN: "正确的做法是拒答",
    NOTHING_RETRIEVED: "没有检索到任何内容",
    FOR_REVIEW: "用例需要复核",
    ENDED_IN_ERROR: "用例出错",
}
_BECAME: Final[Mapping[str, str]] = {"added": "新增", "changed": "已改变", "recut": "分块不同"}
_MORE = re.compile(r" and (\d+) more$")
_RANKS = ("before", "after")
_VALUES: Final[Mapping[str, str]] = {"not found": "未找到", "candidate": "候选", "baseline": "基准"}
_UNSAID: Final = "the document no longer says it"
_STATES: Final[Mapping[str, str]] = {"quarantined": "已隔离", "deleted": "已删除", "failed": "处理失败"}
_SOURCE_MOVED = re.compile(r"^Its source was moved to (.+)$")
_HYPHEN_MINUS = re.compile(r"(?<![\w.\-–])-(?=\d)")


def both(record: Reason | Why) -> tuple[str, str]:
    """A reason of the gate or a cause of a change, in English and in Chinese."""
    if isinstance(record, Why):
        return record.message, _filled(_CAUSES.get(record.code), _shown(record), record.message)
    values = {"metric": record.metric, "message": record.message, "needed": "?"} | {
        name: value or "–" for name, value in record.values.items()
    }
    chinese = _filled(_REASONS.get(record.code), values, record.message)
    return (
        _with_cases(_minus(record.message), record.cases, "Cases: "),
        _with_cases(_minus(chinese), record.cases, "用例："),
    )


def _shown(why: Why) -> dict[str, str]:
    values = {name: value or ("未找到" if name in _RANKS else "–") for name, value in why.values.items()}
    if "sources" in values:
        values["sources"] = _listed(values["sources"])
    return {"source": why.source} | values


def _listed(sources: str) -> str:
    """A list of documents with what became of them, in Chinese."""
    for english, chinese in _BECAME.items():
        sources = sources.replace(f" ({english})", f"（{chinese}）")
    return _MORE.sub(r" 等另外 \1 篇", sources).replace(", ", "、")


def evidence_reason(item: LocatedEvidence) -> str:
    """Why an item of evidence must be looked at, in Chinese; its English words where its figures are unknown."""
    values = item.values
    if not values:
        return item.reason
    if item.state is EvidenceState.CHANGED:
        nearest = f"；现在最接近的是：“{values['now']}”" if values.get("now") else "，也没有类似的内容"
        holder = f"。{values['holder']} 包含这段引文" if values.get("holder") else ""
        return f"{item.source} 不再包含这条证据{nearest}{holder}。"
    named, became, why = values.get("named", item.source), values.get("became", ""), values.get("why", "")
    gone = f"{named} 的状态为 {_STATES.get(became, became)}" if became else f"该版本中没有文档 {named}"
    gone += f"（{_in_chinese(why)}）" if why else ""
    if item.state is EvidenceState.MOVED:
        return f"{gone}；{values.get('holder', item.source)} 包含这段引文。"
    alike = f"；{values['alike']} 文件名相同，但不包含它" if values.get("alike") else ""
    return f"{gone}，也没有其他文档包含这段引文{alike}。"


def _in_chinese(why: str) -> str:
    """Why a document is not live; what parsing and audits say stays as it is."""
    return "来源已删除" if why == "Its source was removed" else _SOURCE_MOVED.sub(r"来源已移动到 \1", why)


def reviewed(reason: str, chinese: Mapping[str, str]) -> tuple[str, str]:
    """Why a case must be looked at, in English and in Chinese.

    Args:
        reason: in English: the reasons of its evidence, joined; or an error, which stays as it is.
        chinese: of each reason of evidence.
    """
    said = reason.replace(_UNSAID, "文档不再包含它") if reason == _UNSAID else reason
    for english in sorted(chinese, key=len, reverse=True):
        said = said.replace(english, chinese[english])
    return reason, said


def missing_reason(reason: str) -> tuple[str, str]:
    """Why a value is missing, in English and in Chinese."""
    return reason, _MISSING.get(reason, reason)


def _filled(template: str | None, values: Mapping[str, str], message: str) -> str:
    if template is None:
        return message
    try:
        return template.format_map({name: _VALUES.get(value, value) for name, value in values.items()})
    except KeyError:
        # Whoever made the record left a figure out: its own message still says everything.
        return message


def _with_cases(text: str, cases: tuple[str, ...], words: str) -> str:
    """The text with the ids of its cases, unless it names them."""
    if not cases or all(case in text for case in cases):
        return text
    return f"{text}. {words}{', '.join(cases)}" if words.isascii() else f"{text}。{words}{'、'.join(cases)}"


def _minus(text: str) -> str:
    """The text with real minus signs before its figures."""
    return _HYPHEN_MINUS.sub("−", text)
