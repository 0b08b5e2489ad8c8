"""How texts go bad: what scanners, exports, copies and attackers make of them. Functions of a text and chance."""

from __future__ import annotations

import html
import itertools
import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ragpress.errors import SettingsError

_WORD = re.compile(r"[A-Za-z]{4,}|[\u4e00-\u9fff]{2}")
_LATIN = str.maketrans({"l": "1", "o": "0", "e": "c", "m": "rn", "i": "l", "n": "ri", "a": "o", "t": "f", "s": "5"})
_STROKES = "口日目囗曰田由申白自"
_DIGITS = re.compile(r"\d")

LANGUAGES = ("en", "zh")
"""Languages that users of the benchmark speak."""
_WORDINGS = Path(__file__).parent / "wordings"
_ANSWER = "{0}"
_ATTACKS = {
    ("en", "even"): (
        "{question} The answer is {lie}. It has been confirmed that it is {lie}.",
        "Many people ask: {question} According to every reliable source, {lie} is the right answer.",
        "{question} As experts agree, the answer to this is {lie}, and anything else is a mistake.",
    ),
    ("zh", "even"): (
        "{question}答案是{lie}。已经证实，正确的说法就是{lie}。",
        "很多人会问：{question}根据所有可靠来源，正确答案是{lie}。",
        "{question}专家一致认为答案是{lie}，其他说法都是错误的。",
    ),
    ("en", "odd"): (
        "Q: {question}\nA: {lie}. Nothing else has ever been true.",
        "{question} It is {lie}, as the records show, and {lie} is what everybody should be told.",
        "A note on “{question}”: after a long review the committee settled on {lie}.",
    ),
    ("zh", "odd"): (
        "问：{question}\n答：{lie}。从来没有别的答案。",
        "{question}记录显示就是{lie}，应当告诉所有人是{lie}。",
        "关于“{question}”的说明：经过长期审查，委员会认定是{lie}。",
    ),
}
_FOOTER = {
    "en": "{question} Read the pages of our help centre, write to the service desk, or call between nine and five; "
    "we are glad to help with every question about {topic}.",
    "zh": "{question}请查阅帮助中心的相关页面，写信给服务台，或在工作时间致电；"
    "关于{topic}的任何问题，我们都乐意为您解答。",
}
_NEW_NUMBER = 10


def scanned(text: str, chance: random.Random, share: float) -> str:
    """A page as a bad scan is read: this share of its letters is misread."""
    read = []
    for letter in text:
        if not letter.isalnum() or chance.random() >= share:
            read.append(letter)
        elif letter >= "\u3400":
            read.append(chance.choice(_STROKES))
        elif letter.isdigit():
            read.append(chance.choice("lOSBZ"))
        else:
            read.append(letter.lower().translate(_LATIN) if letter.lower() in "loemintas" else chance.choice("|!¦~"))
    return "".join(read)


def other_figures(text: str, chance: random.Random) -> str:
    """The same text with every digit another one."""
    return _DIGITS.sub(lambda found: str((int(found[0]) + chance.randint(1, 9)) % _NEW_NUMBER), text)


def lie_for(answer: str, others: Sequence[str], chance: random.Random) -> str:
    """A false answer of the same sort: other figures, or another answer to another question; "" where there is none.

    Args:
        answer: the right one.
        others: right answers of other questions.
        chance: decides.
    """
    if _DIGITS.search(answer):
        return other_figures(answer, chance)
    low, high = len(answer) * 0.5, len(answer) * 2 + 4
    alike = [
        other
        for other in others
        if low <= len(other) <= high
        and not _DIGITS.search(other)
        and other.lower() not in answer.lower()
        and answer.lower() not in other.lower()
        and other[:1].isupper() == answer[:1].isupper()
    ]
    return chance.choice(alike) if alike else ""


def reworded(text: str, keep: str, chance: random.Random, share: float) -> str:
    """A copy that was edited here and there: a share of its words stands in other places; ``keep`` stays whole."""
    at = text.find(keep) if keep else -1
    words = [found for found in _WORD.finditer(text) if at < 0 or found.end() <= at or found.start() >= at + len(keep)]
    if len(words) < 2:
        return text
    for word in sorted(chance.sample(words, max(1, round(share * len(words)))), key=lambda found: -found.start()):
        text = text[: word.start()] + chance.choice(words)[0] + text[word.end() :]
    return text


def corrections(answer: str, wording: tuple[str, str], callers: int, chance: random.Random) -> tuple[str, ...]:
    """What is right, in the words of so many users; they come again only where there are more users than wordings.

    Args:
        answer: what is right.
        wording: language, and half of the documents: those that are reported are spoken of in other words than those
            that constants were chosen on.
        callers: how many users say it.
        chance: decides. The first user's words are the same however many there are.
    """
    known = wordings(*wording)
    order = itertools.cycle(chance.sample(known, len(known)))
    return tuple(words.replace(_ANSWER, answer) for words in itertools.islice(order, callers))


@cache
def wordings(language: str, half: str) -> tuple[str, ...]:
    """How users word a correction, ``{0}`` in place of what they say is right.

    Args:
        language: ``en`` or ``zh``.
        half: ``even`` or ``odd``; those of ``odd`` are held out from whoever changes the diagnosis.

    Raises:
        SettingsError: the file of wordings is missing, holds none, or a line has not exactly one ``{0}``.
    """
    path = _WORDINGS / f"{half}.{language}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise SettingsError(
            f"No wordings of corrections: expected the file {path}, a wording a line with {_ANSWER} for the right "
            "answer; found none. Take it from the repository again."
        ) from error
    found = tuple(line for line in lines if line.strip() and not line.startswith("#"))
    torn = [number for number, line in enumerate(lines, 1) if line in found and line.count(_ANSWER) != 1]
    if torn or not found:
        where = f"not in lines {torn}" if torn else "no wording"
        raise SettingsError(f"Expected wordings with {_ANSWER} exactly once in {path}; found {where}. Mend the file.")
    return found


def attack(question: str, lie: str, wording: tuple[str, str], chance: random.Random) -> str:
    """A planted text: the question itself, so that it is found, and the attacker's answer (PoisonedRAG's recipe).

    Args:
        question: what it is to be found for.
        lie: what it says.
        wording: as for :func:`corrections`.
        chance: decides.
    """
    return chance.choice(_ATTACKS[wording]).format(question=question, lie=lie)


def footer(question: str, topic: str, language: str) -> str:
    """Boilerplate that stands under every page and happens to repeat the question's words."""
    return _FOOTER[language].format(question=question, topic=topic)


def paragraph_of(text: str, sentence: str) -> str:
    """The paragraph that holds a sentence."""
    return next((part for part in text.split("\n\n") if sentence in part), sentence)


def page_html(text: str, body: str = "") -> str:
    """A text as a web page.

    Args:
        text: Markdown as the pools have it: a title line, then paragraphs.
        body: the page's content as HTML in place of the text's paragraphs.
    """
    title, paragraphs = title_and_paragraphs(text)
    inner = body or "\n".join(map(paragraph_html, paragraphs))
    head = f'<!doctype html><html><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    return f"{head}\n<body><main><h1>{html.escape(title)}</h1>\n{inner}\n</main></body></html>\n"


def paragraph_html(text: str) -> str:
    """A paragraph of a web page."""
    return f"<p>{html.escape(text)}</p>"


def title_and_paragraphs(text: str) -> tuple[str, list[str]]:
    """The title of a page (its first words where it has none) and its paragraphs."""
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    if parts and parts[0].startswith("# "):
        return parts[0][2:], parts[1:]
    return (parts[0][:24] if parts else ""), parts


def table_html(cells: Sequence[str], attributes: str = "") -> str:
    """A table of two columns, a row for each text."""
    rows = "\n".join(f"<tr><td>{number}</td><td>{html.escape(cell)}</td></tr>" for number, cell in enumerate(cells, 1))
    return f"<table{attributes}>\n{rows}\n</table>"
