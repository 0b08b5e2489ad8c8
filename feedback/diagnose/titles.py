"""Documents that a question names by their title: "According to “Request Body”, …", "根据《请求体》，……"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.cases.folding import fold
from feedback.diagnose.texts import DocumentState

# What Markdown sets behind a heading for whoever links to it: "{ #request-body }".
_ATTRIBUTES = re.compile(r"\s*\{[^{}]*\}\s*$")
_TITLED = re.compile('[“「『《"]([^“”「」『』《》"\n]{2,120})[”」』》"]')


def titled_in(question: str, documents: Sequence[DocumentState]) -> tuple[str, ...]:
    """Source paths of the documents whose title, or file name, stands in quotes in a question.

    Args:
        question: what was asked.
        documents: those of the release.
    """
    names = {fold(found) for found in _TITLED.findall(question)}
    if not names:
        return ()
    return tuple(item.source for item in documents if item.searchable and (names & set(_names_of(item))))


def _names_of(document: DocumentState) -> tuple[str, ...]:
    name = document.source.rsplit("/", maxsplit=1)[-1]
    title = _ATTRIBUTES.sub("", document.title)
    return fold(document.title), fold(title), fold(name), fold(name.rsplit(".", maxsplit=1)[0])
