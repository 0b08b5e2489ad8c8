"""From a cause and what was observed to repairs. Who may see what, and what users merely say, changes nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from feedback.diagnose.observation import Crowd, Observation
from feedback.diagnose.verdict import Verdict
from feedback.records import Holder
from index.findings import BY_LOOP, Cause
from index.repairs.records import (
    CleaningRule,
    Erratum,
    MissingDocument,
    PromptChoice,
    Quarantine,
    Repair,
    Reparse,
    Restore,
    SettingsChange,
    Supersede,
)

_LINES = 6
_SHORTEST = 12
_NOT_SETTINGS = frozenset({"prompt"})


class Signature(msgspec.Struct, frozen=True):
    """What every repair of one finding has.

    Attributes:
        collection: the collection.
        at: ISO time.
        finding: the finding's id.
        version: SHA-256 (hexadecimal) of the version that is searched of the document at fault; "" where none is.
        seen: the same of the bytes that its source had last; "" where the source is gone.
    """

    collection: str
    at: str
    finding: str
    version: str = ""
    seen: str = ""

    def of(self, reason: str) -> dict[str, Any]:
        """The fields that every kind of repair takes."""
        return {"collection": self.collection, "reason": reason, "by": BY_LOOP, "at": self.at, "finding": self.finding}


class Ground(msgspec.Struct, frozen=True):
    """What a proposal is made from: the cause, what was observed, what was asked, and what repairs are signed with."""

    verdict: Verdict
    seen: Observation
    question: str
    sign: Signature

    @property
    def why(self) -> str:
        """The reason, in words."""
        return self.verdict.why


def propose(verdict: Verdict, seen: Observation, question: str, sign: Signature) -> tuple[Repair, ...]:
    """Repairs that belong together; empty where nothing can be proposed.

    Args:
        verdict: the cause.
        seen: what was observed.
        question: what was asked.
        sign: what the repairs are signed with.
    """
    make = _PROPOSALS.get(verdict.cause)
    return () if make is None else tuple(make(Ground(verdict, seen, question, sign)))


def _missing(on: Ground) -> list[Repair]:
    holder = on.verdict.holder
    wanted = _wanted(on)
    ask = MissingDocument(questions=(on.question,), wanted=wanted, **on.sign.of(on.why))
    if holder is None or not holder.version:
        return [ask]
    return [_restored(on, holder), ask]


def _restored(on: Ground, holder: Holder) -> Repair:
    """An earlier version, for as long as its source has the bytes that it has now."""
    seen = on.sign.seen if on.sign.seen != holder.version else ""
    return Restore(source=holder.source, version=holder.version, instead_of=seen, **on.sign.of(on.why))


def _wanted(on: Ground) -> str:
    if on.verdict.holder is not None:
        return f"{on.verdict.holder.source}, which was there until release {on.verdict.holder.release}"
    named = ", ".join(on.seen.expected.sources)
    if named:
        return f"{named}, which is said to hold the answer"
    return "a document that answers this question"


def _quarantined(on: Ground) -> list[Repair]:
    holder = on.verdict.holder
    return [] if holder is None else [Restore(source=holder.source, **on.sign.of(on.why))]


def _parse(on: Ground) -> list[Repair]:
    holder = on.verdict.holder
    if holder is None:
        return []
    if holder.layer == "unparsed":
        return _read_again(on, holder)
    if holder.layer == "cleaned_away":
        return [_uncleaned(holder, on.why, on.sign)]
    if on.verdict.rule == "figures" and all(on.seen.figures):
        return [_erratum(on.seen.figures, holder, on.why, on.sign)]
    if holder.layer in ("earlier", "deleted") and holder.version:
        return [_restored(on, holder)]
    return _read_again(on, holder)


def _read_again(on: Ground, holder: Holder) -> list[Repair]:
    """The version before, else a parser that reads it."""
    before = next((item for item in on.seen.holders if item.layer == "earlier" and item.source == holder.source), None)
    if before is not None and before.version:
        return [_restored(on, before)]
    reread = next((item for item in on.seen.holders if item.layer == "unparsed" and item.detail), None)
    return [] if reread is None else [Reparse(source=reread.source, parser=reread.detail, **on.sign.of(on.why))]


def _erratum(figures: tuple[str, str], holder: Holder, why: str, sign: Signature) -> Repair:
    """The sentence as an earlier version had it, in the version that is searched."""
    now, before = figures
    return Erratum(source=holder.source, version=sign.version, find=now, replace=before, **sign.of(why))


def _uncleaned(holder: Holder, why: str, sign: Signature) -> Repair:
    if holder.detail:
        return CleaningRule(family=exactly(holder.source), off=(_setting_of(holder.detail),), **sign.of(why))
    lines = [line.strip() for line in holder.quote.splitlines() if line.strip()]
    keep = tuple(re.escape(line) for line in lines[:_LINES])
    return CleaningRule(family=exactly(holder.source), keep=keep, **sign.of(why))


def _setting_of(rule: str) -> str:
    """What a repair switches off: the expression itself, or the setting that a rule of the cleaning belongs to."""
    return {"repeated_line": "repeated_lines"}.get(rule, rule.removeprefix("drop_pattern:"))


def _stale(on: Ground) -> list[Repair]:
    found, holder = on.verdict.conflict, on.verdict.holder
    if found is None and holder is not None and holder.version:
        return [_restored(on, holder)]
    if found is None:
        return []
    return [Supersede(source=found.wrong.source, newer=found.right.source, **on.sign.of(on.why))]


def _conflicting(on: Ground) -> list[Repair]:
    """A person decides: what is proposed is to take out the weaker one."""
    found = on.verdict.conflict
    if found is None:
        return []
    return [Quarantine(source=found.wrong.source, **on.sign.of(on.why))]


def _poisoned(on: Ground) -> list[Repair]:
    return [Quarantine(source=source, **on.sign.of(why or on.why)) for _, source, why in on.verdict.blamed]


def _duplicates(on: Ground) -> list[Repair]:
    crowd = on.verdict.crowd
    if crowd is None:
        return []
    if not crowd.whole:
        return _without_boilerplate(crowd, on.why, on.sign)
    kept = crowd.kept or crowd.documents[0][1]
    return [
        Supersede(source=source, newer=kept, **on.sign.of(on.why)) for _, source in crowd.documents if source != kept
    ]


def _without_boilerplate(crowd: Crowd, why: str, sign: Signature) -> list[Repair]:
    lines = list(dict.fromkeys(line.strip() for line in crowd.text.splitlines() if len(line.strip()) >= _SHORTEST))
    if not lines:
        return []
    family = family_of([source for _, source in crowd.documents])
    return [CleaningRule(family=family, drop=(one_for_all(lines),), **sign.of(why))]


def one_for_all(lines: list[str]) -> str:
    """An expression that takes lines that are one but for a word or two; only the first where they have little in
    common."""
    first = _shared_beginning(lines)
    last = _shared_beginning([line[len(first) :][::-1] for line in lines])[::-1]
    if len(lines) == 1 or len(first) + len(last) < _SHORTEST:
        return re.escape(lines[0])
    return f"{re.escape(first)}.*{re.escape(last)}"


def _shared_beginning(lines: list[str]) -> str:
    low, high = min(lines), max(lines)
    length = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:length]


def _settings(on: Ground) -> list[Repair]:
    fault = on.verdict.fault
    if fault is None or not fault.settings:
        return []
    settings = {
        section: {key: value for key, value in values.items() if key not in _NOT_SETTINGS}
        for section, values in fault.settings.items()
    }
    return [SettingsChange(settings=settings, **on.sign.of(on.why))]


def _prompt(on: Ground) -> list[Repair]:
    fault = on.verdict.fault
    if fault is None or not fault.prompt:
        return []
    return [PromptChoice(prompt=fault.prompt, **on.sign.of(on.why))]


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


_PROPOSALS: dict[Cause, Callable[[Ground], list[Repair]]] = {
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
