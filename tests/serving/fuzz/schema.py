"""Requests made from ``/openapi.json`` by schemathesis, with all of its checks, against a real service.

Run as ``python -m tests.serving.fuzz.schema`` (``make fuzz``): three callers (without keys, as an admin, as a key that
may only ask), thousands of requests, a seed that repeats them.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.serving.fuzz.site import Site, site

CALLERS = ("open", "admin", "ask")
"""Who sends the requests: anybody of a service without keys, an admin, a key with the role ask."""

_PARAMETERS = {
    "path.document_id": "document",
    "path.release": "release",
    "path.before": "release",
    "path.after": "release",
    "path.job_id": "job",
    "path.model": "model",
    "path.evaluation": "evaluation",
    "path.finding": "finding",
    "query.collection": "collection",
    "query.release": "release",
}
_OF_PATHS = {"/v1/answers/{id}": ("path.id", "answer"), "/v1/trace/{id}": ("path.id", "trace")}
_NO_KEYS = ("ignored_auth", "missing_required_header")
"""Checks that a service without keys cannot pass: whoever reaches it is its operator, there is nothing to leave out."""
_LATER = ("use_after_free", "ensure_resource_availability")
"""Checks that take an upload or a deletion for done when it is answered. Here it is accepted (202): a job does it."""
_REFUSALS = (400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 429, 431)
"""Statuses that turn away what the schema does not allow: also what is too large to be looked at."""
_UNSAID = {
    "/v1/chat/completions": "that the last message is the user's and has words is beyond JSON Schema",
    "/v1/retrieve": "which patterns of sources are in gitignore's syntax is beyond JSON Schema",
}
"""Where what the schema allows may get 400, and why."""
_KNOWN_SHARE = 0.6
"""Share of the ids that exist, so that requests come beyond the 404."""


class Findings(msgspec.Struct, frozen=True):
    """What one run of schemathesis found.

    Attributes:
        caller: who asked.
        requests: how many were sent.
        operations: how many operations were tried.
        failures: how many distinct failures there were.
        errors: how many operations could not be tried.
        report: what it said.
    """

    caller: str
    requests: int
    operations: int
    failures: int
    errors: int
    report: str


class Effort(msgspec.Struct, frozen=True):
    """How much to try.

    Attributes:
        seed: repeats the same requests of the same service.
        examples: the most requests for each operation, in each phase that makes them up.
        phases: schemathesis' phases.
    """

    seed: int
    examples: int
    phases: tuple[str, ...] = ("examples", "coverage", "fuzzing", "stateful")


def fuzz(running: Site, caller: str, effort: Effort, folder: Path) -> Findings:
    """Send requests made from the schema, and look at every answer with all of schemathesis' checks.

    Args:
        running: the service.
        caller: one of :data:`CALLERS`.
        effort: how much to try.
        folder: for the settings and the report.
    """
    settings = folder / f"{caller}.toml"
    settings.write_text(_settings(running, caller), encoding="utf-8")
    report = folder / f"{caller}.json"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(settings),
        "run",
        f"{running.url}/openapi.json",
        f"--phases={','.join(effort.phases)}",
        f"--seed={effort.seed}",
        f"--max-examples={effort.examples}",
        "--continue-on-failure",
        "--generation-database=none",
        "--suppress-health-check=all",
        "--warnings=off",
        "--no-color",
        f"--report-json-path={report}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert report.exists(), done.stdout + done.stderr
    return _findings(caller, json.loads(report.read_text(encoding="utf-8")), done.stdout)


def _findings(caller: str, told: Mapping[str, dict[str, int]], report: str) -> Findings:
    return Findings(
        caller=caller,
        requests=told["test_cases"]["generated"],
        operations=told["operations"]["tested"],
        failures=told["test_cases"]["unique_failures"],
        errors=told["test_cases"]["errored"] + told["operations"]["errored"] + told["operations"]["skipped"],
        report=report,
    )


def _settings(running: Site, caller: str) -> str:
    left_out = _LATER + (_NO_KEYS if caller == "open" else ())
    lines = [f"checks.{name}.enabled = false" for name in left_out]
    lines.append(f"checks.negative_data_rejection.expected-statuses = {list(_REFUSALS)}")
    if caller == "open":
        lines.append("generation.with-security-parameters = false")
    if caller != "open":
        lines += ["[auth.openapi.key]", f"bearer = {json.dumps(running.keys[caller])}"]
    for name, values in running.found.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines.append("[parameters]")
    lines += [f"{json.dumps(name)} = {_known(of)}" for name, of in _PARAMETERS.items()]
    for path, (parameter, of) in _OF_PATHS.items():
        lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
        lines.append(f"parameters = {{ {json.dumps(parameter)} = {_known(of)} }}")
    for path in _UNSAID:
        lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
        lines.append("checks.positive_data_acceptance.enabled = false")
    return "\n".join(lines) + "\n"


def _known(name: str) -> str:
    return f"{{ dictionary = {json.dumps(name)}, probability = {_KNOWN_SHARE} }}"


def run(effort: Effort, callers: tuple[str, ...] = CALLERS) -> list[Findings]:
    """A service for each kind of access, and the requests of each caller."""
    found = []
    for caller in callers:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            root = Path(folder) / "workspace"
            root.mkdir()
            with site(root, keys=caller != "open") as running:
                found.append(fuzz(running, caller, effort, Path(folder)))
                assert running.service.stop() == 0, running.service.log
    return found


def main() -> int:
    """Fuzz and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="repeats the requests of a run")
    parser.add_argument("--examples", type=int, default=40, help="the most requests of a phase for each operation")
    parser.add_argument("--caller", choices=CALLERS, help="only this one")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    found = run(Effort(asked.seed, asked.examples), CALLERS if asked.caller is None else (asked.caller,))
    for one in found:
        print(one.report)
    for one in found:
        print(f"{one.caller}: {one.requests} requests, {one.operations} operations, {one.failures} failures")
    print(f"{sum(one.requests for one in found)} requests in all, seed {asked.seed}")
    return 1 if any(one.failures or one.errors for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
