"""What the worker tells of what it did, in plain words."""

from __future__ import annotations

from feedback.causes import one_line
from ragpress.bilingual import Language, Texts, filled

_SENTENCES: dict[str, Texts] = {
    "started": ("The worker started.", "后台任务已启动。"),
    "stopped": ("The worker stopped.", "后台任务已停止。"),
    "fixed": (
        "Tried in a scratch release: with the repair “{question}” is answered rightly. {reason}",
        "已在试验版本中验证：修复后“{question}”回答正确。{reason}",
    ),
    "not fixed": (
        "Tried in a scratch release: the repair does not mend “{question}”. {reason}",
        "已在试验版本中验证：修复并未解决“{question}”。{reason}",
    ),
    "unchanged": (
        "The repairs change nothing of what is live, so nothing was published.",
        "这些修复对线上内容没有任何影响，因此没有发布。",
    ),
    "waiting": ("The repair for “{question}” waits for a person: {why}", "针对“{question}”的修复在等人批准：{why}"),
    "taken back before": (
        "the same repair was taken back or turned down before ({when}).",
        "同样的修复曾被撤回或否决（{when}）。",
    ),
    "ingested": (
        "The sources changed and release {release} went live: {added} added, {changed} changed, {moved} moved, "
        "{deleted} deleted, {quarantined} quarantined.",
        "来源有变化，版本 {release} 已上线：新增 {added}，修改 {changed}，移动 {moved}，"
        "删除 {deleted}，隔离 {quarantined}。",
    ),
    "ingest refused": (
        "The sources changed, and the gate refused release {release}: {reasons}. What was live stays.",
        "来源有变化，但门禁拒绝了版本 {release}：{reasons}。线上版本不变。",
    ),
    "tokens": (
        "The loop has used up its {limit} model tokens of 24 hours ([loop] max_model_tokens); the rest waits.",
        "本循环已用完 24 小时内的 {limit} 个模型 token（[loop] max_model_tokens），其余稍后再做。",
    ),
    "embeddings": (
        "The loop has used up its {limit} embeddings of 24 hours ([loop] max_embeddings); the rest waits.",
        "本循环已用完 24 小时内的 {limit} 次向量计算（[loop] max_embeddings），其余稍后再做。",
    ),
    "failed": ("{what} failed and is tried again: {why}", "{what}失败，稍后重试：{why}"),
    "a diagnosis": ("The diagnosis of “{question}”", "对“{question}”的诊断"),
    "a proof": ("The proof of the repair for “{question}”", "针对“{question}”的修复验证"),
    "a publication": ("Publishing {count} repairs", "发布 {count} 个修复"),
    "an ingest": ("Ingesting the sources", "导入来源"),
    "folding": ("Folding the feedback", "汇总反馈"),
    "the watch": ("Watching release {release}", "观察版本 {release}"),
    "a canary": ("The canary", "灰度"),
    "the webhook": ("Telling the webhook", "通知 webhook"),
    "a rollback": ("Taking back the repairs of release {release}", "撤回版本 {release} 的修复"),
    "replayed": (
        "{count} recent questions were asked again on {before} and {release}: {worse} are answered worse, "
        "{better} better.",
        "最近的 {count} 个问题在 {before} 与 {release} 上重新回答：{worse} 个变差，{better} 个变好。",
    ),
    "not replayed": (
        "There are no other recent questions that could be asked again on release {release}.",
        "没有其他近期问题可以在版本 {release} 上重新回答。",
    ),
    "watched": (
        "Release {release} was watched for {hours:g} hours and {answers} answers; nothing turned for the worse.",
        "版本 {release} 已观察 {hours:g} 小时、{answers} 个回答，没有变差。",
    ),
    "watch ended": (
        "The watch of release {release} ended: {why}.",
        "对版本 {release} 的观察结束：{why}。",
    ),
    "its repairs are gone": ("its repairs are no longer in what is live", "线上版本已不含它的修复"),
    "turned": (
        "Release {release} was rolled back to {before}: {signal}. Its repairs were taken back.",
        "版本 {release} 已回滚到 {before}：{signal}。其修复已撤回。",
    ),
    "taken back": (
        "The repairs of release {release} were taken back: {signal}. A release without them is live.",
        "版本 {release} 的修复已撤回：{signal}。不含这些修复的版本已上线。",
    ),
    "by a person": (
        "Release {release} was rolled back ({why}); the repairs it brought were taken back, so that no run brings them "
        "again.",
        "版本 {release} 已被回滚（{why}）；它带来的修复已撤回，以免再次生效。",
    ),
    "signal thumbs": (
        "{new_bad} of {new} answers got a thumbs-down, before it were {old_bad} of {old}",
        "{new} 个回答中有 {new_bad} 个被点踩，之前是 {old} 个中 {old_bad} 个",
    ),
    "signal abstained": (
        "{new_bad} of {new} questions got no answer, before it were {old_bad} of {old}",
        "{new} 个问题中有 {new_bad} 个未能回答，之前是 {old} 个中 {old_bad} 个",
    ),
    "signal unsupported": (
        "{new_bad} of {new} answers have a citation that failed its check, before it were {old_bad} of {old}",
        "{new} 个回答中有 {new_bad} 个引用未通过检查，之前是 {old} 个中 {old_bad} 个",
    ),
    "signal replays": (
        "of {count} recent questions asked again, {worse} are answered worse and {better} better",
        "最近的 {count} 个问题重新回答后，{worse} 个变差，{better} 个变好",
    ),
    "canary": (
        "Release {release} answers {share:.0%} of the conversations first; it goes live after {answers} answers if "
        "nothing turns.",
        "版本 {release} 先回答 {share:.0%} 的对话；满 {answers} 个回答且没有变差即上线。",
    ),
    "canary refused": (
        "The gate refused the candidate {release}: {reasons}. What is live stays.",
        "门禁拒绝了候选版本 {release}：{reasons}。线上版本不变。",
    ),
    "canary dropped": (
        "The canary {release} was dropped: {signal}. What is live stays.",
        "灰度版本 {release} 已放弃：{signal}。线上版本不变。",
    ),
}


def say(language: Language, sentence: str, **values: object) -> str:
    """A sentence of the worker.

    Args:
        language: its language.
        sentence: which one.
        values: what it tells of; questions are cut and put on one line.
    """
    short = {name: one_line(str(value)) if name == "question" else value for name, value in values.items()}
    return filled(language, _SENTENCES[sentence], short)
