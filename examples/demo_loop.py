"""The part of ``make demo`` about the loop: a bad answer, a thumbs-down, the cause, a repair, a better release."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from examples.demo_service import Account

Json = dict[str, Any]

OUTDATED = Path(__file__).parent / "outdated" / "battery-safety-sheet.md"
"""An older edition of ``safety/battery-safety-sheet.md`` of the sample."""
FOLDER = "workshop-binder"
QUESTION = "How many batteries may be kept in one cabinet?"
WRONG, RIGHT = "40 batteries", "20 batteries"
CORRECTION = "At most 20 batteries."
RIGHT_SOURCE = "documents/safety/battery-safety-sheet.md"
BAD_SOURCE = f"documents/{FOLDER}/{OUTDATED.name}"
INGESTED = (0, 3)
"""Exit codes of an ingest: done, and done with quarantined documents."""


def on_sample(demo: Account, folder: Path) -> str:
    """From a thumbs-down to a published repair.

    Args:
        demo: the account.
        folder: the workspace.

    Returns:
        The release that is live in the end.
    """
    answer = bad_answer(demo, folder)
    finding = diagnosed(demo, answer)
    release = repaired(demo, folder, finding)
    told(demo, answer["id"], finding, release)
    return release


def bad_answer(demo: Account, folder: Path) -> Json:
    """Somebody puts an outdated copy beside the documents, and the answer becomes wrong."""
    demo.step("Somebody files an old safety sheet, and an answer becomes wrong")
    (folder / "documents" / FOLDER).mkdir()
    shutil.copy(OUTDATED, folder / "documents" / FOLDER)
    demo.ragpress("ingest", codes=INGESTED)
    demo.say(f"{BAD_SOURCE} is of 2023; {RIGHT_SOURCE} is of 2025 and says otherwise")
    answer = ask(demo)
    demo.check("the answer rests on the old sheet, and is wrong", holds=cites(answer, BAD_SOURCE))
    demo.check(f"it says “{WRONG}”", holds=WRONG in answer["answer"])
    return answer


def diagnosed(demo: Account, answer: Json) -> Json:
    """A user says so, and ragpress finds out why."""
    demo.step("A user says that it is wrong, and what is right")
    said = demo.ragpress("feedback", "add", answer["id"], "--rating", "down", "--correction", CORRECTION)
    demo.say(f"“{CORRECTION}” is a claim: nothing changes for anybody until a document bears it out")
    demo.check("it counts for a case that later releases are tested with", holds=bool(said["case_id"]))

    demo.step("Why was it wrong?")
    findings: list[Json] = demo.ragpress("diagnose", "--all")["findings"]
    finding = next(one for one in findings if one["case_id"] == said["case_id"])
    demo.say(f"cause: {finding['cause']}, {finding['confidence']:.0%} sure")
    for document in finding["documents"]:
        demo.say(f"at fault: {document['source']}: {document['why']}")
    for evidence in finding["evidence"][:4]:
        quote = f" “{' '.join(evidence['quote'].split())}”" if evidence.get("quote") else ""
        demo.say(f"evidence: {evidence['text']}{quote}")
    demo.check("it is an outdated document", holds=finding["cause"] == "stale_document")
    at_fault = [document["source"] for document in finding["documents"]]
    demo.check("and the old sheet, and only that, is at fault", holds=at_fault == [BAD_SOURCE])
    return finding


def repaired(demo: Account, folder: Path, finding: Json) -> str:
    """The repair is tried, checked by the gate and published; returns the new release."""
    demo.step("Try the repair, test it on every case, publish it")
    result = demo.ragpress("repair", "--finding", finding["finding_id"], "--apply")
    for repair in result["repairs"]:
        demo.say(f"repair {repair['repair_id']}: {repair['kind']} {repair['document_id'] or ''}; a file in repairs/")
    gate = result["gate"] or {}
    demo.say(f"the gate says: {gate.get('verdict')}: no case is answered worse than before")
    report = folder / ".ragpress" / "evaluations" / str(result["evaluation"]) / "report.html"
    demo.check(f"every case before and after is in {'/'.join(report.parts[-4:])}", holds=report.is_file())
    answer = ask(demo)
    demo.check("the release with the repair is live", holds=answer["release"] == result["candidate"])
    demo.check(f"the same question is answered with “{RIGHT}”", holds=RIGHT in answer["answer"])
    demo.check(f"and the answer cites {RIGHT_SOURCE}", holds=cites(answer, RIGHT_SOURCE))
    return str(result["candidate"])


def told(demo: Account, answer: str, finding: Json, release: str) -> None:
    """The whole story, from the bad answer to the release that put it right."""
    demo.step("What happened? The trace of the bad answer tells all of it")
    links = demo.ragpress("trace", answer)["used_by"]
    for link in links:
        demo.say(line(link))
    names = [link["link"] for link in links]
    demo.check(
        "feedback → case → finding → repair → release",
        holds=names[:4] == ["feedback", "case", "finding", "repair"],
    )
    demo.check("and the release is the one that is live", holds=release in [link.get("release") for link in links])
    demo.say(f"more of it: ragpress trace {finding['finding_id']}; to take it back: ragpress releases rollback")


def ask(demo: Account) -> Json:
    """Ask the question and show the answer with its sources."""
    answer = demo.ragpress("ask", QUESTION)
    demo.say(f"{QUESTION} → {' '.join(answer['answer'].split())}")
    for citation in answer["citations"]:
        demo.say(f"  [{citation['index']}] {citation['source']}")
    return answer


def cites(answer: Json, source: str) -> bool:
    """Whether an answer cites a source and nothing else."""
    return {citation["source"] for citation in answer["citations"]} == {source}


def line(link: Json) -> str:
    """A link of a trace in one line."""
    said = {
        "feedback": ("rating", "correction"),
        "case": ("case_id",),
        "finding": ("cause", "confidence", "state"),
        "repair": ("kind", "source", "newer"),
        "release": ("event", "release", "text"),
    }.get(link["link"], ("text",))
    return f"{link['link']}: " + ", ".join(str(link[name]) for name in said if link.get(name))
