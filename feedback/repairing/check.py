"""Is an answer right for a bad case? By what is known of the right answer, and never by a correction's words alone.

Whatever is known, an answer must be supported by what it cites, and must not rest on a document that is at fault.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evaluation.metrics.answers import PASS, AnswerFacts
from evaluation.metrics.correctness import correctness, word_features
from evaluation.metrics.overlap import answer_tokens, holds_tokens, token_f1
from evaluation.metrics.steady import steady
from evaluation.records import Case
from feedback.records import BadCase
from feedback.repairing.words import language_of, listed, say, short
from feedback.workbench import Workbench
from index.findings import Cause, Finding
from index.repairs.records import Quarantine, Reparse, Restore, Supersede, source_of
from ragpress.types import Embedder
from serving.evidence.sentences import without_citations
from serving.types import Answer, Citation, SentenceCheck

WRONG_CONTENT = frozenset({Cause.STALE_DOCUMENT, Cause.CONFLICTING_DOCUMENTS, Cause.POISONED_DOCUMENT})
"""Causes whose documents at fault say something wrong; those of other causes may well hold the right answer."""
_SAME_SAID = 0.6
_HALF = 0.5


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the right answer of a bad case.

    Attributes:
        references: answers that are right; empty where none is known.
        abstain: whether the right answer is that the documents do not tell.
        sources: sources or document ids of which one must be cited; empty where none is named.
        bare: whether nobody said anything of what is right.
    """

    references: tuple[str, ...] = ()
    abstain: bool = False
    sources: tuple[str, ...] = ()
    bare: bool = False


def known_of(bad: BadCase, finding: Finding) -> Known:
    """What is known of the right answer: by the finding, by an accepted case, else by what was claimed."""
    case, claim = _accepted(bad), bad.claim
    references = [finding.expected, *(case.references if case else ())]
    if not any(references):
        references = [claim.answer]
    texts = tuple(dict.fromkeys(text for text in references if text.strip()))
    abstain = case.must_abstain if case else claim.abstain and not texts
    evidence = tuple(dict.fromkeys(item.source for item in case.evidence)) if case else ()
    said = claim.says_something or case is not None
    return Known(references=() if abstain else texts, abstain=abstain, sources=evidence or claim.sources, bare=not said)


def is_right(bench: Workbench, bad: BadCase, finding: Finding, answer: Answer) -> tuple[bool, str]:
    """Whether an answer is right for a bad case, and why (not), in words.

    - Where the right answer is to abstain: it abstains.
    - Where a right answer is known: it says it (``answer_correctness``), its citations support that, and it says
      nothing that contradicts it.
    - Where only sources are known: it cites one of them, which supports it.
    - Where nothing is known but that it was bad: it changed and is supported, and either rests no longer on what is at
      fault or rests on what the repairs brought back.

    Args:
        bench: for the embedder of the live release.
        bad: the bad case.
        finding: what was found of it.
        answer: the answer, with its passages and the check of its sentences.
    """
    language, known = language_of(bench), known_of(bad, finding)
    if known.abstain:
        return answer.abstained, say(language, "abstains" if answer.abstained else "should_abstain")
    wrong = _unsupported(answer, finding) or _differs(bench, bad, known, answer)
    if not wrong and not known.references and not known.sources:
        wrong = "" if _rests_on_the_repair(answer, finding) else "unknown"
    key = wrong or ("right" if known.references else "cites" if known.sources else "unblamed")
    expected = short(known.references[0]) if known.references else ""
    sources = listed(language, known.sources if key == "no_source" else cited_sources(answer))
    said = say(language, key, expected=expected, sources=sources, source=_blamed(answer, finding))
    return not wrong, said


def _rests_on_the_repair(answer: Answer, finding: Finding) -> bool:
    """Where nobody said what is right: whether wrong content is out, or what the repairs brought back is cited."""
    if finding.cause in WRONG_CONTENT and finding.documents:
        return True
    brought = {repair.source for repair in finding.repairs if isinstance(repair, Restore | Reparse)}
    return any(citation.source in brought for citation in answer.citations)


def _unsupported(answer: Answer, finding: Finding) -> str:
    """What keeps an answer from being right whatever is known; "" where nothing does."""
    if answer.abstained:
        return "abstained"
    if _blamed(answer, finding):
        return "blamed"
    held = any(check.supported and check.citations for check in answer.sentences if check.support is not None)
    return "" if held else "unsupported"


def _differs(bench: Workbench, bad: BadCase, known: Known, answer: Answer) -> str:
    """What keeps a supported answer from being right by what is known; "" where nothing does."""
    if known.bare and not changed(bad.wrong, answer.answer):
        return "same"
    if known.references:
        return _against(bench, known.references, answer, bad.wrong)
    return "no_source" if known.sources and not _cites(answer, known.sources) else ""


def changed(before: str, after: str) -> bool:
    """Whether two answers differ in more than marks, white space and case."""
    return answer_tokens(without_citations(before)) != answer_tokens(without_citations(after))


def cited_sources(answer: Answer) -> tuple[str, ...]:
    """Source paths that an answer cites, in the order of their numbers."""
    return tuple(dict.fromkeys(citation.source for citation in answer.citations))


def _accepted(bad: BadCase) -> Case | None:
    return bad.case if bad.case is not None and bad.case.state == "accepted" else None


def _blamed(answer: Answer, finding: Finding) -> str:
    """A cited source whose content is at fault; "" where none is cited."""
    taken_out = {source_of(repair) for repair in finding.repairs if isinstance(repair, Quarantine | Supersede)}
    mended = {source_of(repair) for repair in finding.repairs} - taken_out
    wrong = {document.source for document in finding.documents} if finding.cause in WRONG_CONTENT else set()
    at_fault = (wrong - mended) | taken_out
    return next((citation.source for citation in answer.citations if citation.source in at_fault), "")


def _cites(answer: Answer, sources: Sequence[str]) -> bool:
    return any(_is_one_of(citation, sources) for citation in answer.citations)


def _is_one_of(citation: Citation, sources: Sequence[str]) -> bool:
    held = (citation.source, citation.document_id, *citation.copies)
    return any(name in held or citation.source.endswith("/" + name) for name in sources)


def _against(bench: Workbench, references: Sequence[str], answer: Answer, wrong: str) -> str:
    """What is wrong with an answer whose right text is known; "" where nothing is."""
    claims = [check for check in answer.sentences if check.support is not None]
    text = AnswerFacts.of(answer).plain
    # Word for word what is right, where the bad answer does not hold it: the two tell themselves apart.
    new = bool(wrong) and any(holds_tokens(text, one) and not holds_tokens(wrong, one) for one in references)
    if not new and not says(bench, answer.question, text, references):
        return "differs"
    nearest = max(claims, key=lambda check: _nearness(_text(answer, check), references))
    if not nearest.supported or not nearest.citations:
        return "nearest_unsupported"
    others = (_text(answer, check) for check in claims if check is not nearest)
    if any(contradicts(answer.question, other, _text(answer, nearest)) for other in others):
        return "contradicts"
    return ""


def says(bench: Workbench, question: str, text: str, references: Sequence[str]) -> bool:
    """Whether a text says what one of the references says, as ``answer_correctness`` has it."""
    return correctness(question, text, references, steady(_embedder(bench))) >= PASS


def contradicts(question: str, text: str, other: str) -> bool:
    """Whether two sentences say the same of the same, but for their numbers or a negation."""
    found = word_features(question, text, other)
    if found["across"] or found["f1"] < _SAME_SAID:
        return False
    numbers = found["numbers_missing"] >= _HALF and found["numbers_other"] >= _HALF
    return bool(numbers or found["negation"] >= _HALF)


def _nearness(text: str, references: Sequence[str]) -> tuple[bool, float]:
    return any(holds_tokens(text, reference) for reference in references), token_f1(text, references)


def _text(answer: Answer, check: SentenceCheck) -> str:
    return without_citations(answer.answer[check.start : check.end])


def _embedder(bench: Workbench) -> Embedder:
    live = bench.live()
    if live is None:
        settings = bench.environment.workspace.collection(bench.collection).embed
        return bench.environment.embedders.load(settings)
    return live.embedder
