"""The first step of a round: bring the collection up to date with its sources."""

from __future__ import annotations

import logging

import msgspec

from evaluation.cases.files import accepted, case_set, load_cases
from index.environment import Environment
from index.pipeline import IngestRequest, ingest, nothing_to_do
from index.repairs import files as repairs
from index.repairs.records import repair_id
from index.report import IngestReport
from index.runs import recorded_run
from index.start import Start, begin
from ragpress.fingerprint import hexdigest
from serving.checks import check_answering

_LOG = logging.getLogger(__name__)

WRITER_SECONDS = 5.0
"""So long a run waits for another writer; a worker that finds one still there comes again."""


class SourceState(msgspec.Struct, frozen=True):
    """What a run would be made from.

    Attributes:
        basis: fingerprint of the sources, the repairs, the cases, the settings and the live release.
        changed: whether there is anything to do.
    """

    basis: str
    changed: bool


def has_sources(environment: Environment, collection: str) -> bool:
    """Whether the collection knows of any source folder."""
    if environment.workspace.collection(collection).sources.folders:
        return True
    live = environment.releases(collection).live()
    return live is not None and bool(live.roots)


def look_at_sources(environment: Environment, collection: str) -> SourceState:
    """Walk the sources and compare them with what is live; computes and writes nothing.

    Raises:
        RagpressError: a source folder is gone, or what is live cannot be opened.
    """
    request = IngestRequest(collection=collection)
    start = begin(request, environment, remember=False)
    return SourceState(_basis(environment, collection, start), not nothing_to_do(start, request))


def ingest_sources(environment: Environment, collection: str) -> IngestReport:
    """Ingest and publish, as ``ragpress ingest`` does; the run is kept in the journal of runs.

    Raises:
        RagpressError: as :func:`index.pipeline.ingest` does.
    """
    request = IngestRequest(collection=collection, wait=WRITER_SECONDS)
    with recorded_run(environment, collection, _LOG.warning) as outcome:
        check_answering(environment, collection)
        report = outcome.report = ingest(request, environment)
    return report


def _basis(environment: Environment, collection: str, start: Start) -> str:
    found = start.scan.files
    held = sorted(repair_id(repair) for repair in repairs.load_all(environment.workspace.root, collection))
    return hexdigest(
        "ingest",
        start.live,
        found["source"].to_pylist(),
        found["sha256"].to_pylist(),
        [item.source for item in start.scan.refused],
        held,
        case_set(accepted(load_cases(environment.workspace.root, collection))),
        msgspec.json.encode(start.settings, order="sorted"),
    )
