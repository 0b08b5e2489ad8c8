"""Which cases a run takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.cases.files import accepted, load_cases
from evaluation.records import Case
from ragpress.errors import UsageError

_SHOWN = 8


def chosen_cases(root: Path, collection: str, tags: Sequence[str] = (), ids: Sequence[str] = ()) -> tuple[Case, ...]:
    """The cases of a collection that a run takes: the accepted ones, or those that are named, whatever their state.

    Args:
        root: the workspace's folder.
        collection: the collection.
        tags: only cases with one of these tags; none takes all.
        ids: only the cases with these ids; none takes all.

    Raises:
        SettingsError: a case file is wrong.
        UsageError: there are none, or none that was asked for.
    """
    every = load_cases(root, collection)
    if ids:
        _check_named(every, ids)
    found = tuple(case for case in every if case.id in set(ids)) if ids else accepted(every)
    if not found:
        raise UsageError(_none(every, collection))
    if not tags:
        return found
    tagged = tuple(case for case in found if not set(tags).isdisjoint(case.tags))
    if not tagged:
        known = sorted({tag for case in found for tag in case.tags})
        raise UsageError(f"No case has the tag {' or '.join(map(repr, tags))}. {_few('Tags', known)}")
    return tagged


def _check_named(every: Sequence[Case], ids: Sequence[str]) -> None:
    known = [case.id for case in every]
    if unknown := [name for name in ids if name not in set(known)]:
        raise UsageError(f"There is no case {unknown[0]!r}. {_few('Cases', known)} See: ragpress eval cases list")


def _none(every: Sequence[Case], collection: str) -> str:
    if every:
        proposed = sum(case.state == "proposed" for case in every)
        return (
            f"None of the {len(every)} cases of {collection!r} is accepted ({proposed} are proposed). Look at them "
            "with: ragpress eval cases list, then: ragpress eval cases accept ID…"
        )
    return (
        f"There are no cases for {collection!r} in cases/. Bring some with: ragpress eval import FILE; or have some "
        "proposed from the documents with: ragpress eval generate"
    )


def _few(what: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{what}: {shown or 'none'}."
