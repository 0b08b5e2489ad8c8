"""Causes of bad answers and proposed repairs in plain words: for the worker's log, for the commands, for a webhook."""

from __future__ import annotations

from feedback.repairing.words import what_it_does
from index.findings import Cause, Finding
from ragpress.bilingual import Language, Texts, filled, in_language

_LONGEST = 120
_SHOWN = 3

_CAUSES: dict[Cause, Texts] = {
    Cause.MISSING_DOCUMENT: ("no document that is searched says it", "检索范围内没有文档提到它"),
    Cause.QUARANTINED_DOCUMENT: ("the document that says it is quarantined", "提到它的文档被隔离了"),
    Cause.PARSE_FAULT: (
        "the text that says it was lost or changed while the document was read or cleaned",
        "文档在解析或清洗时丢失或改变了相关文字",
    ),
    Cause.STALE_DOCUMENT: ("an outdated document was used", "用了过时的文档"),
    Cause.CONFLICTING_DOCUMENTS: ("documents contradict one another", "文档相互矛盾"),
    Cause.DUPLICATE_DOCUMENTS: ("copies crowd out the document that says it", "大量副本挤掉了正确的文档"),
    Cause.POISONED_DOCUMENT: ("a planted document misleads", "有被植入的误导性文档"),
    Cause.CHUNK_FAULT: ("the passage that says it was cut apart", "答案所在的段落被切断了"),
    Cause.RETRIEVAL_MISS: ("the passage that says it was not found", "没有检索到答案所在的段落"),
    Cause.ACCESS_DENIED: ("whoever asked may not read the document that says it", "提问者无权阅读相关文档"),
    Cause.GENERATION_FAULT: ("the right passage was read and answered wrongly", "资料正确，但回答写错了"),
    Cause.PROMPT_FAULT: ("the prompt leads to wrong answers", "提示词导致错误回答"),
    Cause.NOT_ANSWERABLE: ("the documents do not answer it", "文档无法回答这个问题"),
    Cause.FEEDBACK_DISPUTED: ("the answer seems right; the feedback is set aside", "回答看来是对的，反馈被搁置"),
}

_SENTENCES: dict[str, Texts] = {
    "found": (
        "“{question}” was answered badly: {cause} ({confidence:.0%} sure). {proposal}",
        "“{question}”回答有误：{cause}（把握 {confidence:.0%}）。{proposal}",
    ),
    "proposes": ("Proposed: {repairs}.", "建议：{repairs}。"),
    "proposes nothing": ("There is nothing to propose.", "没有可建议的修复。"),
    "set aside": ("What was said of “{question}” is set aside: {why}", "对“{question}”的反馈被搁置：{why}"),
}


_ADVICE: dict[Cause, Texts] = {
    Cause.ACCESS_DENIED: (
        "Whoever may decide that changes [access] in ragpress.toml; the loop never does.",
        "由有权决定的人修改 ragpress.toml 的 [access]；循环从不改动它。",
    ),
    Cause.MISSING_DOCUMENT: (
        "Put a document that says it into a source folder, or upload one.",
        "把说明此事的文档放入来源文件夹，或上传一份。",
    ),
    Cause.NOT_ANSWERABLE: (
        "Put a document that says it into a source folder, or upload one.",
        "把说明此事的文档放入来源文件夹，或上传一份。",
    ),
    Cause.FEEDBACK_DISPUTED: (
        "If the answer is wrong all the same, name a document that says otherwise: ragpress feedback add ANSWER "
        "--rating down --source DOCUMENT",
        "如果回答确实有误，请指出说法不同的文档：ragpress feedback add ANSWER --rating down --source DOCUMENT",
    ),
    Cause.GENERATION_FAULT: (
        "Try another prompt or generator: ragpress eval compare --prompt NAME",
        "试试其他提示词或生成模型：ragpress eval compare --prompt NAME",
    ),
}


def advice(language: Language, cause: Cause) -> str:
    """What a person can do where ragpress can repair nothing; "" where there is nothing to say."""
    return in_language(language, _ADVICE.get(cause, ("", "")))


def cause_words(language: Language, cause: Cause) -> str:
    """Why an answer was bad, as a clause without a full stop."""
    return in_language(language, _CAUSES[cause])


def found(language: Language, finding: Finding) -> str:
    """What was found of a bad case: question, cause, how sure it is, what is proposed."""
    words = [what_it_does(language, repair) for repair in finding.repairs]
    joined = ("、" if language == "zh" else "; ").join(words[:_SHOWN] + ["…"] * (len(words) > _SHOWN))
    proposal = _say(language, "proposes" if joined else "proposes nothing", repairs=joined)
    question, cause = one_line(finding.question), cause_words(language, finding.cause)
    return _say(language, "found", question=question, cause=cause, confidence=finding.confidence, proposal=proposal)


def set_aside(language: Language, question: str, why: str) -> str:
    """That feedback on a question is set aside, and why."""
    return _say(language, "set aside", question=one_line(question), why=ended(language, why))


def sentence(text: str) -> str:
    """A clause as a sentence of its own: it begins with a capital letter."""
    return text[:1].upper() + text[1:]


def ended(language: Language, text: str) -> str:
    """A text with a full stop at its end, where it has none."""
    return text if text.endswith((".", "。", "!", "！", "?", "？", "…")) else text + ("。" if language == "zh" else ".")


def one_line(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _say(language: Language, sentence: str, **values: object) -> str:
    return filled(language, _SENTENCES[sentence], values)
