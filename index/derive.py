"""The steps of one document, each computed once per (fingerprint, input): parse, clean, audit, chunk.

A step's key names its fingerprint and the digest of what it reads. So a new chunk size finds every
parse and clean in the memo, and a new cleaning rule re-chunks only the documents whose text it changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec

from index.repairs.apply import DocumentRepairs, InForce
from index.repairs.earlier import EarlierVersions, kept_key
from index.repairs.errata import Corrected, apply_errata
from index.report import StepCount
from ingest.audit import audit, audit_fingerprint
from ingest.chunk import chunk, chunk_fingerprint
from ingest.clean import clean, clean_fingerprint
from ingest.memo import Memo
from ingest.parse.pool import ParseResult, ParserPool
from ingest.parse.registry import ParseKeys, parse_fingerprint
from ingest.relations import DocumentFacts, facts
from ragpress.errors import AuditError, DocumentError, ParseError
from ragpress.fingerprint import digest, hexdigest
from ragpress.settings import CollectionSettings
from ragpress.types import (
    AuditAction,
    AuditMark,
    ChunkSpan,
    CleanedDocument,
    Element,
    ParsedDocument,
    Removal,
    TokenCounter,
)

_READ_AHEAD = 512
_FORGOTTEN = "Nothing is known any more of the version that a repair restores. Take it back, or add its file again."
T = TypeVar("T")


class WorkItem(msgspec.Struct, frozen=True):
    """One document to derive.

    Attributes:
        document_id: its id.
        source: its source path.
        path: the file, as the file system encodes its name; b"" for a version that no file has any more.
        sha256: digest of its bytes as scanned.
        size: bytes.
    """

    document_id: str
    source: str
    path: bytes
    sha256: bytes
    size: int


class Derived(msgspec.Struct, frozen=True):
    """A document after all steps before the embedding.

    Attributes:
        item: what was asked for.
        version: SHA-256 of the bytes that were really read.
        parsed: the parsed document, its text replaced by the cleaned text.
        cleaned: its text and elements, and what was removed.
        spans: its chunks.
        marks: audits that fired.
        facts: what the audits across documents compare; its language too.
        repaired: whether repairs changed its text.
    """

    item: WorkItem
    version: bytes
    parsed: ParsedDocument
    cleaned: CleanedDocument
    spans: tuple[ChunkSpan, ...]
    marks: tuple[AuditMark, ...]
    facts: DocumentFacts
    repaired: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """A document that cannot be used, with the step and the reason a person reads."""

    item: WorkItem
    version: bytes
    step: str
    reason: str
    marks: tuple[AuditMark, ...] = ()


class _Cleaned(msgspec.Struct, frozen=True, array_like=True):
    same: bool
    text: str
    elements: tuple[Element, ...]
    removed: tuple[Removal, ...]


class _Audited(msgspec.Struct, frozen=True, array_like=True):
    marks: tuple[AuditMark, ...]
    facts: DocumentFacts


class Fingerprints(msgspec.Struct, frozen=True):
    """The fingerprint of every step, and of the whole pipeline for one document."""

    parse: str
    clean: str
    audit: str
    chunk: str
    embed: str

    @classmethod
    def of(cls, settings: CollectionSettings, embed: str, tokenizer: str, limit: int) -> Fingerprints:
        """Fingerprints for these settings and this embedder.

        Args:
            settings: the collection's.
            embed: fingerprint of the embedder.
            tokenizer: fingerprint of its tokenizer alone, so that a change of precision re-chunks nothing.
            limit: tokens of a passage that it reads at once.
        """
        return cls(
            parse=parse_fingerprint(settings.parse),
            clean=clean_fingerprint(settings.clean),
            audit=audit_fingerprint(settings.audit),
            chunk=chunk_fingerprint(settings.chunk, tokenizer, limit),
            embed=embed,
        )

    @property
    def pipeline(self) -> str:
        """Fingerprint of all steps together."""
        return hexdigest("pipeline", self.parse, self.clean, self.audit, self.chunk, self.embed)


class Deriver:
    """Derives documents, in order, taking from the memo what was computed before.

    Args:
        settings: the collection's.
        fingerprints: of the steps.
        memo: results of earlier runs.
        counting: the embedder's token counter, and the most tokens of a chunk that it can read.
        repairs: those in force, and what is known of the versions that they restore; None for none.
    """

    def __init__(
        self,
        settings: CollectionSettings,
        fingerprints: Fingerprints,
        memo: Memo,
        counting: tuple[TokenCounter, int],
        repairs: tuple[InForce, EarlierVersions] | None = None,
    ) -> None:
        self._settings = settings
        self._fingerprints = fingerprints
        self._parse_keys = ParseKeys(settings.parse)
        self._memo = memo
        self._tokens, self._limit = counting
        self._repairs = InForce(()) if repairs is None else repairs[0]
        self._earlier = None if repairs is None else repairs[1]
        self.steps = {name: StepCount() for name in ("parse", "clean", "audit", "chunk")}

    def derive(self, items: Iterable[WorkItem]) -> Iterator[Derived | Refusal]:
        """Derive documents.

        Yields:
            One result per item, in the items' order. A document that cannot be used is a
            :class:`Refusal`; it never ends the run.
        """
        rest = iter(items)
        with ParserPool(self._settings.parse, self._settings.workers) as pool:
            while batch := list(islice(rest, _READ_AHEAD)):
                known = {item.document_id: self._recall_parse(item, item.sha256) for item in batch}
                missing = [item for item in batch if known[item.document_id] is None and item.path]
                fresh = pool.parse_many(map(self._to_parse, missing))
                for item in batch:
                    parsed = known.pop(item.document_id)
                    if parsed is not None:
                        yield self._finish(item, item.sha256, parsed)
                    elif item.path:
                        yield self._parse(item, next(fresh))
                    else:
                        yield Refusal(item, item.sha256, "repair", _FORGOTTEN)

    def recall_text(self, version: bytes, source: str) -> str | None:
        """The cleaned text of a version that was derived before; None when the memo no longer has it."""
        own = self._repairs.of(source)
        value = self._memo.get(self._parse_keys.of(version, source, own.parser))
        parsed = None if value is None else msgspec.msgpack.decode(value, type=ParsedDocument)
        restored = own.restored is not None and own.restored.version == version.hex()
        if parsed is None and restored and self._earlier is not None:
            parsed = self._earlier.find(version, source, own.parser)
        if parsed is None:
            return None
        corrected = apply_errata(parsed, own.errata, version.hex()).document if own.errata else parsed
        return clean(corrected, own.clean_settings(self._settings.clean), own.keep).text

    def _recall_parse(self, item: WorkItem, version: bytes) -> ParsedDocument | None:
        value = self._memo.get(self._parse_key(item, version))
        parsed = None if value is None else msgspec.msgpack.decode(value, type=ParsedDocument)
        if parsed is None and not item.path and self._earlier is not None:
            parsed = self._earlier.find(version, item.source, self._repairs.parser_of(item.source))
            if parsed is not None:  # a release that has it may be collected one day
                self._memo.put(kept_key(version, item.source), msgspec.msgpack.encode(parsed))
        self.steps["parse"].reused += parsed is not None
        return parsed

    def _parse_key(self, item: WorkItem, version: bytes) -> bytes:
        return self._parse_keys.of(version, item.source, self._repairs.parser_of(item.source))

    def _to_parse(self, item: WorkItem) -> tuple[str, str, str] | tuple[str, str, str, str]:
        parser = self._repairs.parser_of(item.source)
        file = (item.document_id, os.fsdecode(item.path), item.source)
        return (*file, parser) if parser else file

    def _parse(self, item: WorkItem, result: ParseResult[str]) -> Derived | Refusal:
        outcome = result.outcome
        version = bytes.fromhex(result.sha256) if result.sha256 else item.sha256
        self.steps["parse"].computed += 1
        if isinstance(outcome, ParseError):
            return Refusal(item, version, outcome.step, str(outcome))
        self._memo.put(self._parse_key(item, version), msgspec.msgpack.encode(outcome))
        return self._finish(item, version, outcome)

    def _finish(self, item: WorkItem, version: bytes, read: ParsedDocument) -> Derived | Refusal:
        own = self._repairs.of(item.source)
        corrected = apply_errata(read, own.errata, version.hex()) if own.errata else Corrected(read)
        parsed = corrected.document
        try:
            parsed_digest = digest(msgspec.msgpack.encode(parsed))
            cleaned = self._clean(parsed, parsed_digest, own)
            text_digest = digest(cleaned.text, msgspec.msgpack.encode(cleaned.elements))
            audited = self._audit(parsed, cleaned, digest(parsed_digest, text_digest))
            marks = (*own.lifted(audited.marks), *own.flags, *corrected.marks)
            self._raise_if_quarantined(marks)
            spans = self._chunk(cleaned, text_digest)
        except DocumentError as error:
            marks = error.args[1] if len(error.args) > 1 else ()
            return Refusal(item, version, error.step, str(error.args[0]), marks)
        facts_of = msgspec.structs.replace(audited.facts, document_id=item.document_id, source=item.source)
        told = parsed if not own.ids else msgspec.structs.replace(parsed, notes=(*parsed.notes, *own.told(corrected)))
        return Derived(item, version, told, cleaned, spans, marks, facts_of, repaired=own.rewrites)

    def _clean(self, parsed: ParsedDocument, parsed_digest: bytes, own: DocumentRepairs) -> CleanedDocument:
        settings, keep = self._settings.clean, own.keep
        fingerprint = self._fingerprints.clean
        if own.cleaning:
            settings = own.clean_settings(settings)
            fingerprint = hexdigest("repaired", clean_fingerprint(settings), keep)
        key = digest("clean", fingerprint, parsed_digest)
        value = self._recall("clean", key)
        if value is not None:
            stored = msgspec.msgpack.decode(value, type=_Cleaned)
            if stored.same:
                return CleanedDocument(parsed.text, parsed.elements, stored.removed)
            return CleanedDocument(stored.text, stored.elements, stored.removed)
        cleaned = clean(parsed, settings, keep)
        same = cleaned.text == parsed.text and cleaned.elements == parsed.elements
        body = _Cleaned(same, "" if same else cleaned.text, () if same else cleaned.elements, cleaned.removed)
        self._memo.put(key, msgspec.msgpack.encode(body))
        return cleaned

    def _audit(self, parsed: ParsedDocument, cleaned: CleanedDocument, inputs: bytes) -> _Audited:
        key = digest("audit", self._fingerprints.audit, inputs)
        value = self._recall("audit", key)
        if value is not None:
            return msgspec.msgpack.decode(value, type=_Audited)
        audited = _Audited(audit(parsed, cleaned, self._settings.audit), facts("", "", parsed, cleaned))
        self._memo.put(key, msgspec.msgpack.encode(audited))
        return audited

    def _chunk(self, cleaned: CleanedDocument, text_digest: bytes) -> tuple[ChunkSpan, ...]:
        key = digest("chunk", self._fingerprints.chunk, text_digest)
        value = self._recall("chunk", key)
        if value is not None:
            return msgspec.msgpack.decode(value, type=tuple[ChunkSpan, ...])
        spans = chunk(cleaned, self._settings.chunk, self._tokens, self._limit)
        self._memo.put(key, msgspec.msgpack.encode(spans))
        return spans

    def _recall(self, step: str, key: bytes) -> bytes | None:
        value = self._memo.get(key)
        if value is None:
            self.steps[step].computed += 1
        else:
            self.steps[step].reused += 1
        return value

    def _raise_if_quarantined(self, marks: tuple[AuditMark, ...]) -> None:
        reasons = [mark.reason for mark in marks if mark.action == AuditAction.QUARANTINE]
        if reasons:
            raise AuditError(" ".join(reasons), marks)
