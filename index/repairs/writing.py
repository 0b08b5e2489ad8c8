"""Repairs that a person makes by a command: checked against the live release, then written into ``repairs/``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from index.documents import DocumentRow
from index.environment import Environment
from index.relations import STEP as RELATION
from index.repairs import files
from index.repairs.apply import in_force, settings_of
from index.repairs.checking import problem
from index.repairs.earlier import EarlierVersions
from index.repairs.errata import places_of
from index.repairs.records import Erratum, Quarantine, Repair, Reparse, Restore, Supersede, repair_id, source_of
from ingest.parse.alternatives import alternatives
from ingest.parse.registry import ParseKeys
from ragpress.errors import UsageError
from ragpress.types import ParsedDocument

REPAIR = "repair"
AUDIT = "audit"
_CONTEXT = (16, 40, 100, 300, 1000)
_SHORTEST = 24
_ONE_OF: tuple[tuple[type, ...], ...] = ((Quarantine, Supersede, Restore), (Reparse,))
NEXT = "Run `ragpress ingest` to publish the change."
"""What to do once a repair is written."""


class RepairNote(msgspec.Struct, frozen=True):
    """What a change to ``repairs/`` did: the document, the file, what to do next, and the repair's id."""

    source: str
    file: str
    done: str
    next: str
    repair_id: str = ""


class Span(msgspec.Struct, frozen=True):
    """A wrong text, the right one, and the text around it as far as a person gave it."""

    find: str
    replace: str
    before: str = ""
    after: str = ""


class Signature(msgspec.Struct, frozen=True):
    """Why a repair is made, and by whom; None takes the user who runs this process."""

    reason: str
    by: str | None = None


def add_erratum(
    environment: Environment, collection: str, document: str, span: Span, signature: Signature
) -> RepairNote:
    """Record an erratum. Where the text stands in several places, what was not given around it does not help.

    The context is taken as far as it takes for the erratum to stand in one place, and to be told in later versions.

    Raises:
        UsageError: the text stands nowhere or in several places of what the parser read.
        ReleaseError: the live release has no such document.
    """
    row, parsed = _read(environment, collection, document)
    before, after = _anchor(parsed.text, span, row.source)
    repair = Erratum(
        source=row.source,
        version=_version(row).hex(),
        find=span.find,
        replace=span.replace,
        before=before,
        after=after,
        **_signed(environment, collection, signature),
    )
    return _written(environment, repair, row.source, "erratum recorded")


def add_supersede(
    environment: Environment, collection: str, document: str, newer: str, signature: Signature
) -> RepairNote:
    """Record that a document is superseded by another one.

    Raises:
        UsageError: both are one document, or the newer one cannot be searched.
        ReleaseError: the live release has no such document.
    """
    row, other = live_document(environment, collection, document), live_document(environment, collection, newer)
    if not other.chunks:
        raise UsageError(f"{other.source} is {other.state} ({other.reason}), so nothing would stand in its place.")
    signed = _signed(environment, collection, signature)
    repair = Supersede(source=row.source, newer=other.source, **signed)
    return _written(environment, repair, row.source, f"superseded by {other.source}")


def add_reparse(
    environment: Environment, collection: str, document: str, parser: str, signature: Signature
) -> RepairNote:
    """Record that a document is read by another parser.

    Raises:
        UsageError: that parser does not read its type; the message names those that do.
        ReleaseError: the live release has no such document.
    """
    row = live_document(environment, collection, document)
    known = alternatives(row.source, row.media_type)
    if known and parser not in known:
        raise UsageError(f"No parser {parser!r} reads {row.source} ({row.media_type}). Known: {', '.join(known)}.")
    if not known and row.media_type:
        raise UsageError(f"No other parser than its own reads {row.source} ({row.media_type}).")
    repair = Reparse(source=row.source, parser=parser, **_signed(environment, collection, signature))
    return _written(environment, repair, row.source, f"read by {parser}")


def restore(
    environment: Environment, collection: str, document: str, version: str = "", signature: Signature | None = None
) -> RepairNote:
    """Take back what took a document out, or have it used all the same.

    What repairs said is taken back; what an audit said is overridden by a repair; an earlier version is brought back.

    Args:
        environment: the outside.
        collection: the collection.
        document: a document id or a source.
        version: SHA-256 (hexadecimal, or its beginning) of an earlier version; "" for the one that the source has.
        signature: why and by whom, where a repair is written.

    Raises:
        UsageError: there is nothing to restore.
        ReleaseError: the live release has no such document.
    """
    row = live_document(environment, collection, document)
    signature = signature or Signature("")
    if version:
        return _bring_back(environment, collection, row, version, signature)
    root = environment.workspace.root
    mine = [one for one in files.load_all(root, collection) if isinstance(one, (Quarantine, Supersede))]
    held = [one for one in mine if one.source == row.source]
    if held:
        for one in held:
            files.remove_repair(root, repair_id(one))
        path = files.file_of(root, held[0])
        return RepairNote(row.source, _shown(root, path), "restored", NEXT, repair_id(held[0]))
    if row.step not in (AUDIT, RELATION):
        raise UsageError(
            f"{row.source} is not quarantined by a person, so there is nothing to take back. "
            + (f"It is {row.state} because: {row.reason}" if row.state != "live" else "It is live.")
        )
    reason = signature.reason or f"used all the same, although: {row.reason}"
    signed = _signed(environment, collection, msgspec.structs.replace(signature, reason=reason))
    return _written(environment, Restore(source=row.source, **signed), row.source, "restored against the audit")


def _bring_back(
    environment: Environment, collection: str, row: DocumentRow, version: str, signature: Signature
) -> RepairNote:
    whole = _whole_version(environment, collection, row.source, version.lower())
    now = row.seen_version.hex() if row.seen_version is not None and row.state != "deleted" else ""
    if whole == now and row.state == "live":
        raise UsageError(f"{row.source} has version {whole[:12]} already, and it is live.")
    reason = signature.reason or f"version {whole[:12]} is used again"
    repair = Restore(
        source=row.source,
        version=whole,
        instead_of=now if now != whole else "",
        **_signed(environment, collection, msgspec.structs.replace(signature, reason=reason)),
    )
    return _written(environment, repair, row.source, f"version {whole[:12]} brought back")


def _whole_version(environment: Environment, collection: str, source: str, version: str) -> str:
    """The version of a document that a prefix names, of those that a release knows or the memo has."""
    known: dict[str, None] = {}
    for manifest in environment.releases(collection).list():
        for row in environment.open(manifest).documents.to_pylist():
            if row["source"] == source and row["version"] is not None:
                known[row["version"].hex()] = None
    found = [one for one in known if one.startswith(version)]
    if len(found) == 1:
        return found[0]
    keys = ParseKeys(settings_of(environment.workspace, collection).parse)
    if len(version) == 64 and EarlierVersions(environment, collection, keys).find(bytes.fromhex(version), source):
        return version
    shown = ", ".join(one[:12] for one in known) or "none"
    what = "Several versions start with" if found else "Nothing is known of version"
    raise UsageError(f"{what} {version!r} of {source}. Versions in releases, newest first: {shown}.")


def _anchor(text: str, span: Span, source: str) -> tuple[str, str]:
    """What stands before and after a span, as much of it as makes its place the only one."""
    found = places_of(text, span.before + span.find + span.after)
    if len(found) != 1 or not span.before + span.find + span.after:
        where = "nowhere" if not found else "in several places"
        raise UsageError(
            f"{(span.before + span.find + span.after)[:80]!r} stands {where} in what the parser read of {source}: "
            "expected one place. See its text with: ragpress documents show DOCUMENT --text; name the text around it "
            "with --before and --after. What another erratum wrote is changed by taking that one back."
        )
    start = found[0] + len(span.before)
    end = start + len(span.find)
    before, after = span.before, span.after
    for context in _CONTEXT:
        if len((before + span.find + after).encode()) >= _SHORTEST:
            break
        before = text[max(0, min(start - context, start - len(before))) : start]
        after = text[end : max(end + context, end + len(after))]
    return before, after


def _read(environment: Environment, collection: str, document: str) -> tuple[DocumentRow, ParsedDocument]:
    row = live_document(environment, collection, document)
    settings = settings_of(environment.workspace, collection)
    parser = in_force(environment.workspace.root, collection).parser_of(row.source)
    versions = EarlierVersions(environment, collection, ParseKeys(settings.parse))
    parsed = versions.find(_version(row), row.source, parser)
    if parsed is None:
        raise UsageError(f"{row.source} is {row.state}, and no text of it is known that an erratum could change.")
    return row, parsed


def _version(row: DocumentRow) -> bytes:
    return row.version or row.seen_version or b""


def live_document(environment: Environment, collection: str, document: str) -> DocumentRow:
    """A document of the live release, by its id or its source.

    Raises:
        UsageError: nothing is live yet.
        ReleaseError: the live release has no such document.
    """
    manifest = environment.releases(collection).live()
    if manifest is None:
        raise UsageError(f"Nothing is live in {collection!r} yet. Publish a first release with: ragpress ingest")
    return environment.open(manifest).document(document)


def _signed(environment: Environment, collection: str, signature: Signature) -> dict[str, str]:
    return {
        "collection": collection,
        "reason": signature.reason,
        "by": signature.by or files.person(),
        "at": environment.now().isoformat(timespec="seconds"),
    }


def _written(environment: Environment, repair: Repair, source: str, done: str) -> RepairNote:
    wrong = problem(repair)
    if wrong:
        raise UsageError(f"That repair cannot be used: {wrong}")
    root = environment.workspace.root
    path = files.save(root, repair)
    give_way(root, repair)
    return RepairNote(source, _shown(root, path), done, NEXT, repair_id(repair))


def give_way(root: Path, repair: Repair) -> None:
    """Take back what was said before of the same thing: the last word on a document's state or parser holds alone."""
    kinds = next((kinds for kinds in _ONE_OF if isinstance(repair, kinds)), None)
    if kinds is None:
        return
    for one in files.load_all(root, repair.collection):
        if isinstance(one, kinds) and source_of(one) == source_of(repair) and repair_id(one) != repair_id(repair):
            files.remove_repair(root, repair_id(one))


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
