"""What a run reports: the record behind ``ragpress ingest --json``."""

from __future__ import annotations

from typing import Protocol

import msgspec


class StepCount(msgspec.Struct):
    """How often a step was computed, and how often its result was taken from an earlier run."""

    computed: int = 0
    reused: int = 0


class Quarantined(msgspec.Struct, frozen=True):
    """A document that is not used, or whose newest version is not: which step refused it, and why."""

    document_id: str
    source: str
    step: str
    reason: str


class ChunkCounts(msgspec.Struct, frozen=True):
    """Chunks of a run.

    Attributes:
        total: chunks that can be found in the release.
        embedded: texts that the model embedded (would embed, for a plan).
        reused: chunks of this run whose vector was known, and chunks that the run did not touch.
        deleted: chunk rows of the parent release that are no longer there.
    """

    total: int
    embedded: int
    reused: int
    deleted: int


class RepairCounts(msgspec.Struct, frozen=True):
    """The repairs of a run.

    Attributes:
        in_force: repairs that the release was (would be) built with.
        flagged: documents of which a repair was not applied; their marks say why.
        notes: what a person should know of the repairs beside that, in words.
    """

    in_force: int = 0
    flagged: int = 0
    notes: tuple[str, ...] = ()


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a run.

    Attributes:
        run: id of the run.
        collection: its collection.
        release: id of the candidate, or of the live release when nothing changed; None when there is none.
        parent: id of the release that was live before.
        published: whether this run made ``release`` live.
        plan: numbers of documents by kind of change.
        chunks: numbers of chunks.
        steps: per step how often it was computed and how often an earlier result was used.
        quarantined: every document of the collection that is quarantined now.
        marked: number of documents with an audit mark.
        repairs: the repairs of the run.
        compacted: whether the index was compacted.
        lexical_deleted_share: share of BM25's statistics that deleted rows still make up.
        gate: the gate's verdict: ``pass``, ``refuse`` or ``overridden``; None when nothing was built.
        gate_reasons: why it refused, also where a person overrode it.
        gate_warnings: what a person should know of the verdict, such as cases that are gone.
        evaluation: id of the candidate's evaluation; None where no cases were run.
        seconds: wall time.
        cpu_seconds: processor time of this process and its parsers.
    """

    run: str
    collection: str
    release: str | None
    parent: str | None
    published: bool
    plan: dict[str, int]
    chunks: ChunkCounts
    steps: dict[str, StepCount]
    quarantined: tuple[Quarantined, ...]
    marked: int = 0
    repairs: RepairCounts = RepairCounts()
    compacted: bool = False
    lexical_deleted_share: float = 0.0
    gate: str | None = None
    gate_reasons: tuple[str, ...] = ()
    gate_warnings: tuple[str, ...] = ()
    evaluation: str | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Progress(Protocol):
    """Hears how a run goes on."""

    def stage(self, name: str) -> None:
        """The run enters a stage: scan, plan, documents, index, gate, publish."""
        ...

    def documents(self, total: int) -> None:
        """So many documents are to be processed."""
        ...

    def document(self, source: str) -> None:
        """One more document was processed."""
        ...

    def chunks(self, count: int) -> None:
        """So many more chunks have vectors."""
        ...


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str) -> None:
        """Ignored."""

    def documents(self, total: int) -> None:
        """Ignored."""

    def document(self, source: str) -> None:
        """Ignored."""

    def chunks(self, count: int) -> None:
        """Ignored."""
