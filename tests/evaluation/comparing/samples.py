"""Cases and results for tests of comparisons, made by hand; and a workspace with cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.records import (
    Case,
    CaseError,
    CaseResult,
    Evidence,
    EvidenceState,
    LocatedEvidence,
    RankedHit,
)
from retrieval.context import Passage
from serving.types import Citation
from tests.workspace import Workspace

DOCUMENTS = {
    "refunds.md": (
        "# Refunds\n\nRefunds are paid within 14 days of the return. Ask the desk in Lyon for a form.\n\n"
        "# Parcels\n\nParcels leave every Tuesday morning from the depot in Nantes.\n"
    ),
    "vpn.md": "# VPN\n\nThe VPN server is called gate7. Use your badge number to sign in.\n",
    "kitchen.md": "# Kitchen\n\nThe kitchen opens at seven. Green tea is served at four.\n",
    "garden.md": "# Garden\n\nThe roses in the garden are cut in March by the gardener Ms Arnaud.\n",
}
LINES: tuple[dict[str, Any], ...] = (
    {
        "id": "refund",
        "question": "Within how many days are refunds paid?",
        "answer": "Refunds are paid within 14 days of the return.",
        "evidence": [{"source": "docs/refunds.md", "quote": "Refunds are paid within 14 days of the return"}],
        "tags": ["money"],
    },
    {
        "id": "vpn",
        "question": "What is the VPN server called?",
        "answer": "The VPN server is called gate7.",
        "evidence": [{"source": "docs/vpn.md", "quote": "The VPN server is called gate7"}],
        "tags": ["must"],
    },
    {
        "id": "tea",
        "question": "When is green tea served?",
        "answer": "Green tea is served at four.",
        "evidence": [{"source": "docs/kitchen.md", "quote": "Green tea is served at four"}],
    },
    {
        "id": "roses",
        "question": "Who cuts the roses in the garden?",
        "answer": "The gardener Ms Arnaud.",
        "evidence": [{"source": "docs/garden.md", "quote": "cut in March by the gardener Ms Arnaud"}],
    },
)
SETTINGS = """\
[sources]
folders = ["docs"]

[workers]
processes = 1

[embed]
model = "hashing"

[context]
passages = 1

[evaluation]
resamples = 400

[gate]
margin = 0.02
"""


def cased_workspace(root: Path, lines: Sequence[Mapping[str, Any]] = LINES) -> Workspace:
    """A workspace with documents and accepted cases, nothing live yet. One passage is read for every question."""
    workspace = Workspace(root, SETTINGS)
    workspace.write(DOCUMENTS)
    write_cases(workspace, lines)
    return workspace


def write_cases(workspace: Workspace, lines: Sequence[Mapping[str, Any]], name: str = "own.jsonl") -> None:
    """Write a file of cases."""
    folder = workspace.root / "cases"
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / name).write_text(text, encoding="utf-8")


def located(state: EvidenceState = EvidenceState.FOUND, **fields: Any) -> LocatedEvidence:
    """An item of evidence: found at characters 10 to 30 of document ``d``, unless told otherwise."""
    found = state in {EvidenceState.FOUND, EvidenceState.MOVED}
    known: dict[str, Any] = {"index": 0, "state": state, "source": "docs/a.md"}
    if state is not EvidenceState.GONE:
        known |= {"document_id": "d", "version": "v1"}
    if found:
        known |= {"start": 10, "end": 30}
    else:
        known |= {"reason": f"it is {state}"}
    return LocatedEvidence(**(known | fields))


def hit(rank: int, source: str = "docs/a.md", *, covers: tuple[int, ...] = (), **fields: Any) -> RankedHit:
    """A chunk of characters 0 to 100 of a document."""
    name = "d" if source == "docs/a.md" else source
    known: dict[str, Any] = {"chunk_id": f"{source}#{rank}", "document_id": name, "start": 0, "end": 100}
    return RankedHit(rank=rank, source=source, score=1 / rank, covers=covers, **(known | fields))


def passage(source: str = "docs/a.md", text: str = "some text", index: int = 1, **fields: Any) -> Passage:
    """A passage that the generator read: characters 0 to 100 of a document."""
    known: dict[str, Any] = {
        "index": index,
        "chunk_id": f"{source}#{index}",
        "document_id": "d" if source == "docs/a.md" else source,
        "source": source,
        "title": "",
        "heading": (),
        "page": None,
        "start": 0,
        "end": 100,
        "chunk": text,
        "text": text,
        "text_start": 0,
        "text_end": 100,
        "score": 1.0,
    }
    return Passage(**(known | fields))


def citation(source: str) -> Citation:
    """A citation of a document."""
    return Citation(
        index=1,
        chunk_id="",
        document_id=source,
        source=source,
        title="",
        heading=(),
        page=None,
        start=0,
        end=1,
        quote="x",
        score=1.0,
    )


def case(**fields: Any) -> Case:
    """A case with one item of evidence in ``docs/a.md``."""
    known: dict[str, Any] = {"id": "c", "question": "What?", "evidence": (Evidence("docs/a.md", "a quote"),)}
    return Case(**(known | fields))


def result(**fields: Any) -> CaseResult:
    """A result that found its evidence at the first rank and passed."""
    known: dict[str, Any] = {
        "case": "c",
        "fingerprint": "f",
        "key": "k",
        "hits": (hit(1, covers=(0,)), hit(2, "docs/b.md")),
        "evidence": (located(),),
        "answer": "It is so. [1]",
        "passages": (passage(),),
        "citations": (citation("docs/a.md"),),
        "scores": {"recall@10": 1.0, "passed": 1.0},
    }
    return CaseResult(**(known | fields))


def failed(message: str = "no answer") -> CaseError:
    """An error of the generator."""
    return CaseError("generate", "GeneratorError", message)
