"""From a cause and what was observed to repairs. Who may see what, and what users merely say, changes nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from feedback.diagnose.decide import Verdict
from feedback.diagnose.observation import Crowd, Observation
from feedback.records import Holder
from index.findings import Cause
from index.repairs.records import (
    CleaningRule,
    MissingDocument,
    PromptChoice,
    Quarantine,
    Repair,
    Reparse,
    Restore,
    SettingsChange,
    Supersede,
)

BY = "ragpress loop"
_LINES = 6
_SHORTEST = 12
_NOT_SETTINGS = frozenset({"prompt"})


class Signature(msgspec.Struct, frozen=True):
    """What every repair of one finding has: its collection, ISO time, the finding's id."""

    collection: str
    at: str
    finding: str

    def of(self, reason: str) -> dict[str, Any]:
        """The fields that every kind of repair takes."""
        return {"collection": self.collection, "reason": reason, "by": BY, "at": self.at, "finding": self.finding}


def propose(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> tuple[Repair, ...]:
    """Repairs that belong together; empty where nothing can be proposed.

    Args:
        verdict: the cause.
        seen: what was observed.
        question: what was asked.
        sign: what the repairs are signed with.
    """
    make = _PROPOSALS.get(verdict.cause)
    return () if make is None else tuple(make(verdict, seen, question, sign))


def _missing(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    holder = verdict.holder
    wanted = _wanted(verdict, seen)
    ask = MissingDocument(questions=(question,), wanted=wanted, **sign.of(verdict.why))
    if holder is None or not holder.version:
        return [ask]
    return [Restore(source=holder.source, version=holder.version, **sign.of(verdict.why)), ask]


def _wanted(verdict: Verdict, seen: Observation) -> str:
    if verdict.holder is not None:
        return f"{verdict.holder.source}, which was there until release {verdict.holder.release}"
    named = ", ".join(seen.expected.sources)
    if named:
        return f"{named}, which is said to hold the answer"
    return "a document that answers this question"


def _quarantined(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    holder = verdict.holder
    return [] if holder is None else [Restore(source=holder.source, **sign.of(verdict.why))]


def _parse(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    holder = verdict.holder
    if holder is None:
        return []
    if holder.layer == "unparsed" and holder.detail:
        return [Reparse(source=holder.source, parser=holder.detail, **sign.of(verdict.why))]
    if holder.layer == "cleaned_away":
        return [_uncleaned(holder, verdict.why, sign)]
    if holder.layer in ("earlier", "deleted") and holder.version:
        return [Restore(source=holder.source, version=holder.version, **sign.of(verdict.why))]
    before = next((item for item in seen.holders if item.layer == "earlier" and item.source == holder.source), None)
    if before is not None and before.version:
        return [Restore(source=before.source, version=before.version, **sign.of(verdict.why))]
    reread = next((item for item in seen.holders if item.layer == "unparsed" and item.detail), None)
    return [] if reread is None else [Reparse(source=reread.source, parser=reread.detail, **sign.of(verdict.why))]


def _uncleaned(holder: Holder, why: str, sign: Signature) -> Repair:
    if holder.detail:
        return CleaningRule(family=exactly(holder.source), off=(holder.detail,), **sign.of(why))
    lines = [line.strip() for line in holder.quote.splitlines() if line.strip()]
    keep = tuple(re.escape(line) for line in lines[:_LINES])
    return CleaningRule(family=exactly(holder.source), keep=keep, **sign.of(why))


def _stale(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    found = verdict.conflict
    if found is None:
        return []
    return [Supersede(source=found.wrong.source, newer=found.right.source, **sign.of(verdict.why))]


def _conflicting(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    """A person decides: what is proposed is to take out the weaker one."""
    found = verdict.conflict
    if found is None:
        return []
    return [Quarantine(source=found.wrong.source, **sign.of(verdict.why))]


def _poisoned(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    return [Quarantine(source=source, **sign.of(why or verdict.why)) for _, source, why in verdict.blamed]


def _duplicates(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    crowd = verdict.crowd
    if crowd is None:
        return []
    if not crowd.whole:
        return _without_boilerplate(crowd, verdict.why, sign)
    kept = crowd.kept or crowd.documents[0][1]
    return [
        Supersede(source=source, newer=kept, **sign.of(verdict.why)) for _, source in crowd.documents if source != kept
    ]


def _without_boilerplate(crowd: Crowd, why: str, sign: Signature) -> list[Repair]:
    lines = [line.strip() for line in crowd.text.splitlines()]
    drop = tuple(re.escape(line) for line in lines if len(line) >= _SHORTEST)
    if not drop:
        return []
    return [CleaningRule(family=family_of([source for _, source in crowd.documents]), drop=drop, **sign.of(why))]


def _settings(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    fault = verdict.fault
    if fault is None or not fault.settings:
        return []
    settings = {
        section: {key: value for key, value in values.items() if key not in _NOT_SETTINGS}
        for section, values in fault.settings.items()
    }
    return [SettingsChange(settings=settings, **sign.of(verdict.why))]


def _prompt(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> list[Repair]:
    fault = verdict.fault
    if fault is None or not fault.prompt:
        return []
    return [PromptChoice(prompt=fault.prompt, **sign.of(verdict.why))]


def family_of(sources: list[str]) -> str:
    """A gitignore-style pattern of documents: their folder and extension, where they share them."""
    if len(sources) == 1:
        return exactly(sources[0])
    folders = [source.split("/")[:-1] for source in sources]
    shared: list[str] = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    names = [source.rsplit("/", maxsplit=1)[-1] for source in sources]
    endings = {name.rpartition(".")[2] if "." in name else "" for name in names}
    ending = endings.pop() if len(endings) == 1 else ""
    last = f"*.{ending}" if ending else "*"
    deep = any(len(parts) > len(shared) for parts in folders)
    return "/".join([*map(_escaped, shared), *(["**"] if deep else []), last])


def exactly(source: str) -> str:
    """The gitignore-style pattern of one source path alone."""
    return "/" + _escaped(source)


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\*?[]!#" else sign for sign in text)


_PROPOSALS: dict[Cause, Callable[[Verdict, Observation, str, Signature], list[Repair]]] = {
    Cause.MISSING_DOCUMENT: _missing,
    Cause.QUARANTINED_DOCUMENT: _quarantined,
    Cause.PARSE_FAULT: _parse,
    Cause.STALE_DOCUMENT: _stale,
    Cause.CONFLICTING_DOCUMENTS: _conflicting,
    Cause.POISONED_DOCUMENT: _poisoned,
    Cause.DUPLICATE_DOCUMENTS: _duplicates,
    Cause.CHUNK_FAULT: _settings,
    Cause.RETRIEVAL_MISS: _settings,
    Cause.GENERATION_FAULT: _settings,
    Cause.PROMPT_FAULT: _prompt,
}
