"""Opens what is compared: a release, the live one under another prompt or setting, or a candidate that is built."""

from __future__ import annotations

from typing import Any

import msgspec

from evaluation.comparing.changes import Change, changed
from evaluation.subjects import Subject, open_subject
from index.answering import Answering
from index.environment import Environment, open_release
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from index.prompt_versions import find_prompt
from index.reissue import seal_current
from index.release import Manifest
from index.repairs.checking import SETTINGS_SECTIONS
from index.repairs.files import load_all, person
from index.repairs.records import SettingsChange
from ragpress.answer_settings import sealable
from ragpress.errors import ReleaseError, UsageError
from ragpress.settings import CollectionSettings
from serving.checks import check_answering

LIVE = "live"
WORKSPACE = "workspace"
_ANSWERING = ("rerank", "context", "answer", "generator")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to compare.

    Attributes:
        collection: the collection.
        baseline: release id, or ``live``.
        candidate: release id; None takes the baseline with the change, or the workspace as it is now.
        change: what is tried.
        wait: seconds to wait for another writer where a candidate must be built.
    """

    collection: str = "default"
    baseline: str = LIVE
    candidate: str | None = None
    change: Change = Change()
    wait: float = 0.0


def open_baseline(environment: Environment, named: Named) -> Subject:
    """The side that is known.

    Raises:
        ReleaseError: there is no such release; or nothing is live.
        RagpressError: it cannot be opened for answering.
    """
    return _open(environment, named.collection, named.baseline)


def open_candidate(environment: Environment, named: Named) -> Subject:
    """The side that is new.

    Where no chunk depends on what is tried, it exists in memory alone. Else the pipeline builds it from the workspace
    as it is now, and reuses every step that the change leaves as it was; it is kept as a release that is not live.

    Raises:
        UsageError: a release is named together with a change that needs another index.
        SettingsError: the prompt or a setting is wrong.
        WriterBusyError: a candidate must be built, and another writer holds the collection.
        RagpressError: it cannot be built or opened.
    """
    change, current = named.change, environment.workspace.collection(named.collection)
    if change.nothing and named.candidate is not None:
        return _open(environment, named.collection, named.candidate)
    tried = _with_settings(environment, named.collection, changed(current, change))
    if change.builds or change.nothing:
        if named.candidate is not None:
            raise UsageError(
                f"{change.label} needs another index, and a release's index never changes: leave out the release "
                f"{named.candidate!r}; then a candidate is built from the workspace."
            )
        return _built(tried, named)
    base = open_release(environment, named.collection, _release(named.candidate or named.baseline))
    label = change.label if named.candidate is None else f"{named.candidate} with {change.label}"
    return open_trial(tried, base, change, label)


def open_trial(environment: Environment, base: OpenRelease, change: Change, label: str) -> Subject:
    """A release as it would answer under another prompt or other sealed settings; it is never saved.

    Args:
        environment: the outside; its settings have the change, for what no release seals.
        base: the release.
        change: what is tried, less what the index depends on.
        label: what reports call it.

    Raises:
        SettingsError: the prompt or a setting is wrong.
        RagpressError: it cannot be opened for answering.
    """
    trial = trial_manifest(environment, base.manifest, change)
    opened = OpenRelease(base.store, trial, environment.checkouts)
    subject = open_subject(environment, opened, label, trial=True)
    return msgspec.structs.replace(subject, info=msgspec.structs.replace(subject.info, release=base.manifest.id))


def trial_manifest(environment: Environment, base: Manifest, change: Change) -> Manifest:
    """A manifest of the same documents with another prompt or other sealed settings.

    Raises:
        SettingsError: the prompt or a setting is wrong.
    """
    sealed = base.answering or seal_current(environment, base.collection)
    current = environment.workspace.collection(base.collection)
    own = msgspec.structs.replace(
        current, retrieval=base.retrieval, **{name: getattr(sealed, name) for name in _ANSWERING}
    )
    settings = changed(own, change)
    answering = msgspec.structs.replace(
        sealed,
        rerank=sealable(settings.rerank),
        context=settings.context,
        answer=settings.answer,
        generator=sealable(settings.generator),
    )
    return msgspec.structs.replace(
        base,
        id=f"trial-{base.id}",
        parent=base.id,
        reason=f"trial: {change.label}",
        retrieval=settings.retrieval,
        answering=_with_prompt(environment, base.collection, answering, _prompt(change)),
        evaluation=None,
    )


def _prompt(change: Change) -> str | None:
    """The prompt version that is tried; ``--set answer.prompt=NAME`` means the same as ``--prompt NAME``."""
    name: str | None = change.settings.get("answer", {}).get("prompt")
    return change.prompt or name


def _with_prompt(environment: Environment, collection: str, answering: Answering, name: str | None) -> Answering:
    if name is None:
        return answering
    version = find_prompt(environment, collection, name)
    answer = msgspec.structs.replace(answering.answer, prompt=version.name)
    return msgspec.structs.replace(answering, prompt=version, answer=answer)


def _built(environment: Environment, named: Named) -> Subject:
    """Build a candidate from the workspace; its integrity is checked, its answers are what is to be compared."""
    change = named.change
    check_answering(environment, named.collection)
    request = IngestRequest(
        collection=named.collection,
        publish=False,
        compact=change.relays,
        wait=named.wait,
        trial=_over_repairs(environment, named),
    )
    report = ingest(request, msgspec.structs.replace(environment, judge=None))
    if report.release is None:
        raise ReleaseError(f"The sources of {named.collection!r} hold no document that can be used.")
    opened = open_release(environment, named.collection, report.release)
    prompt = _prompt(change)
    if prompt is None:
        return open_subject(environment, opened, change.label or WORKSPACE)
    return open_trial(environment, opened, Change(prompt=prompt), change.label)


def _over_repairs(environment: Environment, named: Named) -> tuple[SettingsChange, ...]:
    """What is tried, as the last word where repairs change settings too: those hold in place of the settings."""
    tried = {name: values for name, values in named.change.settings.items() if name in SETTINGS_SECTIONS}
    known = load_all(environment.workspace.root, named.collection)
    if not tried or not any(isinstance(repair, SettingsChange) for repair in known):
        return ()
    at = environment.now().isoformat(timespec="seconds")
    signed = {"collection": named.collection, "reason": f"tried: {named.change.label}", "by": person(), "at": at}
    return (SettingsChange(settings=tried, **signed),)


def _open(environment: Environment, collection: str, name: str) -> Subject:
    release = open_release(environment, collection, _release(name))
    live = environment.releases(collection).live_id()
    return open_subject(environment, release, LIVE if release.manifest.id == live else release.manifest.id)


def _release(name: str) -> str | None:
    return None if name == LIVE else name


def _with_settings(environment: Environment, collection: str, settings: CollectionSettings) -> Environment:
    collections: dict[str, Any] = {**environment.workspace.collections, collection: settings}
    workspace = msgspec.structs.replace(environment.workspace, collections=collections)
    return msgspec.structs.replace(environment, workspace=workspace)
