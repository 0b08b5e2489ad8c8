"""From a bad case to a finding: why the answer was bad, which documents are at fault, what would repair it."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.subjects import Subject
from feedback.diagnose.decide import decide
from feedback.diagnose.evidence import evidence_of
from feedback.diagnose.gather import observe
from feedback.diagnose.observation import Observation
from feedback.diagnose.propose import Signature, propose
from feedback.diagnose.scene import Scene, scene_of
from feedback.diagnose.verdict import Verdict
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.findings import BlamedDocument, Cause, Finding
from index.release import Manifest
from ragpress.errors import RagpressError, ReleaseError
from ragpress.fingerprint import hexdigest

_MOST_OTHERS = 4
_LEAST = 0.01


def diagnose(bench: Workbench, bad: BadCase) -> Finding:
    """Find out why an answer was bad. Deterministic; no model is asked but the release's own embedder and generator.

    The live release is diagnosed: a repair changes what is answered from now on.

    Args:
        bench: the collection.
        bad: the bad case.

    Raises:
        ReleaseError: nothing is live.
        RagpressError: the live release cannot be opened, or the question not be asked.
    """
    subject = bench.live()
    if subject is None:
        raise ReleaseError(
            f"Nothing is live in {bench.collection!r}, so no answer can be diagnosed. Run: ragpress ingest"
        )
    scene = scene_of(bench, bad, subject)
    seen = observe(scene)
    return _finding(scene, seen, decide(seen))


def diagnose_all(bench: Workbench, bads: Sequence[BadCase]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings of bad cases, in their order; and what went wrong with those that have none, in words.

    Raises:
        ReleaseError: nothing is live.
    """
    found, failed = list[Finding](), list[str]()
    for bad in bads:
        try:
            found.append(diagnose(bench, bad))
        except ReleaseError:
            raise
        except RagpressError as error:
            failed.append(f"{bad.case_id}: {error}")
    return tuple(found), tuple(failed)


def content_of(manifest: Manifest) -> str:
    """Digest of all of a release that decides answers: of equal ones, findings are the same."""
    answering = manifest.answering
    return hexdigest(
        "answers",
        manifest.content,
        repr(manifest.retrieval),
        repr(answering.context) + repr(answering.rerank) + repr(answering.answer) if answering else "",
        answering.prompt.fingerprint if answering else "",
        manifest.steps.get("embed", ""),
    )


def _finding(scene: Scene, seen: Observation, verdicts: Sequence[Verdict]) -> Finding:
    bad, first = scene.bad, verdicts[0]
    at = scene.bench.environment.now().isoformat(timespec="milliseconds")
    finding_id = bad.finding_id(content_of(scene.subject.manifest))
    sign = Signature(scene.bench.collection, at, finding_id, *versions_of(scene, first))
    return Finding(
        finding_id=finding_id,
        at=at,
        collection=scene.bench.collection,
        case_id=bad.case_id,
        question=bad.question,
        answer_id=bad.answer_id,
        feedback=bad.feedback,
        release=scene.subject.manifest.id,
        cause=first.cause,
        confidence=first.confidence,
        documents=_blamed(first),
        evidence=evidence_of(scene, seen, first),
        repairs=propose(first, seen, bad.question, sign),
        expected=seen.expected.text,
        expected_from=_origin(seen),
        others=_others(verdicts),
        groups=bad.groups,
        rule=first.rule,
        standing=bad.claim.standing,
    )


def versions_of(scene: Scene, verdict: Verdict) -> tuple[str, str]:
    """The version that is searched of the document that the repair is about, and the one that its source had last."""
    if verdict.holder is None:
        return "", ""
    try:
        row = scene.subject.release.document(verdict.holder.document_id)
    except ReleaseError:
        return "", ""
    seen = row.seen_version if row.state != "deleted" else None
    return "" if row.version is None else row.version.hex(), "" if seen is None else seen.hex()


def _origin(seen: Observation) -> str:
    origin = seen.expected.origin
    return "source" if origin == "rival" else origin


def _blamed(verdict: Verdict) -> tuple[BlamedDocument, ...]:
    return tuple(BlamedDocument(name, source, why) for name, source, why in verdict.blamed)


def _others(verdicts: Sequence[Verdict]) -> tuple[tuple[Cause, float], ...]:
    ranked = sorted(verdicts[1:], key=lambda item: -item.confidence)
    return tuple((item.cause, item.confidence) for item in ranked[:_MOST_OTHERS] if item.confidence >= _LEAST)


__all__ = ["Subject", "content_of", "diagnose", "diagnose_all", "versions_of"]
