"""Settings that explain a bad answer: those that changed since an earlier release answered well, and those tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge
from feedback.diagnose.observation import Expected, Fault
from feedback.diagnose.whatif import under
from feedback.records import Holder
from feedback.workbench import Workbench
from index.answering import Answering
from index.release import Manifest
from ingest.chunk import chunk_fingerprint
from ragpress.answer_settings import ContextSettings
from ragpress.settings import ChunkSettings, EmbedSettings, RetrievalSettings
from serving.types import Answer, Question

_ANSWERING = ("context", "answer", "rerank", "generator")
_CHUNK_SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512)
_QUOTING = "extractive"
_NO_MODEL = frozenset({_QUOTING, "none"})
_PREFIXED = re.compile(r"(?:^|-)e5-")
_HASHING = "hashing"
_SAME_VECTOR = 0.9999
_SMALLEST = (1, 8, 16, 24, 32, 48, 64, 96)
_DEFAULT_CHUNK = ChunkSettings()

TRIED: tuple[tuple[str, dict[str, dict[str, Any]]], ...] = (
    ("retrieval", {"retrieval": {"depth": 200, "k": 30}}),
    ("retrieval", {"retrieval": {"dense_weight": 0.0, "lexical_weight": 1.0}}),
    ("retrieval", {"retrieval": {"dense_weight": 1.0, "lexical_weight": 0.0}}),
    ("context", {"context": {"passages": 10, "tokens": 3200}}),
)
"""What is tried where no earlier release tells: deeper searches, one search alone, more passages."""


def sections(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The settings that a release seals and that can be tried without a build, by section."""
    answering = manifest.answering or Answering(prompt=None)  # type: ignore[arg-type]
    found = {"retrieval": msgspec.to_builtins(manifest.retrieval)}
    return found | {name: msgspec.to_builtins(getattr(answering, name)) for name in _ANSWERING}


def differences(now: Manifest, before: Manifest) -> dict[str, dict[str, Any]]:
    """Values of the earlier release of every sealed setting that is another one now, by section."""
    own, earlier = sections(now), sections(before)
    found: dict[str, dict[str, Any]] = {}
    for name, values in earlier.items():
        differing = {key: value for key, value in values.items() if own[name].get(key) != value and key != "prompt"}
        if differing:
            found[name] = differing
    return found


def setting_faults(
    bench: Workbench, subject: Subject, question: Question, expected: Expected, good: Manifest | None
) -> tuple[Fault, ...]:
    """Settings under which the release would answer rightly, the surest first.

    Args:
        bench: the collection.
        subject: the release.
        question: as its caller asked it.
        expected: what is right.
        good: the last release that answered rightly; None where none is known.
    """
    judge, modelled = Judge(question.text, subject), not quotes(subject)
    found = []
    for fault in _candidates(subject.manifest, good, modelled=modelled):
        answer = under(bench, subject, question, fault.settings, None)
        if answer is not None and judge.is_right(answer, expected):
            # That quoting answers shows where the fault is; to give the model up is for nobody to propose.
            given_up = fault.kind == "generator" and not fault.changed
            found.append(msgspec.structs.replace(fault, tried=True, settings={} if given_up else fault.settings))
            break
    return tuple(found)


def under_defaults(bench: Workbench, subject: Subject, question: Question) -> Answer | None:
    """What the release answers under the built-in settings of its search; None where those are its own."""
    values = _unusual(subject.manifest)
    return under(bench, subject, question, values, None) if values else None


def crippled(now: Manifest) -> bool:
    """Whether one of the two searches is switched off, or less is looked at than by the built-in settings."""
    own, usual = now.retrieval, RetrievalSettings()
    off = not own.dense_weight or not own.lexical_weight
    return off or own.k < usual.k or own.depth < usual.depth


def quotes(subject: Subject) -> bool:
    """Whether a release answers by quoting, without a model."""
    return subject.answerer.parts.generator.name.kind in _NO_MODEL


def quoted_instead(bench: Workbench, subject: Subject, question: Question) -> Answer | None:
    """What the quoting generator answers from the same passages; None where the release's own is that one."""
    if quotes(subject):
        return None
    return under(bench, subject, question, {"generator": {"kind": _QUOTING, "model": ""}}, None)


def _unusual(now: Manifest) -> dict[str, dict[str, Any]]:
    """The built-in values of the settings of search and context that are others."""
    own = sections(now)
    usual = {"retrieval": msgspec.to_builtins(RetrievalSettings()), "context": msgspec.to_builtins(ContextSettings())}
    found = {
        name: {key: value for key, value in values.items() if own[name].get(key) != value}
        for name, values in usual.items()
    }
    return {name: values for name, values in found.items() if values}


def _candidates(now: Manifest, good: Manifest | None, *, modelled: bool) -> Iterator[Fault]:
    if good is not None:
        changed = differences(now, good)
        for name, values in changed.items():
            yield _fault(name, now, {name: values}, release=good.id)
        return
    if modelled:
        yield msgspec.structs.replace(
            _fault("generator", now, {"generator": {"kind": _QUOTING, "model": ""}}), unusual=True
        )
    for name, values in _unusual(now).items():
        yield msgspec.structs.replace(_fault(name, now, {name: values}), unusual=True)
    for name, settings in TRIED:
        yield _fault(name, now, settings)


def _fault(kind: str, now: Manifest, settings: dict[str, dict[str, Any]], release: str = "") -> Fault:
    own = sections(now)
    names = [(section, key) for section, values in settings.items() for key in values]
    return Fault(
        kind=kind,
        now=", ".join(f"{section}.{key} = {own.get(section, {}).get(key)!r}" for section, key in names),
        better=", ".join(f"{section}.{key} = {settings[section][key]!r}" for section, key in names),
        settings=settings,
        changed=bool(release),
        release=release,
    )


def embed_fault(now: Manifest, good: Manifest | None) -> Fault | None:
    """The embedder that changed since the last good release; None where it did not. It cannot be tried unbuilt."""
    if good is None or now.steps.get("embed") == good.steps.get("embed"):
        return None
    own, earlier = msgspec.to_builtins(now.embed), msgspec.to_builtins(good.embed)
    values = {key: value for key, value in earlier.items() if own.get(key) != value}
    shown = (f"embed.{key} = {own.get(key)!r}" for key in values)
    return Fault(
        kind="embed",
        now=", ".join(shown) or f"embed {now.steps.get('embed', '')[:8]}",
        better=", ".join(f"embed.{key} = {value!r}" for key, value in values.items()) or good.steps["embed"][:8],
        settings={"embed": values} if values else {},
        changed=True,
        release=good.id,
    )


def unprefixed_fault(subject: Subject, question: str) -> Fault | None:
    """An embedder of a model that tells questions from passages by a prefix, without it; None where all is well.

    The E5 models are trained with ``query: `` and ``passage: `` (Wang et al., 2022); without them questions find worse.
    """
    embedder = subject.embedder
    name = embedder.name.rsplit("/", maxsplit=1)[-1].lower()
    if not _PREFIXED.search(name) or "instruct" in name:
        return None
    asked, passage = embedder.embed_query(question), embedder.embed_passages([question])[0]
    if float(asked @ passage) < _SAME_VECTOR * float((asked @ asked) ** 0.5 * (passage @ passage) ** 0.5):
        return None
    return Fault(
        kind="embed",
        now=f"{embedder.name} embeds questions as it embeds passages",
        better=f"the prefix that {embedder.name} expects before a question",
        unusual=True,
    )


def other_embedder(now: Manifest) -> Fault | None:
    """An embedder that is not the built-in one; None where it is."""
    usual = EmbedSettings().model
    if now.embed.model in (usual, _HASHING):
        return None
    return Fault(
        kind="embed",
        now=f"embed.model = {now.embed.model!r}",
        better=f"embed.model = {usual!r}",
        settings={"embed": {"model": usual}},
        unusual=True,
    )


def by_words(bench: Workbench, subject: Subject, question: Question) -> Answer | None:
    """What the release answers by words alone where its embedder is not the built-in one; None where it is."""
    if other_embedder(subject.manifest) is None:
        return None
    return under(bench, subject, question, {"retrieval": {"dense_weight": 0.0, "lexical_weight": 1.0}}, None)


def chunk_fault(bench: Workbench, subject: Subject, good: Manifest | None, holder: Holder | None) -> Fault | None:
    """The chunk settings that cut the evidence; None where nothing speaks for them.

    Args:
        bench: the collection.
        subject: the release.
        good: the last release that answered rightly.
        holder: the place that says the right answer.
    """
    now = subject.manifest
    changed = good is not None and now.steps.get("chunk") != good.steps.get("chunk")
    cut = holder is not None and bool(holder.chunks) and not holder.whole
    own = bench.environment.workspace.collection(bench.collection).chunk
    if not changed and not cut:
        return None
    better = _same_chunks(subject, good.steps.get("chunk", "")) if good is not None and changed else None
    better = better or _larger(own)
    values = {
        key: value for key, value in msgspec.to_builtins(better).items() if msgspec.to_builtins(own).get(key) != value
    }
    if not values:
        return None
    return Fault(
        kind="chunk",
        now=", ".join(f"chunk.{key} = {getattr(own, key)!r}" for key in values),
        better=", ".join(f"chunk.{key} = {value!r}" for key, value in values.items()),
        settings={"chunk": values},
        unusual=own.max_tokens < ChunkSettings().max_tokens,
        changed=changed,
        release=good.id if good is not None and changed else "",
    )


def _same_chunks(subject: Subject, fingerprint: str) -> ChunkSettings | None:
    """The settings with the fingerprint of an earlier release's chunk step: a release keeps no more of them."""
    embedder = subject.embedder
    tokenizer, limit = embedder.tokens.fingerprint, embedder.passage_limit
    for largest in _CHUNK_SIZES:
        for smallest in _SMALLEST:
            for heading in (True, False):
                tried = ChunkSettings(max_tokens=largest, min_tokens=smallest, heading_context=heading)
                if chunk_fingerprint(tried, tokenizer, limit) == fingerprint:
                    return tried
    return None


def _larger(own: ChunkSettings) -> ChunkSettings:
    if own.max_tokens < _DEFAULT_CHUNK.max_tokens:
        return _DEFAULT_CHUNK
    return msgspec.structs.replace(own, max_tokens=2 * own.max_tokens)
