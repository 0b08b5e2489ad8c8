"""Settles what is claimed of one problem: which claim counts, what it rests on, and what contradicts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from evaluation.cases.folding import fold
from evaluation.metrics.answers import PASS
from evaluation.metrics.correctness import correctness
from evaluation.records import Case
from feedback.folding.opinions import Opinion, voices
from feedback.records import Claim, Standing
from feedback.wording.claim import core

CLEAR = 2
"""A claim wins over contradicting ones when so many times as many callers make it as make all others together."""
MANY = 3
"""Praise of an answer outweighs a claim that it is wrong only from so many callers on."""
_COMPARED = 12
_TOLD = 8
_SHOWN = 80


class Settled(msgspec.Struct, frozen=True):
    """What came of all that was said of a problem: the claim, and why it is set aside; "" where it is not."""

    claim: Claim = Claim()
    disputed: str = ""


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What one voice says is right."""

    at: float
    voice: str
    person: bool
    answer: str
    abstain: bool
    sources: tuple[str, ...]
    words: str = ""


class _Group(msgspec.Struct, kw_only=True):
    """Claims that say the same, newest first."""

    claims: list[_Claim]

    @property
    def person(self) -> bool:
        return any(claim.person for claim in self.claims)

    @property
    def callers(self) -> int:
        return len({claim.voice for claim in self.claims})

    @property
    def newest(self) -> _Claim:
        return next((claim for claim in self.claims if claim.person), self.claims[0])

    @property
    def said(self) -> str:
        newest = self.newest
        return newest.answer if newest.answer else "the documents do not tell"


def settle(question: str, opinions: Sequence[Opinion], agreement: int, case: Case | None = None) -> Settled:
    """What counts of all that was said of a problem.

    Args:
        question: as typed.
        opinions: those that are neither set aside nor taken back, oldest first.
        agreement: so many callers must say the same for it to be agreed.
        case: the case of this problem that stands in ``cases/``, if there is one.
    """
    ruled = _ruled_by(case)
    claims = [*([ruled] if ruled else []), *_claims(question, opinions)]
    groups = _grouped(question, [claim for claim in claims if claim.answer or claim.abstain])
    if not groups:
        return _without_answer(claims, opinions, agreement)
    best, others = groups[0], groups[1:]
    against = tuple(group.said for group in others[:_TOLD])
    standing = _standing(best, agreement)
    sources = _sources(best, claims)
    newest = best.newest
    claim = Claim(
        answer=newest.answer,
        words=newest.words,
        abstain=newest.abstain,
        sources=sources,
        standing=standing,
        against=against,
    )
    return Settled(claim, _dispute(best, others, case, opinions))


def _ruled_by(case: Case | None) -> _Claim | None:
    """What an accepted case says is right: a person looked at it."""
    if case is None or case.state != "accepted" or not (case.answer or case.must_abstain or case.evidence):
        return None
    sources = tuple(dict.fromkeys(item.source for item in case.evidence))
    return _Claim(
        at=0.0, voice="case", person=True, answer=case.answer or "", abstain=case.must_abstain, sources=sources
    )


def _claims(question: str, opinions: Sequence[Opinion]) -> list[_Claim]:
    """What every voice says last, newest first. Who has no key is told from others by the answer, which only the one
    who asked knows; they count as one caller all the same."""
    found: dict[tuple[str, str], _Claim] = {}
    blamed = {opinion.asked.text for opinion in opinions if opinion.complains}
    for opinion in opinions:
        claim = _claim_of(question, opinion, blamed)
        if claim is not None:
            alone = opinion.voice.person or opinion.voice.name.startswith("key ")
            whose = (opinion.voice.name, "" if alone else opinion.asked.id)
            found.pop(whose, None)
            found[whose] = claim
    return list(found.values())[::-1]


def _claim_of(question: str, opinion: Opinion, blamed: set[str]) -> _Claim | None:
    words, abstain, sources = opinion.correction, opinion.abstain, opinion.record.expected_sources
    answer = core(words, question) if words else ""
    if opinion.praises:
        # That an answer is right which others call wrong is no claim of its own: it weighs against their complaint.
        if opinion.asked.text in blamed:
            return None
        words = ""
        answer, abstain = ("", True) if opinion.asked.abstained else (opinion.asked.words, False)
    if not (answer or abstain or sources):
        return None
    return _Claim(
        at=opinion.at,
        voice=opinion.voice.name,
        person=opinion.voice.person,
        answer=answer,
        abstain=abstain,
        sources=sources,
        words=words,
    )


def _grouped(question: str, claims: Sequence[_Claim]) -> list[_Group]:
    """Claims that say the same together; what persons say first, then what most callers say, then the newest.

    Of many different texts only those that most callers give, and the newest, are compared by what they say.
    """
    by_text: dict[tuple[str, bool], list[_Claim]] = {}
    for claim in claims:
        by_text.setdefault((fold(claim.answer), claim.abstain), []).append(claim)
    texts = [_Group(claims=same) for same in by_text.values()]
    texts.sort(key=_weight, reverse=True)
    groups: list[_Group] = []
    for text in texts[:_COMPARED]:
        same = next((group for group in groups if _agree(question, group.newest, text.newest)), None)
        if same is None:
            groups.append(text)
        else:
            same.claims = sorted((*same.claims, *text.claims), key=lambda claim: claim.at, reverse=True)
    return sorted((*groups, *texts[_COMPARED:]), key=_weight, reverse=True)


def _weight(group: _Group) -> tuple[bool, int, float]:
    newest = group.newest
    # Of what persons say the newest counts; an accepted case is older than any word said since.
    return (True, 0, newest.at) if group.person else (False, group.callers, newest.at)


def _agree(question: str, one: _Claim, other: _Claim) -> bool:
    if one.abstain or other.abstain:
        return one.abstain and other.abstain
    return (
        correctness(question, one.answer, [other.answer], None) >= PASS
        and correctness(question, other.answer, [one.answer], None) >= PASS
    )


def _standing(group: _Group, agreement: int) -> Standing:
    if group.person:
        return "person"
    return "agreed" if group.callers >= agreement else "claimed"


def _sources(best: _Group, claims: Sequence[_Claim]) -> tuple[str, ...]:
    """The sources that go with a claim; those that are named without any answer contradict nobody."""
    own = [source for claim in best.claims for source in claim.sources]
    bare = [source for claim in claims if not (claim.answer or claim.abstain) for source in claim.sources]
    return tuple(dict.fromkeys((*own, *bare)))


def _dispute(best: _Group, others: Sequence[_Group], case: Case | None, opinions: Sequence[Opinion]) -> str:
    if case is not None and case.state == "rejected" and not best.person and _same_as_case(best, case):
        return f"a person rejected the case {case.id}, which says the same"
    if best.person:
        return ""
    against = sum(group.callers for group in others)
    if against and best.callers < CLEAR * against:
        shown = " / ".join(f"“{_short(group.said)}”" for group in (best, *others[:2]))
        return f"callers contradict one another: {shown}"
    return _outvoted(opinions, claimed=True)


def _same_as_case(group: _Group, case: Case) -> bool:
    return any(
        (claim.abstain and case.must_abstain) or (claim.answer and fold(claim.answer) == fold(case.answer or ""))
        for claim in group.claims
    )


def _without_answer(claims: Sequence[_Claim], opinions: Sequence[Opinion], agreement: int) -> Settled:
    """A problem of which nobody said what is right: at most where it stands."""
    named = Counter(source for claim in claims for source in dict.fromkeys(claim.sources))
    sources = tuple(dict.fromkeys(source for claim in claims for source in claim.sources))
    disputed = _outvoted(opinions, claimed=bool(sources))
    if not sources:
        return Settled(Claim(), disputed)
    callers = {claim.voice for claim in claims if named.most_common(1)[0][0] in claim.sources}
    person = any(claim.person for claim in claims)
    standing: Standing = "person" if person else "agreed" if len(callers) >= agreement else "claimed"
    return Settled(Claim(sources=sources, standing=standing), "" if person else disputed)


def _outvoted(opinions: Sequence[Opinion], *, claimed: bool) -> str:
    """Why complaints weigh less than what others say of the very same answer; "" where they do not.

    Only praise of answers of the same release counts: what was right then may be outdated now. A claim of what is right
    tells more than praise, which costs nothing, so it takes many to outweigh one.
    """
    against = [opinion for opinion in opinions if opinion.complains]
    if any(opinion.voice.person for opinion in against):
        return ""
    blamed = {(opinion.asked.text, opinion.asked.release) for opinion in against}
    praise = [one for one in opinions if one.praises and (one.asked.text, one.asked.release) in blamed]
    if any(opinion.voice.person for opinion in praise):
        return "a person who looks after the workspace calls the same answer right"
    pleased = voices(praise) - voices(against)
    needed = max(MANY, CLEAR * len(voices(against))) if claimed else len(voices(against))
    return f"{len(pleased)} other caller(s) call the same answer right" if pleased and len(pleased) >= needed else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
