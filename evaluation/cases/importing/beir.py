"""Reads BEIR folders (Thakur et al., 2021): ``corpus.jsonl``, ``queries.jsonl`` and judgements in ``qrels/*.tsv``.

Every document that a judgement calls relevant (a score above 0) becomes an item of evidence.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from evaluation.cases.importing.records import Draft, Item, Refused, Support
from ragpress.errors import SettingsError

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
_COLUMNS = 3


class _Text(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="_id")
    text: str = ""
    title: str = ""


def is_beir(folder: Path) -> bool:
    """Whether a folder holds such a set."""
    return all((folder / name).exists() for name in (QUERIES, QRELS))


def read_beir(folder: Path) -> Iterator[Item]:
    """The queries of a BEIR folder that have a relevant document.

    Raises:
        SettingsError: it is no such folder, or a file in it is none of the format.
    """
    if not is_beir(folder):
        raise SettingsError(f"{folder} is no BEIR folder: expected {CORPUS}, {QUERIES} and {QRELS}/*.tsv in it.")
    judged = _judgements(folder / QRELS)
    needed = {document for documents in judged.values() for document in documents}
    corpus = {text.id: text for text in _texts(folder / CORPUS) if text.id in needed}
    for query in _texts(folder / QUERIES):
        where = f"query {query.id}"
        documents = judged.get(query.id)
        if documents is None:
            continue
        if not query.text.strip():
            yield Refused(where, "the query has no text.")
            continue
        supports = tuple(_support(corpus.get(document) or _Text(document)) for document in documents)
        yield Draft(where=where, name=query.id, question=query.text, supports=supports)


def _support(text: _Text) -> Support:
    return Support(source=text.id, title=text.title, context=text.text, whole=True)


def _judgements(folder: Path) -> dict[str, list[str]]:
    """Relevant documents of each query, in the order of the files."""
    found: dict[str, dict[str, None]] = {}
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter="\t"), 1):
                if len(row) != _COLUMNS or not _is_number(row[2]):
                    if number > 1 and row:
                        raise SettingsError(
                            f"{path}, line {number}: expected query id, document id and score, found {row}."
                        )
                    continue
                if float(row[2]) > 0:
                    found.setdefault(row[0], {})[row[1]] = None
    return {query: list(documents) for query, documents in found.items()}


def _texts(path: Path) -> Iterator[_Text]:
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(_Text, strict=False)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise SettingsError(f"{path}, line {number}: expected `_id` and `text`: {error}.") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
