"""Opens releases for answering."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from index.answering import seal
from index.environment import Environment
from index.opened import OpenRelease
from ragpress.answer_settings import GeneratorSettings, reconnected
from ragpress.settings import EmbedSettings
from retrieval.opening import open_search
from retrieval.search import Searcher
from serving.chain import Answerer, AnswerParts
from serving.evidence.score import EvidenceScorer
from serving.evidence.support import load_checker
from serving.generate import load_generator
from serving.types import Generator

ShareGenerator: TypeAlias = Callable[[GeneratorSettings, EmbedSettings, Callable[[], Generator]], Generator]
"""Gives the generator of some settings and an embedder, made by the function where there is none yet."""


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
