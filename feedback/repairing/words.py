"""What repairing says to people, in English and Chinese: reasons of proofs, of waiting, of refusals, and events."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from feedback.workbench import Workbench
from index.repairs.records import Erratum, MissingDocument, Repair, Restore, SettingsChange, kind_of
from ragpress.bilingual import Language, Texts, filled

_TEXTS: dict[str, Texts] = {
    "abstains": ("it abstains, as it should", "它如应有的那样拒绝回答"),
    "should_abstain": (
        "it answers, and the right answer is that the documents do not say",
        "它作答了，而正确的做法是说明文档没有提到",
    ),
    "abstained": ("it says that the documents do not answer", "它说文档没有答案"),
    "blamed": ("it still rests on {source}, which is at fault", "它仍以有错的 {source} 为依据"),
    "unsupported": ("no document that it cites supports what it says", "它引用的文档都不支持它的说法"),
    "differs": ("it does not say what is right: {expected}", "它没有说出正确答案：{expected}"),
    "nearest_unsupported": (
        "what it says rightly is not supported by what it cites",
        "它说对的部分没有被所引用的内容支持",
    ),
    "contradicts": ("it says two things that contradict each other", "它的两句话互相矛盾"),
    "same": ("it is the same answer as before", "答案与之前相同"),
    "no_source": ("it cites none of the expected sources: {sources}", "它没有引用任何预期的来源：{sources}"),
    "unknown": (
        "nobody said what is right, and nothing that was found tells",
        "没有人说明正确答案，也没有发现任何依据",
    ),
    "right": ("it says what is right, and {sources} supports it", "它说出了正确答案，并有 {sources} 支持"),
    "cites": ("it cites an expected source, {sources}, which supports it", "它引用了预期的来源 {sources} 并得到支持"),
    "unblamed": (
        "it is another one, and {sources} supports it; nobody said what is right",
        "答案变了，并有 {sources} 支持；没有人说明正确答案",
    ),
    "already": (
        "the live release {release} answers it rightly without any repair",
        "线上版本 {release} 无需修复即已正确作答",
    ),
    "fixed": ("with the repair the answer is right: {why}", "修复之后答案正确：{why}"),
    "not_fixed": ("the repair does not help: {why}", "修复没有效果：{why}"),
    "no_effect": ("the repair changes nothing in the release", "修复没有使发布版本发生任何变化"),
    "failed": ("no release could be built with the repair: {error}", "无法用该修复构建发布版本：{error}"),
    "drift": (
        "the sources have changed since the live release ({sources}); that change was in the trial as well",
        "自线上版本以来源文件有变化（{sources}）；试验中也包含这些变化",
    ),
    "rephrased_worse": (
        "asked in other words (“{question}”) the answer becomes wrong",
        "换一种问法（“{question}”）时答案变错",
    ),
    "rephrased": (
        "asked in other words it is right {right} of {asked} times",
        "换一种问法时 {asked} 次中有 {right} 次正确",
    ),
    "another": (
        "what was proposed for {cause} did not help, and what another cause proposes does",
        "针对 {cause} 提出的修复无效，另一种原因的修复有效",
    ),
    "needless": ("{count} of the proposed repairs were not needed", "提出的修复中有 {count} 个并不需要"),
    "own_word": (
        "the new text comes from the correction itself; no document says it on its own",
        "新文本出自更正本身；没有文档独立地这样说",
    ),
    "wait_off": (
        '[loop] publish is "off": nothing is published by itself',
        '[loop] publish 为 "off"：不自动发布任何内容',
    ),
    "wait_approve": (
        '[loop] publish is "approve": every repair waits for a person',
        '[loop] publish 为 "approve"：所有修复都等待人工批准',
    ),
    "wait_unproven": ("it was not proven that the repair helps", "尚未证明修复有效"),
    "wait_nothing": ("it proposes nothing that could be published", "没有可以发布的修复"),
    "wait_kind": (
        "a repair of the kind {kinds} waits for a person ([loop] auto_repairs)",
        "{kinds} 类修复等待人工批准（[loop] auto_repairs）",
    ),
    "wait_confidence": (
        "the cause is only {confidence} sure, less than {least} ([loop] min_confidence)",
        "原因的把握只有 {confidence}，低于 {least}（[loop] min_confidence）",
    ),
    "wait_conflict": (
        "two documents contradict each other, and nothing tells which one is right: a person decides",
        "两份文档互相矛盾，无法判断哪份正确：由人决定",
    ),
    "wait_access": ("who may read a document is for a person to decide", "谁可以阅读文档由人决定"),
    "wait_claim": (
        "what is said to be right stands in no document, and too few callers say so: a person decides",
        "所说的正确答案没有出现在任何文档中，这样说的人也太少：由人决定",
    ),
    "wait_removed": (
        "it would bring back a document that was removed or taken out on purpose: a person decides",
        "这会恢复被有意删除或撤下的文档：由人决定",
    ),
    "wait_edited": (
        "it would undo an edit, and nothing shows that the text was damaged: more callers, or a person, must say so",
        "这会撤销一次编辑，而文本没有损坏的迹象：需要更多人反馈，或由人决定",
    ),
    "wait_planted": (
        "it would take out a document that only contradicts another one: more callers, or a person, must say so",
        "这会撤下一份只是与另一份矛盾的文档：需要更多人反馈，或由人决定",
    ),
    "wait_copies": (
        "what it would take out says more than what stays, or is what was asked for: more callers, or a person, must "
        "say so",
        "将被撤下的内容比保留的更多，或者正是所问的内容：需要更多人反馈，或由人决定",
    ),
    "wait_for_all": (
        "it would change the answers to all questions: more callers, or a person, must say so",
        "这会影响所有问题的回答：需要更多人反馈，或由人决定",
    ),
    "wait_unknown": (
        "nobody said what is right: the answer changed, and a person judges whether for the better",
        "没有人说明正确答案：答案变了，是否变好由人判断",
    ),
    "proven": ("Tried for “{question}”: {reason}.", "已为“{question}”试验修复：{reason}。"),
    "applied": (
        "Written to repairs/: {what}. Because of “{questions}”.",
        "已写入 repairs/：{what}。起因：“{questions}”。",
    ),
    "published": (
        "{release} went live: {what}. “{questions}” is answered rightly now{proof}.",
        "{release} 已上线：{what}。“{questions}”现在得到正确回答{proof}。",
    ),
    "proof_sources": (", from {sources}", "，依据 {sources}"),
    "refused": ("Not published: {what}. {reasons}", "未发布：{what}。{reasons}"),
    "reverted": ("Taken back: {what}. {reason}", "已撤回：{what}。{reason}"),
    "revert_refused": ("Not taken back: {what}. {reasons}", "未撤回：{what}。{reasons}"),
    "case_wrong": (
        "“{question}” is not answered rightly by the candidate: {why}",
        "候选版本没有正确回答“{question}”：{why}",
    ),
    "case_worse": (
        "“{question}” was answered rightly and is not any more: {why}",
        "“{question}”之前回答正确，现在不再正确：{why}",
    ),
    "against_person": (
        "{source}: a person's own repair ({repair}) says otherwise, and the loop does not overrule it",
        "{source}：人工修复（{repair}）与此相反，循环不会推翻它",
    ),
    "publish_why": ("repair of “{questions}”", "修复“{questions}”"),
    "revert_why": ("without the repair {repairs}: {reason}", "去掉修复 {repairs}：{reason}"),
    "quarantine": ("{source} is taken out", "移出 {source}"),
    "supersede": ("{source} gives way to {newer}", "{source} 由 {newer} 取代"),
    "erratum": ("{source}: “{find}” becomes “{replace}”", "{source}：“{find}”改为“{replace}”"),
    "erratum_out": ("{source}: “{find}” is taken out", "{source}：删去“{find}”"),
    "reparse": ("{source} is read by the parser {parser}", "{source} 改用解析器 {parser}"),
    "restore": ("{source} is used again", "重新使用 {source}"),
    "restore_version": (
        "{source} is used again in its earlier version {version}",
        "重新使用 {source} 的早期版本 {version}",
    ),
    "cleaning": ("{family} is cleaned otherwise", "{family} 改用其他清洗规则"),
    "settings": ("settings: {settings}", "设置：{settings}"),
    "prompt": ("prompt {prompt}", "提示词 {prompt}"),
    "ask": ("a document is asked for: {wanted}", "需要一份文档：{wanted}"),
}
_SHOWN = 80


def say(language: Language, key: str, **values: str | int) -> str:
    """A sentence.

    Args:
        language: ``en`` or ``zh``.
        key: which sentence.
        values: what stands in its places.
    """
    return filled(language, _TEXTS[key], values)


def language_of(bench: Workbench) -> Language:
    """The language in which the loop of a collection speaks."""
    return bench.environment.workspace.collection(bench.collection).loop.language


def short(text: str, most: int = _SHOWN) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def listed(language: Language, items: Sequence[str], most: int = 5) -> str:
    """Items of a list in a sentence; the first ones where there are many."""
    between = "、" if language == "zh" else ", "
    shown = between.join(items[:most])
    return shown if len(items) <= most else f"{shown}{between}…"


def what_it_does(language: Language, repair: Repair) -> str:
    """What a repair does, in a few words."""
    fields = {name: short(str(value)) for name, value in msgspec.structs.asdict(repair).items()}
    key: str = kind_of(repair)
    if isinstance(repair, Restore) and repair.version:
        key, fields["version"] = "restore_version", repair.version[:12]
    elif isinstance(repair, Erratum) and not repair.replace:
        key = "erratum_out"
    elif isinstance(repair, SettingsChange):
        pairs = [f"{name}.{key}={value}" for name, part in repair.settings.items() for key, value in part.items()]
        fields["settings"] = ", ".join(pairs)
    elif isinstance(repair, MissingDocument):
        fields["wanted"] = short(repair.wanted or " / ".join(repair.questions))
    return say(language, key, **fields)


def what_they_do(language: Language, repairs: Sequence[Repair]) -> str:
    """What repairs do together."""
    return listed(language, [what_it_does(language, repair) for repair in repairs])
