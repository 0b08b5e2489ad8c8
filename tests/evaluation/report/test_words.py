"""The page's words: both languages say the same, and templates use none that there is not."""

from __future__ import annotations

import re
import string
from typing import get_args

import pytest

from evaluation.comparing.records import Why, WhyCode
from evaluation.records import EvidenceState, LocatedEvidence, Reason
from evaluation.report.reasons import both, evidence_reason, missing_reason, reviewed
from evaluation.report.render import TEMPLATES
from evaluation.report.words import WORDS

_USED = re.compile(r"""(?:\bt|attribute)\((?:"[a-z-]+", )?"([a-z0-9._]+)\"""")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_fill_in_the_same() -> None:
    assert {key for key, (english, chinese) in WORDS.items() if fields(english) != fields(chinese)} == set()
    assert [key for key, texts in WORDS.items() if not all(texts)] == []


def test_templates_use_words_that_there_are() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.glob("*.html")))
    used = set(_USED.findall(text))
    assert len(used) > 60
    assert {key for key in used if key not in WORDS and not any(word.startswith(key) for word in WORDS)} == set()


FIGURES = {
    "before": "0.9", "after": "0.6", "delta": "-0.3", "low": "-0.4", "high": "-0.2", "p": "0.001", "n": "40",
    "worse": "9", "better": "1", "lost": "4", "gained": "1", "cases": "40", "floor": "0.8", "found": "3",
    "allowed": "5%", "drop": "7", "needed": "120", "side": "candidate", "step": "generate", "kind": "E",
    "error": "gone", "source": "a.md", "removed": "1", "added": "2", "sources": "b.md", "same": "true",
    "settings": "k", "gone": "a.md", "came": "b.md", "reason": "its source changed", "new": "true",
}  # fmt: skip


@pytest.mark.parametrize("code", get_args(WhyCode))
def test_every_cause_has_chinese_words(code: WhyCode) -> None:
    english, chinese = both(Why(code=code, message="it is so", source="a.md", values=FIGURES))
    assert english == "it is so"
    assert re.search("[\u4e00-\u9fff]", chinese), code


@pytest.mark.parametrize(
    "code", ["worse", "lost", "floor", "must", "review", "errors", "undecided", "unmeasured", "few_cases"]
)
def test_every_reason_of_the_gate_has_chinese_words(code: str) -> None:
    reason = Reason(code=code, message="passed fell (-0.3)", metric="passed", cases=("c1", "c2"), values=FIGURES)
    english, chinese = both(reason)
    assert english == "passed fell (−0.3). Cases: c1, c2"
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert chinese.endswith("用例：c1、c2")


def test_what_is_unknown_here_keeps_its_message() -> None:
    assert both(Reason(code="integrity", message="a segment is torn")) == (
        "a segment is torn",
        "该版本不完整：a segment is torn",
    )
    assert both(Reason(code="worse", message="it is worse", metric="passed")) == ("it is worse", "it is worse")
    assert missing_reason("some plugin's own reason")[1] == "some plugin's own reason"


def test_an_id_is_named_once() -> None:
    reason = Reason(code="integrity", message="c1 fails", cases=("c1",))
    assert both(reason)[0] == "c1 fails"


def test_a_list_of_documents_is_in_chinese() -> None:
    values = {"before": "1", "after": "", "sources": "a.md (added), b.md (recut) and 3 more", "new": "true"}
    why = Why(code="crowded_out", message="it was crowded out", values=values)
    assert both(why)[1] == "证据被其他内容挤后（排名 1 → 未找到）：a.md（新增）、b.md（分块不同） 等另外 3 篇"


def located(state: EvidenceState, **values: str) -> LocatedEvidence:
    return LocatedEvidence(index=0, state=state, source="a.md", reason="It is so.", values=values)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            located(EvidenceState.CHANGED, now="30 months", holder="b.md"),
            "a.md 不再包含这条证据；现在最接近的是：“30 months”。b.md 包含这段引文。",
        ),
        (located(EvidenceState.CHANGED, now="", holder=""), "a.md 不再包含这条证据，也没有类似的内容。"),
        (
            located(EvidenceState.MOVED, named="old.md", became="", holder="a.md"),
            "该版本中没有文档 old.md；a.md 包含这段引文。",
        ),
        (
            located(EvidenceState.GONE, named="a.md", became="quarantined", why="too much noise", alike=""),
            "a.md 的状态为 已隔离（too much noise），也没有其他文档包含这段引文。",
        ),
        (
            located(
                EvidenceState.MOVED, named="o.md", became="deleted", why="Its source was moved to a.md", holder="a.md"
            ),
            "o.md 的状态为 已删除（来源已移动到 a.md）；a.md 包含这段引文。",
        ),
        (located(EvidenceState.CHANGED), "It is so."),
    ],
)
def test_why_evidence_must_be_looked_at_is_said_in_chinese_too(item: LocatedEvidence, words: str) -> None:
    assert evidence_reason(item) == words
    chinese = {item.reason: words}
    assert reviewed("It is so. It is so.", chinese) == ("It is so. It is so.", f"{words} {words}")
    assert reviewed("generate: GeneratorError: no", chinese)[1] == "generate: GeneratorError: no"
    assert reviewed("the document no longer says it", {})[1] == "文档不再包含它"
