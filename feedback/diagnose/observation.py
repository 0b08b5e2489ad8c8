"""What a diagnosis looks at, gathered from releases and journals: plain values, so that deciding needs no outside."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from feedback.records import Holder
from index.repairs.records import Repair

Origin: TypeAlias = Literal["correction", "source", "case", "history", "rival", ""]
"""Where the right answer comes from: what a user said, a source that a user named, a case's reference, what an earlier
release said, another document that answers the question; "" where nothing is known."""

Order: TypeAlias = Literal["older", "newer", ""]

Loss: TypeAlias = Literal["truncated", "garbled", "replaced", "edited", "figures", "older", "table", "cleaned", ""]
"""How the version that is searched now lost what an earlier one said: it ends early, or the passage is gone; its
characters are noise or mojibake; it is another text; a few words are others; nothing but figures is; it states an older
date or version of itself than the one before; its table is gone; a cleaning rule took it out; "" where nothing was
lost."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The right answer as far as it is known.

    Attributes:
        text: in words; "" where it is not known.
        abstain: whether it is that the documents do not tell.
        origin: where it comes from.
        sources: sources that are said to hold it.
        release: of ``history`` the release that said it.
        against: the text of the bad answer, where it does not hold the words of what is right.
    """

    text: str = ""
    abstain: bool = False
    origin: Origin = ""
    sources: tuple[str, ...] = ()
    release: str = ""
    against: str = ""

    @property
    def claimed(self) -> bool:
        """Whether a person said it, rather than that it was worked out."""
        return self.origin in ("correction", "source", "case")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One document on one side of a contradiction.

    Attributes:
        document_id: the document.
        source: its source path.
        quote: what it says.
        version: SHA-256 (hexadecimal) of its version.
        dated: whether its name, title or text says which edition it is.
        arrived: number of the first known release that had this version; 0 where none is known.
        beginning: whether that is the oldest release that is known: it may have been there before.
        planted: how much speaks for its having been planted, 0..1.
        why_planted: the same in words.
        asks: whether it repeats the question word for word.
        characters: length of its text in code points.
        copies: near-copies of it that are searched, itself left out: (document id, source path).
        marks: audits that marked it.
    """

    document_id: str
    source: str
    quote: str = ""
    version: str = ""
    dated: bool = False
    arrived: int = 0
    beginning: bool = True
    planted: float = 0.0
    why_planted: tuple[str, ...] = ()
    asks: bool = False
    characters: int = 0
    copies: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """The document that the bad answer rests on says something else than one that says the right answer.

    Attributes:
        wrong: the document that the bad answer rests on.
        right: the one that says the right answer.
        order: of the wrong one against the right one, as names, titles, versions and dates tell it; "" where they do
            not.
        arrival: the same, as the releases tell in which they came.
        alike: share (0..1) of text that both have in common.
        close: how alike (0..1) the two sentences are word for word: near ones were copied and changed.
        weight: how sure it is (0..1) that both speak of what was asked and differ.
        pair: whether it was found without knowing what is right: nearly the same sentence, which the answer quotes.
    """

    wrong: Side
    right: Side
    order: Order = ""
    arrival: Order = ""
    alike: float = 0.0
    close: float = 0.0
    weight: float = 1.0
    pair: bool = False


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Nearly equal texts that take the places of others in a search.

    Attributes:
        documents: (document id, source path) of those that hold it.
        share: share (0..1) of the places before the right one, or of all where that was not found.
        text: what they have in common.
        whole: whether the documents are copies of one another as wholes, not just in one paragraph.
        kept: source path of the one to keep; "" where none is better than the others.
        quoted: whether the bad answer quotes what they have in common.
        fixes: whether the right answer comes with all but the one to keep left out; None where it was not tried.
    """

    documents: tuple[tuple[str, str], ...]
    share: float
    text: str = ""
    whole: bool = True
    kept: str = ""
    quoted: bool = False
    fixes: bool | None = None


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """Damage that shows in a searched text near the question.

    Attributes:
        document_id: the document.
        source: its source path.
        kind: sentences that read as noise, an end in the middle of a sentence, or a date that cannot be.
        quote: the place.
    """

    document_id: str
    source: str
    kind: Literal["noise", "cut", "date"]
    quote: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A setting, or a prompt, whose change makes the right answer come.

    Attributes:
        kind: ``chunk``, ``embed``, ``retrieval``, ``context``, ``answer``, ``rerank``, ``clean``, ``parse`` or
            ``prompt``.
        now: the value or the name as it is, in words.
        better: the one that works, in words.
        settings: the sections to change.
        prompt: name of the prompt version to go back to.
        tried: whether the right answer came when it was tried.
        unusual: whether it is another value than the built-in one, which works.
        changed: whether it changed since the release that answered well.
        release: the release that has the better one; "" where it was found by trying.
    """

    kind: str
    now: str
    better: str
    settings: dict[str, dict[str, object]] = {}
    prompt: str = ""
    tried: bool = False
    unusual: bool = False
    changed: bool = False
    release: str = ""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that :func:`feedback.diagnose.decide.decide` looks at.

    Attributes:
        expected: the right answer as far as it is known.
        standing: what a claim rests on.
        disputed: why what was said is set aside; "" where it is not.
        abstained: whether the bad answer says that the documents do not tell.
        right_now: whether the live release answers rightly.
        agrees: whether the bad answer says what is expected.
        supported: support (0..1) of the bad answer by the passages it cites.
        holders: places that say the right answer, best first.
        loss: how the best holder that is no longer searched was lost.
        lost: what was lost: the document with the version that had it; None where nothing was.
        figures: of a loss of figures: (the text now, the text before) around them.
        conflict: None where no document contradicts.
        in_the_way: an older edition of what says the right answer, without which that is answered; None if none is.
        suspects: documents that the bad answer rests on, where nothing says the right answer, the likeliest planted
            first.
        planted: all documents found for the question that look planted, whether the answer cites them or not.
        said_nothing_before: whether the earlier releases that are known all abstained.
        crowd: None where no copies stand in the way.
        damages: damage that shows in documents near the question; those that the question names first.
        faults: settings and prompts that explain it, the surest first.
        named: sources that are said to hold the answer: (source path, state in the release or "" where it has none).
        hidden: (source path, rule) of documents that hold the answer and that the caller may not read.
        same_prompt_fails: further bad cases of the same prompt version.
        known_before: whether an earlier release answered rightly.
        off_topic: whether the bad answer holds nothing of the kind (a number, a date) that the question asks for.
        cited: source paths that the bad answer cites.
        titled: source paths of the documents that the question names by their title.
        quoting: whether answers quote passages, without a model that could read them otherwise.
        repairs: repairs that the live release was built with, for those that took the right answer away.
    """

    expected: Expected
    standing: str = "none"
    disputed: str = ""
    abstained: bool = False
    right_now: bool = False
    agrees: bool = False
    supported: float = 0.0
    holders: tuple[Holder, ...] = ()
    loss: Loss = ""
    lost: Holder | None = None
    figures: tuple[str, str] = ("", "")
    conflict: Conflict | None = None
    in_the_way: Conflict | None = None
    suspects: tuple[Side, ...] = ()
    planted: tuple[Side, ...] = ()
    said_nothing_before: bool = False
    crowd: Crowd | None = None
    damages: tuple[Damage, ...] = ()
    faults: tuple[Fault, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    same_prompt_fails: int = 0
    known_before: bool = False
    off_topic: bool = False
    cited: tuple[str, ...] = ()
    titled: tuple[str, ...] = ()
    quoting: bool = False
    repairs: tuple[Repair, ...] = ()

    @property
    def live(self) -> Holder | None:
        """The place that says the right answer, is searched, and may be read by the caller; see :func:`live_of`."""
        return live_of(self.holders)


_AS_SURE = 0.8
_SURER = 0.02
_ONCE = frozenset({"earlier", "deleted", "cleaned_away", "quarantined"})


def live_of(holders: tuple[Holder, ...]) -> Holder | None:
    """The best place that is searched and may be read, if it is about as sure as the best of all.

    Where a text that is gone says it far more surely, or word for word, what still seems to say it speaks of something
    else.
    """
    found = next((item for item in holders if item.layer == "live" and item.readable), None)
    if found is None or found.score < _AS_SURE * max(item.score for item in holders):
        return None
    own = [item for item in holders if item.source == found.source and item.layer in ("earlier", "cleaned_away")]
    surer = any(item.score > found.score + _SURER or (item.exact and not found.exact) for item in own)
    elsewhere = any(
        item.exact and not found.exact and item.layer in _ONCE and item.score > found.score + _SURER for item in holders
    )
    return None if surer or elsewhere else found
