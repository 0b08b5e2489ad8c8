"""The protocol: schemas, results and errors as an agent sees them, in process and through a real one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from ragpress.errors import IntegrityError
from retrieval.access import ANYBODY
from serving.callers import LOCAL
from serving.context_protocol.following import document_tools
from serving.context_protocol.records import NOTICE
from serving.context_protocol.server import make_server
from serving.context_protocol.tools import DocumentTools
from tests.serving.context_protocol.conftest import INJECTED, SALARY
from tests.workspace import Workspace


def server_of(workspace: Workspace) -> Any:
    return make_server(document_tools(workspace.environment(), "default", ANYBODY))


async def test_tools_are_described_bounded_and_read_only(workspace: Workspace) -> None:
    async with Client(server_of(workspace)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "get_document", "trace"}
    for tool in tools.values():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.open_world_hint is False
        assert "untrusted" in (tool.description or "") or tool.name == "trace"
        assert tool.output_schema is not None
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], (tool.name, name)
    k = tools["search"].input_schema["properties"]["k"]
    assert (k["minimum"], k["maximum"], k["default"]) == (1, 50, 8)
    assert tools["search"].input_schema["required"] == ["query"]


async def test_a_result_is_structured_and_marked_as_untrusted(workspace: Workspace) -> None:
    async with Client(server_of(workspace)) as client:
        result = await client.call_tool("search", {"query": "roses", "k": 1})
    assert not result.is_error
    assert result.structured_content is not None
    assert result.structured_content["notice"] == NOTICE
    assert INJECTED in result.structured_content["hits"][0]["text"]
    shown = json.loads(said(result))
    assert shown == result.structured_content
    assert next(iter(shown)) == "notice"


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search", {"query": "roses", "k": 51}, "less than or equal to 50"),
        ("search", {"query": " "}, "expected some words"),
        ("search", {"query": "roses", "filter": {"colour": "red"}}, "colour"),
        ("get_document", {"document": "docs/private/salaries.md"}, "that you may read"),
        ("get_document", {"document": "docs/garden.md", "page": 2}, "no pages"),
        ("trace", {"id": "nothing"}, "No chunk or document"),
    ],
)
async def test_errors_are_results_with_our_words(
    workspace: Workspace, tool: str, arguments: dict[str, Any], message: str
) -> None:
    async with Client(server_of(workspace)) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert message in said(result)


class _Broken(DocumentTools):
    def search(self, query: str, k: int, where: Any) -> Any:
        raise IntegrityError(f"/srv/data/objects/{SALARY}")

    def trace(self, thing: str) -> Any:
        raise KeyError(SALARY)


async def test_faults_tell_the_agent_nothing_of_the_machine(workspace: Workspace) -> None:
    broken = _Broken(lambda: None, "default", LOCAL)  # type: ignore[arg-type,return-value]
    async with Client(make_server(broken)) as client:
        results = [await client.call_tool("search", {"query": "x"}), await client.call_tool("trace", {"id": "x"})]
    assert all(result.is_error for result in results)
    assert all(SALARY not in said(result) for result in results)


def said(result: Any) -> str:
    """The text of a result."""
    text: str = result.content[0].text
    return text


def command(workspace: Workspace, *options: str) -> list[str]:
    return ["-m", "ragpress.cli", "--workspace", str(workspace.root), "mcp", *options]


@pytest.mark.process
async def test_a_real_process_over_standard_input_and_output(workspace: Workspace) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=command(workspace, "--as", "board"))
    async with Client(stdio_client(parameters)) as client:
        found = await client.call_tool("search", {"query": "salary of the gardener", "k": 1})
        assert found.structured_content is not None
        hit = found.structured_content["hits"][0]
        assert SALARY in hit["text"]
        read = await client.call_tool("get_document", {"document": hit["document_id"]})
        traced = await client.call_tool("trace", {"id": hit["chunk_id"]})
        missing = await client.call_tool("trace", {"id": "nothing"})
    assert read.structured_content is not None
    assert SALARY in read.structured_content["text"]
    assert traced.structured_content is not None
    assert traced.structured_content["kind"] == "chunk"
    assert missing.is_error


@pytest.mark.process
def test_standard_output_holds_nothing_but_the_protocol(workspace: Workspace) -> None:
    asked: list[dict[str, Any]] = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "salary roses"}},
        },
    ]
    with subprocess.Popen(
        [sys.executable, *command(workspace, "--as", "nobody")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        answers = []
        for message in asked:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            if "id" in message:
                answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        rest, log = process.stdout.read(), process.stderr.read()
    assert process.returncode == 0
    assert rest == ""
    assert [answer["id"] for answer in answers] == [1, 2]
    assert answers[0]["result"]["serverInfo"]["name"] == "ragpress"
    result = json.dumps(answers[1]["result"])
    assert "roses" in result
    assert SALARY not in result
    assert SALARY not in log
    assert "roses" not in log


@pytest.mark.process
def test_an_unknown_collection_ends_the_command_with_a_message(workspace: Workspace) -> None:
    ended = subprocess.run(
        [sys.executable, *command(workspace, "--collection", "nowhere")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "nowhere" in ended.stderr
