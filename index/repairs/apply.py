"""Which repairs are in force, and what each document and the settings get of them.

Later ones win: of a restore and a quarantine of one document, of two parsers, of two changes of one setting, the one
made last (``at``, then id) holds. Errata and cleaning rules add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from index.repairs import files
from index.repairs.checking import SWITCHES, moment, problem
from index.repairs.errata import Corrected
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
    repair_id,
    source_of,
)
from ingest.ignore import PatternFilter
from ingest.parse import alternatives
from ragpress.errors import SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.settings import CleanSettings, CollectionSettings, Workspace, with_changes
from ragpress.types import AuditAction, AuditMark

REPARSE_STALE = "reparse_stale"
RESTORE_STALE = "restore_stale"
SUPERSEDE_STALE = "supersede_stale"
RESTORED = "restored"


class Withdrawal(msgspec.Struct, frozen=True):
    """A document that a repair takes out of the search.

    Attributes:
        source: its source path.
        state: the state it has then.
        reason: why, in words.
        newer: source path of the document that stands in its place; "" where none does.
    """

    source: str
    state: str
    reason: str
    newer: str = ""


class DocumentRepairs(msgspec.Struct, frozen=True, kw_only=True):
    """The repairs that decide what is derived from one document.

    Attributes:
        parser: name of the parser that reads it; "" for that of its type.
        errata: in the order in which they were made.
        cleaning: rules for its family.
        restored: the repair that has it used whatever the audits say.
        flags: what a person should know: repairs that do not apply.
        ids: ids of the repairs above.
    """

    parser: str = ""
    errata: tuple[Erratum, ...] = ()
    cleaning: tuple[CleaningRule, ...] = ()
    restored: Restore | None = None
    flags: tuple[AuditMark, ...] = ()
    ids: tuple[str, ...] = ()

    def derived(self, pipeline: str) -> str:
        """Fingerprint of the pipeline for this document."""
        flags = [f"{mark.audit}: {mark.reason}" for mark in self.flags]
        return hexdigest("repaired", pipeline, self.ids, flags) if self.ids or flags else pipeline

    @property
    def rewrites(self) -> bool:
        """Whether the document reads otherwise than its bytes do by the settings."""
        return bool(self.parser or self.errata or self.cleaning)

    @property
    def keep(self) -> tuple[str, ...]:
        """Patterns of lines that no cleaning rule removes."""
        return tuple(dict.fromkeys(pattern for rule in self.cleaning for pattern in rule.keep))

    def clean_settings(self, settings: CleanSettings) -> CleanSettings:
        """How this document is cleaned."""
        if not self.cleaning:
            return settings
        off = {name for rule in self.cleaning for name in rule.off}
        kept = () if "drop_patterns" in off else (one for one in settings.drop_patterns if one not in off)
        added = (pattern for rule in self.cleaning for pattern in rule.drop)
        switched = {name: False for name in SWITCHES if name in off and name != "drop_patterns"}
        return replace(settings, drop_patterns=tuple(dict.fromkeys((*kept, *added))), **switched)

    def told(self, corrected: Corrected) -> tuple[str, ...]:
        """What was done to the document, in words, for whoever looks at it."""
        done = (f"{repair_id(one)}: {one.find!r} was replaced by {one.replace!r}" for one in self.errata)
        errata = tuple(line for line in done if line.partition(":")[0] in corrected.applied)
        others = (f"{name}: applied" for name in self.ids if not name.startswith("erratum-"))
        return (*errata, *others)

    def lifted(self, marks: Iterable[AuditMark]) -> tuple[AuditMark, ...]:
        """Audit marks as they count: those of a restored document quarantine nothing."""
        if self.restored is None:
            return tuple(marks)
        return tuple(lifted(mark) for mark in marks)


_NONE = DocumentRepairs()


class InForce:
    """The repairs of a collection that hold, for one run.

    Args:
        repairs: they, of one collection and each usable, see ``index.repairs.checking``.

    Attributes:
        repairs: they, each once, in the order in which they were made.
        notes: what a person should know of them, in words.
    """

    def __init__(self, repairs: Iterable[Repair]) -> None:
        self.repairs = _in_order(repairs)
        self.notes: list[str] = list(_conflicts(self.repairs))
        self._own: dict[str, list[Repair]] = defaultdict(list)
        self._rules = [(one, PatternFilter((one.family,), ())) for one in self._of(CleaningRule)]
        self._flags: dict[str, list[AuditMark]] = defaultdict(list)
        for repair in self.repairs:
            source = source_of(repair)
            if source is not None:
                self._own[source].append(repair)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the repairs that a release is built with, sorted; a missing document that is asked for is in none."""
        return tuple(sorted(repair_id(one) for one in self.repairs if not isinstance(one, MissingDocument)))

    @property
    def restores(self) -> tuple[Restore, ...]:
        """Repairs that bring back another version than the source has, one for each source."""
        found = (self.restore_of(source) for source in sorted(self._own))
        return tuple(one for one in found if one is not None and one.version)

    @property
    def held(self) -> frozenset[str]:
        """Sources of the documents that are used whatever an audit says."""
        return frozenset(source for source, last in self._verdicts.items() if isinstance(last, Restore))

    def restore_of(self, source: str) -> Restore | None:
        """The repair that has a document used, where no later one takes it out."""
        last = self._verdicts.get(source)
        return last if isinstance(last, Restore) else None

    def parser_of(self, source: str) -> str:
        """Name of the parser that reads a document; "" for that of its type."""
        return self.of(source).parser

    def flag(self, source: str, audit: str, reason: str, measure: float = 1.0) -> None:
        """Mark a document for a repair that does not apply. Before the document is derived."""
        self._flags[source].append(AuditMark(audit, AuditAction.MARK, measure, 1.0, reason))

    def withdrawals(self, present: Set[str]) -> tuple[Withdrawal, ...]:
        """Documents that are taken out; flags those whose newer one is not there to take their place.

        Args:
            present: sources that the collection has.
        """
        found = []
        for source, verdict in sorted(self._verdicts.items()):
            if source not in present or isinstance(verdict, Restore):
                continue
            if isinstance(verdict, Supersede):
                why = self._why_not_superseded(verdict, present)
                if why:
                    self.flag(source, SUPERSEDE_STALE, why)
                    continue
                reason = f"{verdict.reason} Superseded by {verdict.newer!r} (by {verdict.by}, {verdict.at})"
                found.append(Withdrawal(source, "superseded", reason.strip(), verdict.newer))
            else:
                reason = f"{verdict.reason} (by {verdict.by}, {verdict.at})"
                found.append(Withdrawal(source, "quarantined", reason))
        return tuple(found)

    def note_absent(self, present: Set[str]) -> None:
        """Note the repairs of documents that the collection does not have."""
        for source in sorted(set(self._own) - present):
            names = ", ".join(repair_id(one) for one in self._own[source])
            self.notes.append(f"{names}: {source!r} is not among the sources, so it changes nothing.")

    def overrides(self, sources: Iterable[str], pipeline: str) -> Mapping[str, str]:
        """Fingerprints of the pipeline of the documents that have repairs, by source."""
        if not (self._own or self._rules or self._flags):
            return {}
        touched = sources if self._rules else (one for one in sources if one in self._own or one in self._flags)
        derived = {source: self.of(source).derived(pipeline) for source in touched}
        return {source: value for source, value in derived.items() if value != pipeline}

    def of(self, source: str) -> DocumentRepairs:
        """The repairs that decide what is derived from a document."""
        rules = tuple(rule for rule, family in self._rules if family.includes(source))
        own, flags = self._own.get(source, ()), self._flags.get(source, ())
        if not (rules or own or flags):
            return _NONE
        errata = tuple(one for one in own if isinstance(one, Erratum))
        restored = self.restore_of(source)
        reparse = next((one for one in reversed(own) if isinstance(one, Reparse)), None)
        marks = list(flags)
        if reparse is not None and reparse.parser not in alternatives.NAMES:
            marks.append(_unknown_parser(reparse))
            reparse = None
        used: tuple[Repair, ...] = (
            *(() if reparse is None else (reparse,)),
            *errata,
            *sorted(rules, key=repair_id),
            *(() if restored is None else (restored,)),
        )
        return DocumentRepairs(
            parser="" if reparse is None else reparse.parser,
            errata=errata,
            cleaning=tuple(sorted(rules, key=repair_id)),
            restored=restored,
            flags=tuple(marks),
            ids=tuple(repair_id(one) for one in used),
        )

    @cached_property
    def _verdicts(self) -> dict[str, Quarantine | Supersede | Restore]:
        """By source, what was said last about using a document."""
        said = [one for one in self.repairs if isinstance(one, (Quarantine, Supersede, Restore))]
        # of two made at the same time the one that keeps the document holds
        said.sort(key=lambda one: (moment(one), isinstance(one, Restore)))
        return {one.source: one for one in said}

    def _why_not_superseded(self, repair: Supersede, present: Set[str]) -> str:
        seen, newer = {repair.source}, repair.newer
        name = repair_id(repair)
        while isinstance(next_one := self._verdicts.get(newer), Supersede):
            seen.add(newer)
            newer = next_one.newer
            if newer in seen:
                return f"{name} was not applied: the documents supersede one another. Take one of the repairs back."
        if newer not in present:
            return (
                f"{name} was not applied: expected {newer!r} in its place, but the collection does not have it. "
                "Take it back, or name another document."
            )
        if isinstance(self._verdicts.get(newer), Quarantine):
            return (
                f"{name} was not applied: {newer!r} should stand in its place, but is quarantined itself. "
                "Take it back, or name another document."
            )
        return ""

    def _of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.repairs if isinstance(one, kind)]


def in_force(workspace: Path, collection: str, trial: Sequence[Repair] = (), without: Sequence[str] = ()) -> InForce:
    """The repairs of a collection: those in ``repairs/`` less those left out, and those that are tried.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair, or one that is tried cannot be used.
    """
    for repair in trial:
        wrong = problem(repair)
        if wrong or repair.collection != collection:
            wrong = wrong or f"it is of collection {repair.collection!r}, not of {collection!r}."
            raise SettingsError(f"The repair {repair_id(repair)} cannot be used: {wrong}")
    left_out = set(without)
    kept = (one for one in files.load_all(workspace, collection) if repair_id(one) not in left_out)
    return InForce((*kept, *trial))


def effective_settings(settings: CollectionSettings, repairs: Sequence[Repair]) -> CollectionSettings:
    """The settings of a collection with the changes that repairs make; of two of one setting the later holds.

    Args:
        settings: as the settings file has them.
        repairs: of any kinds, in any order.

    Raises:
        SettingsError: a change names a section, setting or value that cannot be used.
    """
    for repair in _in_order(repairs):
        if isinstance(repair, SettingsChange):
            name = repair_id(repair)
            wrong = problem(repair)
            if wrong:
                raise SettingsError(f"The repair {name} cannot be used: {wrong}")
            settings = with_changes(settings, repair.settings, f"repair {name}")
    return settings


def settings_of(workspace: Workspace, collection: str) -> CollectionSettings:
    """The settings of a collection with the changes of the repairs in its folder.

    Raises:
        SettingsError: there is no such collection; a repair cannot be used.
    """
    return effective_settings(workspace.collection(collection), files.load_all(workspace.root, collection))


def _in_order(repairs: Iterable[Repair]) -> tuple[Repair, ...]:
    """Each once, in the order in which they were made."""
    made = sorted(repairs, key=lambda one: (moment(one), repair_id(one)))
    return tuple({repair_id(one): one for one in made}.values())


def _conflicts(repairs: Sequence[Repair]) -> Iterable[str]:
    """Notes on repairs of which only one holds."""
    holds: dict[tuple[str, str], str] = {}
    for repair in reversed(repairs):
        for place in _decides(repair):
            name = repair_id(repair)
            last = holds.setdefault(place, name)
            if last != name:
                yield f"{name} gives way to {last}, which was made later: both decide {' of '.join(place)}."


def _decides(repair: Repair) -> Iterable[tuple[str, str]]:
    match repair:
        case SettingsChange(settings=settings):
            return [(name, f"[{section}]") for section, values in settings.items() for name in values]
        case Reparse(source=source):
            return [("the parser", source)]
        case Quarantine(source=source) | Supersede(source=source) | Restore(source=source):
            return [("the state", source)]
        case PromptChoice(collection=collection):
            return [("the prompt", collection)]
        case _:
            return []


def lifted(mark: AuditMark) -> AuditMark:
    """An audit mark that quarantines nothing any more, since a repair has the document used."""
    if mark.action != AuditAction.QUARANTINE:
        return mark
    return replace(mark, action=AuditAction.MARK, reason=f"{mark.reason} A person or the loop uses it all the same.")


def _unknown_parser(repair: Reparse) -> AuditMark:
    reason = (
        f"{repair_id(repair)} was not applied: there is no parser {repair.parser!r}, so that of its type read the "
        f"document. Known: {', '.join(alternatives.NAMES)}."
    )
    return AuditMark(REPARSE_STALE, AuditAction.MARK, 1.0, 1.0, reason)
