"""Whether a prompt version is at fault: the one before answers, and the same one fails other cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge
from feedback.diagnose.observation import Expected, Fault
from feedback.diagnose.whatif import under
from feedback.workbench import Workbench
from index.release import Manifest
from ragpress.errors import SettingsError
from ragpress.prompts import PromptVersion, load_prompt, prompt_names
from serving.journal.answers import AnswerQuery
from serving.types import Question

_RECENT = 50


def prompt_fault(
    bench: Workbench, subject: Subject, question: Question, expected: Expected, earlier: Sequence[Manifest]
) -> Fault | None:
    """The prompt of an earlier release that answers where the release's own does not; None where there is none.

    Args:
        bench: the collection.
        subject: the release.
        question: as its caller asked it.
        expected: what is right.
        earlier: releases before it, newest first.
    """
    own = subject.answerer.parts.prompt
    judge, tried = Judge(question.text, subject), {own.fingerprint}
    for manifest in earlier:
        before = None if manifest.answering is None else manifest.answering.prompt
        if before is None or before.fingerprint in tried:
            continue
        tried.add(before.fingerprint)
        answer = under(bench, subject, question, {}, manifest.id)
        if answer is not None and judge.is_right(answer, expected):
            name = named(bench.environment.workspace.root, before)
            return Fault(
                kind="prompt",
                now=f"{own.name}@{own.fingerprint[:8]}",
                better=f"{before.name}@{before.fingerprint[:8]}",
                prompt=name,
                tried=True,
                changed=True,
                release=manifest.id,
            )
    return None


def named(workspace: Path, wanted: PromptVersion) -> str:
    """Name of the workspace's prompt version with this very text; "" where there is none any more."""
    for name in prompt_names(workspace):
        try:
            if load_prompt(workspace, name).fingerprint == wanted.fingerprint:
                return name
        except SettingsError:
            continue
    return ""


def failing(bench: Workbench, prompt: str, question: str) -> int:
    """How many other questions of late got a thumbs-down from a prompt version.

    Args:
        bench: the collection.
        prompt: name and fingerprint, as answers name it.
        question: the question that does not count.
    """
    answers = bench.journal.answers(AnswerQuery(collection=bench.collection, rating="down", limit=_RECENT))
    return len(
        {
            record.question
            for record in answers
            if record.answer is not None and record.answer.prompt == prompt and record.question != question
        }
    )
