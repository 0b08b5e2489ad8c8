"""Why a case changed: which documents, chunks, prompt lines and settings differ that touch it.

Two releases differ in many things, a case changes through few of them. What touches it is found from the case
outwards: first what became of its evidence, then what the generator read, then how it was told to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from evaluation.comparing.differences import RECUT, STEPS, Differences
from evaluation.comparing.records import ChangedCase, EvidenceChange, SettingChange, Why, WhyCode
from evaluation.records import CaseResult, EvidenceState, LocatedEvidence, RankedHit
from index.history import DocumentChange

_NAMED = 3
_LINES = 12
_CHARACTERS = 300
_ANSWERING = ("answer.", "generator.")
_PROMPT_NAME = "answer.prompt"


class Chunk(msgspec.Struct, frozen=True):
    """A chunk of a document: its place in the version's text, and its text."""

    start: int
    end: int
    text: str


ChunksOf: TypeAlias = Callable[[str], Sequence[Chunk]]
"""Gives the chunks of a document by its id, in order; none where the release does not have it."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A release's result of a case, with the way to its chunks."""

    result: CaseResult
    chunks: ChunksOf


def causes(changed: ChangedCase, before: Side, after: Side, differences: Differences) -> tuple[Why, ...]:
    """What made a case change, the likeliest first.

    Args:
        changed: what became of the case.
        before: the baseline's result.
        after: the candidate's result.
        differences: what differs between the releases.
    """
    ended = _ended(before.result, after.result)
    if ended is not None:
        return (ended,)
    found: list[Why] = []
    for item in changed.evidence:
        if not item.same:
            found += _of_evidence(item, before, after, differences)
    same_passages = _seen(before.result) == _seen(after.result)
    if not same_passages and not found:
        found += _of_passages(before.result, after.result, differences)
    found += _of_answering(differences, same_passages=same_passages)
    if not found and not changed.same_answer:
        found.append(Why(code="generator", message="nothing that decides the answer differs: the generator varies"))
    once: dict[tuple[str, str], Why] = {}
    for why in found:
        once.setdefault((why.code, why.source), why)
    return tuple(once.values())


def _ended(before: CaseResult, after: CaseResult) -> Why | None:
    if after.review:
        message = f"the case must be looked at again: {after.review}"
        return Why(code="review", message=message, values={"reason": after.review})
    side, error = ("the candidate", after.error) if after.error else ("the baseline", before.error)
    if error is None:
        return None
    values = {"side": side.removeprefix("the "), "step": error.step, "kind": error.kind, "error": error.message}
    return Why(code="error", message=f"{side} ended in an error: {error.step}: {error.message}", values=values)


def _of_evidence(item: EvidenceChange, before: Side, after: Side, differences: Differences) -> Iterator[Why]:
    old, new = before.result.evidence[item.index], after.result.evidence[item.index]
    if not new.found:
        yield _lost(old, new)
    elif not old.found:
        yield Why(
            code="document_added",
            message=f"{new.source} says it, and the baseline has no document that does",
            source=new.source,
            values={"source": new.source},
        )
    else:
        yield from _of_rank(item, before, after, differences)


def _lost(old: LocatedEvidence, new: LocatedEvidence) -> Why:
    source = old.source or new.source
    if new.state is EvidenceState.GONE or old.document_id != new.document_id:
        message = f"{source} is no longer in the release"
        return Why(code="document_gone", message=message, source=source, values={"source": source})
    message = f"{source} is the same file, and its text in the release no longer holds the evidence: it was lost in "
    return Why(code="text_lost", message=message + "parsing or cleaning", source=source, values={"source": source})


def _of_rank(item: EvidenceChange, before: Side, after: Side, differences: Differences) -> Iterator[Why]:
    """Both have it: why it is found or read otherwise."""
    old, new = before.result.evidence[item.index], after.result.evidence[item.index]
    if old.document_id != new.document_id:
        values = {"before": old.source, "after": new.source}
        message = f"the evidence is now in {new.source}, no longer in {old.source}"
        yield Why(code="evidence_moved", message=message, source=new.source, values=values)
    cut = _cut(old, new, before, after)
    if cut is not None:
        yield cut
    elif (change := differences.documents.get(new.source)) is not None:
        yield _document(change)
    fell = _rank(item.rank_after) > _rank(item.rank_before)
    if fell and (above := _newly_above(item, before.result, after.result)):
        yield _crowded(item, above, differences)
    elif item.rank_before != item.rank_after:
        yield _moved(item, fell=fell)
    elif item.read_before and not item.read_after:
        message = f"the evidence in {new.source} is retrieved as before, and no longer among the passages that are read"
        yield Why(code="left_out", message=message, source=new.source, values={"source": new.source})


def _cut(old: LocatedEvidence, new: LocatedEvidence, before: Side, after: Side) -> Why | None:
    """Whether the same text is cut otherwise: the evidence into more chunks, or fewer."""
    was, now = _parts(old, before), _parts(new, after)
    if old.version != new.version or len(was) == len(now):
        return None
    values = {"source": new.source, "before": str(len(was)), "after": str(len(now))}
    details = tuple(_excerpt(chunk.text) for chunk in now[:_NAMED])
    if len(was) < len(now):
        message = f"chunk boundaries in {new.source} differ: the evidence is cut into {len(now)} (was {len(was)})"
        return Why(code="chunk_cut", message=message, source=new.source, details=details, values=values)
    message = f"chunk boundaries in {new.source} differ: the evidence lies in {len(now)} (was cut into {len(was)})"
    return Why(code="chunk_whole", message=message, source=new.source, details=details, values=values)


def _parts(item: LocatedEvidence, side: Side) -> list[Chunk]:
    """The fewest chunks that hold the evidence: one that has all of it, else all that have a part."""
    start, end = item.start or 0, item.end or 0
    chunks = [chunk for chunk in side.chunks(item.document_id) if chunk.start < end and start < chunk.end]
    whole = [chunk for chunk in chunks if chunk.start <= start and end <= chunk.end]
    return whole[:1] or chunks


def _document(change: DocumentChange) -> Why:
    removed, added = len(change.removed), len(change.added)
    values = {"source": change.source, "removed": str(removed), "added": str(added)}
    details = tuple(f"- {_excerpt(text)}" for text in change.removed[:_NAMED])
    details += tuple(f"+ {_excerpt(text)}" for text in change.added[:_NAMED])
    if change.change == "added":
        return Why(
            code="document_added",
            message=f"{change.source} is new",
            source=change.source,
            details=details,
            values=values,
        )
    if change.change == "removed":
        message = f"{change.source} is no longer in the release"
        return Why(code="document_gone", message=message, source=change.source, details=details, values=values)
    counts = f"{_chunks(removed)} gone, {_chunks(added)} new"
    recut = change.change == RECUT
    message = f"{change.source} is cut otherwise: {counts}" if recut else f"{change.source} changed: {counts}"
    code: WhyCode = "document_recut" if recut else "document_changed"
    return Why(code=code, message=message, source=change.source, details=details, values=values)


def _chunks(count: int) -> str:
    return "1 chunk text" if count == 1 else f"{count} chunk texts"


def _newly_above(item: EvidenceChange, before: CaseResult, after: CaseResult) -> list[RankedHit]:
    """Hits that stand before the evidence in the candidate and did not in the baseline, best first."""
    old = {(hit.document_id, hit.start, hit.end) for hit in before.hits if hit.rank < _rank(item.rank_before)}
    return [
        hit
        for hit in sorted(after.hits, key=lambda hit: hit.rank)
        if hit.rank < _rank(item.rank_after)
        and item.index not in hit.covers
        and (hit.document_id, hit.start, hit.end) not in old
    ]


def _crowded(item: EvidenceChange, above: Sequence[RankedHit], differences: Differences) -> Why:
    sources = list(dict.fromkeys(hit.source for hit in above))
    kinds = {source: differences.documents[source].change for source in sources if source in differences.documents}
    sources.sort(key=lambda source: (kinds.get(source) != "added", source not in kinds))
    named = ", ".join(f"{source} ({kinds[source]})" if source in kinds else source for source in sources[:_NAMED])
    rest = f" and {len(sources) - _NAMED} more" if len(sources) > _NAMED else ""
    new = "a new document" if kinds.get(sources[0]) == "added" else "other text"
    values = _ranks(item) | {"sources": named + rest, "new": str(new.startswith("a new")).lower()}
    message = f"{new} crowded it out ({_worded(item)}): {named}{rest}"
    return Why(code="crowded_out", message=message, source=sources[0], values=values)


def _moved(item: EvidenceChange, *, fell: bool) -> Why:
    values = _ranks(item) | {"source": item.source}
    message = f"the evidence in {item.source} is ranked {'lower' if fell else 'higher'} ({_worded(item)})"
    return Why(code="ranked_lower" if fell else "ranked_higher", message=message, source=item.source, values=values)


def _of_passages(before: CaseResult, after: CaseResult, differences: Differences) -> Iterator[Why]:
    """No item of evidence tells: which documents that are read differ."""
    read = dict.fromkeys(passage.source for passage in (*after.passages, *before.passages))
    touched = [differences.documents[source] for source in read if source in differences.documents]
    yield from map(_document, touched[:_NAMED])
    if touched:
        return
    old, new = ({(passage.source, passage.text) for passage in side.passages} for side in (before, after))
    gone, came = sorted({source for source, _ in old - new}), sorted({source for source, _ in new - old})
    values = {"gone": ", ".join(gone[:_NAMED]), "came": ", ".join(came[:_NAMED])}
    if not gone and not came:
        yield Why(code="passages", message="the same passages are read in another order", values=values)
        return
    parts = [f"no longer from {values['gone']}"] if gone else []
    parts += [f"now from {values['came']}"] if came else []
    yield Why(code="passages", message="other passages are read: " + ", ".join(parts), values=values)


def _of_answering(differences: Differences, *, same_passages: bool) -> Iterator[Why]:
    what = differences.what
    if what.prompt:
        lines = tuple(line for line in what.prompt if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"})
        message = "same passages, other prompt lines" if same_passages else "the prompt says something else"
        yield Why(code="prompt", message=message, details=lines[:_LINES], values={"same": str(same_passages).lower()})
    settings = [change for change in what.settings if _matters(change, same_passages=same_passages)]
    if settings:
        details = tuple(f"{change.name}: {change.before} → {change.after}" for change in settings)
        values = {"settings": ", ".join(_setting(change) for change in settings[:_NAMED])}
        message = "settings differ: " + values["settings"]
        yield Why(code="settings", message=message, details=details[:_LINES], values=values)


def _setting(change: SettingChange) -> str:
    """A setting with both values; a step by its name alone, for its fingerprints tell nobody anything."""
    return change.name if change.name.startswith(STEPS) else f"{change.name}: {change.before} → {change.after}"


def _matters(change: SettingChange, *, same_passages: bool) -> bool:
    """Whether a setting can have changed the answer: where the same is read, only how it is answered."""
    if change.name == _PROMPT_NAME:
        return False
    return not same_passages or change.name.startswith(_ANSWERING)


def _seen(result: CaseResult) -> list[tuple[str, str, str]]:
    return [(passage.source, passage.title, passage.text) for passage in result.passages]


def _rank(rank: int | None) -> float:
    return float("inf") if rank is None else rank


def _ranks(item: EvidenceChange) -> dict[str, str]:
    pairs = (("before", item.rank_before), ("after", item.rank_after))
    return {name: "" if rank is None else str(rank) for name, rank in pairs}


def _worded(item: EvidenceChange) -> str:
    before, after = ("not found" if rank is None else f"rank {rank}" for rank in (item.rank_before, item.rank_after))
    return f"{before} → {after}"


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _CHARACTERS else flat[: _CHARACTERS - 1] + "…"
