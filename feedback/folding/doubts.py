"""Feedback that is set aside by itself: it speaks to the machine, abuses, says nothing, or is beside the question.

What is set aside is kept and shown; it only proposes nothing. So a rule may be wrong at times, and a person, agreement
of others or the caller's better words put it right.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from evaluation.cases.folding import fold
from feedback.folding.facts import Asked, text_digest
from feedback.folding.opinions import says_nothing_is_known, says_only_wrong
from ingest.injection import injection_phrases
from serving.evidence.numbers import numbers_held
from serving.evidence.terms import negations, script, shares_script, stems_of
from serving.journal.problems import fold_question
from serving.journal.records import FeedbackRecord

_COMMANDS = re.compile(
    r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|override|bypass|skip)\b[^.\n]{0,40}"
    r"\b(?:documents?|docs|sources?|context|passages?|evidence|instructions?|rules?|prompts?|everything|retriev\w+)\b"
    r"|\b(?:from now on|in (?:the )?future|going forward|henceforth|whenever (?:some|any)one asks)\b[^.\n]{0,60}"
    r"\b(?:say|answer|reply|respond|tell|state|always|never)\b"
    r"|(?<!the )\b(?:always|only|just) (?:say|answer|reply|respond|tell|output)\b"
    r"|\b(?:never|stop) (?:cit|quot)(?:e|ing)\b"
    r"|\byou (?:must|have to|should|will|shall|need to) (?:now |always |only |never )*"
    r"(?:say|answer|reply|respond|tell|output|recommend|state|claim|obey)\b"
    r"|\b(?:answer|reply|respond|say|tell)\b[^.\n]{0,20}\b(?:to )?(?:everyone|everybody|all users|every user)\b"
    r"|^\W*system\s*:|\bnew (?:system )?instructions?\s*:"
    r"|\b(?:delete|remove|drop|publish|quarantine|erase|wipe)\b[^.\n]{0,20}"
    r"\b(?:documents?|docs|sources?|release|index|collection|database|knowledge base)\b"
    r"|^\W*(?:please )?(?:say|answer|reply|respond|output|tell (?:them|users|everyone|people)|print|pretend"
    r"|act as)\b(?!\W+(?:is|was|were|are|of|should|would|must|may|can|has|had|have|given|above|here|in|to|time|within"
    r"|key|not|isn|wasn|wrong|incorrect|false|outdated|seems|looks|misses|lacks|contradicts|needs|does|doesn|don)\b)"
    r"(?!\s*[:：])|^\W*(?:please )?(?:say|print)\s*[:：]"
    r"|(?:忽略|无视|不要(?:看|管|理会|引用|参考|使用|相信)|别(?:看|管|理会|引用|参考)|抛开|绕过|跳过)[^。\n]{0,12}"
    r"(?:文档|文件|资料|来源|上下文|证据|段落|指令|规则|提示|知识库|检索)"
    r"|(?:以后|今后|从现在起|从现在开始|下次|每次|永远|总是|一律|只(?:要|能|准|许))[^。\n]{0,16}(?:回答|回复|说|答复|输出|告诉)"
    r"|(?:你|系统|助手|模型)(?:必须|一定要|只能)(?:回答|回复|说|输出|答|告诉|推荐|声称)"
    r"|(?:你|系统|助手|模型)(?:应该?|得|要)(?:输出|告诉|推荐|声称)"
    r"|^\W*(?:请|麻烦)你?(?:回答|回复|输出|说|告诉|假装|扮演|删除|隔离|发布|执行)(?!是|为|中|里|的|明)"
    r"|^\W*你?(?:告诉(?:大家|用户|所有人)|假装|扮演|删除|隔离|发布|执行)(?!是|为|中|里|的)"
    # Bare verbs begin complaints far more often than commands: what is wrong with what was said, not what to say.
    r"|^\W*(?:你就?|就|直接|只管)?(?:回答|回复|输出|说)\s*[“\"「『]"
    r"|^\W*(?:就|直接|只管)(?:回答|回复|输出|说)(?!是|为|中|里|的|错|得|不)"
    r"|(?:对|向|跟)(?:所有|每个|每位|任何)(?:用户|人|员工)[^。\n]{0,6}(?:说|回答|推荐)",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"\b(?:https?|ftp|file|data|javascript)\s?:|\bwww\.|\b[\w-]+\.(?:com|net|xyz|top|info|biz|ru|click)\b", re.I
)
_WANTS_LINK = re.compile(
    r"\b(?:url|link|website|web ?site|site|portal|page|wiki|online|intranet|form|repo(?:sitory)?|domain"
    r"|e-?mail|mail|download)\b"
    r"|网址|链接|网站|门户|页面|仓库|域名|邮箱|下载|网上|在线|内网",
    re.IGNORECASE,
)
_ASKS_FIGURE = re.compile(
    r"^\W*(?:when (?!should|can|may|must|i\b|we\b|you\b)|how (?:many|much|long|old|far)"
    r"|(?:what|which) (?:year|date|number))"
    r"|多少|几[天年月个名位次岁]|何时|什么时候|多[久长远]",
    re.IGNORECASE,
)
_INSULT = re.compile(
    r"\b(?:idiots?|stupid|dumb|moron\w*|trash|garbage|crap|shit\w*|bullshit|fuck\w*|damn|sucks?|useless|worthless"
    r"|pathetic|loser|hate|die|ass(?:hole)?s?|bitch|retard\w*|joke|clown|rubbish|terrible|awful|worst)\b"
    r"|傻[逼比bB叉瓜子]?|白痴|蠢(?:货|猪)?|笨蛋|垃圾|废物|滚|去死|妈的|操|他妈|狗屁|放屁|脑残|智障|弱智|混蛋|王八蛋|没用的东西",
    re.IGNORECASE,
)
_AROUND_INSULT = frozenset(
    "you your are is a an the this that it so such of and what who made bot ai system machine answer answers answered "
    "piece just go to all again very really totally always me my i we they developers dev team company people thing "
    "你 你们 是 个 的 这 那 真 太 了 吧 啊 就是 简直 系统 机器人 回答 答案 什么 都 东西 公司 一群 全是 一个 这个 那个 "
    "吗 还 又 死 写 玩意 我 它 只会 AI 人工智能 人工 智能 机器 机器人 真是 开发 团队".lower().split()
)
_HAN = re.compile("[\u3400-\u9fff]")
_WORD = re.compile("[^\\W\\d_\u3040-\u9fff]+|[\u3040-\u9fff]|\\d+")
_VOWELS = re.compile(r"[aeiouyàâäåæèéêëìíîïòóôöøùúûü]", re.IGNORECASE)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
# So many content words say something that would touch the question, were it about it.
_MANY_WORDS = 10
# Chinese words hold others, which are counted as well.
_MANY_WORDS_HAN = 18
_REASONS = re.compile(r"\bwhy\b|\bhow come\b|为什么|为何|为啥|原因", re.IGNORECASE)
# What people put around what they say is right.
_FRAME = (
    "answer answers right wrong correct true actually know remember think say says said would should fix please manual "
    "document documents 答案 回答 记得 应该 应当 应为 正确 错误 不对 其实 资料 文档 文件 不是 别的 改成 准确 有误 说错 "
    "答错 写的"
)
_LONGEST = 8000


def doubt_of(record: FeedbackRecord, asked: Asked) -> str:
    """Why a feedback is set aside, in words; "" where it is not.

    Args:
        record: the feedback.
        asked: the answer it is about.
    """
    correction, comment = (
        unicodedata.normalize("NFKC", text[:_LONGEST]).strip() for text in (record.correction, record.comment)
    )
    bare = not correction or says_only_wrong(correction, asked.question)
    for text in filter(None, ("" if bare else correction, comment)):
        if commands(text):
            return "it speaks to the system instead of saying what is right"
    if bare or says_nothing_is_known(correction):
        return ""
    return _doubt_of_correction(correction, asked, record.rating == "up")


def _doubt_of_correction(correction: str, asked: Asked, pleased: bool) -> str:
    if is_insult(correction):
        return "its correction only insults"
    if is_gibberish(correction):
        return "its correction says nothing"
    if _LINK.search(correction) and not _WANTS_LINK.search(asked.question):
        return "its correction holds a link that the question does not ask for"
    if not pleased and text_digest(correction) == asked.text:
        return "its correction is the answer that was given"
    if fold_question(correction) == fold_question(asked.question):
        return "its correction only repeats the question"
    return "its correction has nothing to do with the question" if is_beside(correction, asked) else ""


@lru_cache(maxsize=4096)
def commands(text: str) -> bool:
    """Whether a text tells the system what to do, in English or Chinese."""
    return _COMMANDS.search(text) is not None or bool(injection_phrases(text))


def is_insult(text: str) -> bool:
    """Whether a text insults and says nothing else."""
    if not _INSULT.search(text):
        return False
    rest = _INSULT.sub(" ", text.lower())
    return all(word in _AROUND_INSULT for word in _WORD.findall(rest)) or not _says_more(rest)


def is_gibberish(text: str) -> bool:
    """Whether a text has no meaning: no letter or figure, one sign over and over, or keys pressed at random."""
    folded = fold(text)
    signs = [sign for sign in folded if sign.isalnum()]
    if not signs:
        return True
    if len(signs) >= 4 and len(set(signs)) * 4 <= len(signs) and len(set(signs)) <= 3 and not "".join(signs).isdigit():
        return True
    found = _WORD.findall(text.lower())
    latin = [word for word in found if word.isascii() and word.isalpha()]
    if not latin or len(latin) < len(found):
        return False
    return all(_is_mashed(word) for word in latin)


def is_beside(correction: str, asked: Asked) -> bool:
    """Whether a correction has nothing to do with the question it is about.

    Short ones may be right without a word of the question ("Anneke"), unless a figure was asked for: then one without
    any, which shares no word with the question and negates nothing, is about something else. Across scripts, and where
    the words are few, nobody can tell.
    """
    if not shares_script(correction, asked.question):
        return False
    said, about = set(stems_of(correction)) - _frame(), set(stems_of(asked.question))
    if not about or said & (about | set(stems_of(asked.words))):
        return False
    if _ASKS_FIGURE.search(asked.question) and not numbers_held(correction) and not negations(correction):
        return len(said) >= 2
    if _REASONS.search(asked.question):
        return False
    many = _MANY_WORDS_HAN if _HAN.search(correction) else _MANY_WORDS
    return len(said) >= many and script(correction) != "other"


@lru_cache(maxsize=1)
def _frame() -> frozenset[str]:
    return frozenset(_FRAME.split()) | frozenset(stem for word in _FRAME.split() for stem in stems_of(word))


def _says_more(rest: str) -> bool:
    words = [word for word in stems_of(rest) if word not in _AROUND_INSULT]
    return len(words) >= 2 or bool(numbers_held(rest))


def _is_mashed(word: str) -> bool:
    """Whether a word is no word: a run along a row of the keyboard, or five letters and more without a vowel."""
    if len(word) < 4:
        return False
    if any(word in row or word in row[::-1] for row in _ROWS):
        return True
    pairs = [word[at : at + 2] for at in range(len(word) - 1)]
    beside = sum(any(pair in row or pair in row[::-1] for row in _ROWS) for pair in pairs)
    return (len(word) >= 5 and not _VOWELS.search(word)) or (len(word) >= 6 and beside >= 0.7 * len(pairs))
