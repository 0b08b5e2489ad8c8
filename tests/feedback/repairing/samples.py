"""A small workspace with a planted fault for each kind of repair, and findings as a diagnosis would make them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feedback.records import BadCase, Claim
from feedback.workbench import Workbench
from index.environment import Environment
from index.findings import BlamedDocument, Cause, Finding
from index.pipeline import IngestRequest, ingest
from index.repairs.records import Quarantine, Repair, Supersede
from ingest.plan import document_id
from serving.journal.answers import AnswerJournal
from serving.types import Answer, Question
from tests.workspace import SETTINGS, Workspace

AT = "2026-01-02T03:04:05.000+00:00"
QUESTION = "How many days do customers have to return a lamp?"
RIGHT = "Customers have 45 days to return a lamp."
WRONG = "Customers have 14 days to return a lamp."
DOCUMENTS: Mapping[str, str] = {
    "returns-2025.md": f"# Returns\n\n{RIGHT} The receipt must be shown.\n",
    "returns-2019.md": f"# How many days to return a lamp\n\n{WRONG} The receipt must be shown.\n",
    "delivery.md": "# Delivery\n\nA parcel is delivered to the door within three working days.\n",
    "roses.md": "# Roses\n\nRoses are pruned in March, before the buds open.\n",
    "vpn.md": "# Remote work\n\nThe VPN password is changed every 90 days by each employee.\n",
}


def bench_of(workspace: Workspace, **changes: Any) -> Workbench:
    """A workbench over a workspace as it is now."""
    environment: Environment = workspace.environment(**changes)
    return Workbench(environment, "default", AnswerJournal(environment, environment.workspace.service.journal))


def live_workspace(root: Path, documents: Mapping[str, str] = DOCUMENTS, settings: str = SETTINGS) -> Workspace:
    """A workspace whose documents are live."""
    workspace = Workspace(root, settings)
    workspace.write(documents)
    ingest(IngestRequest(), workspace.environment())
    return workspace


def signed(**fields: Any) -> dict[str, Any]:
    """What every repair has."""
    return {"collection": "default", "reason": "a test", "by": "ragpress loop", "at": AT, "finding": "f1", **fields}


def quarantine(name: str, **fields: Any) -> Quarantine:
    """A quarantine of a document below ``docs``."""
    return Quarantine(source=f"docs/{name}", **signed(**fields))


def supersede(name: str, newer: str, **fields: Any) -> Supersede:
    """The mark that a document gives way to another one."""
    return Supersede(source=f"docs/{name}", newer=f"docs/{newer}", **signed(**fields))


def bad_case(**fields: Any) -> BadCase:
    """The complaint that the old answer was given."""
    return BadCase(
        **{
            "case_id": "feedback-1",
            "collection": "default",
            "question": QUESTION,
            "wrong": WRONG,
            "claim": Claim(answer="45 days", standing="claimed"),
            **fields,
        }
    )


def finding(*repairs: Repair, **fields: Any) -> Finding:
    """What a diagnosis says of it: the old document is stale."""
    blamed = BlamedDocument(document_id("default", "docs/returns-2019.md"), "docs/returns-2019.md", "older edition")
    return Finding(
        **{
            "finding_id": "f1",
            "at": AT,
            "collection": "default",
            "case_id": "feedback-1",
            "question": QUESTION,
            "release": "r",
            "cause": Cause.STALE_DOCUMENT,
            "confidence": 0.95,
            "documents": (blamed,),
            "repairs": repairs,
            "expected": RIGHT,
            "expected_from": "correction",
            **fields,
        }
    )


def ask(bench: Workbench, text: str = QUESTION) -> Answer:
    """The live release's answer."""
    live = bench.live()
    assert live is not None
    return bench.ask(live, Question(text=text))
