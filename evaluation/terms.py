"""On what terms a release was judged: the cases and the rules of that day.

Both sides of a comparison are asked today's cases and judged by today's rules. So whoever takes out a case, or widens a
margin, together with a change that needs it, would pass unseen. The terms of a gate's evaluation are kept with it, and
the next one says what it was let off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from evaluation.cases.files import accepted, load_cases
from evaluation.counted import agreeing
from evaluation.records import MUST, Case, Reason
from index.environment import Environment
from index.evaluations import evaluation_file, list_evaluations
from index.release import Manifest
from ragpress.errors import RagpressError
from ragpress.evaluation_settings import EvaluationSettings, GateSettings
from ragpress.settings import Workspace

TERMS = "terms.json"
"""Name of the file beside the report of a gate's evaluation."""

_NAMED = 20


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a release was judged by.

    Attributes:
        cases: fingerprint of every case, by id.
        must: ids of those that no candidate may newly fail.
        gate: the rules.
        settings: how it was reckoned.
    """

    cases: dict[str, str]
    must: tuple[str, ...] = ()
    gate: GateSettings = GateSettings()
    settings: EvaluationSettings = EvaluationSettings()


def terms_of(cases: Sequence[Case], gate: GateSettings, settings: EvaluationSettings) -> Terms:
    """The terms of an evaluation on these cases by these rules."""
    must = tuple(case.id for case in cases if MUST in case.tags)
    return Terms(cases={case.id: case.fingerprint for case in cases}, must=must, gate=gate, settings=settings)


def terms_of_workspace(workspace: Workspace, collection: str) -> Terms:
    """The terms that a workspace's files set now.

    Raises:
        SettingsError: it has no such collection, or a case file is wrong.
    """
    settings = workspace.collection(collection)
    return terms_of(accepted(load_cases(workspace.root, collection)), settings.gate, settings.evaluation)


def standing_terms(environment: Environment, baseline: Manifest) -> Terms | None:
    """The terms that a release was judged by when it was to go live; else those of the collection's last gate.

    Returns:
        None where no gate has asked a case yet, or what is kept of it cannot be read.
    """
    kept = baseline.evaluation
    if kept is None:
        every = list_evaluations(environment.store, baseline.collection)
        kept = next((one.id for one in every if one.kind == "gate"), None)
    # It only warns: what is gone or damaged stops nothing.
    with contextlib.suppress(RagpressError, msgspec.DecodeError, UnicodeDecodeError):
        return (
            None if kept is None else msgspec.json.decode(evaluation_file(environment.store, kept, TERMS), type=Terms)
        )
    return None


def let_off(before: Terms, after: Terms) -> tuple[Reason, ...]:
    """What is asked less strictly than before: cases that are gone or changed, and rules that are looser."""
    asked = set(after.cases.values())
    gone = [name for name, print_ in before.cases.items() if name not in after.cases and print_ not in asked]
    changed = [name for name, print_ in before.cases.items() if after.cases.get(name, print_) != print_]
    must = [name for name in before.must if name in after.cases and name not in after.must]
    held = [name for name in gone if name in before.must]
    rules = looser(before, after)
    left = f"gone ({len(held)} of them had to pass)"
    other = "another question, answer or evidence"
    return (
        *_about("cases_gone", gone, before, (f"is {left}", f"are {left}"), str(len(held))),
        *_about("cases_changed", changed, before, (f"has {other}", f"have {other}")),
        *_about("must_gone", must, before, ("need not pass any more, as it had to", "need not pass any more")),
        *([_rules(rules)] if rules else []),
    )


def looser(before: Terms, after: Terms) -> tuple[str, ...]:
    """The rules that let more through than before, in words."""
    old, new = before.gate, after.gate
    limits = [(name, getattr(old, name), getattr(new, name)) for name in ("margin", "max_review", "max_errors")]
    found = [f"{name} {was} → {now}" for name, was, now in limits if now > was]
    found += [f"metrics without {name}" for name in old.metrics if name not in new.metrics]
    for name, floor in old.floors.items():
        now = new.floors.get(name)
        if now is None or now < floor:
            found.append(f"floor of {name} {floor} → {'none' if now is None else now}")
    if old.must and not new.must:
        found.append("must true → false")
    if old.cases != new.cases:
        found.append(f"cases {old.cases} → {new.cases}")
    if after.settings.confidence > before.settings.confidence:
        found.append(f"confidence {before.settings.confidence} → {after.settings.confidence}")
    if after.settings.k < before.settings.k:
        found.append(f"k {before.settings.k} → {after.settings.k}")
    return tuple(found)


def _about(code: str, ids: list[str], before: Terms, what: tuple[str, str], must: str = "0") -> list[Reason]:
    if not ids:
        return []
    one, more = what
    message = f"{len(ids)} of the {len(before.cases)} cases that the release before was judged on "
    message += agreeing(len(ids), one, more)
    values = {"found": str(len(ids)), "cases": str(len(before.cases)), "must": must}
    return [Reason(code=code, message=message, cases=tuple(ids[:_NAMED]), values=values)]


def _rules(rules: tuple[str, ...]) -> Reason:
    listed = ", ".join(rules)
    message = f"the rules let more through than those that the release before was judged by: {listed}"
    return Reason(code="rules_looser", message=message, values={"rules": listed})
