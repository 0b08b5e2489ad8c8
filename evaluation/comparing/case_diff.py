"""What became of one case: its retrieved evidence, its answer, its citations, its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from evaluation.comparing.records import ChangedCase, EvidenceChange, HitChange, ScoreChange
from evaluation.comparing.words import word_diff
from evaluation.records import Case, CaseResult, LocatedEvidence, RankedHit
from retrieval.context import Passage

PASSED = "passed"
_SAME = 1e-9
# An error is worse than any loss of scores: the case says nothing at all.
_ERROR_HARM = 10.0


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How the harm of a change is reckoned.

    Attributes:
        tested: the metrics that may not get worse.
        lower_is_better: metrics of which less is better.
    """

    tested: tuple[str, ...]
    lower_is_better: frozenset[str] = frozenset()


def changed_case(case: Case, before: CaseResult, after: CaseResult, rules: Rules) -> ChangedCase | None:
    """What differs between two results of a case; None where nothing that counts does.

    What counts: a score, the answer's text, what it cites, the ranks of the evidence and whether it is read, an error.
    Chunks that bear on nothing may come, go and move without it.
    """
    scores = _scores(before, after)
    evidence = _evidence(case, before, after)
    cited_before, cited_after = _cited(before), _cited(after)
    same_answer = before.answer == after.answer
    same_end = (before.error is None) == (after.error is None) and before.abstained == after.abstained
    same_evidence = all(item.same for item in evidence)
    if not scores and same_answer and same_end and same_evidence and cited_before == cited_after:
        return None
    harm = _harm(before, after, rules)
    passed = before.scores.get(PASSED), after.scores.get(PASSED)
    both = None not in passed
    return ChangedCase(
        case=case.id,
        question=case.question,
        tags=case.tags,
        direction=_direction(harm),
        harm=round(harm, 6),
        newly_failed=both and passed == (1.0, 0.0),
        newly_passed=both and passed == (0.0, 1.0),
        scores=scores,
        hits=_hits(before.hits, after.hits),
        evidence=evidence,
        answer=word_diff(before.answer or "", after.answer or ""),
        same_answer=same_answer,
        citations_before=tuple(source for source in cited_before if source not in cited_after),
        citations_after=tuple(source for source in cited_after if source not in cited_before),
    )


def by_harm(changed: Sequence[ChangedCase]) -> tuple[ChangedCase, ...]:
    """The most harmed first; of equally harmed ones, those that newly fail, then by id."""
    return tuple(sorted(changed, key=lambda item: (-item.harm, not item.newly_failed, item.newly_passed, item.case)))


def _direction(harm: float) -> Literal["worse", "better", "other"]:
    if abs(harm) <= _SAME:
        return "other"
    return "worse" if harm > 0 else "better"


def _harm(before: CaseResult, after: CaseResult, rules: Rules) -> float:
    if after.review:
        return 0.0
    if (before.error is None) != (after.error is None):
        return _ERROR_HARM if before.error is None else -_ERROR_HARM
    total = 0.0
    for name in rules.tested:
        if name in before.scores and name in after.scores:
            loss = before.scores[name] - after.scores[name]
            total += -loss if name in rules.lower_is_better else loss
    return total


def _scores(before: CaseResult, after: CaseResult) -> tuple[ScoreChange, ...]:
    if after.review:
        return ()
    names = sorted({*before.scores, *after.scores})
    pairs = (ScoreChange(name, before.scores.get(name), after.scores.get(name)) for name in names)
    return tuple(pair for pair in pairs if not _equal(pair.before, pair.after))


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME


def _hits(before: Sequence[RankedHit], after: Sequence[RankedHit]) -> tuple[HitChange, ...]:
    """Chunks by document and place, so that a new chunk id alone is no change."""
    old, new = _placed(before), _placed(after)
    changes = []
    for place in dict.fromkeys((*old, *new)):
        was, now = old.get(place), new.get(place)
        known = now or was
        if known is None or (was is not None and now is not None and was.rank == now.rank):
            continue
        changes.append(
            HitChange(
                source=known.source,
                start=known.start,
                end=known.end,
                before=None if was is None else was.rank,
                after=None if now is None else now.rank,
                covers=known.covers,
            )
        )
    return tuple(changes)


def _placed(hits: Sequence[RankedHit]) -> Mapping[tuple[str, int, int], RankedHit]:
    return {(hit.document_id, hit.start, hit.end): hit for hit in hits}


def _evidence(case: Case, before: CaseResult, after: CaseResult) -> tuple[EvidenceChange, ...]:
    changes = []
    for item, old, new in zip(case.evidence, before.evidence, after.evidence, strict=False):
        changes.append(
            EvidenceChange(
                index=old.index,
                source=item.source,
                before=old.state,
                after=new.state,
                rank_before=rank_of(before.hits, old.index),
                rank_after=rank_of(after.hits, old.index),
                read_before=is_read(before, old.index),
                read_after=is_read(after, old.index),
            )
        )
    return tuple(changes)


def rank_of(hits: Sequence[RankedHit], index: int) -> int | None:
    """Rank of the first hit that holds an item of evidence; None where none does."""
    return min((hit.rank for hit in hits if index in hit.covers), default=None)


def is_read(result: CaseResult, index: int) -> bool:
    """Whether a passage that the generator read holds at least half of an item of evidence."""
    holding = {hit.chunk_id for hit in result.hits if index in hit.covers}
    item = next(found for found in result.evidence if found.index == index)
    return any(passage.chunk_id in holding or _holds(passage, item) for passage in result.passages)


def _holds(passage: Passage, item: LocatedEvidence) -> bool:
    if item.start is None or item.end is None or passage.document_id != item.document_id:
        return False
    shared = min(passage.text_end, item.end) - max(passage.text_start, item.start)
    return 2 * shared >= item.end - item.start


def _cited(result: CaseResult) -> tuple[str, ...]:
    return tuple(sorted({citation.source for citation in result.citations}))
