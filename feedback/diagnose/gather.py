"""Gathers what a diagnosis looks at: asks releases, looks for the right answer, tries what would help."""

from __future__ import annotations

import contextlib
import re

import msgspec

from feedback.diagnose.access import readable, ruling
from feedback.diagnose.claims import folded, holds, in_its_words, news_of, support_of
from feedback.diagnose.conflicts import (
    conflict_between,
    copies_of,
    facts_of,
    nearest_piece,
    sentence_about,
    sentence_with,
    side,
    text_of,
)
from feedback.diagnose.crowding import crowd_of
from feedback.diagnose.damage import damages_of, impossible_dates
from feedback.diagnose.editions import in_the_way
from feedback.diagnose.history import last_good, said_before
from feedback.diagnose.holders import find_holders
from feedback.diagnose.losses import loss_of
from feedback.diagnose.observation import (
    Conflict,
    Crowd,
    Damage,
    Expected,
    Fault,
    Loss,
    Observation,
    Origin,
    Side,
    live_of,
)
from feedback.diagnose.pairs import Texts, pair_of
from feedback.diagnose.prompts import failing, other_prompt, prompt_fault
from feedback.diagnose.reading import read_claim
from feedback.diagnose.rival_rules import PLANTED
from feedback.diagnose.scene import Scene
from feedback.diagnose.settings_faults import (
    by_words,
    chunk_fault,
    crippled,
    embed_fault,
    other_embedder,
    quoted_instead,
    quotes,
    setting_faults,
    under_defaults,
    unprefixed_fault,
)
from feedback.diagnose.texts import DocumentTexts
from feedback.diagnose.titles import titled_in
from feedback.diagnose.unused import better_unused
from feedback.diagnose.whatif import unrestricted, without
from feedback.records import Holder
from index.release import Manifest
from ingest.versions import Edition, is_older, stated_date, stated_version
from ragpress.errors import RagpressError, ReleaseError
from serving.evidence.answer_kind import answer_kind, holds_kind
from serving.standalone import standalone_by_rule
from serving.types import Answer

_SUPPORTED = 0.38
_GUESSED = 0.5
_UNUSED = 50
_DEEP = 20
_CLOSE = 0.6
_HEAD = 600
_NO_FIGURES = ("", "")
_DIGITS = re.compile(r"\d+")
# Digits that scanners read as letters.
_READ_AS = {"l": "1", "I": "1", "|": "1", "O": "0", "o": "0", "S": "5", "B": "8", "Z": "2"}


def observe(scene: Scene) -> Observation:
    """Everything that a decision needs.

    Raises:
        RagpressError: a release cannot be read.
    """
    expected = _expected(scene)
    good = last_good(scene.earlier, expected, scene.judge)
    holders = _holders(scene, expected, good)
    live = live_of(holders)
    conflict = _either(_conflict(scene, expected, live), _pair(scene, expected))
    loss, figures, lost = _loss(scene, holders)
    faults = _faults(scene, expected, live, None if good is None else good[0])
    titled = titled_in(scene.question.text, DocumentTexts(scene.bench, scene.subject).documents)
    says_so = scene.judge.is_right(scene.answer, expected) and in_its_words(
        scene.answer.answer, expected, scene.question.text
    )
    return Observation(
        expected=expected,
        standing=scene.bad.claim.standing,
        disputed=scene.bad.disputed,
        abstained=scene.answer.abstained,
        right_now=says_so and not _says_bad(scene),
        agrees=expected.claimed and says_so,
        supported=support_of(scene.answer),
        holders=holders,
        loss=loss,
        figures=figures,
        lost=lost,
        conflict=conflict,
        in_the_way=None if says_so or conflict is not None else in_the_way(scene, expected, live),
        suspects=_suspects(scene),
        planted=_planted(scene, expected),
        said_nothing_before=bool(scene.earlier) and all(answer.abstained for _, answer in scene.earlier),
        crowd=_crowd(scene, expected, live),
        damages=_damages(scene, titled),
        faults=faults,
        same_prompt_fails=_same_prompt_fails(scene, faults),
        hidden=_hidden(scene, expected, holders),
        known_before=good is not None,
        off_topic=_off_topic(scene),
        cited=tuple(dict.fromkeys(item.source for item in scene.answer.citations)),
        titled=titled,
        quoting=quotes(scene.subject),
    )


def _expected(scene: Scene) -> Expected:
    """What is right: what people say, else what an earlier release said, else what can be worked out."""
    said = read_claim(scene)
    if said.text or said.abstain:
        wrong = scene.answer.answer
        known = said.text and not scene.answer.abstained and not holds(wrong, said.text)
        return msgspec.structs.replace(said, against=wrong) if known else said
    before = said_before(scene.earlier, scene.answer, scene.judge)
    if before is not None:
        manifest, answer = before
        sources = said.sources or tuple(dict.fromkeys(item.source for item in answer.citations))
        origin: Origin = "source" if said.sources else "history"
        return Expected(text=news_of(answer, scene.answer), origin=origin, sources=sources, release=manifest.id)
    if said.sources:
        return _from_source(scene, said)
    return _from_rights(scene) or _from_wiring(scene) or _from_rival(scene)


def _from_source(scene: Scene, said: Expected) -> Expected:
    """What a source that a user named says of the question."""
    texts = DocumentTexts(scene.bench, scene.subject)
    for name in said.sources:
        document = texts.document(name)
        text = "" if document is None else texts.text(document.document_id)
        if text:
            return msgspec.structs.replace(said, text=sentence_about(scene.question.text, text))
    return said


def _from_rights(scene: Scene) -> Expected | None:
    """What the answer is for those who may read everything, where it rests on what the caller may not read."""
    if scene.question.caller.unrestricted:
        return None
    wide = unrestricted(scene.bench, scene.subject, scene.question)
    if wide is None or wide.abstained or scene.judge.same(wide, scene.answer):
        return None
    cited = list(dict.fromkeys(item.source for item in wide.citations))
    if not cited or readable(scene.bench, scene.bad, cited).all():
        return None
    return _rival(wide, scene.answer)


def _from_wiring(scene: Scene) -> Expected | None:
    """What the answer is under the built-in prompt and settings, where the release has others."""
    answer = other_prompt(scene.bench, scene.subject, scene.question)
    if answer is None or scene.judge.same(answer, scene.answer):
        answer = under_defaults(scene.bench, scene.subject, scene.question)
        answer = answer or by_words(scene.bench, scene.subject, scene.question)
        if answer is not None and crippled(scene.subject.manifest) and _differs(answer, scene.answer):
            return _rival(answer, scene.answer)
    if answer is None or answer.abstained or scene.judge.same(answer, scene.answer):
        return _from_quoting(scene)
    return _rival(answer, scene.answer) if support_of(answer) >= _SUPPORTED else None


def _differs(one: Answer, other: Answer) -> bool:
    """Whether an answer that is supported is another one in any word."""
    said = not one.abstained and support_of(one) >= _SUPPORTED
    return said and folded(one.answer) != folded(other.answer)


def _from_quoting(scene: Scene) -> Expected | None:
    """What the passages say by themselves, where a model cited none of those that a quoting generator cites."""
    answer = quoted_instead(scene.bench, scene.subject, scene.question)
    if answer is None or answer.abstained or support_of(answer) < _SUPPORTED:
        return None
    used = {item.document_id + item.quote for item in scene.answer.citations}
    if any(item.document_id + item.quote in used for item in answer.citations):
        return None
    return _rival(answer, scene.answer)


def _from_rival(scene: Scene) -> Expected:
    """What is said without the documents that the answer cites, where that is another answer."""
    cited = tuple(dict.fromkeys(item.source for item in scene.answer.citations))
    if not cited:
        return Expected()
    doubted = (*_with_copies(scene, cited[0]), *(item.source for item in _planted(scene, Expected())))
    other = without(scene.bench, scene.subject, scene.question, tuple(dict.fromkeys(doubted)))
    if other is None or other.abstained or support_of(other) < _SUPPORTED or scene.judge.same(other, scene.answer):
        return Expected()
    return _rival(other, scene.answer)


def _with_copies(scene: Scene, source: str) -> tuple[str, ...]:
    """A document, with those that are copies of it or hold what the answer quotes from it."""
    crowd = crowd_of(scene.subject, scene.question, None, tuple(item.quote for item in scene.answer.citations))
    if crowd is not None and crowd.whole and any(name == source for _, name in crowd.documents):
        return tuple(name for _, name in crowd.documents)
    with contextlib.suppress(ReleaseError):
        return (source, *(name for _, name in copies_of(scene.subject, scene.subject.release.document(source))))
    return (source,)


def _rival(answer: Answer, bad: Answer) -> Expected:
    sources = tuple(dict.fromkeys(item.source for item in answer.citations))
    return Expected(text=news_of(answer, bad), origin="rival", sources=sources)


def _holders(scene: Scene, expected: Expected, good: tuple[Manifest, Answer] | None) -> tuple[Holder, ...]:
    """Places that say what is expected; where nothing is, texts out of use that answer the question."""
    if expected.text or expected.sources:
        sources = expected.sources or _witnesses(scene, expected, good)
        found = find_holders(scene.bench, scene.subject, scene.bad, expected.text, sources)
        if expected.text:
            found = _not_planted(scene, tuple(item for item in found if _says(scene, item, expected.text)))
        return found if any(item.score >= _GUESSED for item in found) else (*_never_read(scene, expected), *found)
    if expected.abstain:
        return ()
    return better_unused(scene.bench, scene.subject, scene.bad, scene.answer)


def _not_planted(scene: Scene, holders: tuple[Holder, ...]) -> tuple[Holder, ...]:
    """Without texts that look planted and that the bad answer rests on, where another one that is searched says it."""
    cited = {item.document_id for item in scene.answer.citations}
    live = [item for item in holders if item.layer == "live" and item.readable]
    doubted = {item.document_id for item in live if item.document_id in cited and _looks_planted(scene, item)}
    if not any(item.document_id not in doubted and item.score >= _GUESSED for item in live):
        return holders
    return tuple(item for item in holders if item.document_id not in doubted)


def _looks_planted(scene: Scene, holder: Holder) -> bool:
    made = side(scene.subject, scene.history, scene.question.text, holder.document_id, holder.quote)
    return made is not None and made.planted >= PLANTED


def _planted(scene: Scene, expected: Expected) -> tuple[Side, ...]:
    """Documents found for the question that look planted; those that say what is right are none."""
    text = standalone_by_rule(scene.question.text, scene.question.history)
    hits = scene.subject.searcher.search(text, _DEEP, caller=scene.question.caller, where=scene.question.where)
    made = {
        hit.document_id: side(scene.subject, scene.history, scene.question.text, hit.document_id, hit.text)
        for hit in reversed(hits)
    }
    found = [item for item in made.values() if item is not None and (item.planted >= PLANTED and item.asks)]
    said = expected.text if expected.claimed else ""
    return tuple(item for item in found if not (said and scene.judge.agrees(item.quote, said)))


def _says(scene: Scene, holder: Holder, claim: str) -> bool:
    """Whether a place says what is claimed: other figures than those claimed are another statement, not noise."""
    if holder.exact or scene.judge.agrees(holder.quote, claim):
        return True
    read = "".join(_READ_AS.get(sign, sign) for sign in holder.quote)
    return holder.noise > 0 and all(number in read for number in _DIGITS.findall(claim))


def _never_read(scene: Scene, expected: Expected) -> tuple[Holder, ...]:
    """Quarantined documents whose text no release ever had, and that say what is expected."""
    texts = DocumentTexts(scene.bench, scene.subject)
    for document in [item for item in texts.documents if item.state == "quarantined"][:_UNUSED]:
        text = texts.parsed(document.source)
        sentence = sentence_with(text, expected.text) if text else ""
        if sentence and scene.judge.agrees(sentence, expected.text):
            holder = Holder(
                layer="quarantined",
                document_id=document.document_id,
                source=document.source,
                quote=sentence,
                score=_GUESSED,
                reason=document.reason,
            )
            return (holder,)
    return ()


def _witnesses(scene: Scene, expected: Expected, good: tuple[Manifest, Answer] | None) -> tuple[str, ...]:
    """Sources that the last right answer cited for it."""
    if good is None:
        return ()
    cited = good[1].citations
    return tuple(dict.fromkeys(item.source for item in cited if scene.judge.agrees(item.quote, expected.text)))


def _damages(scene: Scene, titled: tuple[str, ...]) -> tuple[Damage, ...]:
    cited = [item.source for item in scene.answer.citations]
    near = [passage.source for passage in scene.answer.context]
    year = scene.bench.environment.now().year
    return (*impossible_dates(scene.answer, year), *damages_of(scene.bench, scene.subject, (*titled, *cited, *near)))


def _off_topic(scene: Scene) -> bool:
    kind = answer_kind(scene.question.text)
    if kind is None or scene.answer.abstained:
        return False
    return not holds_kind(kind, scene.answer.answer, scene.question.text)


def _says_bad(scene: Scene) -> bool:
    """Whether the release still says what was complained of."""
    wrong = scene.bad.wrong.strip()
    return bool(wrong) and wrong == scene.answer.answer.strip()


def _pair(scene: Scene, expected: Expected) -> Conflict | None:
    """Two documents that say nearly the same otherwise, where nobody says which is right."""
    if expected.claimed or scene.answer.abstained:
        return None
    return pair_of(Texts(scene.subject, scene.history, scene.judge, scene.question.text, scene.answer))


def _either(known: Conflict | None, pair: Conflict | None) -> Conflict | None:
    """The contradiction with what is right, if it is a near one; else the pair that the answer quotes one of."""
    if pair is None or (known is not None and known.close >= _CLOSE and known.order != "newer"):
        return known
    return pair


def _conflict(scene: Scene, expected: Expected, live: Holder | None) -> Conflict | None:
    """The cited document that says otherwise than the holder: one that looks planted, else the nearest one."""
    if live is None or scene.answer.abstained:
        return None
    question = scene.question.text
    said = sentence_with(live.quote, expected.text)
    right = side(scene.subject, scene.history, question, live.document_id, said)
    if right is None:
        return None
    found = [
        conflict_between(scene.subject, scene.judge, question, wrong, right)
        for wrong in _wrong_sides(scene, expected, live)
    ]
    return max(found, key=lambda item: (item.wrong.planted >= PLANTED, item.weight + item.close), default=None)


def _wrong_sides(scene: Scene, expected: Expected, live: Holder) -> list[Side]:
    """Cited documents that say otherwise, each with the sentence that does."""
    found: dict[str, Side] = {}
    texts = {passage.document_id: passage.text for passage in reversed(scene.answer.context)}
    for cited in scene.answer.citations:
        if cited.document_id in found or cited.document_id == live.document_id:
            continue
        quote = nearest_piece(texts.get(cited.document_id, ""), live.quote, expected.text)
        if not quote and expected.text and scene.judge.agrees(cited.quote, expected.text):
            continue
        made = side(scene.subject, scene.history, scene.question.text, cited.document_id, quote or cited.quote)
        if made is not None:
            found[cited.document_id] = made
    return list(found.values())


def _suspects(scene: Scene) -> tuple[Side, ...]:
    """The documents that the answer cites, the likeliest planted first."""
    made = {
        cited.document_id: side(scene.subject, scene.history, scene.question.text, cited.document_id, cited.quote)
        for cited in scene.answer.citations
    }
    found = [item for item in made.values() if item is not None]
    return tuple(sorted(found, key=lambda item: (-item.planted, item.source)))


def _loss(scene: Scene, holders: tuple[Holder, ...]) -> tuple[Loss, tuple[str, str], Holder | None]:
    """How the best holder of an earlier version was lost; of figures also what they are and were."""
    lost = next((item for item in holders if item.layer == "earlier"), None)
    if lost is None:
        return "", _NO_FIGURES, None
    try:
        row = scene.subject.release.document(lost.document_id)
    except ReleaseError:
        return "", _NO_FIGURES, lost
    texts = DocumentTexts(scene.bench, scene.subject)
    before = next((item for item in texts.earlier(lost.source) if item.version == lost.version), None)
    if before is None:
        return "", _NO_FIGURES, lost
    now = text_of(scene.subject, row)
    loss, figures = loss_of(before.text, now, lost.quote)
    if loss not in ("", "garbled"):
        older = is_older(stated(row.title, now), stated(row.title, before.text))
        if older is False and loss in ("edited", "figures"):
            return "edited", figures, lost
        return ("older" if older else loss), figures, lost
    return loss, figures, lost


def stated(title: str, text: str) -> Edition:
    """What a text says of its own edition."""
    return Edition(stated_version({}, title), stated_date({}, text[:_HEAD]))


def _crowd(scene: Scene, expected: Expected, live: Holder | None) -> Crowd | None:
    crowd = crowd_of(scene.subject, scene.question, live, tuple(item.quote for item in scene.answer.citations))
    if crowd is None or not crowd.whole:
        return crowd
    for kept in _worth_keeping(crowd, expected, live) if expected.text else ():
        others = tuple(source for _, source in crowd.documents if source != kept)
        answer = without(scene.bench, scene.subject, scene.question, others)
        if answer is not None and scene.judge.is_right(answer, expected):
            return msgspec.structs.replace(crowd, fixes=True, kept=kept)
    return msgspec.structs.replace(crowd, fixes=False if expected.text else None)


def _worth_keeping(crowd: Crowd, expected: Expected, live: Holder | None) -> tuple[str, ...]:
    """Which document could stand for a crowd: one of its own, or the one beside it that says what is right.

    Where nobody said what is right, what all copies say was complained of, so the one beside comes first.
    """
    beside = () if live is None or any(source == live.source for _, source in crowd.documents) else (live.source,)
    return (*beside, crowd.kept) if expected.origin == "rival" else (crowd.kept, *beside)


def _faults(scene: Scene, expected: Expected, live: Holder | None, good: Manifest | None) -> tuple[Fault, ...]:
    earlier = [manifest for manifest, _ in scene.earlier]
    if not expected.text and not expected.abstain:
        changed = embed_fault(scene.subject.manifest, earlier[0] if earlier else None)
        changed = changed or unprefixed_fault(scene.subject, scene.question.text)
        return () if changed is None else (changed,)
    found: list[Fault] = []
    prompt = prompt_fault(scene.bench, scene.subject, scene.question, expected, earlier)
    if prompt is not None:
        found.append(prompt)
    if live is not None or good is not None:
        tried = setting_faults(scene.bench, scene.subject, scene.question, expected, good)
        unbuilt = (
            embed_fault(scene.subject.manifest, good or (earlier[0] if earlier else None))
            or unprefixed_fault(scene.subject, scene.question.text),
            chunk_fault(scene.bench, scene.subject, good, live),
        )
        found += [*tried, *(item for item in unbuilt if item is not None)]
    other = other_embedder(scene.subject.manifest)
    if other is not None and all(item.kind != "embed" for item in found) and _misled(scene, expected, live):
        found.append(other)
    return tuple(found)


def _same_prompt_fails(scene: Scene, faults: tuple[Fault, ...]) -> int:
    if all(fault.kind != "prompt" for fault in faults):
        return 0
    return failing(scene.bench, scene.answer.prompt, scene.question.text)


def _misled(scene: Scene, expected: Expected, live: Holder | None) -> bool:
    """Whether meaning finds the right answer worse than words do, or does not quote what it found."""
    if live is None or live.ranks is None:
        return False
    words, meaning = live.ranks.lexical, live.ranks.dense
    if quotes(scene.subject) and live.ranks.passage is not None:
        return True
    if expected.origin == "rival" and live.ranks.passage is None:
        return True
    return words is not None and (meaning is None or meaning > words + 1)


def _hidden(scene: Scene, expected: Expected, holders: tuple[Holder, ...]) -> tuple[tuple[str, str], ...]:
    """Documents that hold the answer, or are said to, and that the caller may not read, with the rule."""
    sources = [item.source for item in holders if item.layer == "live" and not item.readable]
    with contextlib.suppress(RagpressError):
        named = [source for source in expected.sources if not readable(scene.bench, scene.bad, [source])[0]]
        sources += [source for source in named if _known(scene, source)]
    found = []
    for source in dict.fromkeys(sources):
        rule = ruling(scene.bench, source)
        groups = ", ".join(rule.groups) or "nobody"
        what = f"[access] rules: {rule.pattern!r}" if rule.pattern else "[access] default"
        found.append((source, f"{what} lets {groups} read it"))
    return tuple(found)


def _known(scene: Scene, source: str) -> bool:
    try:
        return facts_of(scene.subject.release.document(source)) is not None
    except ReleaseError:
        return False
