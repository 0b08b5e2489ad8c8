"""The official Node client against a whole service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (NODE / "node_modules" / "openai").is_dir(),
        reason="the official Node client is not installed: npm --prefix tests/serving/api/node ci",
    ),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    workspace = Workspace(tmp_path_factory.mktemp("node"))
    workspace.write(
        {
            "warranty.md": "# Warranty\n\nThe warranty of a Skylark 200 is 36 months from delivery.\n",
            "质保.md": "# 质保政策\n\n天琴仪器的云雀 200 质保期为 36 个月，自交付之日起计算。\n",
        }
    )
    workspace.ingest()
    with ServiceProcess(workspace.root) as service:
        command = ["node", "chat.mjs", f"{service.base_url}/v1", "no-key-needed"]
        done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_whole_answer_has_its_citations(said: dict[str, Any]) -> None:
    assert said["models"] == ["default"]
    assert "36 months" in said["whole"]["text"]
    assert said["whole"]["finish"] == "stop"
    assert said["whole"]["citations"] == ["docs/warranty.md"]


def test_a_streamed_answer_ends_with_its_citations(said: dict[str, Any]) -> None:
    assert "36 个月" in said["streamed"]["text"]
    assert said["streamed"]["finish"] == "stop"
    assert said["streamed"]["events"] > 2
    assert said["streamed"]["citations"] == 1
    assert said["streamed"]["id"] != said["whole"]["id"]


def test_errors_are_those_that_the_client_knows(said: dict[str, Any]) -> None:
    assert said["unknown_model"] == {
        "class": "NotFoundError",
        "status": 404,
        "code": "model_not_found",
        "type": "invalid_request_error",
    }
    assert said["two_choices"]["class"] == "BadRequestError"
    assert said["two_choices"]["code"] == "unsupported_parameter"
