"""One line of a case file: a JSON object that is a case, or a message that says what is wrong with it."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec

from evaluation.cases.folding import fold
from evaluation.records import Case, CaseState, Evidence
from ragpress.errors import SettingsError

_DECODER = msgspec.json.Decoder(Case)
_LONGEST_ID = 200
_LONGEST_QUOTE = 100_000
_SHOWN = 60
_EXPECTED = {
    "str": 'text in quotation marks, as "…"',
    "bool": "true or false",
    "array": 'a list, as ["…"]',
    "object": "an object, as {…}",
    "str | null": 'text in quotation marks, as "…", or null',
    "array | null": 'a list, as ["…"], or null',
}
_MISMATCH = re.compile(r"Expected `(.+?)`, got `(.+?)`(?: - at `(.+?)`)?$")
_MISSING = re.compile(r"Object missing required field `(.+?)`(?: - at `(.+?)`)?$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`(?: - at `(.+?)`)?$")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")


def decode_line(line: bytes, path: Path, number: int) -> Case:
    """The case of a line.

    Args:
        line: its bytes without the line break.
        path: the file, for the message.
        number: the line's number in it, from 1.

    Raises:
        SettingsError: it is no case, or contradicts itself.
    """
    try:
        case = _decoded(line)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}, line {number}: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}, line {number}: it is nested too deeply to be a case.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}, line {number}: {_no_json(line, error)}") from error
    problem = problem_of(case)
    if problem:
        raise SettingsError(f"{path}, line {number}: case {case.id!r}: {problem}")
    return case


def _decoded(line: bytes) -> Case:
    try:
        return _DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(_explain(str(error), line)) from error


def encode_line(case: Case) -> bytes:
    """A case as a line without its line break: fields in a fixed order, defaults left out, no text escaped."""
    return json.dumps(msgspec.to_builtins(case), ensure_ascii=False).encode()


def problem_of(case: Case) -> str:
    """What is wrong with a case though every field has the right type; "" where nothing is."""
    if not case.id.strip() or case.id != case.id.strip() or not case.id.isprintable() or len(case.id) > _LONGEST_ID:
        return f"the id must be 1 to {_LONGEST_ID} printable characters without spaces around them, found {case.id!r}."
    if not case.question.strip():
        return "the question is empty; write what a user asks."
    if case.must_abstain and case.references:
        return (
            "`must_abstain` says that the documents do not answer, and there is an answer as well; "
            "remove the answer, or set must_abstain to false."
        )
    if any(not answer.strip() for answer in case.references):
        return "an answer is empty; write the right answer, or null where none is known."
    return next((f"evidence {at}: {why}" for at, why in enumerate(map(_evidence, case.evidence), 1) if why), "")


def _evidence(item: Evidence) -> str:
    if not item.source.strip():
        return "`source` is empty; give a document's path as `ragpress documents list` shows it."
    if not any(character.isalnum() for character in fold(item.quote)):
        return "`quote` has no words; give words of the source's text."
    if len(item.quote) > _LONGEST_QUOTE:
        return f"`quote` has {len(item.quote)} characters, at most {_LONGEST_QUOTE} are looked up; quote what answers."
    return ""


def _no_json(line: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError) or "utf-8" in str(error).lower():
        return "expected UTF-8 text, found other bytes; save the file as UTF-8."
    if line.lstrip().startswith((b"//", b"#")):
        return "expected a JSON object, found a comment; JSON lines have none: use the field `note` of a case."
    return f"expected one whole JSON object on the line, found none ({error}); put each case on one line of its own."


def _explain(message: str, line: bytes) -> str:
    """msgspec's message in the words of whoever writes the file."""
    unknown, missing, mismatch = (pattern.match(message) for pattern in (_UNKNOWN, _MISSING, _MISMATCH))
    if unknown is not None:
        return _unknown(unknown[1], unknown[2] or "$")
    if missing is not None:
        inside = _shown_place(missing[2] or "$")
        has = ", ".join(_value_at(line, missing[2] or "$")) or "nothing"
        return f"{inside} has no `{missing[1]}`; it has: {has}. Add the field."
    if mismatch is not None:
        place = mismatch[3] or "$"
        expected = _EXPECTED.get(mismatch[1], mismatch[1])
        return f"{_shown_place(place)} must be {expected}, found {_shown(_value_at(line, place))}."
    if message.startswith("Invalid enum value"):
        place = message.rpartition("`$")[2].rstrip("`")
        choices = ", ".join(get_args(CaseState)) if place == ".state" else "system, user, assistant"
        return f"{_shown_place('$' + place)} must be one of {choices}, found {_shown(_value_at(line, '$' + place))}."
    return f"this is no case: {message}."


def _unknown(field: str, place: str) -> str:
    kind = Evidence if place.startswith("$.evidence") else Case
    known = kind.__struct_fields__
    near = difflib.get_close_matches(field, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}."
    return f"{_shown_place(place)} has an unknown field `{field}`. {hint}"


def _shown_place(place: str) -> str:
    return "the case" if place == "$" else f"`{place.removeprefix('$.')}`"


def _value_at(line: bytes, place: str) -> Any:
    found = msgspec.json.decode(line)
    for name, position in _STEP.findall(place):
        found = found[name] if name else found[int(position)]
    return found


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
