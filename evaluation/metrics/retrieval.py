"""Retrieval metrics over the evidence of a case, reckoned by trec_eval itself (through pytrec_eval).

What is judged is the item of evidence, not the chunk: a chunk has no meaning outside its release, and a case must give
comparable figures for any chunker. A case's *run* is what was retrieved, best first; the hit at rank r stands for the
items that it holds (:attr:`evaluation.records.RankedHit.covers`) and that no better hit held, else for something
irrelevant. Every item has relevance 1. Evidence that the release lost has not been retrieved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from evaluation.records import Case, LocatedEvidence, RankedHit, Scored

CUTOFFS = (1, 3, 5, 10)
NO_EVIDENCE = "the case names no evidence"
MUST_ABSTAIN = "the right answer is to abstain"
NOTHING_RETRIEVED = "nothing was retrieved"


class _Run(msgspec.Struct, frozen=True):
    """Which evidence each rank holds that no better rank held, best first; and how many items there are.

    Attributes:
        gained: by rank, the places of the items that are new there.
        relevant: by rank, whether the hit holds any item at all.
        items: number of items of evidence.
    """

    gained: tuple[tuple[int, ...], ...]
    relevant: tuple[bool, ...]
    items: int


def retrieval_scores(case: Case, hits: Sequence[RankedHit], located: Sequence[LocatedEvidence], k: int) -> Scored:
    """Metrics of one case's retrieval, each from 0 to 1.

    - ``recall@k``: share of the items of evidence that the first k hits hold (trec_eval ``recall_k``).
    - ``precision@k``: share of the first k hits that hold an item no better hit held, of k even where fewer were
      retrieved (trec_eval ``P_k``).
    - ``hit_rate@k``: whether one of the first k hits holds an item (trec_eval ``success_k``).
    - ``mrr``: one over the rank of the first hit that holds an item, 0 where none does (trec_eval ``recip_rank``).
    - ``ndcg@k``: discounted gain of the first k ranks over that of the best order (trec_eval ``ndcg_cut_k``; Järvelin
      and Kekäläinen, TOIS 2002). A hit that holds several new items gains as many.
    - ``map@k``: mean over the items of the precision at the rank that holds them (trec_eval ``map_cut_k``).
    - ``context_precision``: share of the hits that hold an item, however often it was held before (ragas
      ``IDBasedContextPrecision``).
    - ``context_recall``: ``recall`` over all hits (ragas ``IDBasedContextRecall``).

    ragas compares ids of chunks and divides by what was retrieved; here a hit counts by the evidence it holds.

    Args:
        case: the case.
        hits: what was retrieved, in any order; those beyond rank k are left out.
        located: where the release has the case's evidence; it only tells how many items there are.
        k: the highest cut-off.

    Returns:
        The scores; all are missing where the case names no evidence, or asks for an abstention.
    """
    names = metric_names(k)
    if case.must_abstain or not case.evidence:
        reason = MUST_ABSTAIN if case.must_abstain else NO_EVIDENCE
        return Scored({}, dict.fromkeys(names, reason))
    run = _run(hits, max(len(case.evidence), len(located)), k)
    scores = _trec_scores(run, k)
    missing = {} if run.relevant else {"context_precision": NOTHING_RETRIEVED}
    if run.relevant:
        scores["context_precision"] = sum(run.relevant) / len(run.relevant)
    return Scored({name: scores[name] for name in names if name in scores}, missing)


def cutoffs(k: int) -> tuple[int, ...]:
    """The cut-offs that are reported: 1, 3, 5 and 10 as far as k goes, and k."""
    return tuple(sorted({*(cut for cut in CUTOFFS if cut < k), k}))


def metric_names(k: int) -> tuple[str, ...]:
    """The names of the metrics for a highest cut-off, as they are reported."""
    by_cut = [f"{name}@{cut}" for name in ("recall", "precision", "hit_rate") for cut in cutoffs(k)]
    return (*by_cut, "mrr", f"ndcg@{k}", f"map@{k}", "context_precision", "context_recall")


def _run(hits: Sequence[RankedHit], items: int, k: int) -> _Run:
    held = set[int]()
    gained, relevant = [], []
    for hit in sorted((hit for hit in hits if hit.rank <= k), key=lambda hit: hit.rank):
        covers = [place for place in dict.fromkeys(hit.covers) if 0 <= place < items]
        gained.append(tuple(place for place in covers if place not in held))
        relevant.append(bool(covers))
        held.update(covers)
    return _Run(tuple(gained), tuple(relevant), items)


def _trec_scores(run: _Run, k: int) -> dict[str, float]:
    """What trec_eval says of a run.

    Recall counts items, so it looks at a list in which every item has a place of its own; its cut-offs are where the
    first k hits end in that list. The others count ranks: the items that one hit brings are one judged thing, of the
    grade of their number.
    """
    import pytrec_eval  # noqa: PLC0415 (it imports scipy: only where cases are evaluated)

    ends = {cut: max(1, sum(max(1, len(new)) for new in run.gained[:cut])) for cut in cutoffs(k)}
    cuts = ",".join(map(str, cutoffs(k)))
    spread = pytrec_eval.RelevanceEvaluator(
        {"items": {f"item {place}": 1 for place in range(run.items)}},
        {"recall." + ",".join(map(str, sorted(set(ends.values()))))},
    ).evaluate({"items": _scored(_spread(run))})["items"]
    measures = {f"P.{cuts}", f"success.{cuts}", "recip_rank", f"ndcg_cut.{k}", f"map_cut.{k}"}
    ranked = pytrec_eval.RelevanceEvaluator({"ranks": _grades(run)}, measures)
    found = ranked.evaluate({"ranks": _scored(f"rank {rank}" for rank in range(len(run.gained)))})["ranks"]
    scores = {f"recall@{cut}": spread[f"recall_{end}"] for cut, end in ends.items()}
    scores |= {f"precision@{cut}": found[f"P_{cut}"] for cut in ends}
    scores |= {f"hit_rate@{cut}": found[f"success_{cut}"] for cut in ends}
    scores |= {"mrr": found["recip_rank"], f"ndcg@{k}": found[f"ndcg_cut_{k}"], f"map@{k}": found[f"map_cut_{k}"]}
    return {**scores, "context_recall": scores[f"recall@{k}"]}


def _spread(run: _Run) -> Iterator[str]:
    for rank, new in enumerate(run.gained):
        yield from (f"item {place}" for place in new) if new else (f"irrelevant {rank}",)


def _grades(run: _Run) -> dict[str, int]:
    """Relevance by rank, and of the items that no rank holds."""
    grades = {f"rank {rank}": len(new) for rank, new in enumerate(run.gained) if new}
    held = {place for new in run.gained for place in new}
    return grades | {f"item {place}": 1 for place in range(run.items) if place not in held}


def _scored(names: Iterator[str]) -> dict[str, float]:
    """A run in trec_eval's form: distinct whole scores, as it sorts by score and breaks ties by name."""
    listed = list(names)
    return {name: float(len(listed) - rank) for rank, name in enumerate(listed)}
