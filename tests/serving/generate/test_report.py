from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint, EntryPoints

import msgspec
import pytest

from ragpress.answer_settings import GeneratorSettings
from ragpress.plugins import load_plugin
from serving.generate import describe_generator, probe_generator
from serving.generate.report import GeneratorReport
from tests.serving.generate.scripted_server import Exchange, ScriptedServer, close

DOWN = "http://127.0.0.1:1/v1"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(close) as running:
        yield running


async def probed(server: ScriptedServer, settings: GeneratorSettings) -> GeneratorReport:
    return await probe_generator(msgspec.structs.replace(settings, base_url=server.base_url), seconds=5.0)


def test_without_a_server_answers_quote() -> None:
    report = describe_generator(GeneratorSettings())
    assert (report.kind, report.ready, report.advice) == ("extractive", True, "")
    assert "names no server" in report.why


async def test_a_server_that_offers_the_model_answers(server: ScriptedServer) -> None:
    report = await probed(server, GeneratorSettings(model="served-model"))
    assert (report.kind, report.model, report.ready) == ("openai", "served-model", True)
    assert report.models == ("served-model",)


async def test_the_servers_only_model_is_taken(server: ScriptedServer) -> None:
    assert (await probed(server, GeneratorSettings())).model == "served-model"


@pytest.mark.parametrize(("model", "offered"), [("other", {"served-model": "vllm"}), ("", {"a": "", "b": ""})])
async def test_a_model_that_is_not_there_is_named_with_the_choices(
    server: ScriptedServer, model: str, offered: dict[str, str]
) -> None:
    server.models = offered
    report = await probed(server, GeneratorSettings(model=model, fallback="extractive"))
    assert not report.ready
    assert report.kind == "openai"
    assert ", ".join(offered) in report.why
    assert "model" in report.advice


def test_a_server_that_is_down_is_told() -> None:
    report = describe_generator(GeneratorSettings(base_url=DOWN))
    assert (report.kind, report.ready) == ("openai", False)
    assert "cannot be reached" in report.why
    assert 'fallback = "extractive"' in report.advice


def test_the_fallback_answers_for_a_server_that_is_down() -> None:
    report = describe_generator(GeneratorSettings(base_url=DOWN, fallback="extractive"))
    assert (report.kind, report.ready) == ("extractive", True)
    assert "cannot be reached" in report.why


async def test_a_server_that_hangs_is_told_in_time(server: ScriptedServer) -> None:
    server.models = None
    report = await probe_generator(GeneratorSettings(base_url=server.base_url), seconds=0.15)
    assert not report.ready
    assert "did not list its models within 0.15 s" in report.why


@pytest.mark.parametrize("path", ["", "/v2"])
async def test_a_list_that_is_no_list_of_models_is_told(server: ScriptedServer, path: str) -> None:
    async def page(exchange: Exchange) -> None:
        await exchange.plain("200 OK", b"<html>Welcome</html>", "text/html")

    server.script = page
    base_url = server.base_url.removesuffix("/v1") + path
    report = await probe_generator(GeneratorSettings(base_url=base_url, model="m"), seconds=5.0)
    assert not report.ready
    assert "ends in /v1" in report.why


def test_a_password_in_the_address_is_not_shown() -> None:
    report = describe_generator(GeneratorSettings(base_url="http://user:canary@127.0.0.1:1/v1"))
    assert "canary" not in str(report)
    assert "http://127.0.0.1:1/v1" in report.why


@pytest.mark.parametrize(
    "settings",
    [
        GeneratorSettings(kind="nobody"),
        GeneratorSettings(kind="openai"),
        GeneratorSettings(fallback="perhaps"),
        GeneratorSettings(base_url="somewhere"),
    ],
)
def test_what_cannot_be_loaded_comes_with_advice(settings: GeneratorSettings) -> None:
    report = describe_generator(settings)
    assert not report.ready
    assert "xpected" in report.advice or "built-in" in report.advice


def test_a_plugin_is_told_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("spoken", "tests.serving.generate.fakes:spoken", "ragpress.generators")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints([entry]))
    load_plugin.cache_clear()
    report = describe_generator(GeneratorSettings(kind="spoken"))
    load_plugin.cache_clear()
    assert (report.kind, report.ready) == ("spoken", True)
