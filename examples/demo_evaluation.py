"""The part of ``make demo`` about evaluation: cases, a report, a change that is refused and one that is let through."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from examples.demo_service import Account

Json = dict[str, Any]

SAMPLE_CASES = Path(__file__).parent / "sample_cases" / "cases.jsonl"
PASSED, REFUSED = 0, 4
"""Exit codes of ``ragpress eval compare``."""

CHEAPER = "context.passages=1"
"""A change that looks like a saving: the generator reads one passage in place of six."""
STRICTER = "answer.abstain=0.45"
"""A change that helps: more evidence is wanted before a question is answered."""
IMPORTANT = "zh-gas-alarm"
"""The case with the tag ``must`` that fails when one passage is read."""

WANTED = 0.75
GENERATED = 20


def on_sample(demo: Account, folder: Path) -> None:
    """Evaluate the sample, whose cases and figures are known.

    Args:
        demo: the account.
        folder: the workspace.
    """
    cases = put_cases(demo, folder)
    for case in cases[:2]:
        demo.say(f"{case['question']} → {case['answer']}")
    demo.say(f"… {len(cases)} in all, with the sentence that proves each answer; some that no document answers")
    demo.check("each stands in a text file that a person can review", holds=len(cases) == lines_of(SAMPLE_CASES))

    result = run(demo)
    passed = result["metrics"]["passed"]["mean"]
    demo.check(f"{passed:.0%} of the cases pass, and none ended in an error", holds=passed >= WANTED)

    demo.step(f"Would this change be let through? {CHEAPER}: it reads less, so it is cheaper")
    refused = compare(demo, CHEAPER, (REFUSED,))
    demo.check("the gate refuses it (exit code 4): it loses an answer that must be right", holds=loses(refused))
    live = demo.ragpress("releases", "list")["live"]
    demo.check("and what is live is still the same", holds=live == refused["baseline"])

    demo.step(f"And this one? {STRICTER}: more evidence is wanted before a question is answered")
    better = compare(demo, STRICTER, (PASSED,))
    now = better["metrics"]["passed"]["candidate"]
    demo.check(f"the gate passes it: {now:.0%} of the cases pass", holds=now >= passed)
    demo.say("put it into ragpress.toml, and the next ingest publishes it, after the same check")


def on_folder(demo: Account) -> None:
    """Evaluate a caller's folder on questions that are made out of its documents."""
    demo.step("Cases out of the documents")
    made = demo.ragpress("eval", "generate", "-n", str(GENERATED))
    for case in made["cases"][:3]:
        demo.say(f"{case['question']} → {case.get('answer') or 'no document answers it'}")
    if not made["cases"]:
        demo.say("no sentence of these documents makes a question, so nothing is evaluated; write cases by hand")
        return
    demo.ragpress("eval", "cases", "accept", "--all")
    demo.say("accepted unseen, for the demo; look at yours before: ragpress eval cases list")
    result = run(demo)
    demo.check("every case has a result", holds=len(result["errors"]) < result["cases"])
    demo.step(f"Would this change be let through? {CHEAPER}")
    compare(demo, CHEAPER, (PASSED, REFUSED))


def on_model(demo: Account, folder: Path) -> None:
    """Evaluate what a served model writes for the sample, on the cases that must pass: a small one takes its time."""
    put_cases(demo, folder)
    run(demo, "--tag", "must")


def put_cases(demo: Account, folder: Path) -> list[Json]:
    """Put the sample's cases into the workspace, and list them."""
    demo.step("Cases: questions whose right answer is known")
    (folder / "cases").mkdir(exist_ok=True)
    shutil.copy(SAMPLE_CASES, folder / "cases")
    cases: list[Json] = demo.ragpress("eval", "cases", "list")["cases"]
    return cases


def run(demo: Account, *options: str) -> Json:
    """Run the cases on what is live, and show the gate's metrics and the report."""
    demo.step("How good are the answers?")
    result = demo.ragpress("eval", "run", *options)
    for name in ("recall@10", "answer_correctness", "faithfulness", "citation_precision", "passed"):
        demo.say(row(name, result["metrics"].get(name)))
    demo.say(f"{result['cases']} cases, {result['seconds']:.1f} s; with every case: {shown(result['report'])}")
    demo.check("the report is one file to open in a browser", holds=Path(result["report"]).is_file())
    return result


def compare(demo: Account, change: str, codes: tuple[int, ...], *options: str) -> Json:
    """Compare what is live with a change of a setting, case by case, and show what the gate says."""
    result = demo.ragpress("eval", "compare", "--set", change, *options, codes=codes)
    gate = result["gate"]
    demo.say(f"the gate says: {gate['verdict']}")
    for reason in gate["reasons"]:
        demo.say(f"because {reason}")
    for case in [one for one in result["changed_cases"] if one["newly_failed"] or one["newly_passed"]][:3]:
        demo.say(f"{'fails' if case['newly_failed'] else 'passes'} now: {case['question']}")
    demo.say(f"both answers to every case, and why they differ: {shown(result['report'])}")
    return result


def loses(result: Json) -> bool:
    """Whether the gate refuses for the case that must pass."""
    return result["gate"]["verdict"] == "refuse" and any(IMPORTANT in reason for reason in result["gate"]["reasons"])


def row(name: str, metric: Json | None) -> str:
    """A metric as a line: its mean, and the interval that it lies in with 95 % confidence."""
    if metric is None or metric["mean"] is None:
        return f"{name:<20} no case has a value"
    low, high = metric["ci"]
    return f"{name:<20} {metric['mean']:.2f}  ({low:.2f} to {high:.2f}, {metric['n']} cases)"


def shown(path: str) -> str:
    """A report's path from the workspace on."""
    return "/".join(Path(path).parts[-4:])


def lines_of(path: Path) -> int:
    """How many cases a file holds."""
    return len(path.read_text(encoding="utf-8").splitlines())
