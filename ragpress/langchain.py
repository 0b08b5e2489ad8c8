"""For LangChain: a retriever over a workspace, and the adapters between LangChain's parts and ragpress's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from ingest.langchain.embeddings import LangChainEmbedder, RagpressEmbeddings
from ingest.langchain.loaders import LoaderParser
from ingest.langchain.splitters import SplitterChunker
from ragpress.wiring import open_environment, open_search
from retrieval.langchain.rerankers import CompressorReranker, CrossEncoderReranker
from retrieval.langchain.retriever import ReleaseRetriever
from retrieval.live import LiveSearch, OpenSearch

__all__ = [
    "CompressorReranker",
    "CrossEncoderReranker",
    "LangChainEmbedder",
    "LoaderParser",
    "RagpressEmbeddings",
    "RagpressRetriever",
    "SplitterChunker",
]


class RagpressRetriever(ReleaseRetriever):
    """Finds chunks of a workspace's collection as LangChain Documents: ``RagpressRetriever.from_workspace("docs")``.

    Attributes:
        collection: name of the collection, for those who read traces; "" when it was made otherwise.
        release: id of the release it is pinned to; None when it follows the live one.
    """

    collection: str = ""
    release: str | None = None

    @classmethod
    def from_workspace(
        cls, path: str | os.PathLike[str], *, collection: str = "default", release: str | None = None, **fields: Any
    ) -> Self:
        """A retriever over a collection of the workspace at or above a folder.

        It follows the live release: a publish is seen by the next question. One that is pinned stays with its release.
        A caller is nobody in particular unless ``groups`` or ``unrestricted`` say otherwise, and finds only what
        everyone may read.

        Args:
            path: where to look for ``ragpress.toml``.
            collection: which collection.
            release: id of a release, or a prefix of it that names only one, to stay with; None follows the live one.
            fields: further fields: ``k``, ``groups``, ``unrestricted``, ``where``, ``tags``, ``metadata``.

        Raises:
            SettingsError: there is no workspace, or it has no such collection.
            ReleaseError: there is no such release; or nothing is live.
        """
        environment = open_environment(Path(path))

        def open_it() -> OpenSearch:
            opened, searcher = open_search(environment, collection, release)
            return OpenSearch(opened.manifest.id, searcher)

        if release is not None:
            pinned = open_it()
            return cls(searches=lambda: pinned, collection=collection, release=pinned.release, **fields)
        live = LiveSearch(environment.releases(collection).live_id, open_it)
        live()
        return cls(searches=live, collection=collection, **fields)
