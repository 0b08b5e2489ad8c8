"""What the commands of this stage share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.commands.shared import environment_of

if TYPE_CHECKING:
    from feedback.workbench import Workbench
    from ragpress.console import RunProgress


def bench_of(collection: str, progress: RunProgress | None = None) -> Workbench:
    """The workbench of a collection of the workspace; its journal is for whoever asks to close.

    Raises:
        SettingsError: there is no workspace or no such collection, or its settings are wrong.
    """
    from feedback.workbench import Workbench  # noqa: PLC0415
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415

    environment = environment_of(progress)
    environment.workspace.collection(collection)
    return Workbench(environment, collection, AnswerJournal(environment, environment.workspace.service.journal))
