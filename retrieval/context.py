"""From hits to the passages that a generator reads: caps, neighbours, a token budget."""

from __future__ import annotations

from collections import Counter

import msgspec

from ragpress.answer_settings import ContextSettings
from retrieval.collapse import Families, Group
from retrieval.hits import Hit, Place
from retrieval.neighbours import Window, alone, next_after, next_before, with_row
from retrieval.rows import OUTDATED, ReleaseRows


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered passage of a context.

    Attributes:
        index: its number in the prompt and in citations, from 1.
        chunk_id: the chunk that was found.
        document_id: its document.
        source: the document's source path.
        title: the document's title.
        heading: heading path above it.
        page: 1-based page, slide or sheet of the chunk; None where the format has none.
        start: first code point of the chunk in its version's text.
        end: one past its last.
        chunk: the chunk's own text: what a citation quotes.
        text: what the generator reads: the chunk with its neighbours.
        text_start: first code point of ``text`` in the version's text.
        text_end: one past its last.
        score: fused score of the hit.
        family: number of its family of near-duplicates among the hits, from 1.
        marks: names of the audit marks on its document (``injection``, ``outdated``, ``near_duplicate``, …).
        copies: sources of hits with the same text.
    """

    index: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: tuple[str, ...]
    page: int | None
    start: int
    end: int
    chunk: str
    text: str
    text_start: int
    text_end: int
    score: float
    family: int = 0
    marks: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


class LeftOut(msgspec.Struct, frozen=True):
    """A hit that did not become a passage, and why: ``source_cap``, ``family_cap``, ``passages`` or ``tokens``."""

    chunk_id: str
    source: str
    reason: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a generator may use.

    Attributes:
        release: id of the release.
        query: the standalone question that was searched for.
        passages: numbered from 1, best first.
        left_out: hits that caps or the budget kept out.
        tokens: tokens of all passages together, in the embedder's tokens.
        best_cosine: cosine of the nearest chunk; None when the dense search did not run or found nothing.
        best_lexical: BM25 score of the best chunk over the highest score a chunk could get for the query (0..1); None
            when the lexical search did not run or the query has no term.
        notes: what went otherwise than set, in words: a reranker that failed, a question that was cut.
    """

    release: str
    query: str
    passages: tuple[Passage, ...]
    left_out: tuple[LeftOut, ...] = ()
    tokens: int = 0
    best_cosine: float | None = None
    best_lexical: float | None = None
    notes: tuple[str, ...] = ()


SOURCE_CAP, FAMILY_CAP, PASSAGES, TOKENS = "source_cap", "family_cap", "passages", "tokens"


class Chosen(msgspec.Struct, frozen=True):
    """A hit that becomes a passage: its row and the number of its family, from 1."""

    hit: Hit
    place: Place
    family: int


class Selection(msgspec.Struct, frozen=True):
    """Which hits become passages, best first, and which do not; and the families of all of them."""

    chosen: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]
    families: Families

    @property
    def crowded(self) -> bool:
        """Whether caps, rather than the budget, kept hits out: then hits further down may still find a place."""
        reasons = Counter(item.reason for item in self.left_out)
        return reasons[SOURCE_CAP] + reasons[FAMILY_CAP] > reasons[TOKENS]


def select(found: list[tuple[Hit, Group]], settings: ContextSettings, rows: ReleaseRows) -> Selection:
    """Take hits, best first, as the caps and the token budget allow.

    Hits of outdated documents come after all others unless the settings keep their rank, so of two editions the newer
    one takes the family's place. A hit that does not fit the budget is left out and smaller ones behind it may still
    fit; the best hit is always taken, so that a context is never empty for the length of its best chunk.

    Args:
        found: hits and the groups they stand for, best first.
        settings: the caps.
        rows: gives the tokens of rows.
    """
    families = Families(settings.family)
    of_source: Counter[str] = Counter()
    of_family: Counter[int] = Counter()
    chosen: list[Chosen] = []
    left_out: list[LeftOut] = []
    budget = settings.tokens
    for hit, group in _current_first(found) if settings.outdated == "last" else found:
        tokens = rows.value(group.place, "tokens")
        family = families.add(group.key, group.shingled)
        if len(chosen) == settings.passages:
            reason = PASSAGES
        elif of_source[hit.document_id] == settings.per_source:
            reason = SOURCE_CAP
        elif of_family[family] == settings.per_family:
            reason = FAMILY_CAP
        elif tokens > budget and chosen:
            reason = TOKENS
        else:
            chosen.append(Chosen(hit, group.place, family + 1))
            of_source[hit.document_id] += 1
            of_family[family] += 1
            budget -= tokens
            continue
        left_out.append(LeftOut(hit.chunk_id, hit.source, reason))
    return Selection(tuple(chosen), tuple(left_out), families)


def _current_first(found: list[tuple[Hit, Group]]) -> list[tuple[Hit, Group]]:
    return sorted(found, key=lambda item: OUTDATED in item[0].marks)


def windows(selection: Selection, settings: ContextSettings, rows: ReleaseRows) -> list[Window]:
    """The text around each chosen chunk that still fits the budget; no chunk stands in two windows.

    Round by round, each passage in turn gets the chunk behind its window and the one before it. A chunk of a family
    that has a passage already stays out: copies must not come in as their own neighbours.
    """
    found = [alone(rows, item.place) for item in selection.chosen]
    taken = {item.place for item in selection.chosen}
    families = {item.family - 1 for item in selection.chosen}
    left = settings.tokens - sum(window.tokens for window in found)
    for _ in range(settings.neighbours):
        for number in range(len(found)):
            for neighbour in (next_after, next_before):
                place = neighbour(rows, found[number])
                if place is None or place in taken or rows.value(place, "tokens") > left:
                    continue
                taken.add(place)
                if selection.families.find(rows.shingled(place), families) is None:
                    left -= rows.value(place, "tokens")
                    found[number] = with_row(rows, found[number], place)
    return found


def passages(selection: Selection, settings: ContextSettings, rows: ReleaseRows) -> tuple[tuple[Passage, ...], int]:
    """The numbered passages of a selection, and the tokens of all of them."""
    around = windows(selection, settings, rows)
    made = (_passage(number, item, around[number - 1], rows) for number, item in enumerate(selection.chosen, start=1))
    return tuple(made), sum(window.tokens for window in around)


def _passage(index: int, item: Chosen, window: Window, rows: ReleaseRows) -> Passage:
    hit = item.hit
    start = rows.value((window.segment, window.first), "start")
    end = rows.value((window.segment, window.last), "end")
    wider = window.first < window.last
    return Passage(
        index=index,
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        source=hit.source,
        title=hit.title,
        heading=hit.heading,
        page=hit.page,
        start=hit.start,
        end=hit.end,
        chunk=hit.text,
        text=rows.version_text(item.place)[start:end] if wider else hit.text,
        text_start=start,
        text_end=end,
        score=hit.score,
        family=item.family,
        marks=hit.marks,
        copies=tuple(dict.fromkeys(copy.source for copy in hit.copies if copy.source != hit.source)),
    )
