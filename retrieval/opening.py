"""Opens releases for searching."""

from __future__ import annotations

from collections.abc import Callable

from index.environment import Environment, open_release
from index.opened import OpenRelease
from ragpress.answer_settings import RerankSettings, reconnected
from ragpress.errors import StorageError
from retrieval.access import AccessRules
from retrieval.rerank import Reranker, load_reranker
from retrieval.search import Searcher


def open_searcher(
    environment: Environment, release: OpenRelease, wrap: Callable[[Reranker], Reranker] | None = None
) -> Searcher:
    """A searcher that embeds queries as the release's own chunks were embedded.

    Who may read what, and where a reranking server is, is what the settings say now. The searcher goes on answering
    from its release, also when that is no longer live or collected.

    Args:
        environment: the outside.
        release: the release.
        wrap: puts something around its reranker, where it has one.

    Raises:
        SettingsError: an access rule or the reranker is set wrongly.
        NotFoundError: the release was collected before all of it was open.
        IntegrityError: a file of the release is damaged.
    """

    current = environment.workspace.collection(release.manifest.collection)
    answering = release.manifest.answering
    rerank = reconnected(RerankSettings() if answering is None else answering.rerank, current.rerank)
    reranker = load_reranker(rerank)
    release.load()
    return Searcher(
        release,
        lambda: environment.embedders.load(release.manifest.embed),
        rules=AccessRules(current.access),
        reranker=wrap(reranker) if wrap and reranker else reranker,
    )


def open_search(environment: Environment, collection: str, release: str | None) -> tuple[OpenRelease, Searcher]:
    """A release, or whichever is live, open for searching.

    Raises:
        ReleaseError: there is none.
        StorageError: a file of the release is damaged or gone.
    """
    while True:
        opened = open_release(environment, collection, release)
        try:
            return opened, open_searcher(environment, opened)
        except StorageError:
            # It may have been replaced and collected while it was being opened: then the next one is live.
            if release is not None or environment.releases(collection).live_id() == opened.manifest.id:
                raise
