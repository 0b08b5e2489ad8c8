"""Some hundreds of requests made from the schema; ``make fuzz`` sends thousands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ragpress.serve_settings import ServeSettings
from serving.api.app import create_app
from tests.serving.fuzz.schema import Effort, fuzz
from tests.serving.fuzz.site import site


@pytest.mark.process
def test_every_answer_is_as_the_schema_says(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    with site(root, keys=True) as running:
        found = fuzz(running, "admin", Effort(seed=1, examples=6, phases=("examples", "fuzzing", "stateful")), tmp_path)
        schema = running.call("GET", "/openapi.json").json()
        log = running.service.log
    operations = [method for path in schema["paths"].values() for method in path]
    assert (found.failures, found.errors) == (0, 0), found.report
    assert found.operations == len(operations)
    assert found.requests >= 200
    assert "a request failed" not in log


def test_only_posts_have_bodies() -> None:
    """The guard looks at the type of what is posted; a method that brings a body must be known to it."""
    app = create_app(cast("Any", None), ServeSettings())
    methods = {method for path in app.openapi()["paths"].values() for method in path}
    assert methods == {"get", "post", "delete"}
    bodies = {m for path in app.openapi()["paths"].values() for m, told in path.items() if "requestBody" in told}
    assert bodies == {"post"}
