"""The gate of a candidate: integrity first, then what a stage above says of its answers.

Integrity: row counts agree, every segment opens, sampled chunks find themselves in both indexes, and no document
that was live and is still in the source is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from index.environment import Environment
from index.opened import OpenRelease
from index.release import GateRecord, Manifest, Override
from index.repairs import files as repairs
from ragpress.errors import IntegrityError, NotFoundError, RagpressError
from ragpress.fingerprint import digest

_SAMPLES = 8
_SAME_COSINE = 0.995
_LEXICAL_DEPTH = 50
_NAMED = 5


class Admission(NamedTuple):
    """What the whole gate says of a candidate: its record, and the id of the evaluation where there was one."""

    record: GateRecord
    evaluation: str | None

    def sealed(self, manifest: Manifest) -> Manifest:
        """The candidate's manifest with the gate's word in it."""
        return msgspec.structs.replace(manifest, gate=self.record, evaluation=self.evaluation)


def admit(
    environment: Environment,
    candidate: OpenRelease,
    live: OpenRelease | None,
    integrity: GateRecord,
    override: str | None = None,
) -> Admission:
    """Ask what a stage above says of a candidate that has its integrity.

    Args:
        environment: the outside, with the judge.
        candidate: the candidate, not yet saved.
        live: what is live; None when nothing is.
        integrity: what :func:`check` said. What fails it is not evaluated, and no override lets it through.
        override: a person's reason to let the candidate through whatever its answers are.
    """
    if integrity.verdict != "pass" or environment.judge is None:
        return Admission(integrity, None)
    baseline = None if live is None else live.manifest.id
    try:
        judgement = environment.judge(environment, candidate, live)
    except RagpressError as error:
        reason = f"the cases could not be run, so nothing is known of its answers: {error}"
        return Admission(_judged(environment, integrity, (reason,), baseline, override), None)
    if judgement is None:
        return Admission(integrity, None)
    checks = (*integrity.checks, *judgement.checks)
    checked = msgspec.structs.replace(integrity, checks=checks, warnings=judgement.warnings)
    if judgement.evaluation is None:
        return Admission(checked, None)
    reasons = judgement.reasons if judgement.verdict != "pass" else ()
    return Admission(_judged(environment, checked, reasons, baseline, override), judgement.evaluation)


def _judged(
    environment: Environment, record: GateRecord, reasons: tuple[str, ...], baseline: str | None, why: str | None
) -> GateRecord:
    override = None
    if reasons and why is not None:
        at = environment.now().isoformat(timespec="seconds")
        override = Override(" ".join(why.split()) or "no reason given", repairs.person(), at)
    verdict = "refuse" if reasons else "pass"
    return msgspec.structs.replace(record, verdict=verdict, reasons=reasons, baseline=baseline, override=override)


def check(candidate: OpenRelease, parent: pa.Table | None, expected: Iterable[str]) -> GateRecord:
    """Run every check.

    Args:
        candidate: the release to judge; its own gate record is not looked at.
        parent: document table of the live release, or None.
        expected: sources that are still there and must not be lost if they were live.

    Raises:
        StorageError: the disk failed; that says nothing about the candidate.
    """
    checks = ("segments_open", "row_counts", "chunks_find_themselves", "no_document_lost")
    try:
        reasons = [*_row_counts(candidate), *_self_search(candidate), *_lost(candidate.documents, parent, expected)]
    except (NotFoundError, IntegrityError) as error:
        reasons = [f"a file of the candidate cannot be used: {error}"]
    return GateRecord("refuse" if reasons else "pass", checks, tuple(reasons))


def _row_counts(candidate: OpenRelease) -> list[str]:
    reasons = []
    table = candidate.documents
    live = table.filter(pc.greater(table["chunks"], 0))
    named = int(pc.sum(live["chunks"]).as_py() or 0)
    alive = 0
    for number, segment in candidate.segments.items():
        rows = len(segment.chunks)
        if rows != segment.record.rows:
            reasons.append(f"segment {number} holds {rows} chunk rows, its manifest names {segment.record.rows}")
        alive += int(segment.alive.sum())
    if named != alive:
        reasons.append(f"the document table names {named} chunks, the segments hold {alive}")
    if candidate.lexical.rows != alive:
        reasons.append(f"the lexical index holds {candidate.lexical.rows} chunks, the segments {alive}")
    return reasons


def _self_search(candidate: OpenRelease) -> list[str]:
    reasons = []
    for number, segment in candidate.segments.items():
        alive = np.flatnonzero(segment.alive)
        if not len(alive):
            continue
        for row in _sample(alive, candidate.manifest.content):
            vector = segment.vectors.reconstruct(np.array([row], np.int64))
            if vector is not None:
                scores, found = segment.search(vector[0], 1)
                if not len(found) or (found[0] != row and scores[0] < _SAME_COSINE):
                    reasons.append(f"chunk row {row} of segment {number} does not find itself by its vector")
        text = str(segment.chunks["text"][int(alive[0])].as_py())
        if _has_words(text) and not candidate.lexical.search(text[:200], _LEXICAL_DEPTH)[0]:
            reasons.append(f"a chunk of segment {number} is not found by its own words")
    return reasons


def _sample(rows: np.ndarray[tuple[int], np.dtype[np.int64]], seed: str) -> list[int]:
    generator = np.random.default_rng(int.from_bytes(digest("gate", seed)[:8], "little"))
    return sorted(generator.choice(rows, min(_SAMPLES, len(rows)), replace=False).tolist())


def _has_words(text: str) -> bool:
    return sum(character.isalnum() for character in text[:200]) >= 3


def _lost(table: pa.Table, parent: pa.Table | None, expected: Iterable[str]) -> list[str]:
    if parent is None:
        return []
    was = parent.filter(pc.greater(parent["chunks"], 0))["source"]
    still = pc.and_(pc.is_in(was, pa.array(list(expected), pa.string())), pc.invert(pc.is_in(was, _served(table))))
    lost = was.filter(still).to_pylist()
    if not lost:
        return []
    names = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
    return [f"{len(lost)} documents that were live and are still in the source would be lost: {names}"]


_ACCOUNTED = pa.array(["quarantined", "superseded"])
"""States of documents that are not searched for a reason that people can read."""


def _served(table: pa.Table) -> pa.Array:
    accounted = pc.or_(pc.greater(table["chunks"], 0), pc.is_in(table["state"], _ACCOUNTED))
    return table.filter(accounted)["source"].combine_chunks()
