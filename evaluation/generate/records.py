"""What generating cases takes and gives. All records are frozen."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from evaluation.records import Case
from ragpress.types import Element

TEMPLATES = "generated:templates"
UNANSWERABLE = "generated:unanswerable"
MODEL = "generated:model"

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
"""Languages that templates can ask in."""


class Asked(NamedTuple):
    """A question that was made of a sentence.

    Attributes:
        question: with its question mark, without the document's title.
        answer: words of the sentence.
        kind: which rule made it.
        named: whether it names what it is about, so that it can be understood without the document's title.
    """

    question: str
    answer: str
    kind: str
    named: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A document as the templates read it.

    Attributes:
        document_id: the document.
        source: source path.
        title: what a person calls it, or "".
        language: ``en`` or ``zh``.
        text: its text.
        elements: the pieces of the text.
    """

    document_id: str
    source: str
    title: str
    language: str
    text: str
    elements: tuple[Element, ...]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was not checked yet.

    Attributes:
        question: as it would be asked.
        answer: the reference answer, words of the quote.
        start: first code point of the quote in the document's text.
        end: one past its last.
        kind: which rule made it.
        reading: the document.
        titled: whether the question names the document.
        about: the question without the document's title.
        subject: of a table or list: the row's name; "" for sentences.
        attribute: of a table: the column's name.
        columns: headers of the table.
        origin: see ``Case.origin``.
    """

    question: str
    answer: str
    start: int
    end: int
    kind: str
    reading: Reading
    titled: bool
    about: str
    subject: str = ""
    attribute: str = ""
    columns: tuple[str, ...] = ()
    origin: str = TEMPLATES

    @property
    def quote(self) -> str:
        """The evidence: exact words of the document's text."""
        return self.reading.text[self.start : self.end]


class GenerateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to generate.

    Attributes:
        count: the most cases.
        collection: of which collection.
        release: id of the release; None takes the live one.
        sources: gitignore-style pattern of source paths; None takes all.
        unanswerable: share of the cases that no document answers.
        model: whether a served model writes the answerable ones.
        seed: the same seed gives the same cases of the same release.
        file: name of the file in ``cases/``.
    """

    count: int = 50
    collection: str = "default"
    release: str | None = None
    sources: str | None = None
    unanswerable: float = 0.15
    model: bool = False
    seed: int = 0
    file: str = "generated.jsonl"


class ModelUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a served model wrote.

    Attributes:
        name: the model.
        prompt: name@fingerprint of the prompt.
        asked: chunks that it was asked about.
        failed: chunks for which it gave nothing, by the class of the error.
        prompt_tokens: tokens it read, as the server counts.
        completion_tokens: tokens it wrote.
    """

    name: str
    prompt: str
    asked: int = 0
    failed: dict[str, int] = {}
    prompt_tokens: int = 0
    completion_tokens: int = 0


class GenerateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was generated.

    Attributes:
        collection: of which collection.
        release: id of the release.
        file: the file that was written; "" where nothing was.
        written: number of new cases, all of them proposed.
        wanted: number that was asked for.
        kinds: cases by the rule that made them.
        languages: cases by language.
        dropped: questions that were not used, by reason.
        documents: documents that were read.
        skipped: documents that were left out, by reason.
        notes: what was asked for and could not be made, and why.
        model: what a served model did; None where none was asked.
        cases: the new cases.
    """

    collection: str
    release: str
    file: str
    written: int
    wanted: int
    kinds: dict[str, int]
    languages: dict[str, int]
    dropped: dict[str, int]
    documents: int
    skipped: dict[str, int]
    notes: tuple[str, ...] = ()
    model: ModelUse | None = None
    cases: tuple[Case, ...] = ()
