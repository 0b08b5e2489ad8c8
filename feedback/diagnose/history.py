"""What earlier releases said, and what changed since: settings, prompts, documents."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge, support_of
from feedback.diagnose.observation import Expected
from feedback.workbench import Workbench
from index.documents import DocumentRow
from index.opened import OpenRelease
from index.release import Manifest
from ragpress.errors import RagpressError, ReleaseError
from serving.types import Answer, Question

MOST = 6
"""Earlier releases that are looked at, the newest first."""
_SUPPORTED = 0.38


class History:
    """The releases before one, newest first: those that were live, then its parents.

    Args:
        bench: the collection.
        manifest: the release.
    """

    def __init__(self, bench: Workbench, manifest: Manifest) -> None:
        self._bench = bench
        self._opened: dict[str, OpenRelease] = {}
        self.now = manifest
        self.earlier = _ancestors(bench, manifest)

    def row(self, manifest: Manifest, source: str) -> DocumentRow | None:
        """A document of a release, by id or source path; None where it has none."""
        try:
            return self._release(manifest).document(source)
        except (ReleaseError, RagpressError):
            return None

    def arrived(self, source: str, version: bytes | None) -> tuple[int, bool]:
        """The first known release that had a version of a document, and whether that is the oldest that is known."""
        manifests = [self.now, *self.earlier]
        first = self.now
        for manifest in manifests:
            row = self.row(manifest, source)
            if row is None or row.version != version:
                break
            first = manifest
        return first.number, first is manifests[-1] and len(manifests) > 0

    def _release(self, manifest: Manifest) -> OpenRelease:
        if manifest.id not in self._opened:
            self._opened[manifest.id] = self._bench.environment.open(manifest)
        return self._opened[manifest.id]

    def answers(self, question: Question) -> list[tuple[Manifest, Answer]]:
        """What the earlier releases say, newest first; one that cannot be asked any more is left out."""
        found = []
        for manifest in self.earlier:
            with contextlib.suppress(RagpressError):
                found.append((manifest, self._bench.ask(self._bench.subject(manifest.id), question)))
        return found


def _ancestors(bench: Workbench, manifest: Manifest) -> tuple[Manifest, ...]:
    releases = bench.environment.releases(bench.collection)
    pointer = releases.pointer()
    were_live = () if pointer is None else pointer[0].history
    found: dict[str, Manifest] = {}
    parent = manifest.parent
    for name in (*were_live, *_chain(bench, parent)):
        if name == manifest.id or name in found or len(found) >= 4 * MOST:
            continue
        with contextlib.suppress(RagpressError):
            found[name] = releases.get(name)
    older = [item for item in found.values() if item.number < manifest.number]
    ordered = sorted(older, key=lambda item: item.number, reverse=True)
    return tuple(_differing(manifest, ordered))[:MOST]


def _chain(bench: Workbench, parent: str | None) -> list[str]:
    releases = bench.environment.releases(bench.collection)
    found: list[str] = []
    while parent is not None and parent not in found and len(found) < 4 * MOST:
        found.append(parent)
        try:
            parent = releases.get(parent).parent
        except RagpressError:
            break
    return found


def _differing(manifest: Manifest, ordered: Sequence[Manifest]) -> list[Manifest]:
    """Releases that may answer otherwise than the one after them."""
    kept: list[Manifest] = []
    for item in ordered:
        after = kept[-1] if kept else manifest
        if deciding(item) != deciding(after):
            kept.append(item)
    return kept


def deciding(manifest: Manifest) -> tuple[object, ...]:
    """All of a release that decides answers: equal for releases that answer alike."""
    return manifest.content, manifest.retrieval, manifest.answering, manifest.embed, manifest.steps.get("embed")


def last_good(
    answers: Sequence[tuple[Manifest, Answer]], expected: Expected, judge: Judge
) -> tuple[Manifest, Answer] | None:
    """The newest earlier release that answered as is expected, with its answer."""
    return next((pair for pair in answers if judge.is_right(pair[1], expected)), None)


def said_before(
    answers: Sequence[tuple[Manifest, Answer]], bad: Answer, judge: Judge
) -> tuple[Manifest, Answer] | None:
    """The newest answer of an earlier release that says something else and is supported by what it cites."""
    return next(
        (
            (manifest, answer)
            for manifest, answer in answers
            if not answer.abstained and support_of(answer) >= _SUPPORTED and not judge.same(answer, bad)
        ),
        None,
    )


def subject_of(bench: Workbench, manifest: Manifest | None) -> Subject | None:
    """A release open for answering; None where it cannot be opened any more."""
    if manifest is None:
        return None
    try:
        return bench.subject(manifest.id)
    except RagpressError:
        return None
