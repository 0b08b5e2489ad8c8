"""The texts in which a right answer may stand, layer by layer: what is searched, and what is not or no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from functools import cached_property
from itertools import chain, islice
from typing import Literal

import msgspec

from evaluation.subjects import Subject
from feedback.diagnose.matching import Rarity, ReadText, rarity_of, read_text
from feedback.diagnose.texts import DocumentState, DocumentTexts
from feedback.records import Layer
from feedback.workbench import Workbench
from index.repairs import files as repair_files
from index.repairs.records import Erratum
from serving.evidence.terms import stems_of

ALWAYS: tuple[Layer, ...] = (
    "live",
    "quarantined",
    "superseded",
    "deleted",
    "earlier",
    "cleaned_away",
    "repaired_away",
)
"""Layers whose texts are known without parsing anything again."""

LARGE = 3000
"""From so many documents on only those are read that share words with what is looked for."""

_ROWS = 150
_UNREAD = ("parse", "scan")
_CLEANED = ("clean", "audit")


class LayerText(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One text of a layer.

    Attributes:
        layer: which.
        document_id: its document.
        source: its source path.
        version: SHA-256 (hexadecimal) of the version.
        release: the release that searched it last.
        read: the text, analysed.
        lead: words of its title and file name.
        only: spans of the text that belong to the layer; empty where all of it does.
        detail: see :class:`feedback.records.Holder`, for each of ``only``, or one for the whole.
        reason: the same for people.
    """

    layer: Layer
    document_id: str
    source: str
    version: str
    release: str
    read: ReadText
    lead: frozenset[str]
    only: tuple[tuple[int, int], ...] = ()
    detail: tuple[str, ...] = ("",)
    reason: str = ""


class Layers:
    """The layers of one release, each made when it is first asked for.

    Args:
        bench: releases and settings.
        texts: texts of the release's documents.
        subject: the release.
    """

    def __init__(self, bench: Workbench, texts: DocumentTexts, subject: Subject) -> None:
        self.texts = texts
        self._root = bench.environment.workspace.root
        self._collection = bench.collection
        self._release = subject.release
        self._made: dict[Layer, tuple[LayerText, ...]] = {}
        self._only: frozenset[str] | None = None

    def look_for(self, texts: Sequence[str], sources: Set[str]) -> None:
        """Say what is looked for next. In a large collection only documents that may hold it are read.

        Args:
            texts: the question, the claim.
            sources: source paths that are looked into in any case.
        """
        if len(self.texts.documents) <= LARGE:
            return
        places = {place for text in texts if text.strip() for place in self._likely(text)}
        named = {document.document_id for document in map(self.texts.document, sources) if document is not None}
        self._only = frozenset(places | named)
        self.__dict__.pop("rarity", None)
        self._made.clear()

    def of(self, layer: Layer) -> tuple[LayerText, ...]:
        """The texts of a layer that is known without parsing anything again."""
        if layer == "repaired_away":
            return tuple(self._repaired_away())
        if layer not in self._made:
            makers: dict[Layer, Callable[[], Iterator[LayerText]]] = {
                "live": self._live,
                "quarantined": lambda: self._unused("quarantined"),
                "superseded": lambda: self._unused("superseded"),
                "deleted": self._deleted,
                "earlier": self._earlier,
                "cleaned_away": self._cleaned_away,
            }
            made = makers[layer]()
            self._made[layer] = tuple(made if self._only is None else islice(made, LARGE))
        return self._made[layer]

    @cached_property
    def rarity(self) -> Rarity:
        """The rarity of words in what is searched."""
        return rarity_of([item.read for item in self.of("live")])

    def searched(self) -> Iterator[DocumentState]:
        """The searchable documents that may hold what is looked for, by source."""
        for document in self.texts.documents:
            if document.searchable and (self._only is None or document.document_id in self._only):
                yield document

    def _likely(self, text: str) -> Iterator[str]:
        """Ids of the documents with the rows that share most words with a text."""
        _, segments, rows = self._release.lexical.search(text, _ROWS)
        for segment, row in zip(segments, rows, strict=True):
            yield self._release.segments[segment].chunks["document_id"][row].as_py()

    def unparsed(self, sources: Sequence[str]) -> tuple[LayerText, ...]:
        """What other parsers read in some sources, under the limits of every run."""
        self.texts.readings(sources)
        found = []
        for document in filter(None, map(self.texts.document, sources)):
            if document.step == "repair":  # read well enough, and taken out by a person
                continue
            for reading in self.texts.readings([document.source])[document.source]:
                reason = f"{reading.parser} reads it in the file, {document.parser or 'its own parser'} does not"
                found.append(self._made_of(document, "unparsed", reading.text, (reading.parser,), reason))
        return tuple(found)

    def _live(self) -> Iterator[LayerText]:
        for document in self.searched():
            yield self._made_of(document, "live", self.texts.live(document))

    def _unused(self, layer: Literal["quarantined", "superseded"]) -> Iterator[LayerText]:
        for document in self.texts.documents:
            # What its own parser cannot read it will not read now either.
            text = self.texts.unused(document) if document.state == layer and document.step not in _UNREAD else ""
            if text:
                yield self._made_of(document, layer, text, (document.step,), document.reason)

    def _deleted(self) -> Iterator[LayerText]:
        current = {document.version.hex() for document in self.texts.documents if document.version}
        for item in self.texts.gone():
            document = self.texts.document(item.source)
            if item.version in current or (document is not None and document.state in ("quarantined", "superseded")):
                continue
            reason = "Its source was removed." if document is None else document.reason
            yield LayerText(
                layer="deleted",
                document_id=item.document_id,
                source=item.source,
                version=item.version,
                release=item.release,
                read=read_text(item.text),
                lead=lead_of(item.title, item.source),
                reason=reason,
            )

    def _earlier(self) -> Iterator[LayerText]:
        for document in self.texts.documents:
            if document.state == "deleted" or (self._only is not None and document.document_id not in self._only):
                continue
            now = self.texts.text(document.document_id)
            for item in self.texts.earlier(document.source):
                if item.text != now:
                    yield LayerText(
                        layer="earlier",
                        document_id=item.document_id,
                        source=item.source,
                        version=item.version,
                        release=item.release,
                        read=read_text(item.text),
                        lead=lead_of(item.title, item.source),
                        reason=f"an earlier version said so, in release {item.release}",
                    )

    def _cleaned_away(self) -> Iterator[LayerText]:
        # Of a document that cleaning left nothing of, all was taken out.
        shut = (item for item in self.texts.documents if item.state == "quarantined" and item.step in _CLEANED)
        emptied = (item for item in shut if not self.texts.unused(item).strip())
        for document in chain(self.searched(), emptied):
            removed = self.texts.removed(document.source)
            if removed:
                made = self._made_of(document, "cleaned_away", self.texts.before_cleaning(document.source))
                yield msgspec.structs.replace(
                    made,
                    only=tuple((item.start, item.end) for item in removed),
                    detail=tuple(item.rule for item in removed),
                    reason="cleaning took it out",
                )

    def _repaired_away(self) -> Iterator[LayerText]:
        for repair in repair_files.load_all(self._root, self._collection):
            if not isinstance(repair, Erratum):
                continue
            document = self.texts.document(repair.source)
            if document is None or repair.find in self.texts.text(document.document_id):
                continue
            place = repair.before + repair.find + repair.after
            parsed = self.texts.parsed(repair.source)
            at = parsed.find(place)
            text = parsed if at >= 0 else place
            first = max(0, at) + len(repair.before)
            reason = f"an erratum replaced it with “{repair.replace}”: {repair.reason}"
            made = self._made_of(document, "repaired_away", text, ("erratum",), reason)
            yield msgspec.structs.replace(made, only=((first, first + len(repair.find)),))

    def _made_of(
        self, document: DocumentState, layer: Layer, text: str, detail: tuple[str, ...] = ("",), reason: str = ""
    ) -> LayerText:
        return LayerText(
            layer=layer,
            document_id=document.document_id,
            source=document.source,
            version=document.sha256,
            release=self._release.manifest.id if layer == "live" else "",
            read=read_text(text),
            lead=lead_of(document.title, document.source),
            detail=detail,
            reason=reason,
        )


def lead_of(title: str, source: str) -> frozenset[str]:
    """Words of a document's title and file name: they say what its sentences are about."""
    name = source.rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0]
    return frozenset(stems_of(f"{title} {name.replace('_', ' ').replace('-', ' ')}"))
