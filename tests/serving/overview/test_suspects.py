from datetime import UTC, datetime
from typing import Any

import msgspec

from index.documents import DocumentRow, to_table
from ragpress.types import AuditAction, AuditMark
from serving.overview.records import Suspect
from serving.overview.suspects import known_documents, suspects
from tests.serving.journalled import answered, checked, citation, passage

NOW = datetime(2026, 6, 10, tzinfo=UTC)


def row(document_id: str, source: str, *audits: str, **fields: Any) -> DocumentRow:
    marks = tuple(AuditMark(audit, AuditAction.MARK, 1.0, 1.0, f"it is {audit}") for audit in audits)
    return DocumentRow(
        document_id=document_id,
        source=source,
        relations=msgspec.json.encode(marks).decode(),
        **{"state": "live", **fields},
    )


def told(rows: list[DocumentRow], expected: tuple[str, ...] = (), **answer: Any) -> list[Suspect]:
    record = answered(NOW, **answer)
    assert record.answer is not None
    cited = [one.document_id for one in record.answer.citations]
    return suspects(record.answer, expected, known_documents(to_table(rows), cited, expected))


def reasons(found: list[Suspect]) -> dict[str, list[str]]:
    return {one.source: list(one.reasons) for one in found}


def test_marks_of_cited_documents_are_pointed_out_first() -> None:
    cited = (citation("d1", "docs/a.md"), citation("d2", "docs/b.md", 2))
    found = told([row("d1", "docs/a.md"), row("d2", "docs/b.md", "outdated", "near_duplicate", "odd")], citations=cited)
    assert reasons(found) == {"docs/b.md": ["outdated", "near_duplicate", "marked"], "docs/a.md": []}
    assert [mark.reason for mark in found[0].marks] == ["it is outdated", "it is near_duplicate", "it is odd"]


def test_what_became_of_a_cited_document_since() -> None:
    cited = (citation("d1", "docs/a.md"), citation("gone", "docs/gone.md"))
    found = told([row("d1", "docs/a.md", state="quarantined")], citations=cited)
    assert reasons(found) == {"docs/a.md": ["quarantined"], "docs/gone.md": ["deleted"]}


def test_a_citation_under_an_unsupported_sentence_is_doubted() -> None:
    found = told([row("d1", "docs/one.md")], sentences=checked(False))
    assert reasons(found) == {"docs/one.md": ["unsupported"]}


def test_expected_sources_are_found_by_id_source_and_file_name() -> None:
    rows = [row("d1", "docs/one.md"), row("d2", "docs/hr/two.md"), row("d3", "docs/three.md")]
    found = told(rows, ("d1", "two.md", "docs/three.md", "none.md"), context=(passage("d3", "docs/three.md"),))
    assert reasons([one for one in found if one.role == "expected"]) == {
        "docs/one.md": ["expected_unused"],
        "docs/hr/two.md": ["expected_unused"],
        "docs/three.md": ["expected_uncited"],
        "none.md": ["expected_unknown"],
    }


def test_a_name_that_fits_many_documents_names_none() -> None:
    found = told([row("d1", "a/x.md"), row("d2", "b/x.md")], ("x.md",), citations=())
    assert reasons(found) == {"x.md": ["expected_unknown"]}


def test_an_answer_that_never_was_whole_has_only_what_was_expected() -> None:
    known = known_documents(to_table([row("d1", "docs/one.md", state="quarantined")]), [], ["one.md"])
    assert reasons(suspects(None, ("one.md", " "), known)) == {"docs/one.md": ["quarantined", "expected_unused"]}
