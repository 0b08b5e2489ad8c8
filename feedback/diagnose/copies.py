"""Copies: what says the same among hits or passages, and which documents of a release are nearly alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import pyarrow.compute as pc

from evaluation.subjects import Subject
from ingest.near_duplicates import near_duplicates
from ingest.relations import DocumentFacts
from retrieval.collapse import Families
from retrieval.context import Passage
from retrieval.hits import Hit
from retrieval.shingles import shingle_set

Found: TypeAlias = Hit | Passage
_ALIKE = 0.6
_DOCUMENTS_ALIKE = 0.7


class CopyFamily(msgspec.Struct, frozen=True, kw_only=True):
    """Chunks that say nearly the same.

    Attributes:
        size: how many there are, those that the search joined into one hit included.
        sources: their source paths, best ranked first, each once.
        document_ids: ids of their documents, in the same order.
        ranks: ranks of the hits (or numbers of the passages) among them.
        share: share of all that was looked at that they make up.
    """

    size: int
    sources: tuple[str, ...]
    document_ids: tuple[str, ...]
    ranks: tuple[int, ...]
    share: float


class DocumentFamily(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that are nearly alike: source paths and ids in the same order, by source."""

    sources: tuple[str, ...]
    document_ids: tuple[str, ...]


def copy_families(subject: Subject, found: Sequence[Found], alike: float = _ALIKE) -> tuple[CopyFamily, ...]:
    """Families of near-identical chunks, the largest first; a chunk without a copy makes none.

    Args:
        subject: the release they were found in.
        found: hits or passages, best first.
        alike: Jaccard similarity of word shingles from which two texts are of one family.
    """
    families = Families(min(alike, subject.manifest.retrieval.collapse))
    members: dict[int, list[Found]] = {}
    for item in found:
        text = item.text if isinstance(item, Hit) else item.chunk
        number = families.add(text.encode(), shingle_set(text))
        members.setdefault(number, []).append(item)
    every = sum(_weight(item) for item in found)
    made = [_family(subject, items, every) for items in members.values() if sum(map(_weight, items)) > 1]
    return tuple(sorted(made, key=lambda family: (-family.size, family.ranks)))


def _weight(item: Found) -> int:
    return 1 + len(item.copies)


def _family(subject: Subject, items: Sequence[Found], every: int) -> CopyFamily:
    documents: dict[str, str] = {}
    for item in items:
        documents.setdefault(item.source, item.document_id)
        for copy in item.copies:
            if isinstance(copy, str):
                documents.setdefault(copy, "")
            else:
                documents.setdefault(copy.source, copy.document_id)
    size = sum(map(_weight, items))
    return CopyFamily(
        size=size,
        sources=tuple(documents),
        document_ids=tuple(name or _id_of(subject, source) for source, name in documents.items()),
        ranks=tuple(item.rank if isinstance(item, Hit) else item.index for item in items),
        share=size / every,
    )


def _id_of(subject: Subject, source: str) -> str:
    return subject.release.document(source).document_id


def document_families(subject: Subject, alike: float = _DOCUMENTS_ALIKE) -> tuple[DocumentFamily, ...]:
    """Documents of a release that are nearly alike, the largest family first.

    Args:
        subject: the release.
        alike: estimated Jaccard similarity of their texts' shingles (MinHash) from which two are of one family.
    """
    table = subject.release.documents
    table = table.filter(pc.and_(pc.is_valid(table["facts"]), pc.greater(table["chunks"], 0)))
    decoder = msgspec.msgpack.Decoder(DocumentFacts)
    facts = [decoder.decode(value) for value in table["facts"].to_pylist()]
    ids, sources = table["document_id"].to_pylist(), table["source"].to_pylist()
    parent = list(range(len(facts)))
    for one, other, _ in near_duplicates([item.signature for item in facts], threshold=alike):
        parent[_root(parent, other)] = _root(parent, one)
    groups: dict[int, list[int]] = {}
    for number in range(len(facts)):
        groups.setdefault(_root(parent, number), []).append(number)
    made = (
        DocumentFamily(
            sources=tuple(sources[number] for number in group), document_ids=tuple(ids[number] for number in group)
        )
        for group in groups.values()
        if len(group) > 1
    )
    return tuple(sorted(made, key=lambda family: (-len(family.sources), family.sources)))


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number
