"""The records of an import: what a file says (drafts), and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from evaluation.records import Case
from serving.types import Turn


class Support(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file says that an answer stands; what it does not say is empty.

    Attributes:
        source: path, name or id of the document.
        title: its title.
        context: a passage of its text that holds the answer.
        quote: the very words that hold the answer.
        answer: the answer as it stands in the context.
        start: first code point of the answer in the context; -1 where it is not known.
        whole: whether all of the context bears on the question, so that the best part of it is to be quoted.
    """

    source: str = ""
    title: str = ""
    context: str = ""
    quote: str = ""
    answer: str = ""
    start: int = -1
    whole: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A question as a file holds it, before its evidence was looked up.

    Attributes:
        where: place in the file, for messages: ``line 3``.
        name: its id there; "" where it has none.
        question: the question.
        answers: every right answer, the reference first.
        must_abstain: whether the right answer is that the documents do not say.
        supports: where the answer stands.
        principal: groups that ask.
        tags: its tags.
        note: for people.
        history: earlier turns.
    """

    where: str
    name: str = ""
    question: str
    answers: tuple[str, ...] = ()
    must_abstain: bool = False
    supports: tuple[Support, ...] = ()
    principal: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    history: tuple[Turn, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """A part of a file that is no case: where, and why."""

    where: str
    reason: str


Item: TypeAlias = Draft | Case | Refused
Reader: TypeAlias = Callable[[Path], Iterator[Item]]


class Unmatched(msgspec.Struct, frozen=True):
    """A case whose evidence the live release does not hold; it is proposed, and its note says why."""

    case: str
    question: str
    reason: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import.

    Attributes:
        collection: the collection.
        release: the live release in which evidence was looked up; "" where none is live.
        format: what was read: ``squad``, ``beir``, ``csv``, ``jsonl`` or ``feedback``.
        file: name of the file in ``cases/``; "" where nothing was added.
        imported: cases that were added.
        accepted: how many of them are evaluated from now on; the others are proposed.
        mended: proposed cases of an earlier import whose evidence is found now, or that more is known of.
        duplicates: cases that were there before.
        unmatched: added cases whose evidence was not found.
        refused: parts of the file that are no case.
    """

    collection: str
    release: str
    format: str
    file: str
    imported: int
    accepted: int
    mended: int
    duplicates: int
    unmatched: tuple[Unmatched, ...]
    refused: tuple[Refused, ...]
