"""Makes an answer again on the release that made it, and says what differs and why, as far as it can be told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from evaluation.cases.folding import fold
from evaluation.subjects import Subject
from feedback.diagnose.access import readable
from feedback.records import BadCase, Replayed
from feedback.workbench import Workbench, question_of
from ragpress.errors import ReleaseError, StorageError
from retrieval.context import Passage
from serving.types import Answer, Question

_EXTRACTIVE = "extractive"
_NOTHING = "none"


def replay(bench: Workbench, bad: BadCase) -> Replayed | None:
    """Make an answer again: on its release, with its own id, so that its prompt is the same to the character.

    Args:
        bench: releases.
        bad: the bad case.

    Returns:
        The answer as it is now, and what differs; None where no release is named, or it is gone (see
        :func:`why_not`).

    Raises:
        RagpressError: it cannot be answered, as where a served model is down.
    """
    if why_not(bench, bad):
        return None
    subject = bench.subject(bad.release)
    answer = bench.ask(subject, asked_again(bench, bad))
    before = bad.answer
    same_passages = before is not None and _places(before.context) == _places(answer.context)
    same_text = fold(bad.wrong) == fold(answer.answer)
    return Replayed(
        release=bad.release,
        answer=answer,
        same_passages=same_passages,
        same_text=same_text,
        differs="" if same_passages and same_text else _differs(bench, bad, subject, answer),
    )


def asked_again(bench: Workbench, bad: BadCase) -> Question:
    """The question with the filter and the number of hits that its caller gave, where the journal knows the answer."""
    record = bench.journal.find(bad.answer_id) if bad.answer_id else None
    asked = question_of(bad)
    return asked if record is None else replace(asked, where=record.where, k=record.k)


def why_not(bench: Workbench, bad: BadCase) -> str:
    """Why an answer cannot be made again; "" where it can."""
    if not bad.release:
        return "no release is known that answered it"
    try:
        bench.subject(bad.release)
    except (ReleaseError, StorageError):
        return f"release {bad.release} is gone: `ragpress releases gc` has removed it"
    return ""


def _places(passages: Sequence[Passage]) -> list[tuple[str, int, int]]:
    return [(passage.chunk_id, passage.text_start, passage.text_end) for passage in passages]


def _differs(bench: Workbench, bad: BadCase, subject: Subject, answer: Answer) -> str:
    before = bad.answer
    if before is None:
        return "the answer's passages are not in the journal, so only its text could be compared"
    parts = [_standalone(before, answer), _passages(bench, bad, answer), _made_otherwise(before, answer)]
    if fold(bad.wrong) != fold(answer.answer):
        parts.append(f"the text differs{_why_text(subject, before, answer)}")
    return "; ".join(part for part in parts if part)


def _standalone(before: Answer, after: Answer) -> str:
    if before.standalone == after.standalone:
        return ""
    return f"another question was searched for: “{after.standalone}”, then “{before.standalone}”"


def _passages(bench: Workbench, bad: BadCase, after: Answer) -> str:
    before = () if bad.answer is None else bad.answer.context
    if _places(before) == _places(after.context):
        return ""
    now = {passage.source for passage in after.context}
    lost = list(dict.fromkeys(passage.source for passage in before if passage.source not in now))
    barred = [source for source, may in zip(lost, readable(bench, bad, lost), strict=True) if not may] if lost else []
    if barred:
        return f"the access rules have changed: this caller may no longer read {', '.join(barred)}"
    then = {passage.source for passage in before}
    found = [source for source in dict.fromkeys(passage.source for passage in after.context) if source not in then]
    changes = [f"no longer {', '.join(lost)}" if lost else "", f"now also {', '.join(found)}" if found else ""]
    what = ", ".join(change for change in changes if change) or "the same sources in another order or extent"
    return f"the passages differ ({what}): access rules, a reranking server or the embedder's runtime changed since"


def _made_otherwise(before: Answer, after: Answer) -> str:
    parts = []
    if before.prompt != after.prompt:
        parts.append(f"the prompt was {before.prompt} and is {after.prompt}")
    if before.generator != after.generator:
        was, now = before.generator, after.generator
        parts.append(f"{was.kind} {was.model} wrote it then, {now.kind} {now.model} now".replace("  ", " "))
    return "; ".join(parts)


def _why_text(subject: Subject, before: Answer, after: Answer) -> str:
    """Why the text of an answer differs though its prompt is the same; "" where something else tells already."""
    if _places(before.context) != _places(after.context) or before.prompt != after.prompt:
        return ""
    if {before.generator.kind, after.generator.kind} <= {_EXTRACTIVE, _NOTHING}:
        return ": settings that are read live, or the program itself, changed since"
    return f": {subject.answerer.parts.generator.name.model} is a served model, which does not answer the same twice"
