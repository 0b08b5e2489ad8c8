"""Cases and results to judge, and servers that judge them."""

from __future__ import annotations

import json
from typing import Any

from evaluation.records import Case, CaseError, CaseResult
from retrieval.context import Passage
from tests.serving.generate.scripted_server import Exchange

SETTINGS = """\
[sources]
folders = ["docs"]

[embed]
model = "hashing"

[judge]
base_url = "{base_url}"
repeats = {repeats}
seconds = 10.0
"""


def case(name: str, **changes: Any) -> Case:
    """A case with a reference answer."""
    return Case(**{"id": name, "question": f"How long does {name} take?", "answer": "45 minutes", **changes})


def passage(text: str) -> Passage:
    """A passage with a text."""
    return Passage(
        index=1, chunk_id="c", document_id="d", source="a.md", title="", heading=(), page=None, start=0, end=len(text),
        chunk=text, text=text, text_start=0, text_end=len(text), score=1.0, family=1,
    )  # fmt: skip


def result(name: str, answer: str | None = "It takes 45 minutes. [1]", **changes: Any) -> CaseResult:
    """A result with an answer and one passage."""
    fields: dict[str, Any] = {
        "case": name,
        "fingerprint": "",
        "key": "",
        "answer": answer,
        "passages": (passage(f"The crossing of {name} takes 45 minutes."),),
    }
    return CaseResult(**{**fields, **changes})


FAILED = CaseError("generate", "GeneratorTimeoutError", "too late")


def completion(text: str, finish: str = "stop") -> bytes:
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 50, "completion_tokens": 9}}).encode()


def grade(score: object, reason: str = "because") -> str:
    """A judgement as the model should write it."""
    return json.dumps({"reason": reason, "score": score})


class Grades:
    """A script that gives grades one after another, the last one again and again."""

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)
        self._at = 0

    async def __call__(self, exchange: Exchange) -> None:
        """Answer with the next text."""
        text = self._texts[min(self._at, len(self._texts) - 1)]
        self._at += 1
        await exchange.plain("200 OK", completion(text))
