"""The loop's part of lineage: from an answer to its finding, its repairs and the release they made, and back.

For operators alone: a finding holds what others asked and said. :mod:`serving.lineage` sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from index.environment import Environment
from index.findings import Finding, LoopEvent
from index.lineage import Link, Trace, release_link
from index.release import Manifest, stored_releases
from index.repairs import files
from index.repairs.records import Repair, kind_of, repair_id, source_of
from ragpress.errors import NotFoundError, SettingsError
from serving.overview.findings import FoundState, found_state

MOST_FINDINGS = 20
"""The most findings listed of those that blame a document, newest first."""

_TOLD = frozenset(
    {"waiting", "approved", "rejected", "published", "refused", "canary", "watched", "rolled_back", "reverted"}
)
_OF_RELEASES = frozenset({"watched", "rolled_back"})
_DESCRIBING = frozenset({"kind", "collection", "finding"})


class LoopLineage:
    """What the loop knows of the things of one collection. Reads files when it is made.

    Args:
        environment: the workspace.
        collection: the collection.

    Raises:
        StorageError: a journal cannot be read.
    """

    def __init__(self, environment: Environment, collection: str) -> None:
        self._environment = environment
        self._collection = collection
        self._known: FoundState = found_state(environment, collection)

    def of_answer(self, answer_id: str, feedback: Sequence[str], case: str | None) -> tuple[Link, ...]:
        """From an answer on: its case, its findings, their repairs, and what became of them.

        Args:
            answer_id: the answer.
            feedback: ids of what was said of it.
            case: id of the problem that it belongs to.
        """
        said = frozenset(feedback)
        fitting = [
            one
            for one in self._known.findings
            if one.answer_id == answer_id or said.intersection(one.feedback) or (said and one.case_id == case)
        ]
        names = dict.fromkeys([*([case] if case and said else []), *(one.case_id for one in fitting)])
        cases: list[Link] = [{"link": "case", "case_id": name} for name in names]
        return (*cases, *(link for one in reversed(fitting) for link in self._onwards(one)))

    def of_document(self, document_id: str, source: str) -> tuple[Link, ...]:
        """What the loop has of a document: findings that blame it, and repairs in ``repairs/`` that are about it."""
        blaming = [
            one for one in self._known.findings if any(blamed.document_id == document_id for blamed in one.documents)
        ]
        links = [self._finding(one) for one in blaming[:MOST_FINDINGS]]
        return (*links, *(self._repair(repair) for repair in self._kept() if _is_about(repair, source)))

    def trace(self, thing: str) -> Trace | None:
        """Trace a finding, a repair or a release, by its whole id; None where there is none of these."""
        finding = next((one for one in self._known.findings if one.finding_id == thing), None)
        if finding is not None:
            return self._of_finding(finding)
        repair = self._repairs().get(thing)
        if repair is not None:
            return self._of_repair(thing, repair)
        if thing in stored_releases(self._environment.store):
            return self._of_release(thing)
        return None

    def _of_finding(self, finding: Finding) -> Trace:
        said: list[Link] = [{"link": "feedback", "feedback_id": name} for name in finding.feedback]
        chain = (self._finding(finding), *_back(finding), *said, {"link": "release", "release": finding.release})
        return Trace(kind="finding", id=finding.finding_id, chain=chain, used_by=self._onwards(finding)[1:])

    def _of_repair(self, name: str, repair: Repair) -> Trace:
        made_for = [one for one in self._known.findings if name in map(repair_id, one.repairs)]
        back = [link for one in made_for for link in (self._finding(one), *_back(one))]
        events = [event for event in reversed(self._known.events) if name in event.repairs and event.kind in _TOLD]
        chain = (self._repair(repair), *back)
        return Trace(kind="repair", id=name, chain=chain, used_by=tuple(map(_event, self._with_fate(events))))

    def _of_release(self, name: str) -> Trace | None:
        try:
            manifest = self._environment.releases(self._collection).get(name)
        except NotFoundError:
            return None
        events = [event for event in reversed(self._known.events) if name in (event.release, event.to)]
        asked = {one for event in events if event.release == name for one in event.findings}
        findings = [one for one in self._known.findings if one.finding_id in asked]
        back = [link for one in findings for link in (self._finding(one), *_back(one))]
        repairs = [self._repair(one) for one in self._made_with(manifest, findings)]
        made: Link = release_link(manifest) | {"created": manifest.created, "parent": manifest.parent}
        used_by = tuple(_event(event) for event in events if event.kind in _TOLD)
        return Trace(kind="release", id=name, chain=(made, *repairs, *back), used_by=used_by)

    def _made_with(self, manifest: Manifest, findings: Sequence[Finding]) -> list[Repair]:
        """The repairs that a release was built with, and those of the findings that it was made for."""
        known = self._repairs()
        proposed = (repair_id(repair) for one in findings for repair in one.repairs)
        names = dict.fromkeys((*manifest.repairs, *proposed))
        return [known[name] for name in names if name in known]

    def _onwards(self, finding: Finding) -> tuple[Link, ...]:
        """A finding, what it proposes, and what became of it."""
        repairs = [self._repair(repair) for repair in finding.repairs]
        events = self._with_fate([event for event in self._known.of(finding) if event.kind in _TOLD])
        return (self._finding(finding), *repairs, *map(_event, events))

    def _with_fate(self, events: Sequence[LoopEvent]) -> list[LoopEvent]:
        """Events, and what became later of the releases that they published."""
        published = {event.release for event in events if event.kind == "published"}
        later = (one for one in self._known.events if one.kind in _OF_RELEASES and one.release in published)
        return sorted({one.id: one for one in (*events, *later)}.values(), key=lambda one: one.id)

    def _finding(self, finding: Finding) -> Link:
        proof = finding.proof
        return {
            "link": "finding",
            "finding_id": finding.finding_id,
            "case_id": finding.case_id,
            "at": finding.at,
            "state": self._known.states[finding.finding_id],
            "cause": finding.cause.value,
            "confidence": finding.confidence,
            "question": finding.question,
            "documents": [msgspec.to_builtins(one) for one in finding.documents],
            "expected": finding.expected,
            "fixed": None if proof is None else proof.fixed,
            "release": finding.release,
        }

    def _repair(self, repair: Repair) -> Link:
        name = repair_id(repair)
        told = {key: value for key, value in msgspec.to_builtins(repair).items() if key not in _DESCRIBING}
        head: Link = {
            "link": "repair",
            "repair_id": name,
            "kind": kind_of(repair),
            "finding_id": repair.finding or None,
        }
        return head | told | {"kept": any(repair_id(one) == name for one in self._kept())}

    def _repairs(self) -> dict[str, Repair]:
        """Repairs that findings propose, and those in ``repairs/``, by id."""
        proposed = (repair for one in self._known.findings for repair in one.repairs)
        return {repair_id(repair): repair for repair in (*proposed, *self._kept())}

    def _kept(self) -> Iterable[Repair]:
        try:
            return files.load_all(self._environment.workspace.root, self._collection)
        except SettingsError:
            # A damaged file is told by every command that uses it; lineage shows what it can.
            return ()


def _back(finding: Finding) -> tuple[Link, ...]:
    case: Link = {"link": "case", "case_id": finding.case_id, "question": finding.question}
    answer: Link = {"link": "answer", "answer_id": finding.answer_id, "question": finding.question}
    return (case, answer) if finding.answer_id else (case,)


def _event(event: LoopEvent) -> Link:
    return {
        "link": "release" if event.release else "event",
        "event": event.kind,
        "release": event.release or None,
        "at": event.at,
        "by": event.by,
        "text": event.text,
        "to": event.to or None,
    }


def _is_about(repair: Repair, source: str) -> bool:
    return source in (source_of(repair), getattr(repair, "newer", None))
