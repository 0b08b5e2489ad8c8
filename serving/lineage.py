"""Lineage of everything: of an answer and its citations down to their sources, and of a document up to its answers.

What :mod:`index.lineage` knows of a release is joined with what the journal knows of answers. A release that is gone
is replaced by what the journal kept of it: the passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from index.environment import Environment
from index.lineage import Link, Trace, chunk_chain, release_link
from index.lineage import trace as trace_in_releases
from index.opened import OpenRelease
from ragpress.errors import NotFoundError, ReleaseError
from ragpress.storage.record_ids import is_record_id
from retrieval.access import AccessRules
from retrieval.context import Passage
from serving.callers import Caller, Role
from serving.journal.answers import AnswerJournal, AnswerQuery
from serving.journal.problems import problem_of
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.loop_lineage import LoopLineage
from serving.types import Citation

MOST_ANSWERS = 20
"""The most answers listed of those that used a chunk or a document, newest first."""

_FROM_JOURNAL = "the release is gone; this is what the journal kept"
# Folders of the server, and marks and reasons that may name documents which the caller may not read.
_OPERATORS_OWN = frozenset({"root", "marks", "reason", "notes"})


def trace_anything(
    environment: Environment, journal: AnswerJournal, collection: str, thing: str, release: str | None, caller: Caller
) -> Trace:
    """Trace an answer id, a citation (``ANSWER_ID#2``), a chunk id, a document id or a source path. Reads files.

    Operators also trace a finding, a repair or a release, and see of answers and documents what the loop did about
    them. A caller sees its own answers (an admin everybody's) and what it may read now; all else is as if it did not
    exist.

    Args:
        environment: the workspace.
        journal: its answers and feedback.
        collection: where chunks and documents are looked for; an answer names its own.
        thing: what to trace.
        release: look for chunks and documents in this release only; None looks in the live one and, for callers
            whose reading is not restricted, in all others, newest first.
        caller: who asks.

    Raises:
        ReleaseError: there is no such thing, or the caller may not see it.
        StorageError: a file of a release or of the journal cannot be read.
        SettingsError: there is no such collection, or its access rules are wrong.
    """
    reach = _Reach(environment, journal, caller)
    answer_id, mark, number = thing.partition("#")
    record = reach.journal.find(answer_id) if is_record_id(answer_id) else None
    if record is not None and reach.caller.owns(record.key):
        return _trace_answer(reach, record, int(number) if number.isascii() and number.isdigit() else None, bool(mark))
    if is_record_id(answer_id):
        raise ReleaseError(
            f"No answer {thing} is in the journal: a process that was killed in the middle of it kept no record, or "
            "`ragpress releases gc` has removed it."
        )
    story = reach.story(collection)
    found = None if story is None or release is not None else story.trace(thing)
    return _trace_indexed(reach, collection, thing, release) if found is None else found


class _Reach(msgspec.Struct, frozen=True):
    environment: Environment
    journal: AnswerJournal
    caller: Caller

    def readable(self, collection: str) -> Callable[[str], bool]:
        """Whether the caller may read the document of a source path, by the access rules as they are now.

        Raises:
            SettingsError: there is no such collection, or its rules are wrong.
        """
        rules = AccessRules(self.environment.workspace.collection(collection).access)
        return lambda source: bool(rules.readable(self.caller.principal, [source])[0])

    def story(self, collection: str) -> LoopLineage | None:
        """What the loop knows of a collection; None for whoever may not see what others asked and said."""
        sees = self.caller.may(Role.ADMIN) and self.caller.principal.unrestricted
        known = collection in self.environment.workspace.collections
        return LoopLineage(self.environment, collection) if sees and known else None


def _trace_indexed(reach: _Reach, collection: str, thing: str, release: str | None) -> Trace:
    restricted = not reach.caller.principal.unrestricted
    if restricted and release is None:
        release = reach.environment.releases(collection).live_id()
        if release is None:
            raise ReleaseError(f"Nothing is live in {collection!r} yet.")
    found = trace_in_releases(reach.environment, collection, thing, release, reach.readable(collection))
    query = AnswerQuery(
        collection=collection,
        key=_only_own(reach.caller),
        chunk=found.id if found.kind == "chunk" else None,
        document=found.id if found.kind == "document" else None,
        limit=MOST_ANSWERS,
    )
    answers = tuple(_answer_link(record) for record in reach.journal.answers(query))
    chain = tuple(_shown(link, restricted) for link in found.chain)
    story = _of_document(reach, collection, found)
    return msgspec.structs.replace(found, chain=chain, used_by=(*found.used_by, *answers, *story))


def _of_document(reach: _Reach, collection: str, found: Trace) -> tuple[Link, ...]:
    """What the loop did about a document that was traced."""
    story = reach.story(collection)
    document = next((link for link in found.chain if link["link"] == "document"), None)
    if story is None or document is None or found.kind != "document":
        return ()
    return story.of_document(document["document_id"], document["source"])


def _trace_answer(reach: _Reach, record: AnswerRecord, number: int | None, is_citation: bool) -> Trace:
    cited = _citations(reach, record)
    if is_citation:
        cited = [citation for citation in cited if citation.index == number]
        if not cited:
            raise ReleaseError(f"Answer {record.id} has no such citation; `ragpress trace {record.id}` lists them.")
    restricted = not reach.caller.principal.unrestricted
    opened = _open(reach.environment, record)
    links = [link for citation in cited for link in _citation_links(opened, record, citation)]
    made_by = _gone(record.release) if opened is None else release_link(opened.manifest)
    chain = (_whole_answer_link(record), *(_shown(link, restricted) for link in links), made_by)
    feedback = reach.journal.feedback_of(record.id)
    said = tuple(_feedback_link(item) for item in feedback)
    story = None if is_citation else reach.story(record.collection)
    if story is not None:
        said += story.of_answer(record.id, [item.id for item in feedback], problem_of(record))
    name = f"{record.id}#{number}" if is_citation else record.id
    return Trace(kind="citation" if is_citation else "answer", id=name, chain=chain, used_by=said)


def _citations(reach: _Reach, record: AnswerRecord) -> list[Citation]:
    if record.answer is None or not record.answer.citations:
        return []
    if record.collection not in reach.environment.workspace.collections:
        return list(record.answer.citations) if reach.caller.principal.unrestricted else []
    readable = reach.readable(record.collection)
    return [citation for citation in record.answer.citations if readable(citation.source)]


def _open(environment: Environment, record: AnswerRecord) -> OpenRelease | None:
    """The release of an answer; None when it is gone."""
    try:
        opened = environment.open(environment.releases(record.collection).get(record.release))
        for segment in opened.segments.values():
            segment.load()
    except (ReleaseError, NotFoundError):
        return None
    return opened


def _citation_links(opened: OpenRelease | None, record: AnswerRecord, citation: Citation) -> Iterable[Link]:
    yield {
        "link": "citation",
        "index": citation.index,
        "chunk_id": citation.chunk_id,
        "start": citation.start,
        "end": citation.end,
        "page": citation.page,
        "score": citation.score,
        "quote": citation.quote,
    }
    chain = None if opened is None else chunk_chain(opened, citation.chunk_id)
    if chain is None:
        passages = record.answer.context if record.answer else ()
        chain = _kept_chain(citation, next((item for item in passages if item.index == citation.index), None))
    for link in chain:
        yield {"link": link["link"], "citation": citation.index, **link}


def _kept_chain(citation: Citation, passage: Passage | None) -> tuple[Link, ...]:
    chunk: Link = {
        "link": "chunk",
        "chunk_id": citation.chunk_id,
        "start": passage.start if passage else citation.start,
        "end": passage.end if passage else citation.end,
        "page": citation.page,
        "heading": citation.heading,
        "text": passage.chunk if passage else citation.quote,
        "from": _FROM_JOURNAL,
    }
    document: Link = {
        "link": "document",
        "document_id": citation.document_id,
        "source": citation.source,
        "title": citation.title,
        "from": _FROM_JOURNAL,
    }
    return chunk, document, {"link": "source", "source": citation.source}


def _gone(release: str) -> Link:
    return {"link": "release", "release": release or None, "from": _FROM_JOURNAL if release else None}


def _whole_answer_link(record: AnswerRecord) -> Link:
    answer = record.answer
    link = _answer_link(record) | {"text": record.text if answer is None else answer.answer}
    if record.error is not None:
        link["error"] = record.error.kind
    if answer is not None:
        link |= {
            "standalone": answer.standalone,
            "evidence": answer.evidence,
            "generator": msgspec.to_builtins(answer.generator),
            "prompt": answer.prompt,
        }
    return link


def _answer_link(record: AnswerRecord) -> Link:
    return {
        "link": "answer",
        "answer_id": record.id,
        "at": record.at,
        "status": record.status,
        "question": record.question,
        "abstained": record.answer.abstained if record.answer else None,
        "release": record.release,
    }


def _feedback_link(record: FeedbackRecord) -> Link:
    return {
        "link": "feedback",
        "feedback_id": record.id,
        "at": record.at,
        "rating": record.rating,
        "comment": record.comment,
        "correction": record.correction,
        "expected_sources": record.expected_sources,
    }


def _shown(link: Link, restricted: bool) -> Link:
    return {key: value for key, value in link.items() if key not in _OPERATORS_OWN} if restricted else link


def _only_own(caller: Caller) -> str | None:
    """The key whose answers a caller may see; None for everybody's."""
    return None if caller.may(Role.ADMIN) else caller.key
