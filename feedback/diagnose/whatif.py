"""What the answer would be with a document left out, with other settings, for another caller: asked without a build."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from evaluation.comparing.candidates import open_trial
from evaluation.comparing.changes import Change, changed
from evaluation.subjects import Subject, open_subject
from feedback.workbench import Workbench
from index.environment import Environment
from ragpress.answer_settings import EVERYONE, AccessSettings
from ragpress.errors import RagpressError
from ragpress.settings import CollectionSettings
from retrieval.access import OPERATOR, Principal
from serving.types import Answer, Question

_SPECIAL = frozenset("\\*?[]!# ")


def without(bench: Workbench, subject: Subject, question: Question, sources: tuple[str, ...]) -> Answer | None:
    """The answer of a release without some documents; None where it cannot be asked.

    They are kept out as documents are that a caller may not read: before anything is ranked.

    Args:
        bench: the collection.
        subject: the release.
        question: as its caller asked it.
        sources: source paths of the documents that are left out.
    """
    environment = subject.environment
    settings = environment.workspace.collection(bench.collection)
    shut: dict[str, tuple[str, ...]] = {_exactly(source): () for source in sources}
    if question.caller.unrestricted:
        access = AccessSettings(default=(EVERYONE,), rules=shut)
        question = msgspec.structs.replace(question, caller=Principal())
    else:
        access = msgspec.structs.replace(settings.access, rules={**settings.access.rules, **shut})
    tried = _with_settings(environment, bench.collection, msgspec.structs.replace(settings, access=access))
    with contextlib.suppress(RagpressError):
        return bench.ask(open_subject(tried, subject.release, "what if", trial=True), question)
    return None


def unrestricted(bench: Workbench, subject: Subject, question: Question) -> Answer | None:
    """The answer for a caller who may read everything; None where it cannot be asked."""
    with contextlib.suppress(RagpressError):
        return bench.ask(subject, msgspec.structs.replace(question, caller=OPERATOR))
    return None


def under(
    bench: Workbench, subject: Subject, question: Question, settings: dict[str, dict[str, Any]], prompt: str | None
) -> Answer | None:
    """The answer of a release under other sealed settings or another prompt; None where it cannot be asked.

    Args:
        bench: the collection.
        subject: the release.
        question: as its caller asked it.
        settings: sections that no chunk depends on.
        prompt: name of a prompt version or a release that has it; None leaves the prompt.
    """
    change = Change(settings=settings, prompt=prompt, texts=tuple(sorted(settings)))
    with contextlib.suppress(RagpressError):
        own = changed(subject.environment.workspace.collection(bench.collection), change)
        environment = _with_settings(subject.environment, bench.collection, own)
        return bench.ask(open_trial(environment, subject.release, change, "what if"), question)
    return None


def _with_settings(environment: Environment, collection: str, settings: CollectionSettings) -> Environment:
    collections = {**environment.workspace.collections, collection: settings}
    workspace = msgspec.structs.replace(environment.workspace, collections=collections)
    return msgspec.structs.replace(environment, workspace=workspace)


def _exactly(source: str) -> str:
    """The pattern of one source path alone."""
    return "/" + "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in source)
