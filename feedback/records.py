"""The records that cross the steps of the loop: what is complained of, where the right answer is, what was replayed.

``BadCase`` → ``Replayed``, ``Holder`` → ``index.findings.Finding`` → repairs.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from evaluation.records import Case
from ragpress.fingerprint import hexdigest
from serving.types import Answer, Turn

SignalKind: TypeAlias = Literal[
    "down", "up", "correction", "expected", "rephrased", "abandoned", "abstained", "unsupported"
]
"""What was said or seen: thumbs, a correction, a source that is said to hold the answer; and the weak signals: the same
caller asked again in other words, left while the answer came, got an abstention, or a citation failed its check."""

Standing: TypeAlias = Literal["none", "claimed", "agreed", "person"]
"""What a claim rests on before any document was looked at: nothing was claimed; one caller says so; several different
callers say the same; a person who looks after the workspace (command line, admin key, accepted case) says so."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was said of an answer, or seen of it.

    Attributes:
        kind: what.
        at: ISO time.
        answer_id: the answer.
        feedback: id of the feedback; "" for what was seen only.
        key: id of the API key that gave it; "" without keys.
        via: how it came.
        text: the user's words, or what was seen.
    """

    kind: SignalKind
    at: str
    answer_id: str
    feedback: str = ""
    key: str = ""
    via: str = "http"
    text: str = ""


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said to be right. A claim, never an instruction.

    Attributes:
        answer: the right answer, without the words around it; "" where nobody said.
        words: the sentence in which it was said last.
        abstain: whether the right answer is said to be that the documents do not tell.
        sources: sources or document ids that are said to hold it.
        standing: what it rests on.
        against: other answers that were called right for the same question; the claim is contradicted.
    """

    answer: str = ""
    words: str = ""
    abstain: bool = False
    sources: tuple[str, ...] = ()
    standing: Standing = "none"
    against: tuple[str, ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether it says what is right or where that stands."""
        return bool(self.answer or self.abstain or self.sources)


class BadCase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem that users reported, however often: one question of callers who may read the same.

    Attributes:
        case_id: id of its case in ``cases/``; the same for the same question of the same groups after the same turns.
        collection: the collection.
        question: as typed.
        history: earlier turns of the conversation, oldest first.
        groups: groups of the callers; None for operators.
        answer_id: the answer that the last complaint is about; "" for a case that failed in an evaluation.
        release: the release that made it.
        wrong: the text of that answer.
        answer: the whole answer, if it is in the journal.
        signals: oldest first.
        claim: what is said to be right.
        disputed: why what was said is set aside, in words: contradictory, abusive, or by too few; "" where it is not.
        case: the case it is checked with, if one is there already.
        aliases: ids of other problems that ask the same in almost the same words, folded into this one.
    """

    case_id: str
    collection: str
    question: str
    history: tuple[Turn, ...] = ()
    groups: tuple[str, ...] | None = None
    answer_id: str = ""
    release: str = ""
    wrong: str = ""
    answer: Answer | None = None
    signals: tuple[Signal, ...] = ()
    claim: Claim = Claim()
    disputed: str = ""
    case: Case | None = None
    aliases: tuple[str, ...] = ()

    @property
    def feedback(self) -> tuple[str, ...]:
        """Ids of the feedback on it."""
        return tuple(dict.fromkeys(signal.feedback for signal in self.signals if signal.feedback))

    def finding_id(self, content: str) -> str:
        """Id of its finding in a release: the same problem with the same claim in the same contents is one finding.

        Args:
            content: ``Manifest.content`` and what else decides answers of the release that is diagnosed.
        """
        claim = self.claim
        return (
            "f" + hexdigest("finding", self.case_id, claim.answer, claim.abstain, sorted(claim.sources), content)[:20]
        )


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer made again.

    Attributes:
        release: the release that was asked.
        answer: what it says now, with its passages.
        same_passages: whether the passages are those of the journal, in the same order.
        same_text: whether the text is.
        differs: what differs, in words; "" where nothing does.
    """

    release: str
    answer: Answer
    same_passages: bool
    same_text: bool
    differs: str = ""


Layer: TypeAlias = Literal[
    "live", "quarantined", "superseded", "deleted", "earlier", "cleaned_away", "unparsed", "repaired_away"
]
"""Where a text that holds the right answer was found: in what is searched now; in a document that is quarantined,
marked superseded or deleted; in an earlier version of a document that is there; in what cleaning took out of a live
version; in the source's bytes though the parser did not read it; in what a repair (an erratum) took out."""


class Ranks(msgspec.Struct, frozen=True, kw_only=True):
    """How far a place came along the chain for the question; ranks from 1, None where it did not come so far.

    Attributes:
        dense: rank in the dense search.
        lexical: rank in the lexical search.
        fused: rank after fusion and reranking, copies not yet joined.
        hit: rank among the hits.
        passage: number of the passage in the prompt.
        left_out: why the hit became no passage; "" where it did.
        above: source paths of what stands above it, best first, once per chunk.
    """

    dense: int | None = None
    lexical: int | None = None
    fused: int | None = None
    hit: int | None = None
    passage: int | None = None
    left_out: str = ""
    above: tuple[str, ...] = ()


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A place that says the right answer, or nearly.

    Attributes:
        layer: where it is.
        document_id: the document.
        source: its source path.
        version: SHA-256 (hexadecimal) of the version.
        release: the release in which it was searchable last; the live one for ``live``.
        quote: the words: the claim's sentence with what stands around it.
        start: first code point of the quote in the version's text; -1 where that text is not indexed.
        end: one past its last.
        score: how sure it is (0..1) that the quote answers this question with this claim.
        exact: whether it holds the claim word for word (white space, case and width apart).
        noise: share (0..1) of the quote's characters that differ from what is claimed or was there before, as by OCR.
        readable: whether the caller may read the document.
        chunks: ids of the chunks that it lies in, in order.
        whole: whether one chunk holds all of it.
        ranks: how far it came; None where it is not searched.
        detail: the rule that took it out, the parser that reads it, the audit that quarantined it: for the repair.
        reason: the same for people.
    """

    layer: Layer
    document_id: str
    source: str
    version: str = ""
    release: str = ""
    quote: str = ""
    start: int = -1
    end: int = -1
    score: float = 0.0
    exact: bool = False
    noise: float = 0.0
    readable: bool = True
    chunks: tuple[str, ...] = ()
    whole: bool = False
    ranks: Ranks | None = None
    detail: str = ""
    reason: str = ""
