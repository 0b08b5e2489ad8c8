"""Reads SQuAD files (Rajpurkar et al., 2016 and 2018) and those of CMRC 2018 in either of its shapes.

``{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers": [{"text", "answer_start"}],
"is_impossible"}]}]}]}``, or a list of ``{"context_id", "context_text", "title", "qas": [{"query_id", "query_text",
"answers": [text]}]}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from evaluation.cases.importing.records import Draft, Item, Refused, Support
from ragpress.errors import SettingsError

UNANSWERABLE = "Its own paragraph does not answer it; another document may: look before you trust it."


class _Answer(msgspec.Struct, frozen=True):
    text: str
    answer_start: int = -1


class _Question(msgspec.Struct, frozen=True):
    id: str | int
    question: str
    answers: tuple[_Answer, ...] = ()
    is_impossible: bool = False


def read_squad(path: Path) -> Iterator[Item]:
    """The questions of a SQuAD or CMRC file.

    Raises:
        SettingsError: it is no such file.
    """
    try:
        body = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise SettingsError(f"Cannot read {path} as JSON: {error}. SQuAD files are one JSON object.") from error
    articles = body.get("data") if isinstance(body, dict) else body
    if not isinstance(articles, list) or not any(map(_paragraphs, articles)):
        raise SettingsError(
            f"{path} is no SQuAD file: expected `data` with `paragraphs`, each with `context` and `qas`."
        )
    for number, article in enumerate(articles, 1):
        for part, paragraph in enumerate(_paragraphs(article), 1):
            yield from _questions(paragraph, str(article.get("title") or ""), f"article {number}, paragraph {part}")


def is_squad(body: object) -> bool:
    """Whether decoded JSON looks like such a file."""
    articles = body.get("data") if isinstance(body, dict) else body
    return isinstance(articles, list) and bool(articles) and bool(_paragraphs(articles[0]))


def _paragraphs(article: Any) -> list[dict[str, Any]]:
    if not isinstance(article, dict):
        return []
    if isinstance(article.get("paragraphs"), list):
        return [part for part in article["paragraphs"] if isinstance(part, dict)]
    return [article] if "qas" in article else []


def _questions(paragraph: dict[str, Any], title: str, where: str) -> Iterator[Item]:
    context = str(paragraph.get("context") or paragraph.get("context_text") or "")
    for number, entry in enumerate(paragraph.get("qas") or (), 1):
        place = f"{where}, question {number}"
        try:
            question = msgspec.convert(_plain(entry), _Question, strict=False)
        except msgspec.ValidationError as error:
            yield Refused(place, f"expected `id`, `question` and `answers`: {error}.")
            continue
        yield _draft(question, context, title, place)


def _plain(entry: Any) -> Any:
    """A question in CMRC's own words as one in those of SQuAD."""
    if not isinstance(entry, dict) or "query_text" not in entry:
        return entry
    answers = [{"text": answer} for answer in entry.get("answers") or ()]
    return {"id": entry.get("query_id", ""), "question": entry["query_text"], "answers": answers}


def _draft(question: _Question, context: str, title: str, where: str) -> Draft:
    literal = [answer for answer in question.answers if answer.text.strip() and answer.text in context]
    answers = literal or [answer for answer in question.answers if answer.text.strip()]
    must_abstain = question.is_impossible or not answers
    found = answers[0] if answers else None
    support = Support(
        source=title,
        title=title,
        context=context,
        answer="" if found is None else found.text,
        start=-1 if found is None else found.answer_start,
    )
    return Draft(
        where=where,
        name=str(question.id),
        question=question.question,
        answers=() if must_abstain else tuple(dict.fromkeys(answer.text.strip() for answer in answers)),
        must_abstain=must_abstain,
        supports=() if must_abstain else (support,),
        note=UNANSWERABLE if must_abstain else "",
    )
