"""Feedback from the command line: one by hand, or many from a file."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ragpress.errors import UsageError
from ragpress.fingerprint import hexdigest
from ragpress.storage.record_ids import TIME_DIGITS
from serving.journal.answers import AnswerJournal, first_id_since
from serving.journal.records import FeedbackRecord, Rating, Via


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says about an answer: a line of a file to import.

    Attributes:
        answer_id: the answer.
        rating: thumbs up or down.
        comment: in the user's words.
        correction: what the right answer is.
        expected_sources: sources or document ids that hold the right answer.
        at: ISO time at which it was given; that of the answer where nobody knows.
    """

    answer_id: str
    rating: Rating | None = None
    comment: str = ""
    correction: str = ""
    expected_sources: tuple[str, ...] = ()
    at: str | None = None


class RefusedLine(msgspec.Struct, frozen=True):
    """A line that is no feedback: its number, from 1, and why."""

    line: int
    reason: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of feedback.

    Attributes:
        imported: new feedback.
        known: lines that were there before, in this file or in the journal.
        refused: lines that are no feedback, or on no answer.
    """

    imported: int
    known: int
    refused: tuple[RefusedLine, ...]


def feedback_record(journal: AnswerJournal, given: Given, via: Via = "cli") -> FeedbackRecord:
    """The record of a feedback: the same one for the same words on the same answer, whenever it is made.

    Args:
        journal: has the answer.
        given: what is said.
        via: ``cli`` for a person's own words; ``import`` for words of others, taken from a file.

    Raises:
        UsageError: there is no such answer, it says nothing, or its time is none.
    """
    if not (given.rating or given.comment or given.correction or given.expected_sources):
        raise UsageError("The feedback says nothing: give a rating, a comment, a correction or an expected source.")
    answer = journal.find(given.answer_id)
    if answer is None:
        raise UsageError(f"There is no answer {given.answer_id!r}; give the id that the answer was shown with.")
    return FeedbackRecord(
        id=_id_of(given),
        at=given.at or answer.at,
        answer_id=answer.id,
        collection=answer.collection,
        release=answer.release,
        via=via,
        rating=given.rating,
        comment=given.comment,
        correction=given.correction,
        expected_sources=given.expected_sources,
    )


def import_feedback(journal: AnswerJournal, lines: Iterable[bytes]) -> Imported:
    """Take in feedback, a JSON object a line; what was taken in before is left out, so it may be repeated.

    Raises:
        StorageError: the journal cannot be read or written.
    """
    imported = known = 0
    refused = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = feedback_record(journal, msgspec.json.decode(line, type=Given), "import")
        except (msgspec.DecodeError, UnicodeDecodeError, UsageError) as error:
            refused.append(RefusedLine(number, str(error)))
            continue
        if journal.find_feedback(record.id) is None:
            journal.keep(record).result()
            imported += 1
        else:
            known += 1
    return Imported(imported=imported, known=known, refused=tuple(refused))


def _id_of(given: Given) -> str:
    """An id that the words decide: it sorts by the time given, or else by that of the answer."""
    time = given.answer_id[:TIME_DIGITS] if given.at is None else first_id_since(given.at)[:TIME_DIGITS]
    words = msgspec.json.encode(msgspec.structs.replace(given, at=None)).decode()
    return time + hexdigest("feedback", words)[: 32 - TIME_DIGITS]
