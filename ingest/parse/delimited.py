"""CSV and TSV: a pipe table that keeps its header row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.plain import decode_text
from ragpress.errors import ParseError, TooLargeError

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "csv"
_DELIMITERS = ",\t;|"
_SAMPLE_LINES = 50


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read delimited rows; the first is taken as the header.

    Raises:
        ParseError: the rows cannot be read.
        TooLargeError: more cells than ``max_table_cells``.
    """
    text = decode_text(data)
    delimiter = "\t" if name.lower().endswith((".tsv", ".tab")) else guess_delimiter(text)
    builder = DocumentBuilder(settings.max_characters)
    builder.table(_rows(text, delimiter, settings.max_table_cells))
    kind = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    return builder.build(Facts(media_type=kind, parser=PARSER))


def _rows(text: str, delimiter: str, most: int) -> list[list[str]]:
    csv.field_size_limit(max(len(text) + 1, 1))
    rows: list[list[str]] = []
    cells = width = 0
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if not any(cell.strip() for cell in row):
                continue
            rows.append(row)
            cells += len(row)
            width = max(width, len(row))
            # a ragged table is padded to its widest row, so that is what counts
            if max(cells, width * len(rows)) > most:
                raise TooLargeError(
                    f"The table has more than {most:,} cells. Split it, or raise max_table_cells under [parse]."
                )
    except csv.Error as error:
        raise ParseError(f"Row {len(rows) + 1} is no valid CSV ({error}). Check its quotes.") from error
    return rows


def guess_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of fields most often; comma when none does."""
    lines = [line for line in text[:50_000].split("\n")[:_SAMPLE_LINES] if line.strip()]
    best, score = ",", 0
    for delimiter in _DELIMITERS:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        regular = counts.count(usual) * min(usual, 3) if usual else sum(1 for count in counts if count)
        if regular > score:
            best, score = delimiter, regular
    return best
