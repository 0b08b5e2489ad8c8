"""Wiring: builds every object once from the settings. Only this module and the command line see all stages."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from ragpress.answer_settings import GeneratorSettings, RerankSettings, reconnected
from ragpress.errors import ReleaseError, SettingsError, StorageError
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, Workspace, load_workspace
from ragpress.storage import open_store
from ragpress.types import Embedder

if TYPE_CHECKING:
    from index.environment import EmbedderIdentity, Environment
    from index.health import Check
    from index.opened import OpenRelease
    from index.report import Progress
    from retrieval.langchain.retriever import RagpressRetriever
    from retrieval.search import Searcher
    from serving.chain import Answerer
    from serving.types import Generator

ShareGenerator: TypeAlias = "Callable[[GeneratorSettings, EmbedSettings, Callable[[], Generator]], Generator]"
"""Gives the generator of some settings and an embedder, made by the function where there is none yet."""


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
    )


def local_folder(workspace: Workspace) -> Path:
    """Local folder for scratch, checkouts and caches of the workspace's data directory."""
    if workspace.data.startswith("s3://"):
        return workspace.cache / "stores" / hexdigest(workspace.data)
    return Path(workspace.data)


def open_release(environment: Environment, collection: str, release: str | None) -> OpenRelease:
    """Open a release by id, or the live one.

    Raises:
        ReleaseError: there is none.
    """
    environment.workspace.collection(collection)
    releases = environment.releases(collection)
    manifest = releases.live() if release is None else releases.get(release)
    if manifest is None:
        raise ReleaseError(f"Nothing is live in {collection!r} yet. Publish a first release with: ragpress ingest")
    return environment.open(manifest)


def open_searcher(environment: Environment, release: OpenRelease) -> Searcher:
    """A searcher that embeds queries as the release's own chunks were embedded.

    Who may read what, and where a reranking server is, is what the settings say now. The searcher goes on answering
    from its release, also when that is no longer live or collected.

    Raises:
        SettingsError: an access rule or the reranker is set wrongly.
        NotFoundError: the release was collected before all of it was open.
        IntegrityError: a file of the release is damaged.
    """
    from retrieval.access import AccessRules  # noqa: PLC0415 - heavy
    from retrieval.rerank import load_reranker  # noqa: PLC0415 - heavy
    from retrieval.search import Searcher  # noqa: PLC0415 - heavy

    current = environment.workspace.collection(release.manifest.collection)
    answering = release.manifest.answering
    rerank = reconnected(RerankSettings() if answering is None else answering.rerank, current.rerank)
    release.load()
    return Searcher(
        release,
        lambda: environment.embedders.load(release.manifest.embed),
        rules=AccessRules(current.access),
        reranker=load_reranker(rerank),
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


def open_answers(environment: Environment, collection: str, release: str | None = None) -> Answerer:
    """What answers questions from a release, or from whichever is live now.

    The prompt, the passages' budget, the checks and the generator are what the release sealed; who may read what, and
    where a served model is, is what the settings say now.

    Raises:
        ReleaseError: there is no such release; or nothing is live.
        SettingsError: what answers is set wrongly.
        MissingDependencyError, ModelError: a package or a model that is set is not here.
        StorageError: a file of the release is damaged or gone.
    """
    opened, searcher = open_search(environment, collection, release)
    return open_answerer(environment, opened, searcher)


def answers_of_live(environment: Environment, collection: str, release: str | None = None) -> Callable[[], Answerer]:
    """What gives an answerer again and again: the same one until another release goes live.

    Args:
        environment: the outside; its settings stay what they are now.
        collection: the collection.
        release: stay with this release, whatever goes live.

    Raises:
        RagpressError: as :func:`open_answers` does; the function it gives raises so, too.
    """

    @lru_cache(maxsize=1)
    def opened(live: str | None) -> Answerer:
        return open_answers(environment, collection, live)

    def current() -> Answerer:
        return opened(release or environment.releases(collection).live_id())

    environment.workspace.collection(collection)
    current()
    return current


def open_answerer(
    environment: Environment, release: OpenRelease, searcher: Searcher, share: ShareGenerator | None = None
) -> Answerer:
    """What answers questions from a release that is open for searching.

    Args:
        environment: the outside.
        release: the release.
        searcher: searches it.
        share: gives a generator of equal settings where there is one, else the one that it is told how to make; None
            makes one for this answerer alone.

    Raises:
        SettingsError: what answers is set wrongly.
        MissingDependencyError, ModelError: a package or a model that is set is not here.
    """
    from index.answering import seal  # noqa: PLC0415 - heavy
    from serving.chain import Answerer, AnswerParts  # noqa: PLC0415 - heavy
    from serving.evidence.score import EvidenceScorer  # noqa: PLC0415 - heavy
    from serving.evidence.support import load_checker  # noqa: PLC0415 - heavy
    from serving.generate import load_generator  # noqa: PLC0415 - heavy

    workspace, manifest = environment.workspace, release.manifest
    current = workspace.collection(manifest.collection)
    answering = manifest.answering or seal(workspace.root, manifest.collection, current)
    embedder = environment.embedders.load(manifest.embed)
    settings = reconnected(answering.generator, current.generator)

    def make() -> Generator:
        return load_generator(settings, embedder=lambda: embedder, cache=workspace.cache)

    generator = share(settings, manifest.embed, make) if share else make()
    return Answerer(
        AnswerParts(
            source=searcher,
            scorer=EvidenceScorer(embedder),
            generator=generator,
            checker=load_checker(answering.answer.checker, embedder),
            prompt=answering.prompt,
            answer=answering.answer,
            context=answering.context,
        )
    )


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


def generator_checks(environment: Environment) -> list[Check]:
    """Which generator would answer in each collection, and why; a served one is asked whether it is there."""
    from index.health import Check  # noqa: PLC0415 - heavy
    from serving.generate import describe_generator  # noqa: PLC0415 - heavy

    checks = []
    for name in environment.workspace.collections:
        report = describe_generator(generator_settings(environment, name))
        found = f"{report.kind} {report.model}".rstrip() + f": {report.why}"
        checks.append(Check(f"generator of {name}", ok=report.ready, found=found, mend=report.advice))
    return checks


def access_checks(environment: Environment) -> list[Check]:
    """Whether every access rule decides about some document of the live release: one that does not protects nothing."""
    from index.health import Check  # noqa: PLC0415 - heavy

    checks = []
    for name, settings in environment.workspace.collections.items():
        if not settings.access.rules:
            continue
        try:
            idle = _idle_rules(environment, name)
        except SettingsError as error:
            found, mend = "they cannot be read, so nothing is found for anybody", str(error)
            checks.append(Check(f"access rules of {name}", ok=False, found=found, mend=mend))
            continue
        except (ReleaseError, StorageError):  # the doctor names what is wrong with it
            continue
        found = f"no document is decided by {', '.join(map(repr, idle))}" if idle else "each decides about documents"
        mend = "A source begins with the name of its folder; see: ragpress documents list. Correct or remove the rule."
        checks.append(Check(f"access rules of {name}", ok=not idle, found=found, mend=mend if idle else ""))
    return checks


def check_answering(environment: Environment, collection: str) -> None:
    """See that whoever asks a release which is built now would get an answer: loads no model and asks no server.

    Raises:
        SettingsError: an access rule, the reranker, the checker or the generator is set wrongly.
        MissingDependencyError: a package that is set is not here.
    """
    from retrieval.access import AccessRules  # noqa: PLC0415 - heavy
    from retrieval.rerank import load_reranker  # noqa: PLC0415 - heavy
    from serving.evidence.support import load_checker  # noqa: PLC0415 - heavy
    from serving.generate.kinds import EXTRACTIVE, OPENAI, TRANSFORMERS, chosen_kind, generator_plugin  # noqa: PLC0415

    settings = environment.workspace.collection(collection)
    AccessRules(settings.access)
    load_reranker(settings.rerank)
    if not settings.answer.checker.startswith("nli:"):  # that would load its model
        load_checker(settings.answer.checker, None)
    kind = chosen_kind(settings.generator)
    if kind not in {EXTRACTIVE, OPENAI, TRANSFORMERS}:
        generator_plugin(kind)


def generator_settings(environment: Environment, collection: str) -> GeneratorSettings:
    """What answers in a collection: as its live release sealed it, reached as the settings say now."""
    current = environment.workspace.collection(collection).generator
    try:
        live = environment.releases(collection).live()
    except (ReleaseError, StorageError):  # the doctor names what is wrong with it
        return current
    return current if live is None or live.answering is None else reconnected(live.answering.generator, current)


def _idle_rules(environment: Environment, collection: str) -> list[str]:
    from retrieval.access import AccessRules  # noqa: PLC0415 - heavy

    settings = environment.workspace.collection(collection).access
    rules = AccessRules(settings)
    live = environment.releases(collection).live()
    if live is None:
        return []
    deciding = set(rules.governing(environment.open(live).documents["source"].to_pylist()).tolist())
    return [pattern for number, pattern in enumerate(settings.rules, 1) if number not in deciding]


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
