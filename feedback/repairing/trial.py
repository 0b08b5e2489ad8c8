"""Scratch releases: what would be live if some repairs held. Nothing of them is ever seen by a caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pyarrow.compute as pc
from msgspec.structs import replace

from evaluation.comparing.candidates import open_trial
from evaluation.comparing.changes import Change, changed
from evaluation.subjects import Subject
from feedback.workbench import Workbench
from index.findings import FindingState, finding_states, list_events, list_findings, newest_of_cases
from index.history import drop_candidate
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from index.repairs import files
from index.repairs.records import (
    MissingDocument,
    PromptChoice,
    Repair,
    SettingsChange,
    Supersede,
    repair_id,
    source_of,
)
from ragpress.errors import ConflictError

WAIT = 120.0
"""Seconds to wait for another writer, as a run of the sources may be under way."""
_LOOKED_AT: frozenset[FindingState] = frozenset({"proven", "waiting", "approved"})
"""States of findings whose scratch release a person may want to ask."""
_SEALED = frozenset({"retrieval", "rerank", "context", "answer"})


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A collection as it would be with some repairs.

    Attributes:
        subject: open for answering.
        release: id of the release that was built for it; "" where it exists in memory alone, or is the live one.
        embedded: texts that were embedded to build it.
        drift: sources that changed since the live release was built, repairs aside.
        same: whether the repairs change nothing.
    """

    subject: Subject
    release: str = ""
    embedded: int = 0
    drift: tuple[str, ...] = ()
    same: bool = False


def tryable(repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """Those that change a release: all but requests for documents."""
    return tuple(repair for repair in repairs if not isinstance(repair, MissingDocument))


def unwritten(bench: Workbench, repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """Those that do not stand in ``repairs/`` yet."""
    known = {repair_id(repair) for repair in files.load_all(bench.environment.workspace.root, bench.collection)}
    return tuple(repair for repair in repairs if repair_id(repair) not in known)


def trial_request(bench: Workbench, repairs: Sequence[Repair]) -> IngestRequest:
    """A run that builds what would be live with some repairs, and publishes nothing.

    A collection has one choice of a prompt: one that is tried takes the place of the one that stands.
    """
    fresh = unwritten(bench, repairs)
    root = bench.environment.workspace.root
    chooses = any(isinstance(repair, PromptChoice) for repair in fresh)
    standing = files.chosen_prompt(root, bench.collection) if chooses else None
    return IngestRequest(
        collection=bench.collection,
        publish=False,
        trial=fresh,
        without=() if standing is None else (repair_id(standing),),
        wait=WAIT,
    )


def try_repairs(bench: Workbench, repairs: Sequence[Repair]) -> Trial:
    """Open the collection as it would be with some repairs.

    Where no chunk depends on them it exists in memory alone; else the pipeline builds a release from the sources, which
    reuses whatever the repairs leave as it was. It is checked for integrity, not by the cases.

    Raises:
        ReleaseError: nothing is live.
        WriterBusyError: another writer holds the collection for too long.
        RagpressError: it cannot be built or opened.
    """
    live = bench.require_live()
    if all(_needs_no_index(repair) for repair in repairs):
        return Trial(subject=_in_memory(bench, live, repairs))
    report = ingest(trial_request(bench, repairs), replace(bench.environment, judge=None))
    if report.release is None or report.release == live.manifest.id:
        return Trial(subject=live, same=True)
    built = bench.subject(report.release)
    drift = drifted(live.release, built.release, repairs)
    return Trial(subject=built, release=report.release, embedded=report.chunks.embedded, drift=drift)


@contextmanager
def going_live(bench: Workbench, candidate: str, live: str, by: str) -> Iterator[Callable[[str], object]]:
    """Hold the collection while a candidate is to take the place of the live release that it was built on.

    Args:
        bench: the collection.
        candidate: release id.
        live: id of the release that has to be live still.
        by: who publishes it.

    Yields:
        Moves the pointer; takes why, in words.

    Raises:
        ConflictError: another release is live; the candidate is dropped.
        WriterBusyError: another writer holds the collection for too long.
    """
    with bench.environment.store.writer(bench.collection, WAIT):
        releases = bench.environment.releases(bench.collection)
        found = releases.pointer()
        if found is None or found[0].release != live or releases.get(candidate).parent != live:
            forget(bench, candidate)
            raise ConflictError(f"Another release went live in {bench.collection!r} meanwhile. Try again.")
        token = found[1].token
        yield lambda why: releases.publish(candidate, f"publish: {why} (by {by})", token, bench.environment.now())


def forget(bench: Workbench, release: str) -> None:
    """Drop a scratch release, unless it is or was live; its objects go with the next garbage collection."""
    if release:
        drop_candidate(bench.environment, bench.collection, release)


def forget_settled(bench: Workbench) -> tuple[str, ...]:
    """Drop the scratch releases of findings about which nothing is left to do, or that newer ones replaced.

    Returns:
        Ids of those that are gone. One that a person may still want to look at stays.
    """
    environment = bench.environment
    findings = list_findings(environment, bench.collection)
    states = finding_states(findings, list_events(environment, bench.collection, limit=None))
    newest = (one.finding_id for one in newest_of_cases(findings))
    wanted = {name for name in newest if states[name] in _LOOKED_AT}
    named = {(one.proof.release, one.finding_id in wanted) for one in findings if one.proof and one.proof.release}
    kept = {release for release, still in named if still}
    return tuple(
        release
        for release, still in sorted(named)
        if not still and release not in kept and drop_candidate(environment, bench.collection, release)
    )


def drifted(before: OpenRelease, after: OpenRelease, repairs: Sequence[Repair]) -> tuple[str, ...]:
    """Sources whose bytes differ between two releases though no repair is about them."""
    old, new = _versions(before), _versions(after)
    meant = {source_of(repair) for repair in repairs}
    meant |= {repair.newer for repair in repairs if isinstance(repair, Supersede)}
    return tuple(sorted(source for source in {*old, *new} - meant if old.get(source) != new.get(source)))


def _versions(release: OpenRelease) -> dict[str, bytes | None]:
    table = release.documents
    table = table.filter(pc.not_equal(table["state"], "deleted"))
    return dict(zip(table["source"].to_pylist(), table["version"].to_pylist(), strict=True))


def _needs_no_index(repair: Repair) -> bool:
    if isinstance(repair, SettingsChange):
        return _SEALED.issuperset(repair.settings)
    return isinstance(repair, PromptChoice)


def _in_memory(bench: Workbench, live: Subject, repairs: Sequence[Repair]) -> Subject:
    """The live release under another prompt or other settings that it seals; no index changes."""
    settings: dict[str, dict[str, Any]] = {}
    prompt = None
    for repair in repairs:
        if isinstance(repair, SettingsChange):
            for section, values in repair.settings.items():
                settings.setdefault(section, {}).update(values)
        elif isinstance(repair, PromptChoice):
            prompt = repair.prompt
    change = Change(prompt=prompt, settings=settings, texts=_labels(settings))
    environment, name = bench.environment, bench.collection
    tried = changed(environment.workspace.collection(name), change)
    collections = {**environment.workspace.collections, name: tried}
    workspace = replace(environment.workspace, collections=collections)
    return open_trial(replace(environment, workspace=workspace), live.release, change, change.label)


def _labels(settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(f"{section}.{name}={value}" for section, part in settings.items() for name, value in part.items())
