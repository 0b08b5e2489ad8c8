"""Runs an import: file to drafts, drafts to cases with evidence in the live release, cases to ``cases/``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

from evaluation.cases.documents import Documents
from evaluation.cases.importing.beir import is_beir, read_beir
from evaluation.cases.importing.keeping import Candidate, Kept, keep
from evaluation.cases.importing.matching import Match, Matcher
from evaluation.cases.importing.records import Draft, ImportReport, Item, Reader, Refused, Support, Unmatched
from evaluation.cases.importing.rows import read_json_lines, read_table
from evaluation.cases.importing.squad import is_squad, read_squad
from evaluation.cases.lines import problem_of
from evaluation.records import Case
from index.environment import Environment, open_release
from ragpress.errors import UsageError
from ragpress.fingerprint import hexdigest

Format: TypeAlias = Literal["squad", "beir", "csv", "jsonl"]
UNMATCHED = "Evidence not found: "
_READERS: dict[Format, Reader] = {"squad": read_squad, "beir": read_beir, "csv": read_table, "jsonl": read_json_lines}
_TABLES = frozenset({".csv", ".tsv", ".txt"})
_UNFIT = re.compile(r"[^\w.\-]+")
_LONGEST_ID = 100


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to import.

    Attributes:
        path: the file or folder.
        collection: the collection that the questions ask.
        format: how it is written; None finds out.
        source: a folder to put before the file's names of documents, or a pattern with ``{source}`` or ``{title}``.
        tags: tags that every case gets.
        name: file of ``cases/`` to add to; "" takes the name of what is imported.
    """

    path: Path
    collection: str = "default"
    format: Format | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    name: str = ""


def import_cases(environment: Environment, request: ImportRequest) -> ImportReport:
    """Import cases. What is imported again adds nothing.

    Raises:
        UsageError: there is no such file, or its format cannot be told.
        SettingsError: it is not of the format, or a case file cannot be used.
    """
    environment.workspace.collection(request.collection)
    kind = request.format or format_of(request.path)
    live = environment.releases(request.collection).live_id()
    documents = None if live is None else Documents(open_release(environment, request.collection, live))
    matcher = Matcher(documents, request.source)
    candidates: list[Candidate] = []
    refused: list[Refused] = []
    for item in _read(request.path, kind):
        outcome = item if isinstance(item, Refused) else candidate_of(item, matcher, request, kind)
        if isinstance(outcome, Refused):
            refused.append(outcome)
        else:
            candidates.append(outcome)
    kept = keep(environment.workspace.root, request.name or request.path.stem, candidates)
    return report(request.collection, live or "", kind, kept, tuple(refused))


def report(collection: str, release: str, kind: str, kept: Kept, refused: tuple[Refused, ...]) -> ImportReport:
    """What became of an import."""
    return ImportReport(
        collection=collection,
        release=release,
        format=kind,
        file="" if kept.file is None else kept.file.name,
        imported=len(kept.added),
        accepted=sum(item.case.state == "accepted" for item in kept.added),
        mended=len(kept.mended),
        duplicates=kept.duplicates,
        unmatched=tuple(Unmatched(item.case.id, item.case.question, item.reason) for item in kept.added if item.reason),
        refused=refused,
    )


def format_of(path: Path) -> Format:
    """The format of a file or folder, by its name and its beginning.

    Raises:
        UsageError: it cannot be told.
    """
    if not path.exists():
        raise UsageError(f"There is no {path}; give a file or a folder to import.")
    if path.is_dir():
        if is_beir(path):
            return "beir"
        raise UsageError(f"{path} is no BEIR folder (queries.jsonl, qrels/); give one file of another format.")
    ending = path.suffix.lower()
    if ending in _TABLES:
        return "csv"
    if ending in (".jsonl", ".ndjson"):
        return "jsonl"
    if ending == ".json" and is_squad(_json(path)):
        return "squad"
    raise UsageError(f"Cannot tell the format of {path}; say it with --format ({', '.join(get_args(Format))}).")


def candidate_of(item: Draft | Case, matcher: Matcher, request: ImportRequest, kind: str) -> Candidate | Refused:
    """A case made of what a file says, or why there is none."""
    origin = f"import:{kind}:{request.path.name}"
    draft = _draft_of(item, request.path) if isinstance(item, Case) else item
    matches = [matcher.match(support, draft.question) for support in draft.supports]
    reason = "; ".join(dict.fromkeys(match.reason for match in matches if match.reason))
    base = item if isinstance(item, Case) else Case(id="-", question=draft.question)
    state = base.state if not reason else "proposed"
    case = msgspec.structs.replace(
        base,
        id=item.id if isinstance(item, Case) else _id_of(draft),
        question=draft.question.strip(),
        answer=draft.answers[0] if draft.answers else None,
        answers=draft.answers[1:],
        must_abstain=draft.must_abstain,
        evidence=tuple(dict.fromkeys(match.evidence for match in matches if match.evidence is not None)),
        principal=draft.principal,
        tags=tuple(dict.fromkeys((*draft.tags, *request.tags))),
        origin=origin if base.origin == "person" else base.origin,
        history=draft.history,
        state=state,
        collection=request.collection,
        note=_note(draft, matches, reason),
    )
    problem = problem_of(case)
    return Refused(draft.where, problem) if problem else Candidate(case, reason)


def _read(path: Path, kind: Format) -> Iterator[Item]:
    if not path.exists():
        raise UsageError(f"There is no {path}; give a file or a folder to import.")
    return _READERS[kind](path)


def _draft_of(case: Case, path: Path) -> Draft:
    return Draft(
        where=f"{path.name}, case {case.id}",
        name=case.id,
        question=case.question,
        answers=case.references,
        must_abstain=case.must_abstain,
        supports=tuple(Support(source=item.source, quote=item.quote) for item in case.evidence),
        principal=case.principal,
        tags=case.tags,
        note=case.note,
        history=case.history,
    )


def _note(draft: Draft, matches: list[Match], reason: str) -> str:
    """The draft's note; and where evidence was not found, why, and what the file quotes where it cannot be kept."""
    pairs = zip(draft.supports, matches, strict=True)
    lost = [support.quote or support.context for support, match in pairs if match.evidence is None]
    quoted = "".join(f" The file says: “{' '.join(text.split())[:300]}”" for text in lost if text)
    why = f"{UNMATCHED}{reason}.{quoted}" if reason else ""
    return " ".join(part for part in (draft.note, why) if part)


def _id_of(draft: Draft) -> str:
    name = _UNFIT.sub("-", draft.name).strip("-.")[:_LONGEST_ID]
    return name or "q-" + hexdigest("question", draft.question, draft.answers)[:10]


def _json(path: Path) -> object:
    try:
        body: object = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        return None
    return body
