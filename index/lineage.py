"""Lineage: from a chunk or a document to its source, its run and the steps that made it, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.build import version_rows
from index.documents import DocumentRow
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest
from ragpress.errors import ReleaseError
from ragpress.types import Element, Removal

Link = dict[str, Any]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Lineage of one thing.

    Attributes:
        kind: chunk or document; with :mod:`serving.lineage` also answer or citation.
        id: its id.
        chain: links from the thing to its source, each with a ``link`` that names what it is.
        used_by: what was made from it: chunks of a document, releases that hold it, answers that used it; of an
            answer what was said about it.
    """

    kind: str
    id: str
    chain: tuple[Link, ...]
    used_by: tuple[Link, ...]


def trace(
    environment: Environment,
    collection: str,
    thing: str,
    release: str | None,
    readable: Callable[[str], bool] = lambda _: True,
) -> Trace:
    """Trace a chunk id, a document id or a source path.

    Args:
        environment: the outside.
        collection: where to look.
        thing: the id or path.
        release: only in this release; None looks in the live one first, then in all others, newest first.
        readable: whether whoever asks may read the document of a source path; one that it refuses is as if it were
            not there.

    Raises:
        ReleaseError: no release has it.
    """
    releases = environment.releases(collection)
    manifests = list(_candidates(environment, collection, release))
    for manifest in manifests:
        opened = environment.open(manifest)
        found = _chunk(opened, thing)
        if found is not None:
            row = opened.document(found["document_id"])
            if readable(row.source):
                chain = (*_links_of_chunk(opened, row, found), release_link(manifest))
                return Trace(kind="chunk", id=thing, chain=chain, used_by=_holders(releases.list(), manifest))
        named = _document(opened, thing)
        if named is not None and readable(named.source):
            chunks = tuple(_chunk_link(chunk) for chunk in opened.chunk_rows(named).to_pylist())
            used_by = (*chunks, *_holders(releases.list(), manifest))
            chain = (*_document_links(opened, named), release_link(manifest))
            return Trace(kind="document", id=named.document_id, chain=chain, used_by=used_by)
    looked = ", ".join(manifest.id for manifest in manifests[:5]) or "none: nothing was published yet"
    raise ReleaseError(f"No chunk or document {thing!r} in collection {collection!r}. Releases looked at: {looked}.")


def chunk_chain(release: OpenRelease, chunk_id: str) -> tuple[Link, ...] | None:
    """The links from a chunk to its source: chunk, elements, version, document, source; None where it is not."""
    found = _chunk(release, chunk_id)
    return None if found is None else _links_of_chunk(release, release.document(found["document_id"]), found)


def release_link(manifest: Manifest) -> Link:
    """The last link of a chain: the release, the run that built it and the steps' fingerprints."""
    return {"link": "release", "release": manifest.id, "run": manifest.run, "steps": manifest.steps}


def _links_of_chunk(release: OpenRelease, row: DocumentRow, chunk: Link) -> tuple[Link, ...]:
    return (_chunk_link(chunk), *_element_links(release, row, chunk), *_document_links(release, row))


def _candidates(environment: Environment, collection: str, release: str | None) -> Iterable[Manifest]:
    releases = environment.releases(collection)
    if release is not None:
        yield releases.get(release)
        return
    live = releases.live()
    if live is not None:
        yield live
    yield from (manifest for manifest in releases.list() if live is None or manifest.id != live.id)


def _chunk(release: OpenRelease, thing: str) -> Link | None:
    for segment in release.segments.values():
        position = pc.index(segment.chunks["chunk_id"], pa.scalar(thing)).as_py()
        if position >= 0 and segment.alive[position]:
            found: Link = segment.chunks.slice(position, 1).to_pylist()[0]
            return found
    return None


def _document(release: OpenRelease, thing: str) -> DocumentRow | None:
    try:
        return release.document(thing)
    except ReleaseError:
        return None


def _chunk_link(chunk: Link) -> Link:
    return {
        "link": "chunk",
        "chunk_id": chunk["chunk_id"],
        "start": chunk["start"],
        "end": chunk["end"],
        "page": chunk["page"],
        "heading": chunk["heading"],
        "tokens": chunk["tokens"],
        "text": chunk["text"],
    }


def _element_links(release: OpenRelease, row: DocumentRow, chunk: Link) -> list[Link]:
    version = version_rows(release.segments[row.segment], row).to_pylist()[0]
    elements = msgspec.json.decode(version["elements"], type=tuple[Element, ...])
    return [
        {
            "link": "element",
            "kind": element.kind.value,
            "page": element.page,
            "start": element.start,
            "end": element.end,
        }
        for element in elements
        if element.start < chunk["end"] and element.end > chunk["start"]
    ]


def _document_links(release: OpenRelease, row: DocumentRow) -> tuple[Link, ...]:
    manifest = release.manifest
    version: Link = {
        "link": "version",
        "sha256": row.version.hex() if row.version else None,
        "media_type": row.media_type,
        "parser": row.parser,
        "pages": row.pages,
        "language": row.language,
        "characters": row.characters,
        "updated": row.updated,
    }
    if row.segment in release.segments:
        stored = version_rows(release.segments[row.segment], row).to_pylist()[0]
        version["run"] = stored["run"]
        version["notes"] = msgspec.json.decode(stored["notes"])
        version["removed"] = msgspec.to_builtins(msgspec.json.decode(stored["removed"], type=tuple[Removal, ...]))
    document: Link = {
        "link": "document",
        "document_id": row.document_id,
        "source": row.source,
        "title": row.title,
        "state": row.state,
        "reason": row.reason,
        "marks": msgspec.to_builtins(row.all_marks),
    }
    where = next((root.path for root in manifest.roots if root.covers(row.source)), None)
    source: Link = {"link": "source", "source": row.source, "root": where}
    return version, document, source


def _holders(manifests: Iterable[Manifest], found: Manifest) -> tuple[Link, ...]:
    numbers = {record.number for record in found.segments}
    shared = (item for item in manifests if numbers & {record.number for record in item.segments})
    return tuple({"link": "release", "release": item.id, "created": item.created} for item in shared)
