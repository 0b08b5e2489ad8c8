"""Audits of one document: each has a name, a measure, a threshold and a reason a person can act on.

| audit | measure | fires |
| --- | --- | --- |
| garbage | share of the prose that reads as mojibake, unmapped glyphs or failed OCR | at or above |
| no_text | characters of text per page (of a document without pages: characters in all) | below |
| truncated | 1 when only a part was read, or the text ends in the middle of something | at or above |
| injection | kinds of phrases addressed to a language model, and of tricks that hide text | at or above |

What is found only by comparing documents (near_duplicate, outdated) is in ``ingest.relations``.
"""

from __future__ import annotations

import re

from ingest.garbage import garbage_share
from ingest.injection import hidden_text, injection_phrases
from ragpress.fingerprint import step_fingerprint
from ragpress.settings import AuditRule, AuditSettings
from ragpress.types import AuditAction, AuditMark, CleanedDocument, ElementKind, ParsedDocument

CODE_VERSION = 2

_PARTIAL = "partial"
_SHORTEST_SENTENCE = 40
_OPEN_END = re.compile(
    r"(?:[,，、(（\[【{“‘「《]|[a-z]-|\b(?:the|a|an|of|and|or|to|with|in|for|by|from|that|which|is|are|was|were|than|its|their))$"
    r"|(?:和|与|及|或|以及|并且|因为|如果|但是|例如|包括|对于|关于|通过|将)$"
)
_CUT_MARK = re.compile(
    r"(?:\[(?:…|\.\.\.)?\s*(?:truncated|content truncated|cut off|snip)[^\]]{0,40}\]|（?(?:内容|全文)?已截断）?)$"
)
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)", re.MULTILINE)


def audit_fingerprint(settings: AuditSettings) -> str:
    """Fingerprint of the audit step: 32 hexadecimal characters."""
    return step_fingerprint("audit", CODE_VERSION, settings)


def audit(parsed: ParsedDocument, cleaned: CleanedDocument, settings: AuditSettings) -> tuple[AuditMark, ...]:
    """Audit one document.

    Args:
        parsed: the document before cleaning: its notes, pages and hidden text.
        cleaned: the document after cleaning.
        settings: actions and thresholds; an audit that is off is not computed.

    Returns:
        The audits that fired.
    """
    found = (
        _no_text(parsed, cleaned, settings.no_text),
        _garbage(cleaned, settings.garbage),
        _truncated(parsed, cleaned, settings.truncated),
        _injection(parsed, cleaned, settings.injection),
    )
    return tuple(mark for mark in found if mark is not None)


def _garbage(cleaned: CleanedDocument, rule: AuditRule) -> AuditMark | None:
    if rule.action is AuditAction.OFF or not cleaned.text:
        return None
    share = round(garbage_share(cleaned), 3)
    if share < rule.threshold:
        return None
    reason = (
        f"{share:.0%} of its text reads as wrongly decoded or badly scanned. Open the source, check its encoding "
        "or fonts, and export or scan it again, or read it by OCR."
    )
    return AuditMark("garbage", rule.action, share, rule.threshold, reason)


def _no_text(parsed: ParsedDocument, cleaned: CleanedDocument, rule: AuditRule) -> AuditMark | None:
    if rule.action is AuditAction.OFF:
        return None
    if not cleaned.elements:
        reason = (
            "It holds no text: nothing to index. If it is a scan, read it by OCR ([parse] ocr = true); else remove it."
        )
        return AuditMark("no_text", rule.action, 0.0, rule.threshold, reason)
    pages = parsed.pages or 0
    # Far above any threshold that makes sense; spares counting.
    if not pages or len(cleaned.text) > 100 * pages * max(rule.threshold, 1.0):
        return None
    measure = round(len("".join(cleaned.text.split())) / pages, 1)
    if measure >= rule.threshold:
        return None
    reason = (
        f"Only {measure:g} characters of text per page on {pages} pages: the pages are probably images. "
        "Read it by OCR ([parse] ocr = true) or supply a version with text."
    )
    return AuditMark("no_text", rule.action, measure, rule.threshold, reason)


def _truncated(parsed: ParsedDocument, cleaned: CleanedDocument, rule: AuditRule) -> AuditMark | None:
    if rule.action is AuditAction.OFF or rule.threshold > 1:
        return None
    partial = next((note for note in parsed.notes if note.startswith(_PARTIAL)), "")
    why = f"only a part of it could be read ({partial})" if partial else _cut_off(cleaned)
    if not why:
        return None
    reason = f"It may be incomplete: {why}. Compare it with the original and supply the whole document."
    return AuditMark("truncated", rule.action, 1.0, rule.threshold, reason)


def _cut_off(cleaned: CleanedDocument) -> str:
    """In the middle of what the text ends, or ""."""
    if not cleaned.elements:
        return ""
    last = cleaned.elements[-1]
    text = cleaned.text[last.start : last.end].rstrip()
    end = text[-60:]
    if _CUT_MARK.search(end):
        return "it says itself that it was cut off"
    if last.kind is ElementKind.CODE:
        fences = _FENCE.findall(text)
        return "its last code block is not closed" if fences and text.startswith(fences[0]) and len(fences) == 1 else ""
    if last.kind is ElementKind.TABLE:
        return "its last table row is not complete" if _row_is_cut(text) else ""
    if (
        last.kind is ElementKind.PARAGRAPH
        and len(text) >= _SHORTEST_SENTENCE // (1 + (not text.isascii()))
        and _OPEN_END.search(end)
    ):
        return f"it ends in the middle of a sentence ({end[-40:]!r})"
    return ""


def _row_is_cut(table: str) -> bool:
    rows = table.split("\n")
    closed = [row.rstrip().endswith("|") and row.lstrip().startswith("|") for row in rows]
    return len(rows) >= 3 and all(closed[:-1]) and not closed[-1]


def _injection(parsed: ParsedDocument, cleaned: CleanedDocument, rule: AuditRule) -> AuditMark | None:
    if rule.action is AuditAction.OFF:
        return None
    found = injection_phrases(cleaned.text)
    if cleaned.removed:
        found += hidden_text(parsed.text, cleaned.removed)
    if not found or len(found) < rule.threshold:
        return None
    reason = (
        f"It speaks to a language model: {'; '.join(found)}. Read the passage; if it is not meant for readers, "
        "quarantine the document and ask who wrote it."
    )
    return AuditMark("injection", rule.action, float(len(found)), rule.threshold, reason)
