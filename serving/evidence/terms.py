"""What a text is about, for comparing a question or a sentence with evidence: content words, numbers, names.

Words are those of the lexical index: English stems, Chinese words folded to simplified characters. How rare a word is
would take the whole collection to tell; here its length stands for it, since frequent words are short in every
language (Zipf, *The Psycho-Biology of Language*, 1935), and a short list of frequent long ones is held apart.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any, NamedTuple

from index.lexical import words

_STOP = """
a an the and or but if then else of to in on at by for from with without as is are was were be been being am do does
did done doing have has had having it its it's this that these those there here he she they them his her their our
your my we you i me us who whom whose which what when where why how will would shall should can could may might must
not no nor so than too very just about into over under after before between during through up down out off again
also any all each both more most other some such only own same s t re ve ll d m don doesn didn isn aren wasn weren
won't please tell know many much while because since until although though however yet per via etc among within upon
whether 的 了 和 是 在 我 有 就 不 人 都 一 一个 上 也 很 到 说 要 去 你 会 着 没有 看 自己 这 那 他 她 它 们 我们
你们 他们 与 及 或 而 但 但是 对 中 为 以 等 被 把 从 向 于 之 其 并 并且 吗 呢 吧 啊 什么 谁 哪 哪些 哪个 哪里 哪儿
何 何时 多少 几 怎么 怎样 如何 为什么 为何 是否 可以 能 请问 请 这个 那个 这些 那些 因为 所以 如果 就是 以及 由 将
已 已经 还 还是 又 再 最 更 下 来 里 后 前 时 年 月 日 个 位 名 次 种 得 地 所 该 此 则 却 给 让 使 因 由于
"""
_FREQUENT = """
year time people make use new first last one two three way day get give take go come see say said include includes
including found known called name part number use used using work also like need want help look well even back still
system information service state country city world group company process example provide based different important
following several often usually generally become became however large small high low long great good main major 进行
使用 通过 其中 包括 可能 认为 表示 时间 情况 问题 方面 主要 成为 开始 目前 现在 发生 需要 工作 公司 国家 世界 中国
相关 不同 关于 作为 最终 主要
"""
_WORD = re.compile(r"[^\W\d_]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")
_KANA = re.compile("[\u3040-\u30ff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_NAME = re.compile(r"\b(?:[A-Z][\w'’\-]{0,64}[a-z0-9][\w]*|[A-Z]{2,}[\w\-]*|[a-z]+[A-Z]\w*)\b")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|isn't|aren't|wasn't|weren't|don't"
    r"|doesn't|didn't|won't|can't|couldn't|wouldn't|shouldn't|hasn't|haven't|hadn't)\b|n[’']t\b"
    r"|(?:不(?!仅|断|同|过|少|但|久|只|论|管)|没(?!收)|未(?!来|知)|无(?!论|数|线|疑)|非(?!常|洲)|并非|尚未|从未|没有)",
    re.IGNORECASE,
)
_WEIGHT_STOPS = 9
# Letters that tell the script of a text.
_SCRIPT_SAMPLE = 400
# So many Chinese characters say something.
_HAN_PASSAGE = 12


class Terms(NamedTuple):
    """The content of a text.

    Attributes:
        stems: content words in order, stop words left out.
        weights: how rare each is held to be, 0..1.
    """

    stems: tuple[str, ...]
    weights: dict[str, float]

    @property
    def total(self) -> float:
        """Weight of all distinct words."""
        return sum(self.weights.values())

    def coverage(self, held: frozenset[str] | set[str]) -> float:
        """Share of the weight whose words stand in a set; 0 for a text without content words."""
        total = self.total
        return sum(weight for stem, weight in self.weights.items() if stem in held) / total if total else 0.0


@lru_cache(maxsize=4096)
def terms_of(text: str) -> Terms:
    """Content words of a text with their weights."""
    stems = stems_of(text)
    return Terms(stems, {stem: term_weight(stem) for stem in stems})


def stems_of(text: str) -> tuple[str, ...]:
    """Content words of a text in order."""
    return tuple(_ANALYSERS.get().analyze(words(text)))


@lru_cache(maxsize=1 << 15)
def term_weight(stem: str) -> float:
    """How rare a word is held to be, 0..1, from its script and length alone."""
    if stem in _ANALYSERS.frequent():
        return 0.35
    if stem.isdigit():
        return 0.9
    if _HAN.search(stem):
        return (0.35, 0.75, 1.0)[min(len(stem), 3) - 1]
    return 0.3 + 0.7 * min(len(stem), _WEIGHT_STOPS) / _WEIGHT_STOPS


@lru_cache(maxsize=1024)
def script(text: str) -> str:
    """``han``, ``latin`` or ``other``: the script of a text, told by its beginning; a Han character counts as two."""
    text = text[:_SCRIPT_SAMPLE]
    han, latin = 2 * len(_HAN.findall(text)), len(_LATIN.findall(text))
    if len(_KANA.findall(text)) > 0.1 * (han + 1):
        return "other"
    letters = len(_WORD.findall(text)) + han // 2
    if han > 0.3 * letters:
        return "han"
    return "latin" if latin >= 0.5 * letters else "other"


def shares_script(one: str, other: str) -> bool:
    """Whether two texts are in the same script, so that words of one can stand in the other."""
    return script(one) == script(other)


def holds_script(text: str, wanted: str) -> bool:
    """Whether a text is in a script, or has passages in it: a Chinese ticket in an English form can answer a Chinese
    question, while Latin letters in Chinese text are names and units."""
    return script(text) == wanted or (wanted == "han" and len(_HAN.findall(text)) >= _HAN_PASSAGE)


def names(text: str) -> list[str]:
    """Names and acronyms in Latin letters, in lower case, the capitalised first word of a sentence left out."""
    return [match.group().lower() for match in _NAME.finditer(text) if _is_name(text, match)]


def negations(text: str) -> int:
    """Number of negating words."""
    return len(_NEGATION.findall(text))


def _is_name(text: str, match: re.Match[str]) -> bool:
    word = match.group()
    if word[1:].lower() != word[1:]:
        return True
    before = text[: match.start()].rstrip(" \t\"'“‘(（*_")
    return bool(before) and before[-1] not in ".!?:;\n。！？：；|" and len(word) > 1


class _Analysers(threading.local):
    """An analyser of each thread: the native one must not be used by two at once."""

    def __init__(self) -> None:
        self._analyser: Any = None
        self._frequent: frozenset[str] = frozenset()

    def get(self) -> Any:
        if self._analyser is None:
            self._analyser = _build()
            self._frequent = frozenset(self._analyser.analyze(_FREQUENT))
        return self._analyser

    def frequent(self) -> frozenset[str]:
        self.get()
        return self._frequent


_ANALYSERS = _Analysers()


def _build() -> Any:
    import tantivy  # noqa: PLC0415 - native library

    filters = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(filters.remove_long(64))
    builder = builder.filter(filters.lowercase()).filter(filters.ascii_fold())
    return builder.filter(filters.custom_stopword(_STOP.split())).filter(filters.stemmer("english")).build()
