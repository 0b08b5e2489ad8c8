"""What may be published without a person, and why the rest waits. A pure function of ``[loop]`` and a finding."""

from __future__ import annotations

from feedback.repairing.vouching import Doubt
from feedback.repairing.words import say
from index.findings import Cause, Finding
from index.repairs.records import Erratum, MissingDocument, kind_of
from ragpress.loop_settings import LoopSettings

_PEOPLE_DECIDE = {Cause.CONFLICTING_DOCUMENTS: "wait_conflict", Cause.ACCESS_DENIED: "wait_access"}


def waits_for(settings: LoopSettings, finding: Finding, doubt: Doubt = "") -> str:
    """Why a finding's repairs wait for a person, in the loop's language; "" where they may go live by themselves.

    They may where all of this holds: the repairs were proven; every one is of a kind in ``[loop] auto_repairs``; the
    cause is as sure as ``min_confidence``; it is not for people to decide (documents that contradict each other, access
    rules); and what is right is known from a document, or agreed among callers, not only from one correction.

    Args:
        settings: ``[loop]`` of the collection.
        finding: the finding, with its proof.
        doubt: why somebody must vouch for the repairs, as :func:`feedback.repairing.vouching.doubt_about` finds it.
    """
    key = _reason(settings, finding) or doubt
    if not key:
        return ""
    return say(
        settings.language,
        key,
        kinds=", ".join(dict.fromkeys(_held_back(settings, finding))),
        confidence=f"{finding.confidence:.0%}",
        least=f"{settings.min_confidence:.0%}",
    )


def _reason(settings: LoopSettings, finding: Finding) -> str:
    checks = (
        ("wait_off", settings.publish == "off"),
        ("wait_nothing", all(isinstance(repair, MissingDocument) for repair in finding.repairs)),
        ("wait_unproven", finding.proof is None or not finding.proof.fixed),
        ("wait_approve", settings.publish == "approve"),
        (_PEOPLE_DECIDE.get(finding.cause, ""), finding.cause in _PEOPLE_DECIDE),
        ("wait_kind", bool(_held_back(settings, finding))),
        ("wait_confidence", finding.confidence < settings.min_confidence),
        ("wait_claim", rests_on_a_claim(finding)),
        ("wait_unknown", not finding.expected and not finding.expected_from),
    )
    return next((key for key, holds in checks if holds), "")


def _held_back(settings: LoopSettings, finding: Finding) -> list[str]:
    """Kinds of repairs that need a person; a request for a document changes nothing, so it needs nobody."""
    kinds = [kind_of(repair) for repair in finding.repairs if not isinstance(repair, MissingDocument)]
    return [kind for kind in kinds if kind not in settings.auto_repairs]


def rests_on_a_claim(finding: Finding) -> bool:
    """Whether nothing but a correction says what is right: no answer cites a document that does on its own."""
    if finding.expected_from != "correction":
        return False
    proof = finding.proof
    held = proof is not None and proof.fixed and bool(proof.sources)
    return not held or any(isinstance(repair, Erratum) for repair in finding.repairs)
