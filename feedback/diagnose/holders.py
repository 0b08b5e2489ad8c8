"""Where the right answer stands: in what is searched, and in what is not, or no longer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import chain, islice, pairwise
from weakref import WeakKeyDictionary

import numpy as np
from msgspec.structs import replace

from evaluation.subjects import Subject
from feedback.diagnose.access import readable
from feedback.diagnose.layers import ALWAYS, LARGE, Layers, LayerText
from feedback.diagnose.matching import Place, ReadText, Wanted, Window, find_places, needles_of, wanted, windows
from feedback.diagnose.ranks import Searched, chunks_over
from feedback.diagnose.scoring import certainty
from feedback.diagnose.texts import DocumentState, DocumentTexts
from feedback.records import BadCase, Holder, Layer
from feedback.workbench import Workbench, question_of
from index.environment import Environment
from retrieval.query import whole_characters
from serving.evidence.terms import stems_of
from serving.standalone import standalone_by_rule

EVERY: tuple[Layer, ...] = (*ALWAYS, "unparsed")
"""All layers, what is searched first."""

_OUT_OF_USE = frozenset({"deleted", "earlier", "cleaned_away", "unparsed"})
SURE = 0.6
"""From this score on a holder is taken for one: no other parser is tried then."""

_MOST = 24
_OF_DOCUMENT = 3
_RANKED = 6
_LEAST = 0.02
_PARSED_AGAIN = 12
_KEPT_RELEASES = 4
# What users say is bounded: a longer text is no answer.
_LONGEST = 2000
_EXPECTED = 0.6
_READ = 0.75

_Kept = OrderedDict[str, tuple[Environment, Layers]]
_KEPT: WeakKeyDictionary[Workbench, _Kept] = WeakKeyDictionary()


def find_holders(
    bench: Workbench,
    subject: Subject,
    bad: BadCase,
    claim: str,
    sources: tuple[str, ...] = (),
    layers: Collection[Layer] = EVERY,
) -> tuple[Holder, ...]:
    """Places that say a claim in answer to a question, over all layers, the surest first.

    Args:
        bench: releases and settings.
        subject: the release to look in; its sources and older releases are looked at as well.
        bad: the question and its callers.
        claim: the right answer in words: a span or a statement; "" looks for what answers the question in ``sources``.
        sources: sources or document ids that are said to hold it; they are looked at first.
        layers: where to look. Files are parsed again (``unparsed``) only where nothing else holds the claim for sure.

    Raises:
        RagpressError: a text cannot be read, or searching failed.
    """
    made = layers_of(bench, subject)
    question = standalone_by_rule(whole_characters(bad.question)[:_LONGEST], bad.history)
    asked = wanted(question, whole_characters(claim)[:_LONGEST])
    named = _named(made.texts, sources)
    made.look_for((asked.claim, asked.question), named)
    found: list[Holder] = []
    for layer in ALWAYS:
        if layer in layers:
            found += _in(made.of(layer), made, asked, named)
    if "unparsed" in layers and not any(holder.score >= SURE for holder in found if asked.claim or _unused(holder)):
        again = _worth_parsing(made, found, named, asked)
        found += _unread(made, _in(made.unparsed(again), made, asked, named))
    best = _best(found)
    return tuple(_completed(bench, subject, bad, best))


def _unread(made: Layers, found: Sequence[Holder]) -> list[Holder]:
    """What other parsers read and the document's own does not; what that reads of a quarantined document as such."""
    live = {item.source: item.read for item in made.of("live")}
    shut = {item.source: item for item in made.of("quarantined")}
    kept = []
    for item in found:
        if item.source in live and _reads(live[item.source], item.quote):
            continue
        own = shut.get(item.source)
        if own is not None and _reads(own.read, item.quote):
            item = replace(item, layer="quarantined", detail=own.detail[0], reason=own.reason)  # noqa: PLW2901
        kept.append(item)
    return kept


def _reads(text: ReadText, quote: str) -> bool:
    """Whether a text has nearly all of a quote, single characters apart that an encoding reads otherwise."""
    pairs = set(pairwise(stems_of(quote)))
    return bool(pairs) and len(pairs & text.pairs) >= _READ * len(pairs)


def _unused(holder: Holder) -> bool:
    return holder.layer in _OUT_OF_USE


def layers_of(bench: Workbench, subject: Subject) -> Layers:
    """The layers of a release, kept for as long as the bench and its settings are."""
    kept = _KEPT.setdefault(bench, OrderedDict())
    release = subject.manifest.id
    known = kept.get(release)
    if known is None or known[0] is not bench.environment:
        known = kept[release] = (bench.environment, Layers(bench, DocumentTexts(bench, subject), subject))
    kept.move_to_end(release)
    while len(kept) > _KEPT_RELEASES:
        kept.popitem(last=False)
    return known[1]


def _named(texts: DocumentTexts, sources: Sequence[str]) -> frozenset[str]:
    """Source paths of what callers name: by id, by path, or by a path's end."""
    found = set()
    for name in sources:
        document = texts.document(name)
        plain = name.replace("\\", "/").strip("/")
        ends = {item.source for item in texts.documents if item.source.endswith("/" + plain)}
        found |= {document.source} if document is not None else ends or {plain}
    return frozenset(found)


def _in(texts: Sequence[LayerText], made: Layers, asked: Wanted, named: frozenset[str]) -> list[Holder]:
    if not asked.claim and named:
        # What is out of use may answer better than all that came near: it is looked through wherever it stands.
        texts = [item for item in texts if item.source in named or item.layer in _OUT_OF_USE]
    elif not asked.claim:
        texts = [item for item in texts if item.layer == "live"]
    if not texts:
        return []
    reads, leads = [item.read for item in texts], [item.lead for item in texts]
    places = find_places(reads, asked, made.rarity, [item.only for item in texts])
    measured = windows(reads, leads, places, asked, made.rarity)
    found = [(_holder(texts[window.place.text], window, asked, named), window) for window in measured]
    return _apart(sorted(found, key=lambda item: (-item[0].score, item[1].place.text, item[1].start)))


def _apart(ranked: Sequence[tuple[Holder, Window]]) -> list[Holder]:
    """Holders, best first, without those whose sentence a better one of the same text quotes already."""
    quoted: dict[int, list[Window]] = {}
    kept = []
    for holder, window in ranked:
        others = quoted.setdefault(window.place.text, [])
        if any(other.start <= window.place.span.start < other.end for other in others):
            continue
        others.append(window)
        kept.append(holder)
    return kept


def _part(text: LayerText, place: Place) -> int | None:
    parts = enumerate(text.only)
    return next((at for at, (start, end) in parts if start < place.span.end and place.span.start < end), None)


def _holder(text: LayerText, window: Window, asked: Wanted, named: frozenset[str]) -> Holder:
    place = window.place
    score = certainty(window.features, claimed=bool(asked.claim))
    if text.source in named:
        score += (1 - score) * _EXPECTED * score
    part = _part(text, place) if text.only else None
    indexed = text.layer == "live"
    return Holder(
        layer=text.layer,
        document_id=text.document_id,
        source=text.source,
        version=text.version,
        release=text.release,
        quote=text.read.text[window.start : window.end],
        start=window.start if indexed else -1,
        end=window.end if indexed else -1,
        score=score,
        exact=place.exact,
        noise=place.noise,
        detail=text.detail[part if part is not None and part < len(text.detail) else 0],
        reason=text.reason,
    )


def _best(found: Sequence[Holder]) -> list[Holder]:
    """The surest, each place once, of one document in one layer no more than three."""
    order = {layer: number for number, layer in enumerate(EVERY)}
    ranked = sorted(found, key=lambda item: (-item.score, order[item.layer], item.source, item.start, item.quote))
    kept: list[Holder] = []
    count: dict[tuple[str, str, str], int] = {}
    seen: set[tuple[str, str, str]] = set()
    for holder in ranked:
        key, place = (holder.layer, holder.source, holder.version), (holder.layer, holder.source, holder.quote)
        if holder.score < _LEAST or place in seen or count.get(key, 0) == _OF_DOCUMENT:
            continue
        seen.add(place)
        count[key] = count.get(key, 0) + 1
        kept.append(holder)
    return kept[:_MOST]


def _worth_parsing(made: Layers, found: Sequence[Holder], named: frozenset[str], asked: Wanted) -> list[str]:
    """Sources that are worth being read by other parsers, the likeliest first.

    Those that callers name; those whose bytes hold words of the claim or the question which their text does not; those
    that could not be parsed; those of packed formats whose text is most like an answer.
    """
    ranked = sorted(found, key=lambda item: -item.score)[:_PARSED_AGAIN]
    refused = [item.source for item in made.texts.documents if item.state == "quarantined" and item.step != "repair"]
    packed = [holder.source for holder in ranked if _is_packed(made.texts.document(holder.source))]
    likely = dict.fromkeys([*sorted(named), *_hiding(made, asked), *refused, *packed])
    return [source for source in likely if made.texts.document(source) is not None][:_PARSED_AGAIN]


def _is_packed(document: DocumentState | None) -> bool:
    """Whether a document's bytes do not show its words: a PDF, an Office file."""
    return document is not None and document.media_type.startswith("application/")


def _hiding(made: Layers, asked: Wanted) -> list[str]:
    """Sources whose bytes, in some encoding, hold what is looked for though their text does not; most first."""
    needles = needles_of(asked)
    lives = {item.source: item.read.folded.folded for item in made.of("live")}
    scored: list[tuple[int, str]] = []
    unused = (item for item in made.texts.documents if item.state in ("quarantined", "superseded"))
    for document in chain(made.searched(), islice(unused, LARGE)):
        data, text = made.texts.data(document.source), lives.get(document.source, "")
        hidden = sum(any(form in data for form in forms) for word, forms in needles if word not in text) if data else 0
        if hidden:
            scored.append((-hidden, document.source))
    return [source for _, source in sorted(scored)]


def _completed(bench: Workbench, subject: Subject, bad: BadCase, holders: Sequence[Holder]) -> list[Holder]:
    """The same with what the caller may read, the chunks they lie in, and how far the surest came."""
    if not holders:
        return []
    may = readable(bench, bad, [holder.source for holder in holders])
    live = [holder.layer == "live" for holder in holders]
    completed = [replace(item, readable=bool(one)) for item, one in zip(holders, may, strict=True)]
    ranked = np.flatnonzero(np.array(live))[:_RANKED].tolist()
    searched = Searched(subject, question_of(bad))
    for number, holder in enumerate(completed):
        if holder.layer == "live":
            completed[number] = _placed(subject, holder, searched if number in ranked else None)
    return completed


def _placed(subject: Subject, holder: Holder, searched: Searched | None) -> Holder:
    """A live holder with its chunks, and with its ranks where the question was searched."""
    rows = subject.release.chunk_rows(subject.release.document(holder.document_id))
    places = zip(rows["start"].to_pylist(), rows["end"].to_pylist(), strict=True)
    return replace(
        holder,
        chunks=chunks_over(rows, holder.start, holder.end),
        whole=any(start <= holder.start and holder.end <= end for start, end in places),
        ranks=searched.ranks(holder.document_id, holder.start, holder.end) if searched else None,
    )
