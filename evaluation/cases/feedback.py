"""Grows cases from feedback: what users said of answers becomes proposed cases.

A correction is a claim, never an instruction: a case made of it is proposed until a person accepts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evaluation.cases.documents import Documents
from evaluation.cases.folding import fold
from evaluation.cases.importing.keeping import Candidate, Written, keep
from evaluation.cases.importing.matching import Matcher
from evaluation.cases.importing.quoting import quote_for
from evaluation.cases.importing.records import ImportReport, Refused, Support
from evaluation.cases.importing.run import UNMATCHED, report
from evaluation.records import Case, Evidence
from index.environment import Environment, open_release
from serving.evidence.sentences import without_citations
from serving.evidence.support import SupportChecker
from serving.journal.answers import AnswerJournal, FeedbackQuery
from serving.journal.problems import problem_id
from serving.journal.records import AnswerRecord, FeedbackRecord

FILE = "feedback"
# From this support on, a passage says what a correction claims.
_SUPPORTS = 0.5
_MOST = 8


class Opinion(msgspec.Struct, frozen=True):
    """A feedback with the answer it is about."""

    feedback: FeedbackRecord
    answer: AnswerRecord

    @property
    def abstained(self) -> bool:
        """Whether the answer said that the documents do not tell."""
        return self.answer.answer is not None and self.answer.answer.abstained

    @property
    def claim(self) -> tuple[str, bool]:
        """What it says the right answer is, and whether that is to abstain; ("", False) where it says neither."""
        if self.feedback.correction.strip():
            return self.feedback.correction.strip(), False
        if self.feedback.rating == "up":
            return ("", True) if self.abstained else (without_citations(_text(self.answer)), False)
        return "", False

    @property
    def problem(self) -> str:
        """Id of the problem, and of the case: equal for the same question of the same callers after the same turns."""
        answer = self.answer
        return problem_id(answer.collection, answer.question, answer.groups, answer.history)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a case is to be made of.

    Attributes:
        case_id: its id.
        answer: the answer in the journal that it is about.
        text: what is said to be right; "" where nobody says.
        must_abstain: whether the right answer is said to be that the documents do not tell.
        sources: sources or document ids that are said to hold it.
        feedback: id of the feedback that says so.
        corrected: whether somebody says what is right in other words than the answer.
        notes: sentences for whoever looks at the case.
        tags: its tags.
    """

    case_id: str
    answer: AnswerRecord
    text: str = ""
    must_abstain: bool = False
    sources: tuple[str, ...] = ()
    feedback: str
    corrected: bool = False
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def import_feedback(
    environment: Environment, journal: AnswerJournal, collection: str, since: str | None, tags: tuple[str, ...] = ()
) -> ImportReport:
    """Propose cases made of the feedback on a collection's answers. Imported again, nothing is added.

    Args:
        environment: the outside.
        journal: of answers and feedback.
        collection: the collection.
        since: ISO time; only feedback given then or later; None takes all.
        tags: tags that every case gets.

    Raises:
        UsageError: ``since`` is no time.
        SettingsError: a case file cannot be used.
        StorageError: the journal cannot be read.
    """
    environment.workspace.collection(collection)
    live = environment.releases(collection).live_id()
    documents = None if live is None else Documents(open_release(environment, collection, live))
    asked: dict[str, list[Opinion]] = {}
    refused: list[Refused] = []
    for record in reversed(journal.feedback(FeedbackQuery(collection=collection, since=since, limit=None))):
        answer = journal.find(record.answer_id)
        why = _unusable(record, answer)
        if answer is None or why:
            refused.append(Refused(f"feedback {record.id}", why))
        else:
            opinion = Opinion(record, answer)
            asked.setdefault(opinion.problem, []).append(opinion)
    candidates = [propose(opinions, documents, tags) for opinions in asked.values()]
    kept = keep(environment.workspace.root, FILE, candidates, Written(written_file(environment)))
    return report(collection, live or "", "feedback", kept, tuple(refused))


def written_file(environment: Environment) -> Path:
    """The file that remembers which cases were written by ragpress and how, so that a person's edit is never lost."""
    return environment.local / "cache" / "written-cases.json"


def propose(opinions: Sequence[Opinion], documents: Documents | None, tags: tuple[str, ...] = ()) -> Candidate:
    """A case made of all that was said of the same question; what was said last counts.

    Args:
        opinions: oldest first.
        documents: of the live release; None where none is live.
        tags: its tags.
    """
    last = max(enumerate(opinions), key=lambda numbered: (numbered[1].claim != ("", False), numbered[0]))[1]
    text, must_abstain = last.claim
    wanted = Wanted(
        case_id=last.problem,
        answer=last.answer,
        text=text,
        must_abstain=must_abstain,
        sources=last.feedback.expected_sources,
        feedback=last.feedback.id,
        corrected=bool(last.feedback.correction.strip()),
        notes=_notes(opinions, last),
        tags=tags,
    )
    return candidate_of(wanted, documents)


def candidate_of(wanted: Wanted, documents: Documents | None) -> Candidate:
    """A proposed case with the passages that support what is said to be right.

    Args:
        wanted: what it is made of.
        documents: of the live release; None where none is live.
    """
    matcher = Matcher(documents)
    expected = [_expected(source, wanted, documents, matcher) for source in wanted.sources]
    evidence = [item for item, _ in expected if item is not None]
    reason = "; ".join(why for _, why in expected if why)
    if not expected and not wanted.must_abstain:
        evidence = _told(wanted)
        known = evidence or not wanted.text
        reason = "" if known else "no passage of the answer supports it; name the source that does"
    answer = wanted.answer
    case = Case(
        id=wanted.case_id,
        question=answer.question,
        answer=wanted.text or None,
        must_abstain=wanted.must_abstain,
        evidence=tuple(dict.fromkeys(evidence)),
        principal=answer.groups,
        tags=wanted.tags,
        origin=f"feedback:{wanted.feedback}",
        history=answer.history,
        state="proposed",
        collection=answer.collection,
        note=" ".join((*wanted.notes, *((f"{UNMATCHED}{reason}.",) if reason else ()))),
    )
    return Candidate(case, reason)


def _unusable(record: FeedbackRecord, answer: AnswerRecord | None) -> str:
    """Why no case can be made of a feedback; "" where one can."""
    if answer is None:
        return f"the answer {record.answer_id} is no longer in the journal."
    if not answer.question.strip():
        return "the answer's question is not in the journal."
    if record.rating == "up" and answer.answer is None and not record.correction:
        return "the answer is not whole."
    if record.rating != "up" and not record.correction.strip() and not record.expected_sources:
        return "it says neither what is right nor where it stands: look at the answer, and write a case by hand."
    return ""


def _expected(
    source: str, wanted: Wanted, documents: Documents | None, matcher: Matcher
) -> tuple[Evidence | None, str]:
    """The passage of an expected source that supports the claim best, and what a person should know of it."""
    claim, question = wanted.text, wanted.answer.question
    named = None if documents is None else documents.named(source) or documents.by_id(source)
    if documents is None or named is None or not named.searchable:
        match = matcher.match(Support(source=source), question)
        return match.evidence, match.reason
    quote = quote_for(documents.text(named), claim or question)
    if claim and _support(claim, quote) < _SUPPORTS:
        return Evidence(named.source, quote), f"{named.source} hardly says this: see whether the quote holds the answer"
    return Evidence(named.source, quote), ""


def _told(wanted: Wanted) -> list[Evidence]:
    """What the answer cites; for a correction, the passages it had that support that."""
    answer = wanted.answer.answer
    if answer is None:
        return []
    if not wanted.corrected:
        return [Evidence(cited.source, cited.quote) for cited in answer.citations if any(map(str.isalnum, cited.quote))]
    claim = wanted.text
    if not claim:
        return []
    quotes = [(passage.source, quote_for(passage.text, claim)) for passage in answer.context[:_MOST]]
    scored = [(_support(claim, quote), Evidence(source, quote)) for source, quote in quotes if quote.strip()]
    best, evidence = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return [evidence] if evidence is not None and best >= _SUPPORTS else []


def _support(claim: str, quote: str) -> float:
    return SupportChecker(None).support([claim], [[quote]])[0]


def _notes(opinions: Sequence[Opinion], last: Opinion) -> tuple[str, ...]:
    others = [opinion for opinion in opinions if _contradicts(opinion, last)]
    against = ", ".join(f"feedback {opinion.feedback.id}" for opinion in others)
    said = users_said([opinion.feedback.comment for opinion in opinions])
    return (*((said,) if said else ()), *((f"Contradicted by {against}: see who is right.",) if against else ()))


def users_said(comments: Sequence[str]) -> str:
    """A sentence with the comments of users, each once; "" where there are none."""
    said = [f"“{' '.join(comment.split())}”" for comment in dict.fromkeys(map(str.strip, comments)) if comment]
    return f"Users said: {' '.join(said)}" if said else ""


def _contradicts(opinion: Opinion, last: Opinion) -> bool:
    """Whether an opinion calls something else right, or the very answer wrong that the last one calls right."""
    if opinion.claim != ("", False):
        return fold(opinion.claim[0]) != fold(last.claim[0]) or opinion.claim[1] != last.claim[1]
    same_answer = fold(_text(opinion.answer)) == fold(_text(last.answer))
    return opinion.feedback.rating == "down" and last.feedback.rating == "up" and same_answer


def _text(record: AnswerRecord) -> str:
    return record.text if record.answer is None else record.answer.answer
