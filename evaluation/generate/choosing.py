"""Which drafts are tried in which order: fair to languages, documents and kinds, and the same for the same seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from evaluation.generate.records import Draft
from ragpress.fingerprint import hexdigest


def in_turn(drafts: Iterable[Draft], seed: int) -> Iterator[Draft]:
    """Every draft once: languages take turns, within one the documents, and of a document the rarest kind comes first.

    Args:
        drafts: of all documents.
        seed: decides the order where nothing else does.
    """
    queues: dict[str, list[list[Draft]]] = {}
    for language, group in sorted(_grouped(drafts, lambda draft: draft.reading.language).items()):
        documents = _grouped(group, lambda draft: draft.reading.document_id)
        queues[language] = [_shuffled(documents[name], seed) for name in _order(list(documents), seed)]
    used: Counter[str] = Counter()
    turn: Counter[str] = Counter()
    while any(queues.values()):
        for language in [name for name, queue in queues.items() if queue]:
            queue = queues[language]
            place = turn[language] % len(queue)
            draft = _rarest(queue[place], used)
            used[draft.kind] += 1
            yield draft
            if queue[place]:
                turn[language] = place + 1
            else:
                queue.pop(place)
                turn[language] = place


def _rarest(drafts: list[Draft], used: Counter[str]) -> Draft:
    at = min(range(len(drafts)), key=lambda place: (used[drafts[place].kind], place))
    return drafts.pop(at)


def _shuffled(drafts: Sequence[Draft], seed: int) -> list[Draft]:
    return sorted(drafts, key=lambda draft: hexdigest(seed, draft.question, draft.reading.source, draft.start))


def _order(names: Sequence[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: hexdigest(seed, name))


def _grouped(drafts: Iterable[Draft], key: Callable[[Draft], str]) -> dict[str, list[Draft]]:
    groups: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        groups[key(draft)].append(draft)
    return dict(groups)
