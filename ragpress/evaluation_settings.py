"""The sections of ``ragpress.toml`` that decide how releases are evaluated, and which ones the gate lets through.

No release seals them: a release is judged by the rules as they are when it is built.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ragpress.bounds import PositiveFloat, PositiveInt, Share


class EvaluationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How cases are run and what is reckoned of them.

    Attributes:
        k: hits that the retrieval metrics look at; also the highest cut-off of their names.
        concurrency: cases that are answered at the same time, where a served model answers.
        confidence: of the intervals, and of the gate's tests.
        resamples: of the bootstrap and of the permutation test.
        seed: of both, so that the same results always give the same intervals.
        language: of the report when it is opened: ``en`` or ``zh``; it holds both.
        plugins: further metrics, by the names of installed plugins (entry point ``ragpress.metrics``).
    """

    k: PositiveInt = 10
    concurrency: PositiveInt = 4
    confidence: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.95
    resamples: Annotated[int, msgspec.Meta(ge=200, le=1_000_000)] = 10_000
    seed: int = 0
    language: Literal["en", "zh"] = "en"
    plugins: tuple[str, ...] = ()


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a candidate must not lose against the live release.

    Integrity is always checked. The rest holds where the workspace has accepted cases for the collection.

    Attributes:
        cases: ``auto`` (a candidate is evaluated on the cases before it goes live) or ``off`` (integrity alone).
        metrics: the metrics that may not get worse.
        margin: a metric that is worse by no more than this is let through.
        floors: by metric: the least that a candidate must reach, whatever the live release does.
        must: refuse a candidate in which a case with the tag ``must`` fails that passed before.
        max_review: share of the cases whose evidence the sources no longer say, above which nothing can be proven.
        max_errors: share of the cases that may end in an error.
    """

    cases: Literal["auto", "off"] = "auto"
    metrics: tuple[str, ...] = (
        "recall@10",
        "ndcg@10",
        "answer_correctness",
        "faithfulness",
        "citation_precision",
        "passed",
    )
    margin: Share = 0.02
    floors: dict[str, Share] = {}
    must: bool = True
    max_review: Share = 0.05
    max_errors: Share = 0.02


class JudgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A served model that judges answers beside the deterministic metrics; none unless a ``base_url`` is set.

    Attributes:
        base_url: of the server, for example ``http://127.0.0.1:8000/v1``.
        model: its name there; empty takes the server's only one.
        api_key_env: environment variable that holds the server's key.
        repeats: how often each answer is judged; the spread is reported.
        temperature: of its sampling.
        prompt: name of the judge's prompt version: a file ``prompts/judge-NAME.toml``; ``default`` is built in.
        seconds: the most that one judgement may take.
    """

    base_url: str = ""
    model: str = ""
    api_key_env: str = "RAGPRESS_JUDGE_KEY"
    repeats: PositiveInt = 3
    temperature: Annotated[float, msgspec.Meta(ge=0)] = 0.3
    prompt: str = "default"
    seconds: PositiveFloat = 60.0
