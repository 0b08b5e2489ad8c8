"""Builds the tools of ``ragpress mcp``: they follow the live release and the settings file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from index.environment import Environment
from retrieval.live import LiveSearch, OpenSearch
from retrieval.opening import open_search
from serving.callers import LOCAL, Caller, Role
from serving.context_protocol.tools import DocumentTools, Reach
from serving.documents.library import Library
from serving.journal.answers import AnswerJournal
from serving.release_opening import ReleaseOpening

if TYPE_CHECKING:
    from retrieval.access import Principal

_AGENT = "mcp"
"""Stands for a key where an agent asks; no key has this id."""


def document_tools(environment: Environment, collection: str, caller: Principal) -> DocumentTools:
    """The tools over one collection of a workspace.

    A change of the settings file, of its access rules for example, counts from the next call on; one that cannot be
    read changes nothing.

    Args:
        environment: the workspace.
        collection: what they search and read.
        caller: whose rights they have.

    Raises:
        SettingsError: there is no such collection.
    """
    environment.workspace.collection(collection)
    return DocumentTools(_Following(environment, collection), collection, _agent(caller))


def _agent(principal: Principal) -> Caller:
    """An agent with the rights of some groups. It owns no answer: those without a key are the operator's."""
    if principal.unrestricted:
        return LOCAL
    return Caller(key=_AGENT, owner=_AGENT, roles=frozenset({Role.ASK}), principal=principal)


class _Following:
    """Gives what the tools reach now; built anew when the settings have changed."""

    def __init__(self, environment: Environment, collection: str) -> None:
        self._opening = ReleaseOpening(environment)
        self._collection = collection
        self._lock = threading.Lock()
        self._reach = self._built(environment)

    def __call__(self) -> Reach:
        with self._lock:
            self._opening.refresh()
            if self._opening.environment is not self._reach.environment:
                self._reach = self._built(self._opening.environment)
            return self._reach

    def _built(self, environment: Environment) -> Reach:
        collection = self._collection

        def open_live() -> OpenSearch:
            opened, searcher = open_search(environment, collection, None)
            return OpenSearch(opened.manifest.id, searcher)

        return Reach(
            environment=environment,
            library=Library(environment),
            searches=LiveSearch(environment.releases(collection).live_id, open_live),
            journal=AnswerJournal(environment, environment.workspace.service.journal),
        )
