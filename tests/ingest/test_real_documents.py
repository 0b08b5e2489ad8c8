"""Clean, audit and chunk on a real documentation in thirteen languages."""

from __future__ import annotations

import random
import tarfile
from pathlib import Path

import pytest

from ingest.audit import audit
from ingest.chunk import chunk, embedding_text
from ingest.clean import clean
from ragpress.settings import AuditSettings, ChunkSettings, CleanSettings
from ragpress.types import ElementKind, ParsedDocument
from tests.ingest.samples import RegexTokens, cleaned, document, markdown_document

pytestmark = pytest.mark.data

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "docs_history_fastapi" / "base.tar.xz"
TOKENS = RegexTokens()


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    if not ARCHIVE.is_file():
        pytest.skip(f"needs the shared benchmark data: {ARCHIVE.name} of docs_history_fastapi is missing")
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            handle = archive.extractfile(member) if member.isfile() else None
            if handle:
                found[member.name] = handle.read().decode("utf-8")
    return found


def test_no_real_document_is_marked(sources: dict[str, str]) -> None:
    marked = {}
    for name, text in sources.items():
        parsed = markdown_document(text)
        found = audit(parsed, clean(parsed, CleanSettings()), AuditSettings())
        if found:
            marked[name] = found
    assert len(sources) > 700
    assert marked == {}


def test_chunks_of_real_documents_fit_and_are_well_filled(sources: dict[str, str]) -> None:
    sizes: list[int] = []
    for name, text in sources.items():
        if "/en/" in name or "/zh/" in name:
            parsed = cleaned(markdown_document(text))
            spans = chunk(parsed, ChunkSettings(), TOKENS, 510)
            bodies = (embedding_text(parsed.text, span, ChunkSettings()) for span in spans)
            sizes.extend(len(TOKENS.token_starts(body)) for body in bodies)
    assert max(sizes) <= 256
    assert sum(sizes) / len(sizes) > 128
    assert sum(size < 48 for size in sizes) / len(sizes) < 0.05


@pytest.mark.parametrize("folder", ["/en/", "/zh/"])
def test_an_edit_of_one_paragraph_changes_few_chunks(sources: dict[str, str], folder: str) -> None:
    rng = random.Random(1)
    texts = [text for name, text in sources.items() if folder in name and 1_000 < len(text) < 60_000]
    changes = []
    for _ in range(300):
        before = markdown_document(rng.choice(texts))
        old, new = _chunk_texts(before), _chunk_texts(_edited(before, rng))
        changes.append(len(new - old))
    assert sum(changes) / len(changes) <= 2
    assert sum(change > 4 for change in changes) <= 0.01 * len(changes)
    assert max(changes) <= 6


def _chunk_texts(parsed: ParsedDocument) -> set[str]:
    return {parsed.text[span.start : span.end] for span in chunk(cleaned(parsed), ChunkSettings(), TOKENS, 510)}


def _edited(parsed: ParsedDocument, rng: random.Random) -> ParsedDocument:
    parts = [(parsed.text[element.start : element.end], element.kind, element.heading) for element in parsed.elements]
    at = rng.choice([number for number, part in enumerate(parts) if part[1] is not ElementKind.TITLE])
    text, kind, heading = parts[at]
    action = rng.randrange(3)
    if action == 0:
        words = text.split(" ")
        words[rng.randrange(len(words))] = "changed"
        parts[at] = (" ".join(words), kind, heading)
    elif action == 1:
        parts.insert(at + 1, ("A new paragraph with a few words. " * rng.randint(1, 20), kind, heading))
    else:
        del parts[at]
    return document(parts)
