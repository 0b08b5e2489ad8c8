"""What a run of the fault benchmark shows: tables as Markdown and JSON, every share with its count and interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.loop import load
from benchmarks.loop_pool import folded
from benchmarks.loop_records import Found, Outcome
from benchmarks.loop_reliability import reliability, reliability_table

_Z = 1.959964
_LISTED = 60
_SHOWN = 200
_TUNED = "even"
_GROUPS: dict[str, Callable[[Outcome], str]] = {
    "correction": lambda outcome: "with a correction" if outcome.plan.corrected else "bare thumbs-down",
    "history": lambda outcome: "an earlier good release" if outcome.plan.history else "in the first release",
    "language": lambda outcome: outcome.language,
    "corpus": lambda outcome: outcome.plan.pool,
    "kind": lambda outcome: outcome.plan.kind,
}


class Share(msgspec.Struct, frozen=True):
    """A share with its count and 95 % interval (Wilson, 1927); the share is None where nothing was counted."""

    hits: int
    of: int
    share: float | None
    low: float
    high: float

    @classmethod
    def count(cls, values: Iterable[bool]) -> Share:
        """The share of true values."""
        counted = list(values)
        hits, total = sum(counted), len(counted)
        low, high = wilson(hits, total)
        return cls(hits, total, hits / total if total else None, low, high)

    def __str__(self) -> str:
        if self.share is None:
            return "–"
        return f"{100 * self.share:.1f} % ({self.hits}/{self.of}; {100 * self.low:.0f}–{100 * self.high:.0f})"


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured over a group of faults.

    Attributes:
        faults: how many.
        cause: the finding's cause is right.
        recall: the first document that it names is at fault, of faults that lie in documents.
        proven: the repair fixed the case in a scratch release, of the repairable.
        repaired: a release went live by itself and answers rightly, of the repairable that need no person.
        worse: other questions that were right before and are not any more, of those asked after a publish.
        blamed: healthy documents, of the documents named at fault.
        touched: faults in whose repair a healthy document is taken out or changed, of those published.
    """

    faults: int
    cause: Share
    recall: Share
    proven: Share
    repaired: Share
    worse: Share
    blamed: Share
    touched: Share


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    share, z2 = hits / total, _Z**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * ((share * (1 - share) + z2 / (4 * total)) / total) ** 0.5 / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def is_attributed(outcome: Outcome) -> bool:
    """Whether the cause that was found is right."""
    return _found(outcome).cause in outcome.causes


def is_located(outcome: Outcome) -> bool:
    """Whether the document named first is at fault."""
    return bool(set(_found(outcome).documents[:1]) & set(outcome.culprits))


def wording(outcome: Outcome) -> str:
    """Whether a correction (of several callers: all) is the answer itself, but for punctuation, or has words around."""
    return "bare claim" if folded(outcome.told) == folded(outcome.claim) * outcome.plan.callers else "framed"


def measures(outcomes: Sequence[Outcome]) -> Measures:
    """The measures of a group."""
    published = [outcome for outcome in outcomes if outcome.published]
    named = [(name, outcome) for outcome in outcomes for name in _found(outcome).documents]
    return Measures(
        faults=len(outcomes),
        cause=Share.count(is_attributed(outcome) for outcome in outcomes),
        recall=Share.count(is_located(outcome) for outcome in outcomes if outcome.culprits),
        proven=Share.count(_found(outcome).proven is True for outcome in outcomes if outcome.repairable),
        repaired=Share.count(
            outcome.published and outcome.fixed
            for outcome in outcomes
            if outcome.repairable and not outcome.needs_person
        ),
        worse=Share.count(at < len(item.worse) for item in published for at in range(item.asked_before)),
        blamed=Share.count(name not in outcome.culprits for name, outcome in named),
        touched=Share.count(bool(outcome.touched) for outcome in published),
    )


def report(out: Path) -> int:
    """Write ``report.md`` and ``report.json`` into a results folder and print the first.

    Returns:
        0; 1 where there is no result.
    """
    every = load(out)
    faults = [outcome for outcome in every if outcome.status == "done" and not outcome.control]
    controls = [outcome for outcome in every if outcome.status == "done" and outcome.control]
    if not every:
        print(f"{out} holds no results.")
        return 1
    groups = {name: _grouped(faults, key) for name, key in _GROUPS.items()}
    wordings = _grouped([outcome for outcome in faults if outcome.told], wording)
    parts = [
        _header(every),
        _bitten(every),
        _table("All faults", {"all": measures(faults)}),
        *(_table(f"By {name}", group) for name, group in groups.items()),
        _table("By wording, of faults with a correction", wordings),
        _table("Complaints about answers that are right", _grouped(controls, _GROUPS["kind"])),
        _confusion([*faults, *controls]),
        *_reliabilities([*faults, *controls]),
        _costs(faults),
        _failures([*faults, *controls]),
    ]
    text = "\n".join(parts)
    (out / "report.md").write_text(text, encoding="utf-8")
    shown = {"reliability": reliability([*faults, *controls])}
    kept = {"all": measures(faults), "controls": measures(controls), **groups, "wording": wordings, **shown}
    (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
    print(text)
    return 0


def _found(outcome: Outcome) -> Found:
    return outcome.found or Found()


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, Measures]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome)].append(outcome)
    return {name: measures(groups[name]) for name in sorted(groups)}


def _header(every: Sequence[Outcome]) -> str:
    callers = sorted({outcome.plan.callers for outcome in every})
    halves = sorted({outcome.plan.half for outcome in every})
    return (
        f"# {len(every)} faults, {' and '.join(halves)} half; callers who complain of each: "
        f"{' or '.join(map(str, callers))}\n"
    )


def _bitten(every: Sequence[Outcome]) -> str:
    counts = Counter((outcome.plan.kind, outcome.status) for outcome in every)
    misses = Counter[str]()
    for outcome in every:
        misses[outcome.plan.kind] += outcome.misses
    lines = [
        "## Injected faults",
        "",
        "| kind | spoilt an answer | spoilt none | not applicable | errors | questions it left right |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in sorted({outcome.plan.kind for outcome in every}):
        cells = [str(counts[kind, status]) for status in ("done", "no_bite", "not_applicable", "error")]
        lines.append(f"| {kind} | {' | '.join(cells)} | {misses[kind]} |")
    return "\n".join([*lines, ""])


def _table(title: str, rows: dict[str, Measures]) -> str:
    lines = [
        f"## {title}",
        "",
        "| | faults | cause right | document recall@1 | proven, of the repairable | repaired without a person "
        "| made worse | healthy documents named | repairs that touch a healthy document |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in rows.items():
        shares = (row.cause, row.recall, row.proven, row.repaired, row.worse, row.blamed, row.touched)
        lines.append(f"| {name} | {row.faults} | {' | '.join(map(str, shares))} |")
    return "\n".join([*lines, ""])


def _confusion(outcomes: Sequence[Outcome]) -> str:
    """True causes in rows, found causes in columns."""
    counts = Counter((outcome.causes[0], _found(outcome).cause or "none") for outcome in outcomes)
    columns = sorted({found for _, found in counts})
    lines = [
        "## Confusion matrix (rows: true cause; columns: found cause)",
        "",
        f"| | {' | '.join(columns)} |",
        f"| --- |{' ---: |' * len(columns)}",
    ]
    lines += [
        f"| {true} | {' | '.join(str(counts[true, found] or '') for found in columns)} |"
        for true in sorted({true for true, _ in counts})
    ]
    return "\n".join([*lines, ""])


def _reliabilities(outcomes: Sequence[Outcome]) -> list[str]:
    """Whether confidences are probabilities: of all findings, controls included, and by what the user said."""
    key = _GROUPS["correction"]
    parts = ["## Confidence\n", reliability_table("All", reliability(outcomes))]
    parts += [
        reliability_table(name, reliability(item for item in outcomes if key(item) == name))
        for name in sorted({key(outcome) for outcome in outcomes})
    ]
    return parts


def _costs(outcomes: Sequence[Outcome]) -> str:
    published = [outcome.cost for outcome in outcomes if outcome.published and outcome.cost]
    rounds = [outcome.cost for outcome in outcomes if outcome.cost]
    rebuilt = [outcome.rebuild for outcome in outcomes if outcome.rebuild]
    lines = [
        "## Cost (medians)",
        "",
        "| | n | CPU s | seconds | texts embedded |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, costs in (
        ("feedback to publish", published),
        ("feedback to the end of the round", rounds),
        ("full rebuild", rebuilt),
    ):
        if costs:
            cpu, wall = median(cost.cpu for cost in costs), median(cost.wall for cost in costs)
            embedded = median(cost.embedded for cost in costs)
            lines.append(f"| {name} | {len(costs)} | {cpu:.2f} | {wall:.2f} | {embedded:.0f} |")
    return "\n".join([*lines, ""])


def _failures(outcomes: Sequence[Outcome]) -> str:
    """Where it fails: by kind and what was found instead, with examples."""
    failed = [item for item in outcomes if not is_attributed(item) or (item.culprits and not is_located(item))]
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in failed:
        groups[outcome.plan.kind, _found(outcome).cause or "none"].append(outcome)
    lines = ["## Where it fails", ""]
    for (kind, cause), group in sorted(groups.items(), key=lambda item: -len(item[1]))[:_LISTED]:
        lines += [f"### {kind} → {cause}: {len(group)}", ""]
        lines += [_example(outcome) for outcome in group[:2]]
    return "\n".join(lines) + "\n"


def _example(outcome: Outcome) -> str:
    found = _found(outcome)
    # How users of the reported half speak is held out; proofs and evidence may quote them, so only kinds are told.
    hidden = bool(outcome.told) and outcome.plan.half != _TUNED
    why = "" if hidden else found.why[:150]
    lines = [
        f"- `{outcome.plan.name}`: “{outcome.question}” right: “{outcome.right[:80]}”; said: “{outcome.wrong[:120]}”",
        f"  - at fault: {', '.join(outcome.culprits[:3]) or 'no document'}; "
        f"named: {', '.join(found.documents[:3]) or 'none'}",
        f"  - {found.cause or 'no finding'} ({found.confidence}), others {list(found.others[:3])}, "
        f"repairs {list(found.repairs[:2])}, proven {found.proven} {why}, state {found.state}",
    ]
    if outcome.told and not hidden:
        lines.append(f"  - told: “{outcome.told[:_SHOWN].replace(chr(10), ' / ')}”")
    evidence = found.evidence[:8]
    lines += [f"  - {text.partition(':')[0] if hidden else text[:_SHOWN]}" for text in evidence]
    return "\n".join([*lines, ""])
