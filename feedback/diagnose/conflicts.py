"""Two documents that answer the same question differently: which is older, which was planted, which are copies."""

from __future__ import annotations

import re
import statistics
from difflib import SequenceMatcher

import msgspec

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge, folded
from feedback.diagnose.history import History
from feedback.diagnose.observation import Conflict, Order, Side
from index.build import version_rows
from index.documents import DocumentRow
from ingest.near_duplicates import estimate, verify_jaccard
from ingest.relations import DocumentFacts, edition
from ingest.versions import Edition, find_date, find_version, is_older
from ragpress.errors import ReleaseError
from serving.evidence.answer_kind import answer_kind, holds_kind
from serving.evidence.sentences import split_sentences
from serving.evidence.terms import stems_of, terms_of

_facts = msgspec.msgpack.Decoder(DocumentFacts)
# A document that is no longer than this says one thing.
_SHORT = 900
_MOST_COMPARED = 200_000
_HEAD_LINES = 8
_LONGEST_LINE = 80
_EDITED = re.compile(
    r"(?<![a-z])(?:version|edition|revis|updat|effective|valid|issued|as of|status)|修订|版|更新|生效|施行|发布|截至"
)
_ONLY_SHORT = 0.2
_FAR_SHORTER = 5
_COPY = 0.6
_CLOSE = 0.6
_WORDS = re.compile(r"[\u3400-\u9fff]|\w+")


def text_of(subject: Subject, row: DocumentRow) -> str:
    """The text of a document that is searched; "" where it is not."""
    if row.segment not in subject.release.segments:
        return ""
    text: str = version_rows(subject.release.segments[row.segment], row)["text"][0].as_py()
    return text


def facts_of(row: DocumentRow) -> DocumentFacts | None:
    """What the audits across documents compare; None where it was never audited."""
    return None if row.facts is None else msgspec.structs.replace(_facts.decode(row.facts), source=row.source)


def side(subject: Subject, history: History, question: str, source: str, quote: str) -> Side | None:
    """One side of a contradiction; None where the release does not have the document.

    Args:
        subject: the release.
        history: the releases before it.
        question: what was asked.
        source: source path, or id, of the document.
        quote: what it says.
    """
    try:
        row = subject.release.document(source)
    except ReleaseError:
        return None
    arrived, beginning = history.arrived(row.document_id, row.version)
    facts, text = facts_of(row), text_of(subject, row)
    marks = tuple(sorted({mark.audit for mark in row.all_marks}))
    planted, why = planted_score(question, text, marks, late=not beginning, usual=usual_length(subject))
    return Side(
        document_id=row.document_id,
        source=row.source,
        quote=quote,
        version="" if row.version is None else row.version.hex(),
        dated=facts is not None and any(edition(facts)),
        arrived=arrived,
        beginning=beginning,
        planted=planted,
        why_planted=why,
        asks=bool(folded(question)) and folded(question) in folded(text),
        characters=len(text),
        copies=copies_of(subject, row),
        marks=marks,
    )


def planted_score(
    question: str, text: str, marks: tuple[str, ...], *, late: bool, usual: float = 0.0
) -> tuple[float, tuple[str, ...]]:
    """How much speaks for a document's having been planted to answer one question, 0..1, and why, in words.

    What is known of such documents: PoisonedRAG (Zou et al., 2024) puts the question, or a text close to it, before the
    answer that is to be given; others speak to the model.

    Args:
        question: what was asked.
        text: the document's text.
        marks: audits that marked it.
        late: whether it came after the oldest release that is known.
        usual: median length of the collection's documents in code points; 0 where it is not known.
    """
    score, why = 0.0, list[str]()
    if "injection" in marks:
        score += 0.6
        why.append("it speaks to a language model")
    wanted, head = terms_of(question), text[: 2 * len(question) + 120]
    if wanted.stems and folded(question) in folded(text):
        score += 0.45
        why.append("it repeats the question word for word")
    elif wanted.stems and wanted.coverage(frozenset(stems_of(head))) >= 0.75:
        score += 0.2
        why.append("it begins with the words of the question")
    if 0 < len(text) <= _SHORT:
        score += 0.2
        why.append("it is short and says this one thing")
        if score > _ONLY_SHORT and len(text) * _FAR_SHORTER <= usual:
            score += 0.2
            why.append("it is far shorter than the documents of this collection")
    if late and score:
        score += 0.15
        why.append("it came lately")
    return min(1.0, score), tuple(why)


def usual_length(subject: Subject) -> float:
    """Median length of the documents that are searched, in code points; 0 where there are none."""
    table = subject.release.documents
    lengths = [
        length
        for length, state in zip(table["characters"].to_pylist(), table["state"].to_pylist(), strict=True)
        if state == "live" and length
    ]
    return float(statistics.median(lengths)) if lengths else 0.0


def copies_of(subject: Subject, row: DocumentRow, least: float = _COPY) -> tuple[tuple[str, str], ...]:
    """Near-copies of a document that are searched, itself left out: (document id, source path), by source."""
    own = facts_of(row)
    if own is None:
        return ()
    table = subject.release.documents
    searched = table
    rows = zip(
        searched["document_id"].to_pylist(),
        searched["source"].to_pylist(),
        searched["state"].to_pylist(),
        searched["facts"].to_pylist(),
        strict=True,
    )
    found = []
    for document_id, source, state, packed in rows:
        if state != "live" or packed is None or document_id == row.document_id:
            continue
        if estimate(own.signature, _facts.decode(packed).signature) >= least:
            found.append((document_id, source))
    return tuple(sorted(found, key=lambda pair: pair[1]))


def conflict_between(subject: Subject, judge: Judge, question: str, wrong: Side, right: Side) -> Conflict:
    """What the difference of two documents is like.

    Args:
        subject: the release.
        judge: tells whether texts agree.
        question: what was asked.
        wrong: the document that the bad answer rests on.
        right: the one that says the right answer.
    """
    rows = subject.release.document(wrong.document_id), subject.release.document(right.document_id)
    one, other = (text_of(subject, row)[:_MOST_COMPARED] for row in rows)
    return Conflict(
        wrong=wrong,
        right=right,
        order=_order(subject, rows[0], rows[1]),
        arrival=_arrival(wrong, right),
        alike=verify_jaccard(one, other),
        close=closeness(wrong.quote, right.quote),
        weight=_weight(judge, question, wrong, right),
    )


def _order(subject: Subject, wrong: DocumentRow, right: DocumentRow) -> Order:
    one, other = facts_of(wrong), facts_of(right)
    if one is None or other is None:
        return ""
    older = is_older(edition(one), edition(other))
    if older is None:
        older = is_older(*(said_edition(text_of(subject, row)) for row in (wrong, right)))
    if older is None:
        return _marked(wrong, right)
    return "older" if older else "newer"


def said_edition(text: str) -> Edition:
    """What the first lines of a text say of its edition: “Version 3, 12 May 2024”, “（2024年修订）”.

    Only lines that say little else count, so that a date that the text is about is none of its own.
    """
    version, date = tuple[int, ...](), tuple[int, ...]()
    for line in text.splitlines()[:_HEAD_LINES]:
        if len(line) > _LONGEST_LINE:
            continue
        version = version or find_version(line)
        if version or _EDITED.search(line.lower()):
            date = date or find_date(line)
    return Edition(version, date)


def _marked(wrong: DocumentRow, right: DocumentRow) -> Order:
    """What the audits say: one of the two is marked as an older edition of the other."""
    if any(mark.audit == "outdated" and right.document_id in mark.related for mark in wrong.all_marks):
        return "older"
    if any(mark.audit == "outdated" and wrong.document_id in mark.related for mark in right.all_marks):
        return "newer"
    return ""


def _arrival(wrong: Side, right: Side) -> Order:
    if wrong.arrived == right.arrived:
        return ""
    return "older" if wrong.arrived < right.arrived else "newer"


def closeness(one: str, other: str) -> float:
    """How alike (0..1) the nearest sentences of two quotes are, word for word, in their order."""
    pairs = [(_words(first), _words(second)) for first in _pieces(one) for second in _pieces(other)]
    return max((likeness(first, second) for first, second in pairs if first and second), default=0.0)


def nearest_piece(text: str, right: str, expected: str) -> str:
    """The sentence of a text whose words are nearest to those of the right one, some replaced; "" if there is none."""
    wanted, known = _words(sentence_with(right, expected)), set(_words(right))
    claimed = set(_words(expected))
    best, near = "", _CLOSE
    for piece in (text[start:end] for start, end in split_sentences(text)):
        said = _words(piece)
        alike = likeness(said, wanted) if wanted and said else 0.0
        if alike >= near and claimed - set(said) and set(said) - known:
            best, near = piece, alike
    return best


def sentence_with(text: str, expected: str) -> str:
    """The sentence of a text that has most of the words of what is expected."""
    wanted = set(_words(expected))
    pieces = [text[start:end] for start, end in split_sentences(text)]
    return max(pieces, key=lambda piece: len(wanted & set(_words(piece))), default=text)


def _pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)][:6]


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def likeness(one: list[str], other: list[str]) -> float:
    """How alike (0..1) two lists of words are: twice the words in common over all; a short list inside a long one
    counts by its own length."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    shared = sum(block.size for block in matcher.get_matching_blocks())
    return max(2 * shared / (len(one) + len(other)), shared / min(len(one), len(other)) - 0.2)


def _weight(judge: Judge, question: str, wrong: Side, right: Side) -> float:
    """How sure it is (0..1) that the quote of the wrong document answers the question, and otherwise."""
    if closeness(wrong.quote, right.quote) >= _CLOSE and set(_words(wrong.quote)) - set(_words(right.quote)):
        return 1.0
    if judge.agrees(wrong.quote, right.quote):
        return 0.0
    terms = terms_of(question)
    one, other = (terms.coverage(frozenset(stems_of(item.quote))) for item in (wrong, right))
    weight = 1.0 if other <= 0 else min(1.0, one / other)
    kind = answer_kind(question)
    if kind is not None and not holds_kind(kind, wrong.quote, question):
        weight *= 0.6
    return weight


def sentence_about(question: str, text: str) -> str:
    """The sentence of a text that has most of a question's words."""
    terms = terms_of(question)
    pieces = [text[start:end] for start, end in split_sentences(text)]
    return max(pieces, key=lambda piece: terms.coverage(frozenset(stems_of(piece))), default=text)
