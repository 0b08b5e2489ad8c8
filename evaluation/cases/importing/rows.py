"""Reads tables (CSV, TSV) and JSON lines: cases of ragpress, or any objects with a question."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from evaluation.cases.importing.records import Draft, Item, Refused, Support
from evaluation.cases.lines import decode_line
from evaluation.records import Case
from ragpress.errors import SettingsError

_NAMES = {
    "id": "id case_id question_id qid 编号 序号",
    "question": "question query prompt user_input 问题 提问 问句 题目",
    "answer": "answer reference ground_truth expected_answer ideal_answer 答案 参考答案 标准答案 回答",
    "answers": "answers further_answers aliases 其他答案 备选答案",
    "source": "source document doc doc_name file filename path url 来源 文档 文件 文件名 出处",
    "title": "title 标题",
    "quote": "quote evidence evidence_text excerpt text 原文 引文 引用 证据 依据",
    "context": "context contexts passage paragraph 上下文 段落",
    "tags": "tags tag label labels category 标签 分类 类别",
    "must_abstain": "must_abstain unanswerable is_impossible abstain 拒答 无法回答 应拒答 无答案",
    "principal": "principal groups group 用户组 权限",
    "note": "note notes comment justification 备注 说明",
}
_COLUMN = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}
_TRUE = frozenset(["true", "yes", "y", "1", "x", "是", "对", "真"])
_FALSE = frozenset(["", "false", "no", "n", "0", "否", "假", "null", "none"])
_LIST = re.compile(r"\s*[,;，；、|]\s*")
_BAR = re.compile(r"\s*[|｜]\s*")
_ENCODINGS = ("utf-8-sig", "gb18030")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_CELL = 1 << 24


def read_table(path: Path) -> Iterator[Item]:
    """The rows of a CSV or TSV file with a header; rows with the same id are one case with several items of evidence.

    Raises:
        SettingsError: it has no header with a question, or its encoding is unknown.
    """
    text = _decoded(path)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    header = [_column(cell) for cell in next(reader, [])]
    if "question" not in header:
        raise SettingsError(
            f"{path}: expected a header with a column `question` (or 问题), found {header}. "
            f"Columns that are read: {', '.join(_NAMES)}."
        )
    rows = []
    for row in reader:
        filled = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
        if filled:
            rows.append((f"line {reader.line_num}", filled))
    for where, joined in _joined(rows):
        yield _item(where, joined)


def read_json_lines(path: Path) -> Iterator[Item]:
    """The objects of a JSON lines file: cases as ``cases/`` holds them, others by the names of their fields.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        body = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise SettingsError(f"Cannot read {path}: {error.strerror}; give a readable file.") from error
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            yield _object(line.strip(), path, number)


def _object(line: bytes, path: Path, number: int) -> Item:
    where = f"line {number}"
    try:
        body = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refused(where, f"expected one JSON object, found none ({error}).")
    if not isinstance(body, dict):
        return Refused(where, f"expected a JSON object, found {type(body).__name__}.")
    if {"id", "question"} <= body.keys() <= set(Case.__struct_fields__):
        try:
            return decode_line(line, path, number)
        except SettingsError as error:
            return Refused(where, str(error).partition(": ")[2])
    row = {_column(name): value for name, value in body.items() if value not in (None, "", [])}
    return _item(where, row)


def _joined(rows: list[tuple[str, dict[str, str]]]) -> list[tuple[str, dict[str, Any]]]:
    """Rows with the same id as one, each a further item of evidence."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, (where, row) in enumerate(rows):
        known = found.get(row.get("id") or f"\n{number}")
        if known is None:
            found[row.get("id") or f"\n{number}"] = (where, {**row, "further": []})
        else:
            known[1]["further"].append(row)
    return list(found.values())


def _item(where: str, row: Mapping[str, Any]) -> Item:
    question = _text(row.get("question"))
    if not question:
        return Refused(where, f"it has no question; fields found: {', '.join(row) or 'none'}.")
    unsaid = _text(row.get("must_abstain")).lower()
    if unsaid not in _TRUE | _FALSE:
        return Refused(where, f"`must_abstain` must be true or false, found {unsaid!r}.")
    answers = tuple(dict.fromkeys([*_texts(row.get("answer")), *_listed(row.get("answers"), _BAR)]))
    must_abstain = unsaid in _TRUE
    if must_abstain and answers:
        return Refused(where, "it must be abstained from and has an answer as well; remove one of them.")
    groups = _listed(row.get("principal"))
    return Draft(
        where=where,
        name=_text(row.get("id")),
        question=question,
        answers=answers,
        must_abstain=must_abstain,
        supports=tuple(_supports(row, answers)),
        principal=tuple(groups) if groups else None,
        tags=tuple(_listed(row.get("tags"))),
        note=_text(row.get("note")),
    )


def _supports(row: Mapping[str, Any], answers: tuple[str, ...]) -> Iterator[Support]:
    """What a row says of where its answer stands, also as a list of objects."""
    quoted = row.get("quote")
    answer = answers[0] if answers else ""
    if isinstance(quoted, list):
        for item in quoted:
            inner = (
                {_column(name): value for name, value in item.items()} if isinstance(item, dict) else {"quote": item}
            )
            yield from _supports({"source": row.get("source"), "title": row.get("title"), **inner}, answers)
        return
    support = Support(
        source=_text(row.get("source")),
        title=_text(row.get("title")),
        context="\n".join(_texts(row.get("context"))),
        quote=_text(quoted),
        answer=answer,
    )
    if support.source or support.context or support.quote:
        yield support
    for other in row.get("further", ()):
        yield from _supports(other, answers)


def _decoded(path: Path) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"Cannot read {path}: {error.strerror}; give a readable file.") from error
    for encoding in ("utf-16",) if body.startswith(_UTF16) else _ENCODINGS:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SettingsError(f"{path} is neither UTF-8, UTF-16 nor GB 18030; save it as UTF-8.")


def _delimiter(text: str) -> str:
    header = text.split("\n", 1)[0]
    return max("\t,;", key=header.count)


def _column(cell: str) -> str:
    name = re.sub(r"[\s\-]+", "_", cell.strip().lower())
    return _COLUMN.get(name, name)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in map(_text, values) if text]


def _listed(value: object, between: re.Pattern[str] = _LIST) -> list[str]:
    if isinstance(value, list):
        return _texts(value)
    return [part for part in between.split(_text(value)) if part]
