"""``make demo``: publish a folder, ask, evaluate, edit one file, publish again, roll back, serve it, repair an answer.

It drives the real command line, as a person would, on a copy of ``examples/sample`` (or of the folder
that the environment variable ``DOCS`` names) in ``demo-run``, and stops with a message when a step
does not do what it says.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from examples import demo_evaluation, demo_loop
from examples.demo_plan import Ask, Question, Script, caller_script, sample_script
from examples.demo_service import over_http

ROOT = Path(__file__).parent.parent
RUN = ROOT / "demo-run"
DOCUMENTS = RUN / "documents"
DONE, DONE_WITH_QUARANTINE = 0, 3
SHOWN = 100  # characters of a hit's text on the screen
LEFT_OUT = ("link", "text", "steps", "removed", "marks", "metadata")  # too long for one line of a trace

DAMAGED = "sales/tender-lyon-draft.docx"

Json = dict[str, Any]


@dataclass
class Demo:
    """One run of the demo.

    Attributes:
        console: where the account is printed.
        steps: steps done so far.
        releases: the releases that the ingests published, oldest first.
    """

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    steps: int = 0
    releases: list[str] = field(default_factory=list)

    def step(self, title: str) -> None:
        """Print a step's heading."""
        self.steps += 1
        self.console.print(f"\n[bold cyan]{self.steps}. {title}[/]")

    def say(self, text: str) -> None:
        """Print one line of the account; text from documents is never read as markup."""
        self.console.print("   " + text, markup=False)

    def check(self, claim: str, *, holds: bool) -> None:
        """Print a claim that holds, or stop the demo at one that does not."""
        if not holds:
            raise SystemExit(f"make demo failed at step {self.steps}: expected that {claim}, but it is not so.")
        self.console.print("   [green]✓[/]", claim)

    def ragpress(self, *words: str, codes: tuple[int, ...] = (DONE,)) -> Json:
        """Run one command in the workspace and read the JSON object that it prints."""
        self.console.print("   [dim]$[/] " + shlex.join(["ragpress", *words, "--json"]), style="bold")
        command = [sys.executable, "-m", "ragpress", *words, "--json"]
        done = subprocess.run(  # noqa: S603 - our own command line
            command, cwd=RUN, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False
        )
        if done.returncode not in codes:
            wanted = " or ".join(map(str, codes))
            raise SystemExit(
                f"make demo failed: the command ended with exit code {done.returncode}, expected {wanted}."
            )
        result: Json = json.loads(done.stdout)
        return result


def main(words: Sequence[str] = ()) -> None:
    """Run every step; the exit code is 0 only when every claim held.

    Args:
        words: the command line: ``--base-url URL`` of a served model; without it the documents are quoted.
    """
    parser = argparse.ArgumentParser(prog="examples.demo", description="Shows ragpress on a folder of documents.")
    parser.add_argument("--base-url", default="", help="an OpenAI-compatible server, such as http://127.0.0.1:8000/v1")
    base_url: str = parser.parse_args(words).base_url
    demo = Demo()
    source = os.environ.get("DOCS")
    prepare(demo, Path(source).resolve() if source else None)
    if base_url:
        serve_with(demo, base_url)
    first = ingest(demo)
    documents = troubled(demo)
    if not source:
        check_sample(demo, documents)
    script = caller_script(DOCUMENTS, documents) if source else sample_script(DOCUMENTS)
    hits = [hit for question in script.questions for hit in find(demo, question)]
    trace(demo, hits)
    for question in script.asked:
        answer(demo, question, quoting=not base_url)
    # A small model's answers vary, and nothing is known of a caller's documents: there no step may hang on the gate.
    known = not source and not base_url
    if known:
        demo_evaluation.on_sample(demo, RUN)
    updated = update(demo, script, first)
    if known:
        demo.check("the cases were run on it before it went live", holds=updated["evaluation"] is not None)
    go_back(demo, script)
    if source:
        demo_evaluation.on_folder(demo)
    elif base_url:
        demo_evaluation.on_model(demo, RUN)
    over_http(demo, RUN, script.asked, demo.releases)
    status(demo, demo_loop.on_sample(demo, RUN) if known else demo.releases[0])
    demo.console.print(f"\n[bold green]Done.[/] The workspace is in {RUN.name}/; every command above works there.")


def prepare(demo: Demo, source: Path | None) -> None:
    """Copy the documents and make a workspace that reads them."""
    if source is not None and not source.is_dir():
        raise SystemExit(f"DOCS={source} is not a folder. Name a folder of documents: DOCS=folder make demo")
    shutil.rmtree(RUN, ignore_errors=True)
    shutil.copytree(source or ROOT / "examples" / "sample", DOCUMENTS, symlinks=True, ignore=left_out)
    demo.step("A workspace beside a copy of the documents")
    demo.ragpress("init", ".", "--source", "documents")
    count = sum(path.is_file() for path in DOCUMENTS.rglob("*"))
    demo.check(f"there are {count} files and a settings file", holds=count > 0 and (RUN / "ragpress.toml").is_file())


def left_out(folder: str, names: list[str]) -> list[str]:
    """Names that are not copied: version control, and pipes and devices, which no copy can hold."""
    paths = {name: Path(folder, name) for name in names}
    return [
        name
        for name, path in paths.items()
        if name == ".git" or not (path.is_file() or path.is_dir() or path.is_symlink())
    ]


def ingest(demo: Demo) -> Json:
    """Show the plan, then carry it out."""
    demo.step("What would an ingest do?")
    plan = demo.ragpress("ingest", "--plan", codes=(DONE, DONE_WITH_QUARANTINE))
    demo.say(f"{plan['plan']['added']} documents to add, nothing written yet")
    demo.check("no release exists yet", holds=not demo.ragpress("releases", "list")["releases"])

    demo.step("Ingest: parse, clean, audit, chunk, embed, index, check, publish")
    result = demo.ragpress("ingest", codes=(DONE, DONE_WITH_QUARANTINE))
    account(demo, result)
    demo.check("the candidate was published", holds=bool(result["published"]))
    demo.check("every planned document was added", holds=result["plan"]["added"] == plan["plan"]["added"])
    demo.releases.append(result["release"])
    return result


def account(demo: Demo, result: Json) -> None:
    """What an ingest did, in three lines."""
    plan, chunks = result["plan"], result["chunks"]
    demo.say(", ".join(f"{count} {name}" for name, count in plan.items() if count))
    demo.say(f"chunks: {chunks['total']} in the release, {chunks['embedded']} embedded, {chunks['reused']} reused")
    steps = (f"{name} {step['computed']}/{step['reused']}" for name, step in result["steps"].items())
    demo.say(f"steps computed/reused: {', '.join(steps)}; {result['seconds']:.1f} s")


def troubled(demo: Demo) -> list[Json]:
    """List the documents that are quarantined or marked, with the reasons."""
    demo.step("Which documents need a person?")
    documents: list[Json] = demo.ragpress("documents", "list")["documents"]
    for document in documents:
        if document["reason"]:
            demo.say(f"{document['state']}: {document['source']}: {document['reason']}")
    quarantined = [document for document in documents if document["state"] == "quarantined"]
    demo.check("each quarantined document has a reason", holds=all(document["reason"] for document in quarantined))
    return documents


def check_sample(demo: Demo, documents: list[Json]) -> None:
    """The troubles that were put into the sample folder are all found."""
    marks = {mark for document in documents for mark in document["marks"]}
    wanted = {"injection", "near_duplicate", "outdated"}
    demo.check("a copy, an old edition and text for a language model are marked", holds=wanted <= marks)
    lost = [document["source"] for document in documents if document["state"] == "quarantined"]
    demo.check("the damaged document, and only that, is quarantined", holds=lost == ["documents/" + DAMAGED])


def serve_with(demo: Demo, base_url: str) -> None:
    """Let a served model write the answers; a small one on a processor reads short contexts only."""
    path = RUN / "ragpress.toml"
    text = path.read_text(encoding="utf-8").replace("# base_url = ", f'base_url = "{base_url}"  # ', 1)
    path.write_text(text + "\n[context]\ntokens = 600\npassages = 3\n", encoding="utf-8")
    demo.say(f"answers are written by the model at {base_url}")


def answer(demo: Demo, question: Ask, *, quoting: bool) -> None:
    """Ask a question, show the answer with its citations and check them.

    Args:
        demo: the account.
        question: what is asked, and what is known of its answer.
        quoting: the generator quotes sentences, so the words of the answer are known too.
    """
    demo.step(f"Ask in {question.language}")
    reply = demo.ragpress("ask", question.text)
    demo.say(f"{question.text}")
    demo.say(f"→ {' '.join(reply['answer'].split())}")
    for citation in reply["citations"]:
        page = f", page {citation['page']}" if citation["page"] else ""
        quote = " ".join(citation["quote"].split())[:SHOWN]
        demo.say(f"  [{citation['index']}] {citation['source']}{page}: {quote}… (support {citation['score']:.2f})")
    demo.say(f"by {reply['generator']['kind']} {reply['generator']['model']}, {reply['seconds']['total']:.1f} s")
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", reply["answer"])}
    demo.check("every citation in it exists", holds=cited <= {item["index"] for item in reply["citations"]})
    if question.answerable is False:
        demo.check("it says that the documents do not tell", holds=reply["abstained"] or not quoting)
    elif question.answerable and quoting:
        sources = [item["source"] for item in reply["citations"]]
        demo.check("it is answered", holds=not reply["abstained"])
        demo.check(f"it cites {question.source}", holds=any(question.source in source for source in sources))
        demo.check(f"it says “{question.says}”", holds=question.says in " ".join(reply["answer"].split()))


def find(demo: Demo, question: Question) -> list[Json]:
    """Search for a question, show the best hits and return those from the expected document."""
    demo.step(f"Search in {question.language}")
    hits: list[Json] = demo.ragpress("search", question.text, "-k", "5")["hits"]
    for hit in hits[:3]:
        page = f", page {hit['page']}" if hit["page"] else ""
        demo.say(f"{hit['rank']}. {hit['source']}{page}: {' '.join(hit['text'].split())[:SHOWN]}…")
    expected = [hit for hit in hits if question.expected in hit["source"]]
    demo.check(f"one of the five best hits is from {question.expected or 'the folder'}", holds=bool(expected))
    return expected


def trace(demo: Demo, hits: list[Json]) -> None:
    """Follow a hit back to its page and its source file."""
    demo.step("Where does a hit come from?")
    hit = next((hit for hit in hits if hit["page"]), hits[0])
    traced = demo.ragpress("trace", hit["chunk_id"])
    for link in traced["chain"]:
        facts = (f"{key} {value}" for key, value in link.items() if key not in LEFT_OUT and value)
        demo.say(f"{link['link']}: {', '.join(facts)}")
    demo.check(
        f"the chain ends at {hit['source']}" + (f", page {hit['page']}" if hit["page"] else ""),
        holds=hit["source"] in json.dumps(traced["chain"], ensure_ascii=False),
    )


def update(demo: Demo, script: Script, first: Json) -> Json:
    """Edit one paragraph, ingest again and show that the rest was reused; returns what the ingest reports."""
    edit = script.edit
    demo.step(f"Edit one paragraph of {edit.path.relative_to(DOCUMENTS)} and ingest again")
    edit.apply()
    demo.say(f"now it says: …{edit.new[-2 * SHOWN :]}")
    result = demo.ragpress("ingest", codes=(DONE, DONE_WITH_QUARANTINE))
    account(demo, result)
    demo.check("exactly one document changed", holds=result["plan"]["changed"] == 1 and result["plan"]["added"] == 0)
    demo.check("only that document was parsed", holds=result["steps"]["parse"]["computed"] == 1)
    demo.check(
        f"{result['chunks']['embedded']} chunks were embedded, not {first['chunks']['embedded']}",
        holds=0 < result["chunks"]["embedded"] <= max(1, first["chunks"]["embedded"] // script.share),
    )
    demo.releases.append(result["release"])

    demo.step("What changed between the two releases?")
    difference = demo.ragpress("releases", "diff", *demo.releases)
    for change in difference["documents"]:
        demo.say(
            f"{change['change']} {change['source']}: {len(change['removed'])} chunks out, {len(change['added'])} in"
        )
    changed = [change["source"] for change in difference["documents"]]
    demo.check("the edited document is all that differs", holds=len(changed) == 1 and edit.path.name in changed[0])
    demo.check("the search finds the new text", holds=texts_have(demo, script, edit.mark_new))
    return result


def go_back(demo: Demo, script: Script) -> None:
    """Roll back and find the old text again."""
    demo.step("Roll back")
    demo.ragpress("releases", "rollback")
    live = demo.ragpress("releases", "list")["live"]
    demo.check("the first release is live again", holds=live == demo.releases[0])
    demo.check("the new text is not found any more", holds=not texts_have(demo, script, script.edit.mark_new))
    demo.check("the old text is found again", holds=texts_have(demo, script, script.edit.mark_old))


def texts_have(demo: Demo, script: Script, text: str) -> bool:
    """Whether a hit of the edit's question holds the text, whatever its line breaks."""
    hits = demo.ragpress("search", script.edit.question, "-k", "5")["hits"]
    return any(" ".join(text.split()) in " ".join(hit["text"].split()) for hit in hits)


def status(demo: Demo, live: str) -> None:
    """Show the health of the workspace.

    Args:
        demo: the account.
        live: the release that should be live.
    """
    demo.step("Status")
    for collection in demo.ragpress("status")["collections"]:
        demo.say(", ".join(f"{key}: {value}" for key, value in collection.items() if value is not None))
        demo.check(f"the live release is {live}", holds=collection["live"] == live)


if __name__ == "__main__":
    main(sys.argv[1:])
