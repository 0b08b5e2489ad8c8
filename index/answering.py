"""What a release seals of how answers are made: the prompt's whole text and the settings beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from index.repairs import files as repairs
from index.repairs.records import Repair
from ragpress.answer_settings import AnswerSettings, ContextSettings, GeneratorSettings, RerankSettings, sealable
from ragpress.prompts import PromptVersion, load_prompt
from ragpress.settings import CollectionSettings


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are made from what was retrieved.

    Attributes:
        prompt: the prompt version, its text included.
        rerank: the second look at candidates; without what only says how to reach a server.
        context: which passages are read.
        answer: how the answer is checked.
        generator: what writes it; without what only says how to reach a server.
    """

    prompt: PromptVersion
    rerank: RerankSettings = RerankSettings()
    context: ContextSettings = ContextSettings()
    answer: AnswerSettings = AnswerSettings()
    generator: GeneratorSettings = GeneratorSettings()


def seal(
    workspace: Path, collection: str, settings: CollectionSettings, in_force: Sequence[Repair] | None = None
) -> Answering:
    """What a release that is built now would seal: the settings, with the prompt version that was published last.

    Args:
        workspace: its folder.
        collection: the collection.
        settings: the collection's, with the changes that repairs make.
        in_force: the repairs that hold; None takes those in the workspace.

    Raises:
        SettingsError: the prompt version does not exist or is wrong.
    """
    choice = repairs.chosen_prompt(workspace, collection) if in_force is None else repairs.prompt_of(in_force)
    name = settings.answer.prompt if choice is None else choice.prompt
    return Answering(
        prompt=load_prompt(workspace, name),
        rerank=sealable(settings.rerank),
        context=settings.context,
        answer=msgspec.structs.replace(settings.answer, prompt=name),
        generator=sealable(settings.generator),
    )
