"""How repairs stand: whether a release holds them, and whether a person's own repairs say otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from feedback.repairing.words import language_of, say
from feedback.workbench import Workbench
from index.release import Manifest
from index.repairs import files
from index.repairs.records import Quarantine, Repair, Restore, Supersede, repair_id

_TAKES_OUT = (Quarantine, Supersede)


def holds(manifest: Manifest, repairs: Sequence[Repair]) -> bool:
    """Whether a release was built with all of these repairs."""
    return set(map(repair_id, repairs)) <= set(manifest.repairs)


def contrary(bench: Workbench, repairs: Sequence[Repair]) -> tuple[str, ...]:
    """Why repairs may not stand beside those that people made on their own account, in words; none where they may.

    A restored document that a person took out, or the other way round, is for that person to decide.
    """
    standing = files.load_all(bench.environment.workspace.root, bench.collection)
    own = [repair for repair in standing if not repair.finding]
    language = language_of(bench)
    return tuple(
        say(language, "against_person", source=getattr(repair, "source", ""), repair=repair_id(other))
        for repair in repairs
        for other in own
        if _clash(repair, other)
    )


def _clash(repair: Repair, other: Repair) -> bool:
    if getattr(repair, "source", None) != getattr(other, "source", ""):
        return False
    taken, given = isinstance(repair, _TAKES_OUT), isinstance(repair, Restore)
    return (given and isinstance(other, _TAKES_OUT)) or (taken and isinstance(other, Restore))
