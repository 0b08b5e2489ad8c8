"""Generating cases: read the release, draft, check each draft against the release, write what passes as proposals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from evaluation.cases.files import add_cases, load_cases
from evaluation.counted import counted
from evaluation.generate.checking import fault_of, with_several_answers
from evaluation.generate.choosing import in_turn
from evaluation.generate.drafting import boilerplate, drafts_of, normalised
from evaluation.generate.english import small_words
from evaluation.generate.lacking import is_said, lacking
from evaluation.generate.reading import Shelf, read_release, shared_titles
from evaluation.generate.records import ENGLISH, Draft, GenerateReport, GenerateRequest, ModelUse
from evaluation.generate.unanswerable import Swap, is_stated, swaps
from evaluation.records import Case, Evidence
from index.environment import Environment, open_release
from ragpress.errors import UsageError
from ragpress.fingerprint import hexdigest
from retrieval.opening import open_searcher
from retrieval.search import Searcher

MOST_OF_A_KIND = 0.4
"""The largest share of the answerable cases that one kind gets as long as there are others."""


def generate(environment: Environment, request: GenerateRequest) -> GenerateReport:
    """Generate cases from the documents of a release, and write them into ``cases/`` as proposals.

    Args:
        environment: the outside.
        request: what to generate.

    Raises:
        UsageError: a value of the request makes no sense.
        ReleaseError: there is no such release.
        SettingsError: a case file is wrong; or a model is to write, and the settings name none.
        StorageError: the release cannot be read or the file cannot be written.
    """
    _check(request)
    release = open_release(environment, request.collection, request.release)
    shelf = read_release(release, request.sources)
    root = environment.workspace.root
    run = _Run(shelf, open_searcher(environment, release), request)
    run.know(case.question for case in load_cases(root, request.collection))
    model: ModelUse | None = None
    if request.model:
        from evaluation.generate.model_written import model_drafts  # noqa: PLC0415 - brings the server's client

        written, model, dropped = model_drafts(environment, release, shelf, request)
        run.dropped.update(dropped)
        cases = run.write(written)
    else:
        cases = run.write(in_turn(run.templates(), request.seed))
    file = str(add_cases(root, request.file, cases)) if cases else ""
    return _report(release.manifest.id, request, run, cases, file, model)


class _Run:
    """One run: what is known, what was dropped."""

    def __init__(self, shelf: Shelf, searcher: Searcher, request: GenerateRequest) -> None:
        self.shelf = shelf
        self.dropped: Counter[str] = Counter()
        self._searcher = searcher
        self._request = request
        self._titles = {reading.document_id: reading.title for reading in shelf.all}
        self._known: set[str] = set()
        self._drafts: list[Draft] | None = None
        self.notes: list[str] = []

    def know(self, questions: Iterable[str]) -> None:
        """Questions that are asked already."""
        self._known |= {normalised(question) for question in questions}

    def templates(self) -> list[Draft]:
        """What the templates can ask, less what stands in several documents or has several answers."""
        if self._drafts is not None:
            return self._drafts
        repeated = boilerplate(self.shelf.all)
        common = small_words(reading.text for reading in self.shelf.all if reading.language == ENGLISH)
        quotes: dict[str, str] = {}
        kept: list[Draft] = []
        for reading in self.shelf.readings:
            drafts = drafts_of(reading, common)
            unclear = with_several_answers(drafts)
            for at, draft in enumerate(drafts):
                quote = normalised(draft.quote)
                first = quotes.setdefault(quote, reading.document_id)
                reason = "several answers in its document" if at in unclear else ""
                reason = reason or ("stands in many documents" if quote in repeated else "")
                reason = reason or ("copy of another document" if first != reading.document_id else "")
                if reason:
                    self.dropped[reason] += 1
                else:
                    kept.append(draft)
        elsewhere = with_several_answers(kept)
        self.dropped["answered differently elsewhere"] += len(elsewhere)
        self._drafts = [draft for at, draft in enumerate(kept) if at not in elsewhere]
        return self._drafts

    def write(self, drafts: Iterable[Draft]) -> tuple[Case, ...]:
        """The cases: those that no document answers first, as far as there are such, then answerable ones."""
        wanted = self._request.count
        unanswerable = _taken(self._unanswerable(), round(wanted * self._request.unanswerable))
        left = wanted - len(unanswerable)
        answerable = _taken(self._answerable(drafts), left) if self._request.model else self._mixed(drafts, left)
        self._note(unanswerable, answerable)
        return (*unanswerable, *answerable)

    def _mixed(self, drafts: Iterable[Draft], count: int) -> list[Case]:
        """So many answerable cases, no kind more than ``MOST_OF_A_KIND`` of them unless there is no other kind."""
        most = max(1, math.floor(MOST_OF_A_KIND * count))
        kinds: Counter[str] = Counter()
        later: list[Draft] = []

        def within() -> Iterator[Draft]:
            for draft in drafts:
                if kinds[draft.kind] < most:
                    yield draft
                else:
                    later.append(draft)

        taken: list[Case] = []
        for case in self._answerable(within()):
            if len(taken) < count:
                taken.append(case)
                kinds[case.tags[0]] += 1
            if len(taken) >= count:
                return taken
        if len(kinds) == 1:
            return taken + _taken(self._answerable(later), count - len(taken))
        self.dropped["too many of one kind"] += len(later)
        return taken

    def _note(self, unanswerable: Sequence[Case], answerable: Sequence[Case]) -> None:
        """Say plainly what was asked for and could not be made."""
        wanted = round(self._request.count * self._request.unanswerable)
        if len(unanswerable) < wanted:
            self.notes.append(
                f"{len(unanswerable)} of {counted(wanted, 'question')} that no document answers: these documents have "
                "too few years, names, places and tables to exchange, and say of themselves what else would be asked. "
                "Write some yourself."
            )
        if len(answerable) < self._request.count - len(unanswerable) and self.dropped["too many of one kind"]:
            (kind, _), *_ = Counter(case.tags[0] for case in answerable).most_common(1)
            self.notes.append(
                f"Fewer than asked for: most of what these documents give is of the kind {kind}, and no kind gets more "
                f"than {MOST_OF_A_KIND:.0%} of the cases. A larger -n takes more of it."
            )

    def _answerable(self, drafts: Iterable[Draft]) -> Iterator[Case]:
        shared = shared_titles(self.shelf.all)
        answered: set[tuple[str, str]] = set()
        for draft in drafts:
            place = (draft.reading.document_id, normalised(draft.answer) + normalised(draft.quote))
            reason = "asked already" if normalised(draft.question) in self._known else ""
            reason = reason or ("answer asked for already" if place in answered else "")
            reason = reason or ("title of several documents" if _unclear_title(draft, shared) else "")
            reason = reason or fault_of(draft, self._searcher, self._titles)
            if reason:
                self.dropped[reason] += 1
                continue
            answered.add(place)
            self._known.add(normalised(draft.question))
            yield _case(draft, self._request.collection)

    def _unanswerable(self) -> Iterator[Case]:
        """Exchanged words, of tables one question a document; what documents lack; then the rest of the tables."""
        later: list[Swap] = []
        tables: set[str] = set()

        def first() -> Iterator[Swap]:
            for swap in swaps(self.templates(), self._request.seed):
                if swap.draft.attribute and swap.draft.reading.document_id in tables:
                    later.append(swap)
                else:
                    yield swap

        used: set[tuple[str, int]] = set()
        for case, swap in self._exchanged(first(), used):
            if swap.draft.attribute:
                tables.add(swap.draft.reading.document_id)
            yield case
        yield from self._lacking()
        yield from (case for case, _ in self._exchanged(later, used))

    def _exchanged(self, tried: Iterable[Swap], used: set[tuple[str, int]]) -> Iterator[tuple[Case, Swap]]:
        for swap in tried:
            place = (swap.draft.reading.document_id, swap.draft.start)
            if place in used:
                continue
            reason = "asked already" if normalised(swap.draft.question) in self._known else ""
            reason = reason or is_stated(swap, self.shelf.all, self._searcher)
            if reason:
                self.dropped[f"unanswerable: {reason}"] += 1
                continue
            used.add(place)
            self._known.add(normalised(swap.draft.question))
            yield _case(swap.draft, self._request.collection), swap

    def _lacking(self) -> Iterator[Case]:
        shared = shared_titles(self.shelf.all)
        for draft, lack in lacking(self.shelf.readings, self._request.seed):
            if draft.reading.title.lower() in shared or normalised(draft.question) in self._known:
                continue
            reason = is_said(draft, lack, self._searcher)
            if reason:
                self.dropped[f"unanswerable: {reason}"] += 1
                continue
            self._known.add(normalised(draft.question))
            yield _case(draft, self._request.collection)


def _unclear_title(draft: Draft, shared: frozenset[str]) -> bool:
    return draft.titled and draft.reading.title.lower() in shared


def _taken(cases: Iterator[Case], count: int) -> list[Case]:
    return [case for _, case in zip(range(count), cases, strict=False)]


def _case(draft: Draft, collection: str) -> Case:
    answerable = bool(draft.answer)
    return Case(
        id=f"gen-{hexdigest('generated', draft.reading.source, draft.question)[:12]}",
        question=draft.question,
        answer=draft.answer or None,
        must_abstain=not answerable,
        evidence=(Evidence(source=draft.reading.source, quote=draft.quote),) if answerable else (),
        tags=(draft.kind,),
        origin=draft.origin,
        state="proposed",
        collection=collection,
    )


def _report(
    release: str, request: GenerateRequest, run: _Run, cases: Sequence[Case], file: str, model: ModelUse | None
) -> GenerateReport:
    languages = Counter("zh" if any("\u4e00" <= char <= "\u9fff" for char in case.question) else "en" for case in cases)
    return GenerateReport(
        collection=request.collection,
        release=release,
        file=file,
        written=len(cases),
        wanted=request.count,
        kinds=dict(sorted(Counter(case.tags[0] for case in cases).items())),
        languages=dict(sorted(languages.items())),
        dropped={reason: count for reason, count in sorted(run.dropped.items()) if count},
        documents=len(run.shelf.readings),
        skipped=run.shelf.skipped,
        notes=tuple(run.notes),
        model=model,
        cases=tuple(cases),
    )


def _check(request: GenerateRequest) -> None:
    if request.count < 1:
        raise UsageError(f"-n: expected at least 1 case, found {request.count}.")
    if not 0 <= request.unanswerable <= 1:
        raise UsageError(f"--unanswerable: expected a share from 0 to 1, found {request.unanswerable:g}.")
