"""Rerankers, and what a search does when one fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from ingest.embed.hashing import HashingEmbedder
from ragpress.answer_settings import RerankSettings
from ragpress.errors import ModelError, SettingsError
from retrieval import rerank
from retrieval.cross_encoder import CrossEncoderReranker
from retrieval.rerank import Reranker, load_reranker, rerank_scores
from retrieval.rerank_server import ServedReranker
from retrieval.search import Searcher
from tests.workspace import Workspace

FILES = {
    "kettle.md": "# Kettle\n\nThe kettle in the kitchen boils two litres of water.\n",
    "pot.md": "# Pot\n\nThe pot in the kitchen is older than the kettle.\n",
    "oven.md": "# Oven\n\nThe oven in the kitchen gets warm in ten minutes.\n",
}
QUESTION = "the kettle in the kitchen"
Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("rerank"))
    made.write(FILES)
    made.ingest()
    return made


def searcher_of(workspace: Workspace, reranker: Reranker) -> Searcher:
    return Searcher(workspace.open(), HashingEmbedder, reranker=reranker)


class WordReranker:
    """Scores by one word; remembers what it was asked."""

    name = "word"

    def __init__(self, word: str) -> None:
        self._word = word
        self.asked: list[list[str]] = []

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append(list(texts))
        return [float(self._word in text) for text in texts]


class GivenReranker:
    """Gives what it was made with."""

    name = "given"

    def __init__(self, given: Callable[[], list[float]]) -> None:
        self._given = given

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        return self._given()


def failing() -> list[float]:
    raise RuntimeError("out of memory")


def test_the_order_is_the_rerankers_and_the_score_the_fused_one(workspace: Workspace) -> None:
    reranker = WordReranker("oven")
    plain = {hit.source: hit.score for hit in workspace.search(QUESTION)}

    hits = searcher_of(workspace, reranker).search(QUESTION)

    assert next(iter(plain)) != "docs/oven.md"
    expected = ["docs/oven.md", *(source for source in plain if source != "docs/oven.md")]
    assert [hit.source for hit in hits] == expected
    assert {hit.source: hit.score for hit in hits} == plain
    assert [(hit.stages["rerank"].rank, hit.stages["rerank"].score) for hit in hits] == [(1, 1.0), (2, 0.0), (3, 0.0)]
    assert len(reranker.asked) == 1


def test_equal_texts_are_scored_once(tmp_path: Path) -> None:
    copies = Workspace(tmp_path)
    copies.write({"a.md": FILES["pot.md"], "b.md": FILES["pot.md"], "c.md": FILES["oven.md"]})
    copies.ingest()
    reranker = WordReranker("pot")

    searcher_of(copies, reranker).search(QUESTION)

    assert [len(texts) for texts in reranker.asked] == [2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (failing, "RuntimeError: out of memory"),
        (lambda: [1.0], "expected 3 finite scores, found 1"),
        (lambda: [1.0, float("nan"), 2.0], "found 3, 2 of them finite"),
    ],
)
def test_a_reranker_that_fails_leaves_the_fused_order_and_says_so(
    workspace: Workspace, given: Callable[[], list[float]], message: str
) -> None:
    searcher = searcher_of(workspace, GivenReranker(given))
    plain = [hit.source for hit in workspace.search(QUESTION)]

    told = searcher.explain(QUESTION)

    assert [hit.source for hit in told.hits] == plain
    assert len(told.notes) == 1
    assert "the fused order stands" in told.notes[0]
    assert message in told.notes[0]
    assert searcher.context(QUESTION).notes == told.notes
    assert not any("rerank" in hit.stages for hit in told.hits)


def test_what_a_failed_reranker_left_is_not_remembered(workspace: Workspace) -> None:
    answers = iter([[], [], [0.0, 0.0, 9.0]])
    searcher = searcher_of(workspace, GivenReranker(lambda: list(next(answers))))

    assert searcher.context(QUESTION).notes
    assert "rerank" not in searcher.search(QUESTION)[0].stages
    assert searcher.search(QUESTION)[0].stages["rerank"].score == 9.0


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """A server on the loopback that answers every POST, and its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = {"key": self.headers["Authorization"]} if "Authorization" in self.headers else {}
            status, sent = answer({"path": self.path, **key, **body})
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/v1"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def results(*scores: float) -> bytes:
    """What vLLM sends: best first."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    found = [{"index": index, "document": {"text": "…"}, "relevance_score": scores[index]} for index in order]
    return json.dumps({"id": "rerank-1", "model": "m", "usage": {"total_tokens": 9}, "results": found}).encode()


def test_a_served_model_is_asked_as_vllm_wants_it() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.append(request)
        return 200, results(0.1, 0.9, 0.5)

    with server(answer) as url:
        scores = ServedReranker(url, "bge", 5.0).rerank("问题?", ["a", "b", "中文"])

    assert scores == [0.1, 0.9, 0.5]
    assert asked == [
        {"path": "/v1/rerank", "query": "问题?", "documents": ["a", "b", "中文"], "top_n": 3, "model": "bge"}
    ]


def test_the_key_goes_to_the_server_and_into_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.append(request)
        return 401, b"no"

    monkeypatch.setenv("RAGPRESS_RERANK_KEY", "canary-key")
    with server(answer) as url:
        reranker = load_reranker(RerankSettings(kind="served", model="bge", base_url=url))
        assert reranker is not None
        with pytest.raises(ModelError) as caught:
            reranker.rerank("q", ["a"])

    assert asked[0]["key"] == "Bearer canary-key"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"no memory left", "HTTP 500: 'no memory left'"),
        (401, b"{}", "HTTP 401"),
        (302, b"", "HTTP 302"),
        (200, results(0.5), "1 results for 2 texts"),
        (200, results(0.5, 0.1, 0.2), "3 results for 2 texts"),
        (200, b"<html>", "no list of results"),
        (200, b'{"results": [{"index": 0}]}', "no list of results"),
        (200, b"\xff\xfe", "no list of results"),
        (200, b" " * (9 << 20), "more than"),
    ],
)
def test_what_a_server_sends_wrongly_is_a_clear_error(status: int, body: bytes, message: str) -> None:
    with server(lambda _: (status, body)) as url, pytest.raises(ModelError, match="reranking server") as error:
        ServedReranker(url, "m", 5.0).rerank("q", ["a", "b"])

    assert message in str(error.value)
    assert url in str(error.value)


def test_a_slow_server_is_given_up(workspace: Workspace) -> None:
    asked, release = threading.Event(), threading.Event()

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.set()
        release.wait(30)
        return 200, results(0.1, 0.2, 0.3)

    with server(answer) as url:
        told = searcher_of(workspace, ServedReranker(url, "m", 0.2)).explain(QUESTION)
        release.set()

    assert asked.is_set()
    assert "did not answer in 0.2 s" in told.notes[0]
    assert len(told.hits) == 3


def test_a_server_that_is_not_there_is_a_clear_error() -> None:
    with server(lambda _: (200, b"")) as url:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        ServedReranker(url, "m", 5.0).rerank("q", ["a"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (RerankSettings(kind="served", model="m"), "base_url is empty"),
        (RerankSettings(kind="cross_encoder"), "model is empty"),
        (RerankSettings(kind="sreved"), "expected none, cross_encoder, served or a plugin"),
    ],
)
def test_senseless_settings_are_refused(settings: RerankSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_reranker(settings)


def test_kinds_are_loaded_without_a_model_or_a_request() -> None:
    assert load_reranker(RerankSettings()) is None
    served = load_reranker(RerankSettings(kind="served", base_url="http://127.0.0.1:9/v1", model="bge"))
    encoder = load_reranker(RerankSettings(kind="cross_encoder", model="nowhere/to-be-found"))
    assert (served and served.name, encoder and encoder.name) == ("served bge", "cross_encoder nowhere/to-be-found")


def test_a_plugin_is_made_from_the_settings() -> None:
    settings = RerankSettings(kind="by_word", model="oven")
    plugin = SimpleNamespace(target=lambda given: WordReranker(given.model))
    with mock.patch.object(rerank, "load_plugin", return_value=plugin) as found:
        made = load_reranker(settings)

    found.assert_called_once_with("ragpress.rerankers", "by_word")
    assert made is not None
    assert rerank_scores(made, "q", ["pot", "oven"]) == [0.0, 1.0]


def test_a_plugin_that_is_no_reranker_is_refused() -> None:
    plugin = SimpleNamespace(target=lambda _: object())
    with (
        mock.patch.object(rerank, "load_plugin", return_value=plugin),
        pytest.raises(SettingsError, match=r"gave object, expected .* 'rerank"),
    ):
        load_reranker(RerankSettings(kind="by_word"))


def test_a_model_that_is_nowhere_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="was not found"):
        CrossEncoderReranker("nowhere/to-be-found").rerank("q", ["a"])


def tiny_cross_encoder(folder: Path, labels: int) -> None:
    """A CrossEncoder of random weights that knows a few words."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    library: Any = transformers
    torch.manual_seed(1)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "kettle", "in", "kitchen", "pot", "oven"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    config = library.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=2.0,
    )
    library.BertForSequenceClassification(config).save_pretrained(folder)


@pytest.mark.model
def test_a_cross_encoder_scores_from_a_folder_and_from_many_threads(tmp_path: Path, workspace: Workspace) -> None:
    tiny_cross_encoder(tmp_path, 1)
    reranker = CrossEncoderReranker(str(tmp_path))
    texts = ["the kettle", "the pot in the kitchen", "oven " * 100]

    scores = rerank_scores(reranker, "the kettle", texts)

    assert len(set(scores)) == 3
    assert rerank_scores(reranker, "the kettle", texts[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    found: list[list[float]] = []
    threads = [threading.Thread(target=lambda: found.append(reranker.rerank("the kettle", texts))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == pytest.approx(scores, abs=1e-5) for one in found)
    assert len(found) == 6
    hits = searcher_of(workspace, reranker).search(QUESTION)
    assert sorted((hit.stages["rerank"].score for hit in hits), reverse=True) == [
        hit.stages["rerank"].score for hit in hits
    ]


@pytest.mark.model
def test_a_model_that_does_not_rank_is_refused(tmp_path: Path) -> None:
    tiny_cross_encoder(tmp_path, 3)
    with pytest.raises(ModelError, match="gives 3 values a text"):
        CrossEncoderReranker(str(tmp_path)).rerank("the kettle", ["a", "b"])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="Expected a sentence-transformers CrossEncoder"):
        CrossEncoderReranker(str(tmp_path / "broken")).rerank("q", ["a"])
