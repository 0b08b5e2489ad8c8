"""Wiring: builds the environment that all stages work in, once, from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, Workspace, load_workspace
from ragpress.storage import open_store
from ragpress.types import Embedder

if TYPE_CHECKING:
    from index.environment import EmbedderIdentity, Environment
    from index.judging import Judgement
    from index.opened import OpenRelease
    from index.report import Progress
    from retrieval.langchain.retriever import RagpressRetriever


def open_environment(start: Path, progress: Progress | None = None, workers: int = 0) -> Environment:
    """The environment of the workspace at or above a folder.

    Args:
        start: where to look for ``ragpress.toml``.
        progress: hears how runs go on; nobody when None.
        workers: number of parser processes instead of the set one; 0 leaves it.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    from index.environment import EmbedderSource, Environment  # noqa: PLC0415 - heavy
    from index.report import Silent  # noqa: PLC0415 - heavy

    workspace = _with_workers(load_workspace(start), workers)
    load = _loader(workspace.cache)
    return Environment(
        workspace=workspace,
        store=open_store(workspace.data, workspace.cache),
        local=local_folder(workspace),
        now=lambda: datetime.now(UTC),
        embedders=EmbedderSource(load=load, identify=_identifier(load)),
        progress=progress or Silent(),
        judge=_judge,
    )


def local_folder(workspace: Workspace) -> Path:
    """Local folder for scratch, checkouts and caches of the workspace's data directory."""
    if workspace.data.startswith("s3://"):
        return workspace.cache / "stores" / hexdigest(workspace.data)
    return Path(workspace.data)


def open_retriever(
    start: str | os.PathLike[str], *, collection: str = "default", release: str | None = None, **fields: Any
) -> RagpressRetriever:
    """A LangChain retriever over a collection of the workspace at or above a folder.

    It follows the live release: a publish is seen by the next question. One that is pinned stays with its release.
    A caller is nobody in particular unless ``groups`` or ``unrestricted`` say otherwise, and finds only what everyone
    may read.

    Args:
        start: where to look for ``ragpress.toml``.
        collection: which collection.
        release: id of a release, or a prefix of it that names only one, to stay with; None follows the live one.
        fields: further fields: ``k``, ``groups``, ``unrestricted``, ``where``, ``tags``, ``metadata``.

    Raises:
        SettingsError: there is no workspace, or it has no such collection.
        ReleaseError: there is no such release; or nothing is live.
    """
    from retrieval.langchain.retriever import RagpressRetriever  # noqa: PLC0415 - heavy
    from retrieval.live import LiveSearch, OpenSearch  # noqa: PLC0415 - heavy
    from retrieval.opening import open_search  # noqa: PLC0415 - heavy

    environment = open_environment(Path(start))

    def open_it() -> OpenSearch:
        opened, searcher = open_search(environment, collection, release)
        return OpenSearch(opened.manifest.id, searcher)

    if release is not None:
        pinned = open_it()
        return RagpressRetriever(searches=lambda: pinned, collection=collection, release=pinned.release, **fields)
    live = LiveSearch(environment.releases(collection).live_id, open_it)
    live()
    return RagpressRetriever(searches=live, collection=collection, **fields)


def _judge(environment: Environment, candidate: OpenRelease, live: OpenRelease | None) -> Judgement | None:
    from evaluation.judge import judge_candidate  # noqa: PLC0415 - heavy

    return judge_candidate(environment, candidate, live)


def _with_workers(workspace: Workspace, workers: int) -> Workspace:
    if not workers:
        return workspace
    replace = msgspec.structs.replace
    collections = {
        name: replace(settings, workers=replace(settings.workers, processes=workers))
        for name, settings in workspace.collections.items()
    }
    return replace(workspace, collections=collections)


def _loader(cache: Path) -> Callable[[EmbedSettings], Embedder]:
    @lru_cache(maxsize=4)
    def load(settings: EmbedSettings) -> Embedder:
        from ingest.embed import load_embedder  # noqa: PLC0415 - heavy

        return load_embedder(settings, cache)

    return load


def _identifier(load: Callable[[EmbedSettings], Embedder]) -> Callable[[EmbedSettings], EmbedderIdentity]:
    @lru_cache(maxsize=4)
    def identify(settings: EmbedSettings) -> EmbedderIdentity:
        from index.environment import EmbedderIdentity  # noqa: PLC0415 - heavy

        embedder = load(settings)
        return EmbedderIdentity(embedder.fingerprint, embedder.tokens.fingerprint, embedder.passage_limit)

    return identify
