"""Opinions: feedback joined with the answer it is about, and what of it still holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from feedback.folding.callers import Voice
from feedback.folding.facts import Asked
from feedback.records import Signal, SignalKind
from serving.journal.records import FeedbackRecord

_PLEASED = re.compile(
    r"\b(?:thanks?|thank you|great|good|perfect|helpful|correct|right|nice|excellent|well done|love it)\b"
    r"|谢谢|多谢|很好|不错|有用|有帮助|正确|满意|很棒|太好了|赞",
    re.IGNORECASE,
)
_DISPLEASED = re.compile(
    r"\b(?:not|no|never|isn't|wasn't|wrong|bad|incorrect|useless|but|however|outdated|missing)\b|n't\b|不|没|错|但|缺",
    re.IGNORECASE,
)
# Words that only say that the answer is bad: a complaint, no claim of what is right.
_ONLY_WRONG = re.compile(
    r"(?:(?:this|that|it|the|your|answer|answers|response|information|info|is|are|was|s|isnt|not|no|totally|completely"
    r"|simply|just|very|so|wrong|incorrect|false|bad|untrue|nope|right|correct|true|outdated|inaccurate|mistake|error"
    r"|please|fix|check|again|update|n a|na|none|test|testing|todo|idk|unknown|i dont know|dont know)\W*)+"
    r"|(?:这个?|那个?|它|你的?|的|答案|回答|信息|内容|是|完全|根本|就是|都|很|太|了|啊|吧|错误?|错的|不对|不正确|不准确|不是这样"
    r"|有误|有问题|过时|乱说|瞎说|胡说|请|改正|修改|更正|检查|一下|测试|无|没有|不知道|\W)+",
    re.IGNORECASE,
)
_NO = re.compile(r"(?:no|not|never|nope|不|不是|不能|不可以|不行|没有|没|无)\W*", re.IGNORECASE)
_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|am|do|does|did|can|could|may|must|should|shall|will|would|has|have|had)\b"
    r"|[吗嗎么]\W*$|是否|是不是|能不能|能否|可不可以|有没有|会不会",
    re.IGNORECASE,
)
_NONE = re.compile(r"(?:none|没有|无)\W*", re.IGNORECASE)
_COUNTED = re.compile(r"\bhow (?:many|much)\b|多少|几", re.IGNORECASE)
_ABSTAIN = re.compile(
    r"\b(?:not|nowhere|isn't|aren't|doesn't|don't|does not|do not)\b[^.]{0,40}"
    r"\b(?:in (?:the|our|any) (?:docs?|documents?|documentation|sources?)|documented)\b"
    r"|\b(?:docs?|documents?|documentation|sources?) (?:do|does)(?:n't| not) (?:say|tell|mention|state|cover|answer)"
    r"|\bshould (?:abstain|(?:not|n't) answer|say (?:that )?(?:it|they) (?:do|does)(?:n't| not) know)"
    r"|(?:文档|文件|资料|材料|文中|知识库)(?:里|中|内)?(?:并|都|根本)?(?:没有|没|未|不曾)(?:说|提|写|讲|记载|说明|提到|提及|涉及|答案|包含)"
    r"|(?:应该?|应当)(?:拒答|拒绝回答|回答不知道|说不知道)",
    re.IGNORECASE,
)


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """A feedback with the answer it is about.

    Attributes:
        record: the feedback.
        asked: the answer.
        at: seconds since the epoch at which it was given.
        voice: whose it is.
        doubt: why it is set aside, in words; "" where it is not.
        withdrawn: whether the same caller called the same answer right later.
    """

    record: FeedbackRecord
    asked: Asked
    at: float
    voice: Voice
    doubt: str = ""
    withdrawn: bool = False

    @property
    def correction(self) -> str:
        """What it says the right answer is; "" where it only says that the answer is wrong."""
        text = self.record.correction.strip()
        return "" if self.abstain or says_only_wrong(text, self.asked.question) else text

    @property
    def abstain(self) -> bool:
        """Whether it says that the documents do not tell."""
        return says_nothing_is_known(self.record.correction)

    @property
    def claims(self) -> bool:
        """Whether it says what is right, or where that stands."""
        return bool(self.correction or self.abstain or self.record.expected_sources)

    @property
    def praises(self) -> bool:
        """Whether it calls the answer right, and says nothing against it."""
        record = self.record
        if record.correction.strip() or record.expected_sources:
            return False
        return record.rating == "up" or (record.rating is None and is_pleased(record.comment))

    @property
    def complains(self) -> bool:
        """Whether it says that the answer is bad."""
        return not self.praises


def says_only_wrong(text: str, question: str) -> bool:
    """Whether a correction says nothing but that the answer is wrong; "No." and "None." answer some questions."""
    bare = text.strip()
    answers = (_NO.fullmatch(bare) and _YES_OR_NO.search(question)) or (
        _NONE.fullmatch(bare) and _COUNTED.search(question)
    )
    if answers or not any(map(str.isalnum, bare)):
        return False
    return _ONLY_WRONG.fullmatch(bare) is not None


def says_nothing_is_known(text: str) -> bool:
    """Whether a correction says that the right answer is that the documents do not tell."""
    return len(text) <= 200 and _ABSTAIN.search(text) is not None


def is_pleased(comment: str) -> bool:
    """Whether a comment praises, and nothing else."""
    return _PLEASED.search(comment) is not None and _DISPLEASED.search(comment) is None


def standing_opinions(opinions: Iterable[Opinion]) -> list[Opinion]:
    """Opinions with those marked that their callers took back: they called the same answer right later.

    Args:
        opinions: oldest first.
    """
    found = list(opinions)
    pleased: dict[tuple[str, str], int] = {}
    for number, opinion in enumerate(found):
        if opinion.praises:
            pleased[opinion.voice.name, opinion.asked.id] = number
    return [
        msgspec.structs.replace(opinion, withdrawn=True)
        if opinion.complains and pleased.get((opinion.voice.name, opinion.asked.id), -1) > number
        else opinion
        for number, opinion in enumerate(found)
    ]


def signals_of(opinion: Opinion) -> list[Signal]:
    """What a feedback says, one signal for each kind of thing; what was set aside or taken back says so."""
    record, said = opinion.record, list[tuple[SignalKind, str]]()
    note = f" [set aside: {opinion.doubt}]" if opinion.doubt else " [taken back]" if opinion.withdrawn else ""
    rated: SignalKind = "up" if opinion.praises else "down"
    if record.rating is not None or record.comment.strip():
        said.append(("up" if record.rating == "up" else rated, record.comment.strip()))
    if record.correction.strip():
        said.append(("correction", record.correction.strip()))
    if record.expected_sources:
        said.append(("expected", ", ".join(record.expected_sources)))
    return [
        Signal(
            kind=kind,
            at=record.at,
            answer_id=record.answer_id,
            feedback=record.id,
            key=record.key,
            via=record.via,
            text=(text + note).strip(),
        )
        for kind, text in said
    ]


def voices(opinions: Sequence[Opinion]) -> set[str]:
    """The callers among opinions."""
    return {opinion.voice.name for opinion in opinions}
