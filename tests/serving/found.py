"""Findings and what the loop did, for tests of the service: kept in a workspace's journals as the loop keeps them."""

from __future__ import annotations

from typing import Any

from index.environment import Environment
from index.findings import (
    BlamedDocument,
    Cause,
    Finding,
    FindingEvidence,
    LoopEvent,
    Proof,
    record_event,
    record_findings,
)
from index.repairs.records import MissingDocument, Supersede

AT = "2026-06-12T08:00:00.000+00:00"
OLD, NEW = "docs/hours-2024.md", "docs/hours.md"


def finding(name: str = "f1", **fields: Any) -> Finding:
    """A finding with something of everything."""
    supersede = Supersede(
        collection="default",
        reason="It is an older edition.",
        by="ragpress loop",
        at=AT,
        finding=name,
        source=OLD,
        newer=NEW,
    )
    told: dict[str, Any] = {
        "finding_id": name,
        "at": AT,
        "collection": "default",
        "case_id": "c1",
        "question": "When does the reading room open?",
        "answer_id": "",
        "feedback": ("fb1",),
        "release": "r00001-a",
        "cause": Cause.STALE_DOCUMENT,
        "confidence": 0.93,
        "documents": (BlamedDocument("d1", OLD, "It says nine; the newer edition says eight."),),
        "evidence": (
            FindingEvidence(kind="holder", text="The newer edition says it.", source=NEW, quote="It opens at eight."),
            FindingEvidence(kind="rank", text="The older one stands above it: 1 against 4.", source=OLD),
        ),
        "repairs": (supersede,),
        "expected": "At eight.",
        "expected_from": "correction",
        "others": ((Cause.CONFLICTING_DOCUMENTS, 0.05),),
        "proof": Proof(
            fixed=True, release="r00002-b", before="At nine [1].", after="At eight [1].", sources=(NEW,), seconds=1.5
        ),
    }
    return Finding(**{**told, **fields})


def wanted(name: str = "f9", **fields: Any) -> Finding:
    """A finding that asks for a document."""
    question = "What is the weather on Mars?"
    ask = MissingDocument(
        collection="default",
        reason="Nothing in the collection says it.",
        by="ragpress loop",
        at=AT,
        finding=name,
        questions=(question,),
        wanted="Something about the weather on Mars.",
    )
    told: dict[str, Any] = {
        "question": question,
        "cause": Cause.MISSING_DOCUMENT,
        "documents": (),
        "evidence": (),
        "repairs": (ask,),
        "expected": "",
        "expected_from": "",
        "proof": None,
    }
    return finding(name, **{**told, **fields})


def keep(environment: Environment, *found: Finding) -> None:
    """Keep findings."""
    record_findings(environment, found)


def happened(environment: Environment, kind: Any, *names: str, **fields: Any) -> LoopEvent:
    """Keep an event about findings."""
    told: dict[str, Any] = {
        "at": AT,
        "collection": "default",
        "kind": kind,
        "text": f"It was {kind}.",
        "findings": names,
    }
    event = LoopEvent(**{**told, **fields})
    record_event(environment, event)
    return event
