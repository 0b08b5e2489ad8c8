"""The kind of thing a question asks for (a person, a date, a number, a place), and whether a text holds one."""

from __future__ import annotations

import re
from enum import StrEnum

from serving.evidence.numbers import numbers_claimed
from serving.evidence.terms import names


class AnswerKind(StrEnum):
    """What a question asks for."""

    PERSON = "person"
    DATE = "date"
    NUMBER = "number"
    PLACE = "place"


_ASKED = (
    (
        AnswerKind.NUMBER,
        r"\bhow (?:many|much|far|long|old|tall|large|big|often)\b"
        r"|\bwhat (?:percent|number|share|proportion|amount)"
        r"|\b(?:prices?|costs?|weighs?|weight)\b|价格|售价|单价|重量|力矩"
        r"|多少|几[个名位次年天岁人家种届]|多[大高长远久重]|人数|数量|比例|金额",
    ),
    (
        AnswerKind.DATE,
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade|time)\b"
        r"|何时|什么时候|什么时间|哪一?[年天日月]|哪个(?:年代|世纪|月)|几[月日号点]"
        r"|时间[是为]?[？?]?$|日期",
    ),
    (
        AnswerKind.PLACE,
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|street|county|continent)\b"
        r"|哪里|哪儿|何处|什么地方|哪个(?:国家|城市|省|地方|地区|州)|哪[国省市]|地点",
    ),
    (AnswerKind.PERSON, r"\bwho(?:m|se)?\b|谁|哪位|何人|什么人"),
)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKED)
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d{2})\b|\b(?:jan(?:uary)?|feb(?:ruary)?|march|april|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|monday|tuesday|wednesday|thursday|friday|saturday|sunday|century|ago|"
    r"yesterday|today|tomorrow)\b|\d\s?(?:年|月|日|号|世纪|点)|[一二三四五六七八九十]+(?:年|月|日|世纪)|星期|周[一二三四五六日]|公元|朝|时期",
    re.IGNORECASE,
)
_HAN_NAME = re.compile("[\u4e00-\u9fff]")


def answer_kind(question: str) -> AnswerKind | None:
    """What kind of thing a question in English or Chinese asks for; None where it does not say."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(question)), None)


def holds_kind(kind: AnswerKind, text: str, question: str) -> bool:
    """Whether a text holds a thing of this kind that the question does not name itself.

    A person or a place in Chinese cannot be told from other words, so Chinese text always may hold one.
    """
    if kind is AnswerKind.NUMBER:
        asked = {number.value for number in numbers_claimed(question)}
        return any(number.value not in asked for number in numbers_claimed(text))
    if kind is AnswerKind.DATE:
        asked_dates = set(_DATE.findall(question.lower()))
        return any(found not in asked_dates for found in _DATE.findall(text.lower()))
    lowered = question.lower()
    return _HAN_NAME.search(text) is not None or any(name not in lowered for name in names(text))
