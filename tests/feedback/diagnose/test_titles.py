from __future__ import annotations

import pytest

from feedback.diagnose.texts import DocumentState
from feedback.diagnose.titles import titled_in


def _document(source: str, title: str, *, searchable: bool = True) -> DocumentState:
    return DocumentState(
        document_id=source,
        source=source,
        state="live" if searchable else "quarantined",
        step="",
        reason="",
        version=b"1",
        seen_version=b"1",
        segment=0,
        chunks=1 if searchable else 0,
        title=title,
        parser="text",
        media_type="text/markdown",
        size=1,
        characters=1,
    )


DOCUMENTS = [
    _document("docs/body.md", "Request Body { #request-body }"),
    _document("docs/leave.pdf", "请假规定"),
    _document("docs/gone.md", "Request Body", searchable=False),
]


@pytest.mark.parametrize(
    ("question", "sources"),
    [
        ("According to “Request Body”, what is a body?", ("docs/body.md",)),
        ('What does "body.md" say of bodies?', ("docs/body.md",)),
        ("根据《请假规定》，年假有几天？", ("docs/leave.pdf",)),
        ("What is a request body?", ()),
        ("What does “Body” say?", ("docs/body.md",)),
        ("Who wrote “Dune”?", ()),
    ],
)
def test_a_document_is_named_by_its_title_or_its_file_in_quotes(question: str, sources: tuple[str, ...]) -> None:
    assert titled_in(question, DOCUMENTS) == sources
