"""Rerankers: a second look at the best candidates.

A reranker reads question and text together, which costs more and sees more than comparing two vectors. It may fail:
then the order so far stands, and the search says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from ragpress.answer_settings import RerankerKind, RerankSettings
from ragpress.errors import ModelError, SettingsError
from ragpress.plugins import load_plugin
from ragpress.settings import secret

PLUGINS = "ragpress.rerankers"


class Reranker(Protocol):
    """Scores texts for a question. Several threads may ask it at once.

    Attributes:
        name: as explanations name it; decides its scores, so caches tell rerankers apart by it.
    """

    name: str

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text; higher is better.

        Raises:
            ModelError: it cannot score these texts now.
        """
        ...


def load_reranker(settings: RerankSettings) -> Reranker | None:
    """The reranker that the settings name; None for none. No model is loaded and no server asked before it is used.

    A plugin is a function that takes the ``[rerank]`` settings and gives a :class:`Reranker` (entry point
    ``ragpress.rerankers``).

    Raises:
        SettingsError: the kind is unknown, or what it needs is not set.
    """
    if settings.kind == RerankerKind.NONE:
        return None
    if settings.kind == RerankerKind.CROSS_ENCODER:
        from retrieval.cross_encoder import CrossEncoderReranker  # noqa: PLC0415 - only where it is set

        return CrossEncoderReranker(_given(settings, "model", "a folder or the name of a CrossEncoder model"))
    if settings.kind == RerankerKind.SERVED:
        from retrieval.rerank_server import ServedReranker  # noqa: PLC0415 - only where it is set

        url = _given(settings, "base_url", "the server's, for example http://127.0.0.1:8001/v1")
        return ServedReranker(url, settings.model, settings.seconds, secret(settings.api_key_env))
    return _plugin(settings)


def rerank_scores(reranker: Reranker, query: str, texts: Sequence[str]) -> list[float]:
    """Ask a reranker, and check what it gives.

    Raises:
        ModelError: it failed, or did not give one finite score for each text.
    """
    try:
        scores = [float(score) for score in reranker.rerank(query, texts)]
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"The reranker {reranker.name!r} failed: {type(error).__name__}: {error}") from error
    finite = sum(map(math.isfinite, scores))
    if not len(texts) == len(scores) == finite:
        raise ModelError(
            f"The reranker {reranker.name!r}: expected {len(texts)} finite scores, found {len(scores)}, {finite} of "
            "them finite."
        )
    return scores


def _plugin(settings: RerankSettings) -> Reranker:
    try:
        factory = load_plugin(PLUGINS, settings.kind).target
    except SettingsError as error:
        kinds = ", ".join(RerankerKind)
        raise SettingsError(f"[rerank] kind: expected {kinds} or a plugin. {error}") from error
    made: Reranker = factory(settings)
    if not isinstance(getattr(made, "name", None), str) or not callable(getattr(made, "rerank", None)):
        raise SettingsError(
            f"[rerank] kind: the plugin {settings.kind!r} gave {type(made).__name__}, expected an object with the "
            "attribute 'name' and the method 'rerank(query, texts)'."
        )
    return made


def _given(settings: RerankSettings, name: str, what: str) -> str:
    value = str(getattr(settings, name))
    if not value:
        raise SettingsError(f"[rerank] {name} is empty: kind {settings.kind!r} needs {what}.")
    return value
