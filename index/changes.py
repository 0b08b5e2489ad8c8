"""``CHANGES.md`` of a release: what changed since the release before, why, by whom, and how to go back.

It lies beside the manifest, written before the release goes live; a release says it once. What users, documents and
models said stands in it as text, never as markup.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.changes_words import cause_in_words, plain, say, state_in_words
from index.environment import Environment
from index.evaluations import REPORT_JSON, evaluation_file
from index.findings import Finding, LoopEvent, find_finding, list_events
from index.history import setting_changes
from index.opened import OpenRelease
from index.release import Manifest
from index.repairs import files
from index.repairs.records import Repair, kind_of, repair_id, source_of
from ragpress.bilingual import Language
from ragpress.errors import ConflictError, NotFoundError, RagpressError

NAME = "CHANGES.md"
_NAMED = 20
_SHOWN = 300


class DocumentChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Sources that differ between two releases.

    Attributes:
        added: those that can be found now and could not before.
        changed: those whose text is another.
        removed: those that cannot be found any more, each with its state now.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()


_Row: TypeAlias = tuple[str, bool, bytes | None]
"""Of a document: its state, whether it can be found, what its chunks hold."""
_GONE: _Row = ("deleted", False, None)


class _Delta(msgspec.Struct, frozen=True):
    baseline: float | None = None
    candidate: float | None = None
    n: int = 0


class _Metric(msgspec.Struct, frozen=True):
    unit: str = ""
    gated: bool = False
    delta: _Delta | None = None


class _Report(msgspec.Struct, frozen=True):
    case_count: int = 0
    metrics: dict[str, _Metric] = {}


def keep_changes(
    environment: Environment,
    manifest: Manifest,
    documents: pa.Table,
    before: OpenRelease | None,
    repairs: Sequence[Repair] = (),
) -> str:
    """Write a release's ``CHANGES.md``, unless there is one; returns the text that is kept.

    Args:
        environment: the outside.
        manifest: the release, saved or about to be.
        documents: its document table.
        before: the release that is live before it; None where nothing is.
        repairs: those that it was built with and whose files are not written yet.

    Raises:
        StorageError: it cannot be written.
    """
    known = read_changes(environment, manifest.id)
    if known is not None:
        return known
    text = changes_of(environment, manifest, documents, before, repairs)
    with contextlib.suppress(ConflictError):
        environment.store.create(_key(manifest.id), text.encode())
    return text


def read_changes(environment: Environment, release: str) -> str | None:
    """The ``CHANGES.md`` of a release; None where it has none, as one that never was to go live."""
    try:
        return environment.store.read(_key(release)).decode()
    except NotFoundError:
        return None


def changes_of(
    environment: Environment,
    manifest: Manifest,
    documents: pa.Table,
    before: OpenRelease | None,
    repairs: Sequence[Repair] = (),
) -> str:
    """The text of ``CHANGES.md``, in the language of ``[loop]``. Arguments as of :func:`keep_changes`."""
    language = environment.workspace.collection(manifest.collection).loop.language
    earlier = None if before is None else before.manifest
    found = document_changes(documents, None if before is None else before.documents)
    parts = [
        _title(language, manifest, earlier),
        _what(language, manifest, earlier, found),
        _repairs(environment, manifest, earlier, repairs),
        _gate(environment, language, manifest),
        _back(language, earlier),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def document_changes(after: pa.Table, before: pa.Table | None) -> DocumentChanges:
    """Sources that differ between the document tables of two releases."""
    old = after.slice(0, 0) if before is None else before
    new_keys, old_keys = _keys(after), _keys(old)
    new = _rows(after.filter(pc.invert(pc.is_in(new_keys, value_set=old_keys))))
    gone = _rows(old.filter(pc.invert(pc.is_in(old_keys, value_set=new_keys))))
    added, changed, removed = [], [], []
    for source in sorted({*new, *gone}):
        (state, found, indexed), (_, was_found, was) = new.get(source, _GONE), gone.get(source, _GONE)
        if found and not was_found:
            added.append(source)
        elif was_found and not found:
            removed.append((source, state))
        elif found and indexed != was:
            changed.append(source)
    return DocumentChanges(added=tuple(added), changed=tuple(changed), removed=tuple(removed))


def _keys(table: pa.Table) -> pa.ChunkedArray:
    """What of each row people can see, as one value, so that tables of any size are compared without a loop."""
    parts = [pc.fill_null(table[name].cast(pa.binary()), b"") for name in ("source", "state", "indexed")]
    return pc.binary_join_element_wise(*parts, b"\0")


def _rows(table: pa.Table) -> dict[str, _Row]:
    searched = pc.and_(pc.greater(table["chunks"], 0), pc.equal(table["state"], "live")).to_pylist()
    sources, states, indexed = (table[name].to_pylist() for name in ("source", "state", "indexed"))
    return {
        source: (state, found, digest)
        for source, state, found, digest in zip(sources, states, searched, indexed, strict=True)
    }


def _title(language: Language, manifest: Manifest, before: Manifest | None) -> str:
    key = "first" if before is None else "made"
    named = "" if before is None else before.id
    made = say(language, key, collection=manifest.collection, created=manifest.created, before=named)
    return f"{say(language, 'title', release=manifest.id)}\n\n{made}"


def _what(language: Language, manifest: Manifest, before: Manifest | None, found: DocumentChanges) -> str:
    counts = manifest.counts
    removed = [
        plain(source) + say(language, "now", state=state_in_words(language, state)) for source, state in found.removed
    ]
    lines = [
        _named(language, "added", [plain(source) for source in found.added]),
        _named(language, "changed", [plain(source) for source in found.changed]),
        _named(language, "removed", removed),
        *(_settings(language, before, manifest) if before is not None else ()),
    ]
    listed = [f"- {line}" for line in lines if line] or [say(language, "nothing")]
    sizes = say(language, "sizes", documents=counts.documents, chunks=counts.chunks, quarantined=counts.quarantined)
    return "\n".join([say(language, "what"), "", *listed, "", sizes])


def _named(language: Language, key: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = say(language, "and_more", count=len(names) - _NAMED) if len(names) > _NAMED else ""
    return say(language, key, count=len(names), names=_listed(language, names[:_NAMED]) + more)


def _settings(language: Language, before: Manifest, after: Manifest) -> Iterable[str]:
    found = setting_changes(before, after)
    steps = [name.removeprefix("steps.") for name, _, _ in found if name.startswith("steps.")]
    pairs = [
        f"{plain(name)} {plain(old) or '–'} → {plain(new) or '–'}"
        for name, old, new in found
        if not name.startswith(("steps.", "repairs.")) and name != "prompt.fingerprint"
    ]
    if steps:
        yield say(language, "steps", names=_listed(language, steps))
    if pairs:
        yield say(language, "settings", pairs="; ".join(pairs))


def _repairs(environment: Environment, manifest: Manifest, before: Manifest | None, given: Sequence[Repair]) -> str:
    language = environment.workspace.collection(manifest.collection).loop.language
    old = set() if before is None else set(before.repairs)
    fresh, gone = sorted(set(manifest.repairs) - old), sorted(old - set(manifest.repairs))
    if not fresh and not gone:
        return ""
    standing = files.load_all(environment.workspace.root, manifest.collection)
    known = {repair_id(repair): repair for repair in (*standing, *given)}
    told = [_repair(environment, language, name, known.get(name)) for name in fresh]
    taken = [say(language, "taken_back", repair=name) for name in gone]
    return "\n\n".join([say(language, "repairs"), *told, *taken])


def _repair(environment: Environment, language: Language, name: str, repair: Repair | None) -> str:
    if repair is None:
        return f"### `{name}`\n\n{say(language, 'unknown_repair')}"
    source = source_of(repair)
    about = f" {plain(source)}" if source else ""
    finding = find_finding(environment, repair.finding) if repair.finding else None
    lines = [say(language, "why", reason=plain(repair.reason))]
    if finding is not None:
        lines += _finding(language, finding)
    lines.append(say(language, "by", by=plain(repair.by), at=repair.at))
    if finding is not None and (word := _approval(environment, finding)) is not None:
        lines.append(say(language, "approved", by=plain(word.by), at=word.at))
    lines.append(say(language, "undo", repair=name))
    return "\n".join([f"### {kind_of(repair)}{about}", "", *(f"- {line}" for line in lines)])


def _finding(language: Language, finding: Finding) -> Iterable[str]:
    yield say(language, "question", question=plain(finding.question))
    cause, sure = cause_in_words(language, finding.cause), f"{finding.confidence:.0%}"
    yield say(language, "cause", cause=cause, confidence=sure)
    for blamed in finding.documents[:3]:
        yield say(language, "at_fault", source=plain(blamed.source), why=plain(blamed.why))
    proof = finding.proof
    if proof is None:
        return
    yield say(language, "before", answer=plain(proof.before, _SHOWN))
    key = "after_from" if proof.sources else "after"
    sources = _listed(language, [plain(source) for source in proof.sources[:3]])
    yield say(language, key, answer=plain(proof.after, _SHOWN), sources=sources)
    yield say(language, "proof", reason=plain(proof.reason, _SHOWN).rstrip(".。"))


def _approval(environment: Environment, finding: Finding) -> LoopEvent | None:
    events = list_events(environment, finding.collection, limit=None)
    own = (event for event in events if event.kind == "approved" and finding.finding_id in event.findings)
    return max(own, key=lambda event: event.id, default=None)


def _gate(environment: Environment, language: Language, manifest: Manifest) -> str:
    record = manifest.gate
    against = say(language, "against", release=record.baseline) if record.baseline else ""
    lines = [say(language, "gate"), "", say(language, record.verdict, against=against)]
    notes = [say(language, "reason", text=plain(text)) for text in record.reasons]
    notes += [say(language, "warning", text=plain(text)) for text in record.warnings]
    if record.override is not None:
        word = record.override
        notes.append(say(language, "override", by=plain(word.by), at=word.at, why=plain(word.why)))
    if notes:
        lines += ["", *notes]
    if manifest.evaluation is None:
        return "\n".join([*lines, "", say(language, "no_cases")])
    return "\n".join([*lines, "", *_figures(environment, language, manifest.evaluation)])


def _figures(environment: Environment, language: Language, evaluation: str) -> list[str]:
    link = say(language, "report", evaluation=evaluation)
    try:
        report = msgspec.json.decode(evaluation_file(environment.store, evaluation, REPORT_JSON), type=_Report)
    except (RagpressError, msgspec.DecodeError):
        # What the report says decides nothing here; that it cannot be read is the doctor's to say.
        return [link]
    rows = [
        f"| {name} | {_value(row.delta.baseline)} | {_value(row.delta.candidate)} | {row.delta.n} |"
        for name, row in report.metrics.items()
        if row.gated and row.delta is not None
    ]
    table = [say(language, "figures"), "|---|---|---|---|", *rows, ""] if rows else []
    return [say(language, "cases", count=report.case_count), "", *table, link]


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _back(language: Language, before: Manifest | None) -> str:
    if before is None:
        return ""
    return f"{say(language, 'back')}\n\n{say(language, 'rollback', before=before.id)}"


def _listed(language: Language, items: Sequence[str]) -> str:
    return ("、" if language == "zh" else ", ").join(items)


def _key(release: str) -> str:
    return f"releases/{release}/{NAME}"
