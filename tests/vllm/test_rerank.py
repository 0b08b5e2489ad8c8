"""The reranker of kind ``served`` against ``/v1/rerank`` of a real vLLM; nothing here says how well a model ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.vllm_server import HOST, Served, free_port
from ragpress.answer_settings import RerankSettings
from ragpress.errors import ModelError
from retrieval.rerank import Reranker, load_reranker, rerank_scores
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.vllm

TEXTS = ["Bananas are yellow when they are ripe.", "The drone weighs four kilograms.", "The harbour opens at six."]
RERANKED = '\n[rerank]\nkind = "served"\nmodel = "{model}"\nbase_url = "{base_url}"\n'


def reranker(served: Served, **changes: str) -> Reranker:
    """The reranker that the settings of a server name."""
    given = {"model": served.model, "base_url": served.base_url} | changes
    made = load_reranker(RerankSettings(kind="served", model=given["model"], base_url=given["base_url"]))
    assert made is not None
    return made


def test_every_text_gets_the_score_that_belongs_to_it(pooling: Served) -> None:
    asked = reranker(pooling)
    scores = rerank_scores(asked, "How heavy is the drone?", TEXTS)
    assert scores.index(max(scores)) == 1
    turned = rerank_scores(asked, "How heavy is the drone?", TEXTS[::-1])
    assert turned == pytest.approx(scores[::-1], abs=1e-2)


def test_an_unknown_model_is_an_error_that_names_it(pooling: Served) -> None:
    with pytest.raises(ModelError, match="no-such-model"):
        rerank_scores(reranker(pooling, model="no-such-model"), "drone", TEXTS)


def test_a_server_that_is_down_is_an_error(pooling: Served) -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        rerank_scores(reranker(pooling, base_url=f"http://{HOST}:{free_port()}/v1"), "drone", TEXTS)


def test_a_search_is_reranked(pooling: Served, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + RERANKED.format(model=pooling.model, base_url=pooling.base_url))
    workspace.write({f"{number}.md": f"# Note {number}\n\n{text}\n" for number, text in enumerate(TEXTS)})
    workspace.ingest()
    hits = workspace.search("What is the mass of the flying machine, the drone?")
    assert hits[0].text.endswith(TEXTS[1])
