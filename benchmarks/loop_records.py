"""The records of the fault benchmark: a kind of fault, what it did to a workspace, and what the loop made of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from benchmarks.loop_pool import Asked, Pool
from index.repairs.records import Repair

Variant: TypeAlias = Literal["plain", "html", "prompted"]
"""How the healthy workspace is made: texts as the set has them and quoted answers; the same as web pages; or answers of
the generator that follows the prompt."""
Corrected: TypeAlias = Literal["only", "never", "both"]
"""Which faults a run takes: those whose complaint says what is right, those whose does not, or both."""
Status: TypeAlias = Literal["done", "no_bite", "not_applicable", "error"]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault is put into.

    Attributes:
        pool: documents and questions.
        files: bytes by path below the source folder, as the healthy workspace has them.
        asked: the question that the fault is to spoil; the healthy release answers it rightly.
        plain: text of the document that answers it, as the pool has it.
        right: all questions that it answers rightly.
        history: whether the healthy release was published before.
        corrected: whether the user will say what is right.
        chance: decides everything that is random.
    """

    pool: Pool
    files: dict[str, bytes]
    asked: Asked
    plain: str
    right: tuple[Asked, ...]
    history: bool
    corrected: bool
    chance: random.Random

    @property
    def text(self) -> str:
        """Text of the document that answers the question."""
        return self.files[self.asked.source].decode()


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with one fault.

    Attributes:
        files: bytes by path, all of them.
        causes: causes that are right, the one of the design first.
        culprits: paths of the documents at fault; any of them is right. Empty where a setting or a prompt is.
        repairable: whether what the workspace holds is enough to mend it.
        needs_person: whether only a person may decide it (rights, deliberate removals, settings that hold for all).
        settings: settings that differ, by section.
        prompt: text of the prompt version in use; "" leaves the built-in one.
        repairs: repairs that a person recorded.
        lies: false answers that were put into documents.
        anywhere: whether it spoils other questions than the one it was made for, any of which will do.
        embedder: ``unprefixed`` or "".
    """

    files: dict[str, bytes]
    causes: tuple[str, ...]
    culprits: tuple[str, ...] = ()
    repairable: bool = True
    needs_person: bool = False
    settings: dict[str, dict[str, Any]] = {}
    prompt: str = ""
    repairs: tuple[Repair, ...] = ()
    lies: tuple[str, ...] = ()
    anywhere: bool = False
    embedder: str = ""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of fault.

    Attributes:
        name: unique.
        inject: makes the workspace; None where the question does not lend itself to it.
        variant: which healthy workspace it goes into.
        histories: with an earlier good release, without, or both.
        corrections: whether its users say what is right, whether they do not.
        control: whether nothing is at fault: the complaint is.
        pools: names of the sets it works on; empty means all.
        outside: whether the question is one that the documents do not answer.
    """

    name: str
    inject: Callable[[Scene], Injected | None]
    variant: Variant = "plain"
    histories: tuple[bool, ...] = (True, False)
    corrections: tuple[bool, ...] = (True, False)
    control: bool = False
    pools: tuple[str, ...] = ()
    outside: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One fault to inject. Its name decides everything that is random about it.

    Attributes:
        kind: of the fault.
        pool: name of the set of documents.
        half: of its documents.
        number: tells apart faults that are equal in all else.
        history: whether a healthy release was published before.
        corrected: whether those who complain say what is right.
        seed: of the run.
        callers: how many different callers complain of the same. No part of the name: the same fault is injected
            however many complain, so that runs can be compared fault by fault.
    """

    kind: str
    pool: str
    half: str
    number: int
    history: bool
    corrected: bool
    seed: int
    callers: int = 1

    @property
    def name(self) -> str:
        """Unique; names its line in the results and its folder."""
        told = "corrected" if self.corrected else "bare"
        past = "later" if self.history else "first"
        return f"{self.kind}-{self.pool}-{self.half}-{past}-{told}-{self.number}-{self.seed}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the loop said of the complaint.

    Attributes:
        cause: the finding's cause; "" where there is no finding.
        confidence: of it.
        others: other causes with their confidence.
        documents: paths of the documents it names at fault, surest first.
        repairs: kinds and sources of the proposed repairs.
        proven: whether the repair fixed the case in a scratch release; None where it was not tried.
        why: the proof's reason.
        state: what became of the finding.
        evidence: kind and text of each piece.
        rule: name of the rule that decided.
        claimed: whether the finding rests on what a person, or a case, said is right.
    """

    cause: str = ""
    confidence: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    documents: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    proven: bool | None = None
    why: str = ""
    state: str = ""
    evidence: tuple[str, ...] = ()
    rule: str = ""
    claimed: bool = False


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What something cost.

    Attributes:
        cpu: processor seconds; texts whose vectors were cached are charged at the mean cost of a character.
        wall: wall-clock seconds, with the cache.
        embedded: texts that were embedded, sentences for quoting included.
    """

    cpu: float
    wall: float
    embedded: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One fault and what came of it.

    Attributes:
        plan: the fault.
        misses: questions that the same kind of fault did not spoil before this one.
        status: ``done``; the fault did not spoil the answer; the question does not lend itself to it; an error.
        language: of the documents.
        question: what was asked.
        right: what is right.
        claim: what the correction says is right, without words around it; of a control it is wrong. "" without one.
        told: the correction as the user wrote it, of several callers a line each; "" without one.
        wrong: what the service said.
        causes: causes that are right.
        culprits: documents at fault.
        repairable: as :class:`Injected` has it.
        needs_person: as :class:`Injected` has it.
        control: whether nothing is at fault.
        found: what the loop said.
        published: whether it published a release.
        fixed: whether the question is answered rightly now.
        after: the answer now.
        asked_before: other questions that were answered rightly with the fault.
        worse: those of them that are not any more.
        touched: healthy documents that a published repair takes out or changes.
        cost: from the feedback to the end of the round.
        rebuild: of a build from nothing; None where it was not measured.
        error: what went wrong.
    """

    plan: Plan
    status: Status
    misses: int = 0
    language: str = ""
    question: str = ""
    right: str = ""
    claim: str = ""
    told: str = ""
    wrong: str = ""
    causes: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()
    repairable: bool = False
    needs_person: bool = False
    control: bool = False
    found: Found | None = None
    published: bool = False
    fixed: bool = False
    after: str = ""
    asked_before: int = 0
    worse: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    cost: Cost | None = None
    rebuild: Cost | None = None
    error: str = ""
