"""Lineage of answers and citations, and of chunks up to the answers that used them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from index.environment import Environment
from ragpress.errors import ReleaseError
from ragpress.serve_settings import JournalSettings
from retrieval.access import Principal
from serving.callers import LOCAL, Caller, Role
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord, ErrorRecord
from serving.lineage import MOST_ANSWERS, trace_anything
from serving.types import Citation
from tests.serving.answering import passage
from tests.serving.journal.samples import answer_of, answer_record, feedback_record
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

ACCESS = '\n[access]\nrules = { "docs/secret.md" = ["staff"] }\n'
ALICE = Caller(key="alice", owner="alice", roles=frozenset({Role.ASK}), principal=Principal())
BOB = msgspec.structs.replace(ALICE, key="bob", owner="bob")


class Traced:
    """A workspace with two documents and an answer of Alice that cites both."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root, SETTINGS + ACCESS)
        self.workspace.write({"tea.md": "# Tea\n\nTea is at four.\n", "secret.md": "# Vault\n\nThe code is blue.\n"})
        self.release = self.workspace.ingest().release or ""
        self.environment: Environment = self.workspace.environment()
        self.journal = AnswerJournal(self.environment, JournalSettings())
        self.answer = self._answer()
        self.feedback = feedback_record(self.answer, rating="down", comment="no")
        self.journal.keep(self.answer).result()
        self.journal.keep(self.feedback).result()

    def chunk(self, source: str) -> str:
        """Id of the only chunk of a document."""
        opened = self.workspace.open()
        chunk: str = opened.chunk_rows(opened.document(source))["chunk_id"][0].as_py()
        return chunk

    def _answer(self) -> AnswerRecord:
        rows = self.workspace.rows()
        sources = ("docs/tea.md", "docs/secret.md")
        cited = tuple(
            Citation(
                index=number,
                chunk_id=self.chunk(source),
                document_id=rows[source].document_id,
                source=source,
                title=rows[source].title,
                heading=(),
                page=None,
                start=7,
                end=12,
                quote="is at",
                score=0.9,
            )
            for number, source in enumerate(sources, 1)
        )
        record = answer_record(key="alice", release=self.release)
        read = tuple(
            passage(item.index, f"text {item.index}", chunk_id=item.chunk_id, document_id=item.document_id)
            for item in cited
        )
        answer = msgspec.structs.replace(answer_of(record.id, cited), release=self.release, context=read)
        return msgspec.structs.replace(record, answer=answer)


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    return Traced(tmp_path)


def trace(traced: Traced, thing: str, caller: Caller = LOCAL, release: str | None = None) -> tuple[list[str], str]:
    """The names of the links of a chain, and all of the trace as JSON."""
    found = trace_anything(traced.environment, traced.journal, "default", thing, release, caller)
    return [link["link"] for link in found.chain], msgspec.json.encode(found).decode()


def test_an_answer_is_followed_to_its_sources(traced: Traced) -> None:
    chain, text = trace(traced, traced.answer.id)

    of_citation = ["citation", "chunk", "element", "element", "version", "document", "source"]
    assert chain == ["answer", *of_citation, *of_citation, "release"]
    for part in (traced.release, "docs/tea.md", "docs/secret.md", "parse", traced.feedback.id, "Tea is at four."):
        assert part in text


def test_a_citation_is_followed_alone(traced: Traced) -> None:
    chain, text = trace(traced, f"{traced.answer.id}#1")

    assert chain == ["answer", "citation", "chunk", "element", "element", "version", "document", "source", "release"]
    assert "docs/secret.md" not in text
    for wrong in ("#3", "#", "#x", "#-1", "#²"):
        with pytest.raises(ReleaseError, match="no such citation"):
            trace(traced, traced.answer.id + wrong)


def test_an_answer_outlives_its_release(traced: Traced) -> None:
    traced.environment.store.delete(f"releases/{traced.release}/manifest.json")
    chain, text = trace(traced, traced.answer.id)

    assert chain == ["answer", *["citation", "chunk", "document", "source"] * 2, "release"]
    assert "this is what the journal kept" in text
    assert "text 1" in text


def test_other_peoples_answers_are_as_if_they_did_not_exist(traced: Traced) -> None:
    missing = "0" * 32
    errors = []
    for thing in (traced.answer.id, f"{traced.answer.id}#1", missing):
        with pytest.raises(ReleaseError) as raised:
            trace(traced, thing, BOB)
        errors.append(str(raised.value).replace(thing, "ID"))

    assert len(set(errors)) == 1


def test_a_caller_sees_no_more_than_it_may_read(traced: Traced) -> None:
    _, text = trace(traced, traced.answer.id, ALICE)
    assert "docs/tea.md" in text
    assert "secret" not in text
    assert str(traced.workspace.root) not in text

    for hidden in ("docs/secret.md", traced.chunk("docs/secret.md")):
        with pytest.raises(ReleaseError) as refused:
            trace(traced, hidden, ALICE)
        with pytest.raises(ReleaseError) as unknown:
            trace(traced, "nothing", ALICE)
        assert str(refused.value).replace(hidden, "nothing") == str(unknown.value)
        assert trace(traced, hidden)[0]


@pytest.mark.parametrize(("caller", "sees"), [(LOCAL, 1), (ALICE, 1), (BOB, 0)])
def test_a_chunk_and_a_document_name_the_answers_that_used_them(traced: Traced, caller: Caller, sees: int) -> None:
    for thing in (traced.chunk("docs/tea.md"), "docs/tea.md", traced.workspace.rows()["docs/tea.md"].document_id):
        _, text = trace(traced, thing, caller)
        assert text.count(f'"answer_id":"{traced.answer.id}"') == sees


def test_only_so_many_answers_are_named(traced: Traced) -> None:
    answer = traced.answer.answer
    for _ in range(MOST_ANSWERS + 5):
        traced.journal.keep(msgspec.structs.replace(answer_record(), answer=answer)).result()

    assert trace(traced, "docs/tea.md")[1].count('"link":"answer"') == MOST_ANSWERS


def test_an_answer_that_failed_has_no_citations(traced: Traced) -> None:
    failed = answer_record(status="failed", answer=None, error=ErrorRecord("GeneratorError", "a secret"), release="")
    traced.journal.keep(failed).result()

    chain, text = trace(traced, failed.id)
    assert chain == ["answer", "release"]
    assert "GeneratorError" in text
    assert "a secret" not in text
