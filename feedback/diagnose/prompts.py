"""Whether a prompt version is at fault: the one before answers, and the same one fails other cases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
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
from serving.types import Answer, Question

_RECENT = 50
_MOST = 8


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
    for name, version, release in _versions(bench, earlier):
        if version.fingerprint in tried:
            continue
        tried.add(version.fingerprint)
        answer = under(bench, subject, question, {}, name)
        if answer is not None and judge.is_right(answer, expected):
            return Fault(
                kind="prompt",
                now=f"{own.name}@{own.fingerprint[:8]}",
                better=f"{version.name}@{version.fingerprint[:8]}",
                prompt=named(bench.environment.workspace.root, version),
                tried=True,
                unusual=not release,
                changed=bool(release),
                release=release,
            )
    return None


def other_prompt(bench: Workbench, subject: Subject, question: Question) -> Answer | None:
    """What the release answers under another prompt version of the workspace where its own abstains or says otherwise.

    Returns:
        The first answer that is no abstention and not the one under its own prompt; None where there is none.
    """
    own = subject.answerer.parts.prompt
    for name, version, _ in _versions(bench, ()):
        if version.fingerprint == own.fingerprint:
            continue
        answer = under(bench, subject, question, {}, name)
        if answer is not None and not answer.abstained:
            return answer
    return None


def _versions(bench: Workbench, earlier: Sequence[Manifest]) -> Iterator[tuple[str, PromptVersion, str]]:
    """Name to ask for, version, and the release that had it: those of earlier releases first."""
    for manifest in earlier:
        if manifest.answering is not None:
            yield manifest.id, manifest.answering.prompt, manifest.id
    root = bench.environment.workspace.root
    for name in prompt_names(root)[:_MOST]:
        with contextlib.suppress(SettingsError):
            yield name, load_prompt(root, name), ""


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
