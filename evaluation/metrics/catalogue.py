"""Every metric by name: what it says in a line, in which group reports show it, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from evaluation.metrics.retrieval import metric_names
from evaluation.records import Cost, Scored
from ragpress.evaluation_settings import EvaluationSettings

Group: TypeAlias = Literal["retrieval", "answer", "abstention", "cost", "plugin"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric as reports name it.

    Attributes:
        name: as it stands in results; a cut-off ``k`` is left as the letter.
        group: where reports show it.
        en: what it says, in a line of English.
        zh: the same in Chinese.
        higher_is_better: which way is better.
        unit: ``share`` (0..1), ``tokens``, ``seconds`` or ``texts``.
    """

    name: str
    group: Group
    en: str
    zh: str
    higher_is_better: bool = True
    unit: str = "share"

    def definition(self, language: str) -> str:
        """What it says, in English or Chinese (``zh``)."""
        return self.zh if language.startswith("zh") else self.en


def _metrics(group: Group, rows: Iterable[tuple[str, str, str]]) -> list[Metric]:
    return [Metric(name=name, group=group, en=en, zh=zh) for name, en, zh in rows]


_RETRIEVAL = _metrics(
    "retrieval",
    (
        ("recall@k", "Share of the evidence that the first k hits hold.", "前 k 条结果所含证据占全部证据的比例。"),
        ("precision@k", "Share of the first k hits that bring evidence.", "前 k 条结果中带来证据的比例。"),
        ("hit_rate@k", "Whether one of the first k hits holds evidence.", "前 k 条结果中是否有一条含有证据。"),
        ("mrr", "One over the rank of the first hit that holds evidence.", "第一条含证据结果的名次的倒数。"),
        ("ndcg@k", "Evidence among the first k hits, discounted by rank.", "前 k 条结果中的证据，名次越前权重越大。"),
        ("map@k", "Mean precision at the ranks that hold evidence.", "各条证据所在名次处精确率的平均值。"),
        ("context_precision", "Share of the hits that hold evidence.", "含有证据的结果占全部结果的比例。"),
        ("context_recall", "Share of the evidence that the hits hold.", "全部结果所含证据占全部证据的比例。"),
        ("span_recall", "Share of the evidence's text that is read.", "生成器读到的证据字符所占比例。"),
        ("span_precision", "Share of the text read that is evidence.", "生成器读到的字符中属于证据的比例。"),
        ("span_iou", "Overlap of the evidence with what is read.", "证据与所读文本的交集与并集之比。"),
    ),
)  # fmt: skip
_ANSWER = _metrics(
    "answer",
    (
        ("passed", "Whether the case passes: right, or rightly abstained.", "用例是否通过：答对，或正确地拒答。"),
        (
            "answer_correctness",
            "Chance that the answer says what the reference says.",
            "答案与参考答案意思一致的概率。",
        ),
        ("exact_match", "Whether the answer is the reference, word for word.", "答案与参考答案是否逐词相同。"),
        ("token_f1", "Words that answer and reference share (F1).", "答案与参考答案共有的词（F1）。"),
        ("faithfulness", "Share of the claims that the passages read support.", "被所读段落支持的陈述的比例。"),
        ("citation_recall", "Share of the claims that their citations support.", "被其引用支持的陈述的比例。"),
        ("citation_precision", "Share of the citations that contribute to support.", "对支持有贡献的引用的比例。"),
        ("answer_relevancy", "How near the answer is to the question.", "答案与问题的接近程度。"),
    ),
)
_ABSTENTION = _metrics(
    "abstention",
    (
        ("abstention_precision", "Share of the abstentions that are right.", "拒答中正确的比例。"),
        ("abstention_recall", "Share of the cases to abstain from that are.", "应拒答的用例中确实拒答的比例。"),
    ),
)
_COST = [
    Metric(name=name, group="cost", en=en, zh=zh, higher_is_better=False, unit=unit)
    for name, en, zh, unit in (
        ("prompt_tokens", "Tokens that the generator read.", "生成器读入的词元数。", "tokens"),
        ("completion_tokens", "Tokens that it wrote.", "生成器写出的词元数。", "tokens"),
        ("retrieve_seconds", "Seconds until the passages were there.", "取得段落所用的秒数。", "seconds"),
        ("first_token_seconds", "Seconds until the first token.", "到第一个词元所用的秒数。", "seconds"),
        ("total_seconds", "Seconds until the answer was checked.", "到答案核查完毕所用的秒数。", "seconds"),
        ("embedded", "Texts that were embedded.", "计算向量的文本数。", "texts"),
    )
]

DEFINED: dict[str, Metric] = {metric.name: metric for metric in (*_RETRIEVAL, *_ANSWER, *_ABSTENTION, *_COST)}
"""Every built-in metric once, in the order of reports; a cut-off is the letter k, as in ``recall@k``."""

NOT_COUNTED = "it was not counted"


def metric(name: str) -> Metric:
    """The metric of a name in results: ``recall@10`` is ``recall@k`` with its number put in; one of a plugin that is
    not known here has its name for a definition.
    """
    if name in DEFINED:
        return DEFINED[name]
    base, _, cutoff = name.partition("@")
    general = DEFINED.get(f"{base}@k") if cutoff.isdigit() else None
    if general is None:
        return Metric(name=name, group="plugin", en=name, zh=name)
    return msgspec.structs.replace(
        general, name=name, en=general.en.replace(" k ", f" {cutoff} "), zh=general.zh.replace(" k ", f" {cutoff} ")
    )


METRICS: dict[str, Metric] = {
    name: metric(name)
    for name in dict.fromkeys((*metric_names(EvaluationSettings().k), *(name for name in DEFINED if "@" not in name)))
}
"""Every built-in metric under the names that results have with the default cut-off, in the order of reports."""


def cost_scores(cost: Cost) -> Scored:
    """What a case cost, as metrics: tokens, seconds, embedded texts. What was not counted is missing."""
    values = {found.name: getattr(cost, found.name) for found in _COST}
    return Scored(
        {name: float(value) for name, value in values.items() if value is not None},
        {name: NOT_COUNTED for name, value in values.items() if value is None},
    )
