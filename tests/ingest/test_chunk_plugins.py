"""Chunkers of other packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.chunk import chunk, chunk_fingerprint
from ingest.embed.hashing import WordCounter
from ragpress.errors import ChunkError
from ragpress.settings import ChunkSettings
from ragpress.types import CleanedDocument, Element, ElementKind
from tests.plugins import PluginFolder, plugins
from tests.workspace import SETTINGS, Workspace

__all__ = ["plugins"]

GROUP = "ragpress.chunkers"
HALVES = ChunkSettings(chunker="halves")
CODE = """\
from ragpress.types import ChunkSpan, ElementKind

def cut(cleaned, settings, tokens, limit):
    def span(start, end):
        return ChunkSpan(start, end, None, ("Top",), ElementKind.PARAGRAPH, 0)
    middle = len(cleaned.text) // 2
    if cleaned.text.startswith("Backwards"):
        return [span(middle, len(cleaned.text)), span(0, middle)]
    if cleaned.text.startswith("Beyond"):
        return [span(0, len(cleaned.text) + 1)]
    if cleaned.text.startswith("Broken"):
        raise KeyError("part")
    return [span(0, middle + 2), span(middle, len(cleaned.text))]
"""


def document(text: str) -> CleanedDocument:
    return CleanedDocument(text, (Element(ElementKind.PARAGRAPH, 0, len(text)),))


def test_its_chunks_are_counted_and_may_overlap(plugins: PluginFolder) -> None:
    plugins.install("halves", CODE, {GROUP: "halves = halves:cut"})

    spans = chunk(document("one two three four"), HALVES, WordCounter(), 10)

    assert [(span.start, span.end) for span in spans] == [(0, 11), (9, 18)]
    assert [span.tokens for span in spans] == [4, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Backwards words", "gave a chunk at 0:7 after one at 7:15"),
        ("Beyond the end", "gave a chunk at 0:15 after one at -1:-1, in a text of 14 characters"),
        ("Broken", r"failed \(KeyError: 'part'\)"),
        ("word " * 40, "gave a chunk of 22 tokens: the embedder reads at most 10"),
    ],
)
def test_what_is_no_chunk_is_a_reason(plugins: PluginFolder, text: str, message: str) -> None:
    plugins.install("halves", CODE, {GROUP: "halves = halves:cut"})

    with pytest.raises(ChunkError, match=message):
        chunk(document(text), HALVES, WordCounter(), 10)


def test_the_fingerprint_follows_the_plugin(plugins: PluginFolder) -> None:
    found = {chunk_fingerprint(ChunkSettings(), "t", 128)}
    for version in ("1.0", "1.1"):
        plugins.install("halves", CODE, {GROUP: "halves = halves:cut"}, version)
        found.add(chunk_fingerprint(HALVES, "t", 128))

    assert len(found) == 3


def test_a_document_that_it_cannot_cut_is_quarantined(plugins: PluginFolder, tmp_path: Path) -> None:
    plugins.install("halves", CODE, {GROUP: "halves = halves:cut"})
    (tmp_path / "workspace").mkdir()
    workspace = Workspace(tmp_path / "workspace", SETTINGS + '\n[chunk]\nchunker = "halves"\n')
    workspace.write({"good.txt": "one two three four\n", "broken.txt": "Broken\n"})

    report = workspace.ingest()

    assert workspace.texts("docs/good.txt") == ["one two thr", "hree four"]
    assert [(item.source, item.step) for item in report.quarantined] == [("docs/broken.txt", "chunk")]
    assert "halves 1.0" in report.quarantined[0].reason
