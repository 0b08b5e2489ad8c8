"""Where the evidence of a case lies in a release.

A quote is looked for in its source first. Where that is gone, another document that holds it counts (moved); where the
source no longer says it, the case must be looked at again (changed). Short quotes prove nothing about other documents,
so they are looked for in the named source alone, and in one of the same file name where that is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from evaluation.cases.documents import Document, Documents, shared_end
from evaluation.cases.folding import TELLING, Span, find_loosely, weight
from evaluation.cases.nearest import nearest
from evaluation.records import Case, Evidence, EvidenceState, LocatedEvidence
from index.opened import OpenRelease

# Of a document that repeats a quote, so many places count.
_PLACES = 20
_COPIES = 50
_SHOWN = 300
_QUARTER = 4


class Place(msgspec.Struct, frozen=True):
    """A place beside the first one that holds an item of a case's evidence: a repetition, or a copy.

    Attributes:
        index: the item's place in ``Case.evidence``.
        document_id: the document.
        source: its source path.
        start: first code point of the quote in the document's text.
        end: one past its last.
    """

    index: int
    document_id: str
    source: str
    start: int
    end: int


class _Found(msgspec.Struct, frozen=True):
    located: LocatedEvidence
    places: tuple[Place, ...] = ()


class EvidenceFinder:
    """Looks up evidence in one release. Whoever asks, every document counts: access is retrieval's business.

    Args:
        release: the release. Its texts are read when they are needed, all of them for the first telling quote.
    """

    def __init__(self, release: OpenRelease) -> None:
        self.documents = Documents(release)
        self._known: dict[Evidence, _Found] = {}

    def locate(self, case: Case) -> tuple[LocatedEvidence, ...]:
        """Every item of a case's evidence, in order."""
        found = enumerate(self._find(item) for item in case.evidence)
        return tuple(msgspec.structs.replace(item.located, index=index) for index, item in found)

    def copies(self, case: Case) -> tuple[Place, ...]:
        """Every further place that holds the case's evidence, for :func:`covers`: repetitions and copies."""
        found = [self._find(item).places for item in case.evidence]
        return tuple(msgspec.structs.replace(place, index=index) for index, row in enumerate(found) for place in row)

    def suggestion(self, item: Evidence) -> Evidence | None:
        """What could stand in the place of evidence that moved or changed; None where nothing is like it."""
        located = self._find(item).located
        if located.state is EvidenceState.MOVED:
            return Evidence(located.source, item.quote)
        if located.state is not EvidenceState.CHANGED:
            return None
        others = self._holding(item)
        if others:
            return Evidence(others[0].source, item.quote)
        now = nearest(self.documents.text(self.documents.by_source[located.source]), item.quote)
        return Evidence(located.source, now) if now else None

    def _find(self, item: Evidence) -> _Found:
        known = self._known.get(item)
        if known is None:
            known = self._known[item] = self._look(item)
        return known

    def _look(self, item: Evidence) -> _Found:
        named = self.documents.named(item.source)
        if named is None or not named.searchable:
            return self._elsewhere(item, named)
        spans = self._spans(named, item.quote)
        if not spans:
            return _Found(self._changed(item, named))
        copies = [document for document in self._holding(item) if document.source != named.source]
        return self._found(EvidenceState.FOUND, item, [named, *copies], "")

    def _elsewhere(self, item: Evidence, named: Document | None) -> _Found:
        """The evidence of a source that the release does not have."""
        holding = self._holding(item)
        same_name = [other for other in self.documents.like(item.source) if self._spans(other, item.quote)]
        every = {document.source: document for document in (*same_name, *holding)}
        title = named.title if named else ""
        ranked = sorted(every.values(), key=lambda other: _likeness(other, item.source, title))
        why = _why_gone(item.source, named)
        if ranked:
            moved = self._found(EvidenceState.MOVED, item, ranked, f"{why}; {ranked[0].source} holds the quote.")
            values = _gone_values(item.source, named) | {"holder": ranked[0].source}
            return _Found(msgspec.structs.replace(moved.located, values=values), moved.places)
        alike = self._alike(item, named)
        hint = f"; {alike} has the same file name and does not say it" if alike else ""
        return _Found(
            LocatedEvidence(
                index=0,
                state=EvidenceState.GONE,
                source=item.source,
                reason=f"{why}, and no other document holds the quote{hint}.",
                values=_gone_values(item.source, named) | {"alike": alike},
            )
        )

    def _found(self, state: EvidenceState, item: Evidence, holders: Sequence[Document], reason: str) -> _Found:
        """What was found: the first of the documents that hold it counts, the others are copies."""
        main, others = holders[0], holders[1 : _COPIES + 1]
        first, *repeated = self._spans(main, item.quote)
        places = [_place(main, span) for span in repeated]
        places += [_place(other, span) for other in others for span in self._spans(other, item.quote)]
        located = LocatedEvidence(
            index=0,
            state=state,
            source=main.source,
            document_id=main.document_id,
            version=main.version,
            start=first.start,
            end=first.end,
            copies=tuple(other.source for other in others),
            reason=reason,
        )
        return _Found(located, tuple(places))

    def _changed(self, item: Evidence, named: Document) -> LocatedEvidence:
        others = [document.source for document in self._holding(item)]
        now = nearest(self.documents.text(named), item.quote)
        reason = f"{named.source} no longer says this"
        reason += f"; nearest to it is now: “{now[:_SHOWN]}”" if now else ", nor anything like it"
        reason += f". {others[0]} holds the quote" if others else ""
        return LocatedEvidence(
            index=0,
            state=EvidenceState.CHANGED,
            source=named.source,
            document_id=named.document_id,
            version=named.version,
            reason=reason + ".",
            values={"now": now[:_SHOWN] if now else "", "holder": others[0] if others else ""},
        )

    def _spans(self, document: Document, quote: str) -> list[Span]:
        folded = self.documents.folded(document)
        spans = [span for span, _ in zip(folded.find_all(quote), range(_PLACES), strict=False)]
        if spans:
            return spans
        loose = find_loosely(folded.text, quote) if weight(quote) >= TELLING else None
        return [] if loose is None else [loose]

    def _holding(self, item: Evidence) -> list[Document]:
        return self.documents.holding(item.quote) if weight(item.quote) >= TELLING else []

    def _alike(self, item: Evidence, named: Document | None) -> str:
        alike = [] if named else self.documents.like(item.source)
        return alike[0].source if alike else ""


def covers(
    hit_document_id: str,
    hit_source: str,
    start: int,
    end: int,
    located: Sequence[LocatedEvidence],
    copies: Iterable[Place] = (),
) -> tuple[int, ...]:
    """Which items of a case's evidence a span of a document holds.

    A span holds an item when at least half of the quote's code points lie in it; of a quote that is longer than the
    span, a quarter, with nothing else in the span (small chunks cut long quotes apart).

    Args:
        hit_document_id: the document.
        hit_source: its source path.
        start: first code point of the span in the document's text.
        end: one past its last.
        located: the case's evidence in this release.
        copies: :meth:`EvidenceFinder.copies` of the case.

    Returns:
        Places in ``Case.evidence``, ascending.
    """
    held = {
        item.index
        for item in located
        if item.start is not None
        and item.end is not None
        and (item.document_id == hit_document_id if item.document_id else item.source == hit_source)
        and _holds(start, end, item.start, item.end)
    }
    held |= {
        place.index
        for place in copies
        if place.document_id == hit_document_id and _holds(start, end, place.start, place.end)
    }
    return tuple(sorted(held))


def _holds(start: int, end: int, first: int, last: int) -> bool:
    shared, length = min(end, last) - max(start, first), last - first
    if shared <= 0:
        return False
    return 2 * shared >= length or (shared == end - start and _QUARTER * shared >= length)


def _place(document: Document, span: Span) -> Place:
    return Place(0, document.document_id, document.source, span.start, span.end)


def _likeness(document: Document, source: str, title: str) -> tuple[int, bool, str]:
    """Sorts the documents that hold a moved quote: same end of the path first, then the same title."""
    return (-shared_end(document.source, source), not (title and document.title == title), document.source)


def _why_gone(source: str, named: Document | None) -> str:
    if named is None:
        return f"The release has no document {source!r}"
    reason = f" ({named.reason.rstrip('.')})" if named.reason else ""
    return f"{source} is {named.state}{reason}"


def _gone_values(source: str, named: Document | None) -> dict[str, str]:
    became, why = (named.state, named.reason.rstrip(".")) if named else ("", "")
    return {"named": source, "became": became, "why": why}
