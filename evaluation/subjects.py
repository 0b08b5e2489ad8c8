"""What is evaluated: a release that is open for answering, under the name that reports give it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from evaluation.records import SubjectInfo
from evaluation.running.metering import MeteredEmbedder
from evaluation.running.reranking import RememberedReranker
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest
from ingest.memo import VectorMemo
from retrieval.opening import open_searcher
from retrieval.search import Searcher
from serving.chain import Answerer
from serving.opening import open_answerer


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A release that is open for answering.

    Attributes:
        info: what reports say of it.
        release: the open release.
        searcher: searches it.
        answerer: answers from it.
        embedder: the one that made its vectors; it counts what it computes and keeps the vectors of questions.
        environment: the outside it was opened in, whose settings say how servers are reached and who may read what.
    """

    info: SubjectInfo
    release: OpenRelease
    searcher: Searcher
    answerer: Answerer
    embedder: MeteredEmbedder
    environment: Environment

    @property
    def manifest(self) -> Manifest:
        """The release's manifest."""
        return self.release.manifest


def open_subject(environment: Environment, release: OpenRelease, label: str, trial: bool = False) -> Subject:
    """Open a release for evaluation, as the service would open it.

    Args:
        environment: the outside.
        release: the release; it need not be saved.
        label: what reports call it.
        trial: whether it exists only for this evaluation.

    Raises:
        RagpressError: as :func:`serving.opening.open_answers` does.
    """
    embedder = _metered(environment, release)
    metered = replace(environment, embedders=replace(environment.embedders, load=lambda _: embedder))
    searcher = open_searcher(metered, release, RememberedReranker)
    answerer = open_answerer(metered, release, searcher)
    return Subject(
        info=_info(release.manifest, answerer, label, trial),
        release=release,
        searcher=searcher,
        answerer=answerer,
        embedder=embedder,
        environment=environment,
    )


def _metered(environment: Environment, release: OpenRelease) -> MeteredEmbedder:
    embedder = environment.embedders.load(release.manifest.embed)
    return MeteredEmbedder(embedder, VectorMemo(environment.store, embedder.fingerprint, embedder.dimension))


def _info(manifest: Manifest, answerer: Answerer, label: str, trial: bool) -> SubjectInfo:
    generator, prompt = answerer.parts.generator.name, answerer.parts.prompt
    return SubjectInfo(
        label=label,
        release=manifest.id,
        trial=trial,
        prompt=f"{prompt.name}@{prompt.fingerprint}",
        generator=f"{generator.kind} {generator.model}".strip(),
        content=manifest.content,
        documents=manifest.counts.documents,
        chunks=manifest.counts.chunks,
        created=manifest.created,
    )
