"""The section ``[loop]`` of ``ragpress.toml``: what the worker does by itself, and what waits for a person."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ragpress.bounds import PositiveFloat, PositiveInt, Share

RepairName = Literal["quarantine", "supersede", "erratum", "reparse", "restore", "cleaning", "settings", "prompt"]
Count = Annotated[int, msgspec.Meta(ge=0)]


class LoopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``ragpress worker`` and ``ragpress serve --loop`` do. No release seals these settings.

    Attributes:
        sources: whether the worker watches the source folders and ingests what changes.
        publish: ``auto`` (a proven repair of a kind in ``auto_repairs`` goes live when the gate passes it),
            ``approve`` (every repair waits for a person) or ``off`` (findings only; nothing is proven or built).
        auto_repairs: kinds of repairs that may go live without a person.
        min_confidence: a repair of a finding that is less sure than this waits for a person.
        agreement: so many different callers must say the same before a correction counts that no document supports.
        max_findings: bad cases diagnosed in one round; the others wait for the next one.
        max_model_tokens: tokens that the loop may spend on a served model within 24 hours.
        max_embeddings: texts that the loop may embed within 24 hours to prove repairs; ingesting is not counted.
        poll_seconds: how often feedback and sources are looked at.
        debounce_seconds: a source folder is ingested once nothing has changed in it for so long.
        sweep_seconds: how often the source folders are walked though no file event came.
        watch_hours: how long a release that the loop published is watched.
        watch_answers: answers of the new release before its signals are judged.
        watch_confidence: how sure it must be that signals turned for the worse before the release is rolled back.
        shadow_replays: recent questions that are answered again on both releases after a publish; 0 asks none.
        canary_share: share of the conversations that a candidate answers before it goes live; 0 publishes at once.
        canary_answers: answers of the candidate after which it goes live if nothing turned.
        webhook: address that is told every event, as JSON by POST; "" tells nobody.
        webhook_key: name of the environment variable with the key that signs what is sent; "" signs nothing.
        language: of ``CHANGES.md`` and of what the worker tells: ``en`` or ``zh``.
    """

    sources: bool = True
    publish: Literal["auto", "approve", "off"] = "auto"
    auto_repairs: tuple[RepairName, ...] = ("quarantine", "supersede", "reparse", "restore", "cleaning")
    min_confidence: Share = 0.8
    agreement: Annotated[int, msgspec.Meta(ge=2)] = 3
    max_findings: PositiveInt = 20
    max_model_tokens: Count = 500_000
    max_embeddings: Count = 100_000
    poll_seconds: PositiveFloat = 1.0
    debounce_seconds: PositiveFloat = 2.0
    sweep_seconds: PositiveFloat = 300.0
    watch_hours: PositiveFloat = 24.0
    watch_answers: PositiveInt = 20
    watch_confidence: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.95
    shadow_replays: Count = 20
    canary_share: Share = 0.0
    canary_answers: PositiveInt = 50
    webhook: str = ""
    webhook_key: str = ""
    language: Literal["en", "zh"] = "en"
