from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import msgspec
import pytest

from ingest.embed.hashing import HashingEmbedder
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorRefusedError, GeneratorUnavailableError, SettingsError
from ragpress.plugins import load_plugin
from ragpress.types import Embedder
from serving.generate import load_generator
from serving.generate.extractive import ExtractiveGenerator
from serving.generate.fallback import FallbackGenerator
from serving.generate.served import ServedGenerator
from serving.types import Generator, GeneratorName
from tests.serving.generate.contract import GeneratorContract
from tests.serving.generate.fakes import SpokenGenerator
from tests.serving.generate.samples import request, told

URL = "http://127.0.0.1:1/v1"


def loaded(tmp_path: Path, settings: GeneratorSettings) -> Generator:
    return load_generator(settings, embedder=HashingEmbedder, cache=tmp_path)


def never() -> Embedder:
    raise AssertionError("the embedder is not needed")


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (GeneratorSettings(), ExtractiveGenerator),
        (GeneratorSettings(kind="extractive", base_url=URL), ExtractiveGenerator),
        (GeneratorSettings(base_url=URL), ServedGenerator),
        (GeneratorSettings(kind="openai", base_url=URL), ServedGenerator),
        (GeneratorSettings(base_url=URL, fallback="extractive"), FallbackGenerator),
    ],
)
def test_the_settings_decide_which_generator(tmp_path: Path, settings: GeneratorSettings, kind: type) -> None:
    assert type(loaded(tmp_path, settings)) is kind


def test_a_served_model_needs_no_embedder(tmp_path: Path) -> None:
    generator = load_generator(GeneratorSettings(base_url=URL, model="m"), embedder=never, cache=tmp_path)
    assert generator.name == GeneratorName("openai", "m")


def test_the_key_comes_from_the_variable_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIR_KEY", "not\nprintable")
    with pytest.raises(SettingsError, match="THEIR_KEY"):
        loaded(tmp_path, GeneratorSettings(base_url=URL, api_key_env="THEIR_KEY"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (GeneratorSettings(kind="opnai"), r"none of the built-in ones \(auto, extractive, openai, transformers\)"),
        (GeneratorSettings(kind="openai"), "base_url is empty"),
        (GeneratorSettings(fallback="quote"), "expected 'none' or 'extractive', found 'quote'"),
        (GeneratorSettings(base_url="localhost:8000"), "expected an address such as"),
    ],
)
def test_wrong_settings_say_what_is_expected(tmp_path: Path, settings: GeneratorSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        loaded(tmp_path, settings)


async def test_a_plugin_is_a_function_of_settings_and_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("spoken", "tests.serving.generate.fakes:spoken", "ragpress.generators")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints([entry]))
    load_plugin.cache_clear()
    generator = loaded(tmp_path, GeneratorSettings(kind="spoken", model="voice"))
    assert (await told(generator.stream(request()))).text == "voice"
    load_plugin.cache_clear()


class TestFallbackWhenTheFirstAnswers(GeneratorContract):
    @pytest.fixture
    def generator(self) -> FallbackGenerator:
        return FallbackGenerator(SpokenGenerator("It is so."), lambda: SpokenGenerator("Quoted."))


class TestFallbackWhenTheFirstIsDown(GeneratorContract):
    @pytest.fixture
    def generator(self) -> FallbackGenerator:
        first = SpokenGenerator(fault=GeneratorUnavailableError("down"))
        return FallbackGenerator(first, lambda: SpokenGenerator("Quoted."))


async def test_the_name_is_of_the_one_that_wrote() -> None:
    first, second = SpokenGenerator(fault=GeneratorUnavailableError("down")), SpokenGenerator("Quoted.", "second")
    answer = await told(FallbackGenerator(first, lambda: second).stream(request()))
    assert answer.names == [GeneratorName("spoken", "second")]
    assert answer.text == "Quoted."


async def test_a_refusal_stays_an_error() -> None:
    first = SpokenGenerator(fault=GeneratorRefusedError("wrong key"))
    with pytest.raises(GeneratorRefusedError):
        await told(FallbackGenerator(first, never_second).stream(request()))


async def test_a_failure_after_the_first_piece_stays_an_error() -> None:
    first = SpokenGenerator("It is", fault=GeneratorUnavailableError("down"))
    with pytest.raises(GeneratorUnavailableError):
        await told(FallbackGenerator(first, never_second).stream(request()))


async def test_where_there_is_nothing_to_quote_a_failure_stays_an_error() -> None:
    first = SpokenGenerator(fault=GeneratorUnavailableError("down"))
    asked = request()
    rewrite = msgspec.structs.replace(asked, context=msgspec.structs.replace(asked.context, passages=()))
    with pytest.raises(GeneratorUnavailableError):
        await told(FallbackGenerator(first, never_second).stream(rewrite))


async def test_both_are_closed() -> None:
    first, second = SpokenGenerator(fault=GeneratorUnavailableError("down")), SpokenGenerator("Quoted.")
    generator = FallbackGenerator(first, lambda: second)
    await told(generator.stream(request()))
    await generator.aclose()
    assert (first.closed, second.closed) == (1, 1)


async def test_a_server_that_is_down_is_answered_for_by_quotes(tmp_path: Path) -> None:
    settings = GeneratorSettings(base_url=URL, model="m", retries=0, fallback="extractive")
    generator = loaded(tmp_path, settings)
    assert generator.name == GeneratorName("openai", "m")
    answer = await told(generator.stream(request()))
    assert answer.names[0].kind == "extractive"
    assert "twelve months" in answer.text
    await generator.aclose()


def never_second() -> Generator:
    raise AssertionError("the second generator is not needed")
