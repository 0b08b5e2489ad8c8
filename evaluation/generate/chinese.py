"""Chinese templates: the fact is replaced where it stands by the word that asks for it (多少, 什么时候, 谁, 哪里).

A Chinese question keeps the order of its statement, so nothing has to be moved. What is asked must have a subject: the
clause with the fact, or the sentence up to it, has to begin with a noun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from evaluation.generate.records import Asked

_SHORTEST, _LONGEST, _LONGEST_ASKED = 10, 110, 60
_HAN_DIGIT = "零〇一二两三四五六七八九十百千万亿"
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?\s?(?:万亿|亿|千万|百万|万|千)?|[{_HAN_DIGIT}]{{1,8}}(?:点[{_HAN_DIGIT}]+)?)"
_UNIT = (
    "微克每立方米|平方公里|平方千米|平方米|平方英里|立方米|个工作日|个小时|个百分点|个月|个|名|位|人|家|台|座|次|天|小时|分钟|秒|周岁|周|岁|"
    "米|公里|千米|厘米|毫米|英里|英尺|吨|千克|公斤|克|升|毫升|元|美元|欧元|英镑|法郎|摄氏度|度|伏|安|瓦|牛米|ppm|ppb|MB|GB|"
    "种|所|层|支|场|件|项|条|倍|章|篇|部|首|分|码|艘|辆|架|枚|张|页|年|片|根|套|字符|微克|km|kg|cm|mm|英亩|公顷|座城市|例|盘|块"
)
_AMOUNT = re.compile(
    rf"(?P<answer>(?P<first>{_NUMBER})\s?(?:(?:{_UNIT})?\s?[到至~—–-]\s?{_NUMBER}\s?)?(?P<unit>{_UNIT}))(?!\s?[{_HAN_DIGIT}\d])"
)
_PERCENT = re.compile(rf"(?P<answer>百分之[{_HAN_DIGIT}]{{1,6}}(?:点[{_HAN_DIGIT}]+)?|\d+(?:\.\d+)?\s?[%％])")
_DATE = re.compile(
    r"(?P<answer>(?:公元前?)?\d{3,4}\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?日)?)?|\d{1,2}\s?月\s?\d{1,2}\s?日)(?![代间份度])"
)
_TRANSLATED_NAME = re.compile(r"(?P<answer>[\u4e00-\u9fff]{1,5}(?:·[\u4e00-\u9fff]{1,6}){1,3})")
_BAD_NAME = re.compile("[的是在和与由被对为于了]")
_UNFIT = re.compile(
    r"[“”\"<>{}|\[\]=*_`\\？！?!…]|https?:|它|他|她|其(?![中他余它实])|该|此(?![后前外])|这|那|我们|咱|上述|前者|后者|如下|以下"
    r"|同样|首先|其次|最后，|例如"
)
_CONNECTIVE = re.compile(
    r"^(?:此外|另外|同时|因此|所以|然而|但是|但|而且|并且|并|而|不过|比如|其中|于是|随后|之后|后来|结果|事实上|因为|由于|"
    r"虽然|尽管|如果|即使|除了|除非|只有|只要|不仅|不但|或者|或|也|还|又|则|即|就|便|再|从而|以及|和|与|及|甚至|特别是|"
    r"尤其是|包括|当|计划|预计|目标为|标为|在.{0,30}[时后前中下里]，)"
)
_STOP_BEFORE = re.compile(r"\d\s?[分时度年月]\s?$|[第±负近每半正零]\s?$|[到至~—–-]\s?$|\d\s?$|[.．]$")
_NOUNS = ("n", "eng", "vn", "j", "l", "i", "an", "s", "f", "b", "t", "m", "a")
_VERBS = ("v", "p", "a", "d")
_PLACES = ("位于", "坐落于", "坐落在", "设在", "设于", "出生于", "出生在", "成立于", "来自", "建于", "葬于", "葬在")
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任"
    "袁柳史唐费廉岑薛雷贺倪汤罗毕郝安常于傅皮齐康伍余元顾孟黄穆萧尹姚邵汪祁毛狄米贝明戴宋庞熊纪舒屈项祝董梁杜阮蓝席季"
    "贾江颜郭梅林徐邱骆高夏蔡田胡凌霍万柯卢莫房解应丁邓单洪包石崔龚程陆段侯武刘景龙叶黎白蒲邰乔谭翁向文欧游肖"
)
_ASIDE = re.compile(r"^\s*[（(][^（()）]*[)）]")
_CAUSE = re.compile("，\\s*(?:由于|因为|如果|虽然|尽管)")
_SAYS = re.compile(r"(?:写道|说|表示|显示|称|认为|指出|报告|发现|表明|证明|评论)？$")
_BEFORE_AMOUNTS = frozenset("了 约 大约 达 高达 过 为 有 超过 近 共 仅 至少 最多 不少于 不超过 应 每 多达".split())  # noqa: SIM905
_BEFORE_PLACE = frozenset(["v", "p", "c", "uj", "x"])
_AFTER_PLACE = frozenset(["v", "p", "d", "uj", "u", "x", "c", "t"])
_RANGE = ("到", "至", "-", "—", "–", "~")
_PROPER = ("战争", "革命", "计划", "运动", "条约", "宣言", "纲要", "指数", "定律", "街", "号", "大道")
_HAN_SPACE = re.compile("(?<=[\u3001-\u9fff\uff00-\uffef]) (?=[\u3001-\u9fff\uff00-\uffef])")
_GOES_ON = frozenset("和与、及的（(·派人家族党军式法奖州省市县岛河湖山区城街大学王主")
_SUBORDINATE = re.compile("(?:(?<!小)时|后|前|的话|期间|的情况下)$")
_UNITS_IN_WORDS = frozenset("分度家部章首例码")
_AFTER_YEARS = frozenset("代级度")
_AFTER_WORDS = frozenset("之别钟子制门程")
_DEFINED = re.compile(r"^(?P<subject>[^，。；：,]{2,18}?)(?P<verb>是指|指的是|是一|是(?=[^否不])|指)(?P<rest>.+)$")


class _Clause(NamedTuple):
    start: int
    end: int


def ask_chinese(sentence: str) -> list[Asked]:
    """Questions about one Chinese sentence, the best rule first.

    Args:
        sentence: readable, with its full stop.
    """
    stripped = sentence.strip()
    body = stripped.rstrip("。；").strip()
    if not _SHORTEST <= len(body) <= _LONGEST or not stripped.endswith(("。", "；")) or _CONNECTIVE.match(body):
        return []
    if _unbalanced(body):
        return []
    found = [*_definition(body), *_people(body), *_amounts(body), *_places(body)]
    return [asked for asked in found if _good(asked)]


def is_place(name: str) -> bool:
    """Whether a word is the name of a place."""
    tags = _tags(name)
    return len(tags) == 1 and tags[0][1] == "ns"


def places_in(text: str) -> list[tuple[int, int]]:
    """Where a question names places that nothing else of the name follows."""
    found, at, tags = [], 0, _tags(text)
    for place, (word, tag) in enumerate(tags):
        before = tags[place - 1] if place else ("", "x")
        after = tags[place + 1] if place + 1 < len(tags) else ("", "x")
        alone = before[1] in _BEFORE_PLACE and after[1] in _AFTER_PLACE and "、" not in (before[0], after[0])
        if tag == "ns" and alone and len(word) > 1 and word[-1] not in "度区地方城" and is_place(word):
            found.append((at, at + len(word)))
        at += len(word)
    return found


def tidy(text: str) -> str:
    """A text without the spaces that stand between Chinese characters."""
    return _HAN_SPACE.sub("", " ".join(text.split()))


def _amounts(body: str) -> Iterator[Asked]:
    taken: list[tuple[int, int]] = []
    for match in _DATE.finditer(body):
        taken.append(match.span())
        if not _cut_off(body, match):
            year = match["answer"].endswith("年")
            word = "哪一年" if year else ("几月几日" if "年" not in match["answer"] else "什么时候")
            yield from _replaced(body, match.span("answer"), word, "when")
    for match in _PERCENT.finditer(body):
        taken.append(match.span())
        if not _cut_off(body, match):
            yield from _replaced(body, match.span("answer"), "百分之多少", "number")
    for match in _AMOUNT.finditer(body):
        if any(match.start() < end and start < match.end() for start, end in taken) or _cut_off(body, match):
            continue
        if match["first"].strip() in ("一", "十", "百", "千", "万", "亿", "两", "千万", "百万") or _part_of_word(
            body, match
        ):
            continue
        word = "多少" + match["unit"]
        money = match["unit"] in ("元", "美元", "欧元", "英镑", "法郎")
        yield from _replaced(body, match.span("answer"), word, "money" if money else "number")


def _cut_off(body: str, match: re.Match[str]) -> bool:
    before, after = body[: match.start()], body[match.end() :].lstrip()
    if _STOP_BEFORE.search(before) or after.startswith(_PROPER) or _inside(body, match.start()):
        return True
    ends = not after or after[0] in "，。；、（("
    return after[:1] in _RANGE or not (ends or "年" in match.group() or _is_object(before))


def _is_object(before: str) -> bool:
    """Whether an amount that something follows stands behind a verb or preposition, and describes no noun alone."""
    tags = _tags(before.rstrip()[-12:])
    return bool(tags) and (tags[-1][1][:1] in ("v", "p", "d") or tags[-1][0] in _BEFORE_AMOUNTS)


def _part_of_word(body: str, match: re.Match[str]) -> bool:
    """Whether a numeral is part of a word (三角, 十分, 四分之一) rather than an amount, or counts years of an era."""
    unit, first = match["unit"], match["first"].strip()
    if unit == "年":
        return re.fullmatch(r"\d{3,4}", first) is not None or body[match.end() : match.end() + 1] in _AFTER_YEARS
    if unit not in _UNITS_IN_WORDS:
        return False
    return not first[0].isdigit() or body[match.end() : match.end() + 1] in _AFTER_WORDS


def _people(body: str) -> Iterator[Asked]:
    found = [match.span("answer") for match in _TRANSLATED_NAME.finditer(body) if not _BAD_NAME.search(match["answer"])]
    at = 0
    for word, tag in _tags(body):
        if (
            tag == "nr"
            and 2 <= len(word) <= 3
            and word[0] in _SURNAMES
            and "·" not in body[max(0, at - 1) : at + len(word) + 1]
        ):
            found.append((at, at + len(word)))
        at += len(word)
    for start, end in found:
        before, after = body[:start].rstrip(), body[end:].lstrip()
        asked = before.endswith(("由", "是", "被", "为", "人是", "给")) or (not before and _starts_with_verb(after))
        following = _tags(after[:8])
        ended = not following or following[0][1][:1] in ("v", "p", "d", "x", "c", "t", "m") or after[:1] in "于在"
        if asked and ended and not before.endswith("、") and after[:1] not in _GOES_ON:
            yield from _replaced(body, (start, end), "谁", "who")


def _starts_with_verb(text: str) -> bool:
    tags = _tags(text[:12])
    return (bool(tags) and tags[0][1][:1] in ("v", "p", "d")) or text.startswith("于")


def _places(body: str) -> Iterator[Asked]:
    for verb in _PLACES:
        at = body.find(verb)
        if at < 2:
            continue
        start = at + len(verb)
        match = re.match(r"[^，。；：、的（）,]{2,16}$|[^，。；：、的（）,]{2,16}(?=，)", body[start:])
        if match and not re.search(r"\d", match.group()) and any(tag == "ns" for _, tag in _tags(match.group())):
            yield from _replaced(body, (start, start + match.end()), "哪里", "where")


def _definition(body: str) -> Iterator[Asked]:
    match = _DEFINED.match(body)
    if match is None or re.search(r"\d|[是有在为]|^[之的]", match["subject"]):
        return
    rest = ("一" if match["verb"] == "是一" else "") + match["rest"]
    rest = re.split("[，；]", rest, maxsplit=1)[0]
    tags = _tags(match["subject"])
    nominal = all(
        tag[:1] in ("n", "e", "j", "m", "a", "b", "l", "i", "x", "u", "f", "s") or tag == "vn" for _, tag in tags
    )
    if not nominal or tags[-1][1][:1] not in ("n", "e", "v", "j", "l", "i", "m") or not 5 <= len(rest) <= 60:
        return
    meant = match["verb"] in ("是指", "指的是", "指")
    if not meant and not re.match(r"一[种个台款家位座名所份项部本条类支组]", rest):
        return
    person = re.match("一[位名]", rest) is not None
    named = any(tag in ("nr", "ns", "nt", "nz", "eng", "nrt") for _, tag in tags)
    subject = match["subject"].strip()
    question = f"{subject}指的是什么？" if meant else f"{subject}是{'谁' if person else '什么'}？"
    yield Asked(tidy(question), tidy(rest), "definition", named)


def _replaced(body: str, span: tuple[int, int], word: str, kind: str) -> Iterator[Asked]:
    clause = _asked_part(body, span)
    if clause is None:
        return
    start, end = span
    before, after = body[clause.start : start], _ASIDE.sub("", body[end : clause.end])
    if before.endswith(("从", "自")) and re.match("[^，]*[到至]", after):
        return
    text = _joined(before, word, after)
    rest = f"{before} {after}"
    if _UNFIT.search(text) or len(text) > _LONGEST_ASKED:
        return
    yield Asked(_question(text), tidy(body[start:end]), kind, _names_something(rest))


def _joined(before: str, word: str, after: str) -> str:
    """No space stands between a Chinese word and the question word."""
    return before.rstrip() + word + (after.lstrip() if after[1:2] > "\u2e80" else after)


def _question(text: str) -> str:
    return tidy(text).rstrip("，、；：:") + "？"


def _asked_part(body: str, span: tuple[int, int]) -> _Clause | None:
    """The clause with the fact, with those before it that it needs for a subject."""
    clauses = _clauses(body)
    at = next((at for at, one in enumerate(clauses) if one.start <= span[0] and span[1] <= one.end), None)
    if at is None:
        return None
    last = at
    while last + 1 < len(clauses) and _SUBORDINATE.search(body[: clauses[last].end]):
        last += 1
    for first in range(at, -1, -1):
        text = body[clauses[first].start : clauses[last].end]
        if _CAUSE.search(text) or body[clauses[first].start - 1 : clauses[first].start] in ("：", ":") or "：" in text:
            return None
        stands_first = first < at and not body[clauses[at].start : span[0]].strip()
        if stands_first or not _has_verb(body[clauses[at].start : span[0]] + "，" + body[span[1] : clauses[last].end]):
            return None
        if _has_subject(text, span[0] - clauses[first].start) and len(text) >= _SHORTEST - 2:
            return _Clause(clauses[first].start, clauses[last].end)
    return None


def _clauses(body: str) -> list[_Clause]:
    found, start = [], 0
    for match in re.finditer(r"[，；：]|[,;:](?!\d)|$", body):
        if match.start() > start and _inside(body, match.start()):
            continue
        if match.start() > start:
            found.append(_Clause(start, match.start()))
        start = match.end()
    return found


def _inside(body: str, at: int) -> bool:
    """Whether a place lies within brackets or quotes."""
    before = body[:at]
    return any(before.count(opening) > before.count(closing) for opening, closing in ("（）", "()", "《》", "「」"))


def _has_subject(text: str, fact: int) -> bool:
    """Whether a clause begins with a noun that comes before its verb, and not with the fact alone."""
    if _CONNECTIVE.match(text) or text.startswith(("在", "于", "从", "自", "由", "对", "据", "按")):
        return False
    tags = _tags(text[:40])
    if not tags or tags[0][1][:1] == "r":
        return False
    at, nouns = 0, 0
    for word, tag in tags:
        if at >= fact:
            return nouns > 0
        if tag[:1] == "n" or tag in ("eng", "vn", "j", "s", "l", "i") or tag == "t":
            nouns += tag != "t" and (tag != "vn" or at > 0) and word != "距离"
        elif tag[:1] in ("v", "p", "d", "c") and not nouns:
            return False
        at += len(word)
    return nouns > 0


def _has_verb(text: str) -> bool:
    """Whether a clause says something of its subject."""
    return any(
        tag in ("v", "vd", "a", "ad", "zg") or word in ("是", "为", "有", "占", "约", "达") for word, tag in _tags(text)
    )


def _names_something(text: str) -> bool:
    """Whether a question names something, or says enough to tell what it is about."""
    tags = _tags(text)
    named = any(tag in ("nr", "ns", "nt", "nz", "nrt") or (tag == "eng" and len(word) > 2) for word, tag in tags)
    return named or "《" in text or "·" in text


def _unbalanced(body: str) -> bool:
    return any(body.count(opening) != body.count(closing) for opening, closing in ("（）", "()", "《》", "「」"))


def _good(asked: Asked) -> bool:
    if _SAYS.search(asked.question):
        return False
    return len(asked.question) >= 7 and bool(asked.answer) and not _UNFIT.search(asked.question.rstrip("？"))


@lru_cache(maxsize=512)
def _tags(text: str) -> tuple[tuple[str, str], ...]:
    import rjieba  # noqa: PLC0415 - its dictionary takes a while to load

    return tuple(rjieba.tag(text))
