"""The part of ``make demo`` that goes over HTTP: the service, the official OpenAI client, a thumbs-down, a hot swap."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx2
from openai import OpenAI

from examples.demo_plan import Ask

Json = dict[str, Any]
SWAP_SECONDS = 5.0
"""So long the demo waits for the service to notice another release. It looks three times a second."""


class Account(Protocol):
    """What this part needs of the demo: it tells, checks and runs commands."""

    def step(self, title: str) -> None:
        """Print a step's heading."""
        ...

    def say(self, text: str) -> None:
        """Print one line."""
        ...

    def check(self, claim: str, *, holds: bool) -> None:
        """Print a claim that holds, or stop."""
        ...

    def ragpress(self, *words: str, codes: tuple[int, ...] = (0,)) -> Json:
        """Run a command that ends with one of these exit codes, and read the JSON object that it prints."""
        ...


@contextmanager
def running_service(folder: Path) -> Iterator[str]:
    """``ragpress serve`` over a workspace, in a process of its own; gives its address.

    Raises:
        SystemExit: it does not start, or does not stop with exit code 0.
    """
    command = [sys.executable, "-m", "ragpress", "serve", "--port", "0", "--json"]
    with (folder / "service.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ
        )
    if process.stdout is None:
        raise AssertionError("standard output was asked for")
    try:
        told = process.stdout.readline()
        if not told:
            raise SystemExit("make demo failed: the service did not start:\n" + (folder / "service.log").read_text())
        yield json.loads(told)["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait()
        process.stdout.close()
    if code:
        raise SystemExit(f"make demo failed: the service ended with exit code {code}, expected 0.")


def over_http(demo: Account, folder: Path, questions: tuple[Ask, ...], releases: list[str]) -> None:
    """Show the service.

    Args:
        demo: the account.
        folder: the workspace.
        questions: questions to ask, each in its language.
        releases: two releases, the first of which is live.
    """
    demo.step("The chat service: any OpenAI client, a browser, a dashboard")
    with running_service(folder) as url, httpx2.Client(base_url=url, timeout=60) as http:
        demo.say(f"listening on {url}: / is the chat page, /admin the dashboard, /v1 the API")
        with OpenAI(base_url=f"{url}/v1", api_key="none-needed-here", max_retries=0) as client:
            answers = [streamed(demo, client, question) for question in questions]
        cited = next((answer for answer in answers if answer["citations"]), None)
        if cited is not None:
            open_citation(demo, http, cited)
            complain(demo, http, cited)
        swap(demo, http, releases)
    demo.check("the service stopped, and every answer is still there", holds=all(map(known(demo), answers)))


def streamed(demo: Account, client: OpenAI, question: Ask) -> Json:
    """Ask through the official client, as a stream; returns the stream's last event."""
    events = list(
        client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": question.text}], stream=True
        )
    )
    text = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    last: Json = events[-1].model_dump()
    demo.say(f"{question.text} → {' '.join(text.split())}")
    demo.say(f"  {len(events)} events, {len(last['citations'])} citations, release {last['release']}, id {last['id']}")
    demo.check(
        "the answer came as a stream and names its release", holds=len(events) > 2 and last["release"] is not None
    )
    return last


def open_citation(demo: Account, http: httpx2.Client, answer: Json) -> None:
    """Open the passage that a citation points at, as the chat page does."""
    citation = answer["citations"][0]
    span = {"release": answer["release"], "start": citation["start"], "end": citation["end"]}
    passage = http.get(f"/v1/documents/{citation['document_id']}/text", params=span).raise_for_status().json()
    marked = passage["text"][passage["highlight"]["start"] - passage["offset"] :]
    marked = marked[: passage["highlight"]["end"] - passage["highlight"]["start"]]
    demo.say(f"[{citation['index']}] opens {citation['source']} at characters {citation['start']}–{citation['end']}")
    demo.check("the passage that opens is the one that is quoted", holds=marked == citation["quote"])


def complain(demo: Account, http: httpx2.Client, answer: Json) -> None:
    """Give a thumbs-down with a correction and find it again in the answer's trace."""
    demo.step("A thumbs-down is kept with its answer")
    said = {"answer_id": answer["id"], "rating": "down", "comment": "Please answer in one short sentence."}
    kept = http.post("/v1/feedback", json=said).raise_for_status().json()
    demo.say(f"feedback {kept['feedback_id']} is on the disk before the service says so")
    traced = demo.ragpress("trace", answer["id"])
    links = [link["link"] for link in traced["chain"]]
    demo.say(f"trace {answer['id']}: {' → '.join(dict.fromkeys(links))}")
    demo.check(
        "the trace leads from the answer to its source", holds={"answer", "citation", "source", "release"} <= set(links)
    )
    demo.check("and names the thumbs-down", holds=kept["feedback_id"] in json.dumps(traced["used_by"]))


def swap(demo: Account, http: httpx2.Client, releases: list[str]) -> None:
    """Publish another release while the service runs."""
    demo.step("Publish while it runs: the next answer comes from the new release")
    demo.ragpress("releases", "publish", releases[1])
    began = time.monotonic()
    while live_release(http) != releases[1] and time.monotonic() - began < SWAP_SECONDS:
        time.sleep(0.05)
    seconds = time.monotonic() - began
    demo.check(f"the service answers from {releases[1]} after {seconds:.1f} s", holds=live_release(http) == releases[1])
    demo.ragpress("releases", "rollback")


def live_release(http: httpx2.Client) -> str:
    """The release that the service answers from."""
    models: Json = http.get("/v1/models").raise_for_status().json()
    release: str = models["data"][0]["release"]
    return release


def known(demo: Account) -> Any:
    """What tells whether an answer can be traced."""
    return lambda answer: demo.ragpress("trace", answer["id"])["id"] == answer["id"]
