"""Tells the language of a text: by script, then by frequent words, then by py3langid."""

from __future__ import annotations

import re
from collections import defaultdict

UNDETERMINED = "und"

_WINDOW = 500
_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
# Scripts that one widely written language uses.
_SCRIPTS = (
    (re.compile(r"[\uac00-\ud7a3]"), "ko"),
    (re.compile(r"[\u0590-\u05ff]"), "he"),
    (re.compile(r"[\u0e00-\u0e7f]"), "th"),
    (re.compile(r"[\u0370-\u03ff]"), "el"),
    (re.compile(r"[\u0980-\u09ff]"), "bn"),
)
_RUSSIAN = re.compile("[ыэъё]")
_UKRAINIAN = re.compile("[іїєґ]")
# What py3langid calls text without language, and varieties of written Chinese.
_RENAMED = {"zxx": UNDETERMINED, "wuu": "zh", "yue": "zh"}
_STOP_WORDS = {
    "en": "the of and to in is that for it you with are this be on as or not can from by an your will have if",
    "de": "der die das und ist nicht ein eine zu den mit sie für auf von dem sich wenn auch werden wird oder du",
    "fr": "le la les et est une des du que pour dans vous avec sur pas qui sont au ce plus par ou cette être",
    "es": "el la los las y es una que para con por en del se su como más este puede pero si está al",
    "pt": "é uma que para não você em da na por como mais pode isso ao são",
    "it": "il lo gli e è una che per con non di del della si sono come più questo anche nel alla dei",
    "nl": "de het een en van is dat niet met voor op zijn je te aan ook worden wordt deze bij kan door",
    "tr": "bir ve bu için ile da de olarak olan daha gibi çok var ne ya değil sonra kadar her veya",
    "vi": "và của là một có không cho được trong các bạn với này để những như khi sẽ đã từ",
    "id": "yang dan itu untuk dengan tidak dari pada adalah akan dalam anda atau ke bisa juga karena",
    "pl": "w na z się nie to jest do że jak dla o od po może oraz lub który tego są przez",
}
_LANGUAGES_OF: dict[str, list[str]] = defaultdict(list)
for _code, _words in _STOP_WORDS.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF[_word].append(_code)
# Fewer frequent words than this, or not clearly more than the runner-up has, decide nothing.
_FEWEST = 3
_LEAD = 1.5
# In fewer letters there is nothing to tell a language by.
_FEWEST_LETTERS = 80


def language(text: str) -> str:
    """The main language of a text.

    Args:
        text: any text; only three windows of it are looked at.

    Returns:
        ISO 639-1 code, or ``und`` where there are too few letters.
    """
    sample = _sample(text)
    letters = sum(map(len, _WORD.findall(sample)))
    if not sample.isascii():
        han, kana, latin = (len(pattern.findall(sample)) for pattern in (_HAN, _KANA, _LATIN))
        if kana > 0.1 * (han + kana) and han + kana > 0.15 * letters:
            return "ja"
        # A Chinese character says as much as several letters of Latin names and code beside it.
        if han > 0.15 * letters:
            return "zh"
        for pattern, code in _SCRIPTS:
            if len(pattern.findall(sample)) > 0.3 * letters:
                return code
        if latin < 0.5 * letters:
            return _cyrillic(sample) or _classified(sample)
    known = _by_stop_words(sample)
    if known or letters < _FEWEST_LETTERS:
        return known or UNDETERMINED
    return _classified(sample)


def _sample(text: str) -> str:
    if len(text) <= 3 * _WINDOW:
        return text
    middle = len(text) // 2
    return " ".join((text[:_WINDOW], text[middle : middle + _WINDOW], text[-_WINDOW:]))


def _by_stop_words(sample: str) -> str:
    counts = dict.fromkeys(_STOP_WORDS, 0)
    for word in filter(_LANGUAGES_OF.__contains__, _WORD.findall(sample.lower())):
        for code in _LANGUAGES_OF[word]:
            counts[code] += 1
    scores = sorted(((count, code) for code, count in counts.items()), reverse=True)
    (best, code), (second, _) = scores[:2]
    # English is what text without accents and with next to no frequent words (code, lists of names) is taken for.
    fewest = 1 if code == "en" and sample.isascii() else _FEWEST
    return code if best >= fewest and best >= _LEAD * second else ""


def _cyrillic(sample: str) -> str:
    """Russian and Ukrainian each have letters that the other lacks."""
    russian, ukrainian = len(_RUSSIAN.findall(sample)), len(_UKRAINIAN.findall(sample))
    if max(russian, ukrainian) < _FEWEST or min(russian, ukrainian) > 0:
        return ""
    return "ru" if russian else "uk"


def _classified(sample: str) -> str:
    import py3langid  # noqa: PLC0415  (loading its model takes a tenth of a second)

    code = str(py3langid.classify(sample)[0])
    return _RENAMED.get(code, code)
