"""From derived documents to rows: document rows, chunk rows and version rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from index.derive import Derived, Refusal
from index.documents import DocumentRow
from index.segment import CHUNK_SCHEMA, VERSION_SCHEMA
from ingest.chunk import embedding_text
from ragpress.fingerprint import digest, hexdigest
from ragpress.settings import ChunkSettings
from ragpress.types import ElementKind


class NewRows(msgspec.Struct, frozen=True):
    """The rows of one derived document.

    Attributes:
        document: its document row, not yet placed in a segment.
        derived: what it was made from.
        texts: what is embedded, one per chunk.
        keys: memo key of each text, 16 bytes.
    """

    document: DocumentRow
    derived: Derived
    texts: list[str]
    keys: list[bytes]


class RunStamp(msgspec.Struct, frozen=True):
    """What a run writes into every row it makes: its id, its time, the pipeline's and the embedder's fingerprint."""

    run: str
    now: str
    pipeline: str
    embed: str


def new_rows(derived: Derived, chunk: ChunkSettings, stamp: RunStamp) -> NewRows:
    """The rows of one derived document."""
    text = derived.cleaned.text
    texts = [embedding_text(text, span, chunk) for span in derived.spans]
    keys = [digest(item) for item in texts]
    title = title_of(derived)
    places = [(span.start, span.end) for span in derived.spans]
    shape = [(span.page, span.heading, span.kind.value) for span in derived.spans] if derived.repaired else []
    content = digest(
        "indexed", stamp.embed, derived.version, title, keys, [value for place in places for value in place], *shape
    )
    parsed = derived.parsed
    row = DocumentRow(
        document_id=derived.item.document_id,
        source=derived.item.source,
        state="live",
        version=derived.version,
        seen_version=derived.version,
        derived=stamp.pipeline,
        indexed=content,
        chunks=len(derived.spans),
        media_type=parsed.media_type,
        parser=parsed.parser,
        title=title,
        language=derived.facts.language,
        pages=parsed.pages,
        size=derived.item.size,
        characters=len(text),
        metadata=msgspec.json.encode(parsed.metadata).decode(),
        marks=msgspec.json.encode(derived.marks).decode(),
        facts=msgspec.msgpack.encode(derived.facts),
        updated=stamp.now,
    )
    return NewRows(row, derived, texts, keys)


def refused_row(refusal: Refusal, parent: DocumentRow | None, pipeline: str) -> DocumentRow:
    """The row of a document that cannot be used. The version that was good before stays searchable.

    A version that was good under other settings and is refused now does not stay: it is the same bytes.
    """
    keeps = parent is not None and parent.chunks and parent.version != refusal.version
    base = (
        parent if parent is not None and keeps else DocumentRow.unknown(refusal.item.document_id, refusal.item.source)
    )
    return msgspec.structs.replace(
        base,
        state="quarantined",
        step=refusal.step,
        reason=refusal.reason,
        seen_version=refusal.version or None,
        derived=pipeline,
        marks=msgspec.json.encode(refusal.marks).decode(),
        size=refusal.item.size,
    )


def title_of(derived: Derived) -> str:
    """The document's own title, else its first heading, else its file name."""
    if derived.parsed.title.strip():
        return " ".join(derived.parsed.title.split())[:200]
    for element in derived.cleaned.elements[:20]:
        if element.kind == ElementKind.TITLE and element.heading:
            return element.heading[-1][:200]
    return derived.item.source.rsplit("/", 1)[-1]


def chunk_table(group: Sequence[NewRows]) -> pa.Table:
    """Chunk rows of several documents, in order; schema :data:`index.segment.CHUNK_SCHEMA`."""
    columns: dict[str, list[object]] = {field.name: [] for field in CHUNK_SCHEMA}
    for rows in group:
        document, spans, text = rows.document, rows.derived.spans, rows.derived.cleaned.text
        count = len(spans)
        columns["chunk_id"] += [chunk_id(document.document_id, rows.derived.version, s.start, s.end) for s in spans]
        columns["document_id"] += [document.document_id] * count
        columns["source"] += [document.source] * count
        columns["title"] += [document.title] * count
        columns["version"] += [rows.derived.version] * count
        columns["ordinal"] += range(count)
        columns["start"] += [span.start for span in spans]
        columns["end"] += [span.end for span in spans]
        columns["page"] += [span.page for span in spans]
        columns["heading"] += [span.heading for span in spans]
        columns["kind"] += [span.kind.value for span in spans]
        columns["tokens"] += [span.tokens for span in spans]
        columns["text"] += [text[span.start : span.end] for span in spans]
        columns["text_key"] += rows.keys
    return pa.table([pa.array(columns[field.name], field.type) for field in CHUNK_SCHEMA], schema=CHUNK_SCHEMA)


def version_table(group: Sequence[NewRows], run: str) -> pa.Table:
    """Version rows of several documents; schema :data:`index.segment.VERSION_SCHEMA`."""
    values = [
        {
            "document_id": rows.document.document_id,
            "version": rows.derived.version,
            "run": run,
            "text": rows.derived.cleaned.text,
            "elements": msgspec.json.encode(rows.derived.cleaned.elements).decode(),
            "removed": msgspec.json.encode(rows.derived.cleaned.removed).decode(),
            "notes": msgspec.json.encode(rows.derived.parsed.notes).decode(),
        }
        for rows in group
    ]
    return pa.Table.from_pylist(values, schema=VERSION_SCHEMA)


def chunk_id(document_id: str, version: bytes, start: int, end: int) -> str:
    """Id of a chunk: the document, the version and the span; never reused for another text."""
    return "c" + hexdigest("chunk", document_id, version, start, end)[:24]
