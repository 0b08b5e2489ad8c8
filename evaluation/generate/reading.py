"""The documents of a release as the templates read them; which are left out, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

import pathspec

from evaluation.generate.records import CHINESE, LANGUAGES, Reading
from index.documents import DocumentRow, to_rows
from index.opened import OpenRelease
from ragpress.answer_settings import AccessSettings
from retrieval.access import AccessRules
from serving.documents.library import ReleaseDocuments
from serving.prompting import without_hidden

_LIVE = "live"
# A document that is nearly the same as another one still holds what it says.
_HARMLESS = frozenset({"near_duplicate"})
# Their title is the name of their first sheet.
_SHEETS = frozenset({".xlsx", ".xls", ".ods"})
_LONGEST_TITLE = 60
_HAN = re.compile("[\u3400-\u9fff]")
_MARKUP = re.compile(r"[<>{}\[\]`*|\\#\"“”]|https?:")


class Shelf(NamedTuple):
    """What there is to read.

    Attributes:
        readings: documents to ask about, by source.
        others: further documents that can be found, which no question is made of.
        skipped: documents that were left out, by reason.
    """

    readings: tuple[Reading, ...]
    others: tuple[Reading, ...]
    skipped: dict[str, int]

    @property
    def all(self) -> tuple[Reading, ...]:
        """Every document that a search can find."""
        return (*self.readings, *self.others)


def read_release(release: OpenRelease, sources: str | None = None) -> Shelf:
    """Read every document of a release.

    Args:
        release: the release.
        sources: gitignore-style pattern of the source paths to ask about.

    Raises:
        StorageError: a file of the release is damaged or gone.
    """
    documents = ReleaseDocuments(release, AccessRules(AccessSettings()))
    wanted = None if sources is None else pathspec.GitIgnoreSpec.from_lines([sources])
    readings, others, skipped = [], [], Counter[str]()
    for row in to_rows(release.documents):
        version = documents.version(row) if row.state == _LIVE else None
        if version is None:
            skipped[f"not live ({row.state})"] += 1
            continue
        reading = Reading(
            document_id=row.document_id,
            source=row.source,
            title=shown_title(row),
            language=row.language,
            text=version.text,
            elements=version.elements,
        )
        reason = "" if wanted is None or wanted.match_file(row.source) else "not asked for"
        reason = reason or _unfit(row)
        if reason:
            skipped[reason] += 1
            others.append(reading)
        else:
            readings.append(reading)
    return Shelf(tuple(readings), tuple(others), dict(skipped))


def shown_title(row: DocumentRow) -> str:
    """What a question calls a document; "" where it has no title that tells it in its language.

    A file's name stands for a title that is missing, without ending, numbering and underscores.
    """
    name = PurePosixPath(row.source)
    title = row.title
    if title in ("", name.name) or name.suffix.lower() in _SHEETS:
        title = re.sub(r"^\d+[ _.-]+", "", name.stem)
        title = re.sub(r"[_\s-]+", " ", title)
    title = " ".join(without_hidden(title).split())
    if not title or len(title) > _LONGEST_TITLE or _MARKUP.search(title):
        return ""
    if row.language == CHINESE and not _HAN.search(title):
        return ""
    return "" if title.lower() in {"readme", "index", "untitled", "document"} else title


def _unfit(row: DocumentRow) -> str:
    if row.language not in LANGUAGES:
        return f"language {row.language}"
    marks = sorted({mark.audit for mark in row.all_marks} - _HARMLESS)
    return f"marked {marks[0]}" if marks else ""


def shared_titles(readings: Iterable[Reading]) -> frozenset[str]:
    """Titles that several documents have, in lower case: they single out none."""
    counts = Counter(reading.title.lower() for reading in readings)
    return frozenset(title for title, count in counts.items() if count > 1)
