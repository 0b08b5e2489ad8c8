"""Commands ``ragpress eval import`` and ``generate``, and ``ragpress eval cases``: the cases of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evaluation.commands import cases_printing
from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import DONE, FAILED, Collection, Json, Release, environment_of

if TYPE_CHECKING:
    from evaluation.cases.importing.records import ImportReport
    from evaluation.records import Case, CaseState, LocatedEvidence
    from index.environment import Environment

cases = typer.Typer(help="Cases: list, show, accept, reject, review, update.", no_args_is_help=True)

_State = Literal["accepted", "proposed", "rejected"]
_Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Ids of cases.")]
_All = Annotated[bool, typer.Option("--all", help="Every proposed case.")]
_TagFilter = Annotated[str | None, typer.Option("--tag", help="Only cases with this tag.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into ``ragpress eval``."""
    app.add_typer(cases, name="cases")
    app.command("import")(take_in)


@cases.command("list")
def show_list(
    state: Annotated[_State | None, typer.Option("--state", help="Only cases in this state.")] = None,
    tag: _TagFilter = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """List the cases of a collection."""
    from evaluation.cases.files import load_cases  # noqa: PLC0415

    every = load_cases(environment_of().workspace.root, collection)
    found = [case for case in _tagged(every, tag) if state in (None, case.state)]
    counts = {name: sum(case.state == name for case in every) for name in ("accepted", "proposed", "rejected")}
    console.show({"cases": found, "counts": counts}, as_json, cases_printing.listed)


@cases.command("show")
def show(
    case: Annotated[str, typer.Argument(metavar="ID", help="Id of a case.")],
    release: Release = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show a case, where it stands, and where its evidence lies in the live release or another one."""
    from evaluation.cases.files import read_lines  # noqa: PLC0415
    from evaluation.cases.review import find_case  # noqa: PLC0415

    environment = environment_of()
    found = find_case(environment, collection, case)
    line = next(line for line in read_lines(environment.workspace.root) if line.case.id == case)
    record = {"case": found, "file": line.path.name, "line": line.number}
    record["evidence"] = _located(environment, found, release)
    console.show(record, as_json, cases_printing.shown)


@cases.command("accept")
def accept(
    ids: _Ids = None,
    every: _All = False,
    tag: _TagFilter = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Accept cases: they are evaluated from now on."""
    _settle(_wanted(collection, ids, every, tag), "accepted", as_json)


@cases.command("reject")
def reject(
    ids: _Ids = None,
    every: _All = False,
    tag: _TagFilter = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Reject cases: they stay in their file, so that no import brings them back, and are never evaluated."""
    _settle(_wanted(collection, ids, every, tag), "rejected", as_json)


@cases.command("review")
def review(release: Release = None, collection: Collection = "default", as_json: Json = False) -> None:
    """List accepted cases whose evidence the sources no longer say: what they quote, and what stands there now."""
    from evaluation.cases.review import review as look  # noqa: PLC0415

    console.show(look(environment_of(), collection, release), as_json, cases_printing.reviewed)


@cases.command("update")
def update(
    case: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a case.")] = None,
    quote: Annotated[str | None, typer.Option("--quote", help="What the source says.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Path of the document that says it.")] = None,
    answer: Annotated[str | None, typer.Option("--answer", help="The right answer.")] = None,
    question: Annotated[str | None, typer.Option("--question", help="The question.")] = None,
    evidence: Annotated[
        int, typer.Option("--evidence", help="Number of the item; one past the last adds one.", min=1)
    ] = 1,
    suggested: Annotated[bool, typer.Option("--suggested", help="Take what `review` suggests for this case.")] = False,
    moved: Annotated[bool, typer.Option("--moved", help="In every case, follow evidence to where it moved.")] = False,
    release: Release = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Mend a case by hand or as `review` suggests; or every case whose evidence only moved."""
    from evaluation.cases.review import CaseChange, find_case, mend, mend_moved, update_case  # noqa: PLC0415

    by_hand = any(value is not None for value in (quote, source, answer, question))
    if moved + suggested + by_hand != 1 or moved != (case is None):
        raise UsageError(
            "Give a case's ID with --quote, --source, --answer or --question, or with --suggested; or --moved alone."
        )
    environment = environment_of()
    if case is None:
        done = mend_moved(environment, collection, release)
    elif suggested:
        done = mend(environment, find_case(environment, collection, case), release)
    else:
        change = CaseChange(evidence=evidence, source=source, quote=quote, answer=answer, question=question)
        done = update_case(environment, find_case(environment, collection, case), change, release)
    console.show(done, as_json, cases_printing.changed)


def take_in(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE|FOLDER]", help="What to import.")] = None,
    form: Annotated[
        Literal["auto", "squad", "beir", "csv", "jsonl"], typer.Option("--format", help="How it is written.")
    ] = "auto",
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="FOLDER|PATTERN",
            help="Folder to put before the file's names of documents, or a path with {source} or {title} in it.",
        ),
    ] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Tag for every case; may come again.")] = None,
    name: Annotated[str, typer.Option("--name", help="File of cases/ to add to; named after FILE if left out.")] = "",
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Propose cases from what users said of answers.")
    ] = False,
    since: Annotated[str | None, typer.Option("--since", help="Only feedback from this ISO time on.")] = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Import cases from SQuAD, BEIR, CSV or JSON lines, or from feedback. Importing again adds nothing."""
    from evaluation.cases.importing.run import ImportRequest, import_cases  # noqa: PLC0415

    environment = environment_of()
    if feedback == (path is not None) or (since is not None and not feedback):
        raise UsageError("Give a file or a folder to import, or --feedback (which --since belongs to).")
    if path is None:
        report = _from_feedback(environment, collection, since, tuple(tag or ()))
    else:
        request = ImportRequest(
            path=path,
            collection=collection,
            format=None if form == "auto" else form,
            source=source,
            tags=tuple(tag or ()),
            name=name,
        )
        report = import_cases(environment, request)
    console.show(report, as_json, cases_printing.imported)
    raise typer.Exit(FAILED if report.refused and path is not None else DONE)


def _from_feedback(environment: Environment, collection: str, since: str | None, tags: tuple[str, ...]) -> ImportReport:
    from evaluation.cases.feedback import import_feedback  # noqa: PLC0415
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415

    journal = AnswerJournal(environment, environment.workspace.service.journal)
    try:
        return import_feedback(environment, journal, collection, since, tags)
    finally:
        journal.close()


def _tagged(every: tuple[Case, ...], tag: str | None) -> list[Case]:
    return [case for case in every if tag is None or tag in case.tags]


def _wanted(collection: str, ids: list[str] | None, every: bool, tag: str | None) -> list[Case]:
    """The cases that a command is about: those named, or all proposed ones."""
    from evaluation.cases.files import load_cases  # noqa: PLC0415
    from evaluation.cases.review import chosen  # noqa: PLC0415

    if bool(ids) == every:
        raise UsageError("Give ids of cases, or --all for every proposed one (with --tag: of those with the tag).")
    known = load_cases(environment_of().workspace.root, collection)
    if ids:
        return chosen(known, ids)
    return [case for case in _tagged(known, tag) if case.state == "proposed"]


def _settle(wanted: list[Case], state: CaseState, as_json: bool) -> None:
    from evaluation.cases.review import set_state  # noqa: PLC0415

    console.show(set_state(environment_of(), wanted, state), as_json, cases_printing.changed)


def _located(environment: Environment, case: Case, release: str | None) -> tuple[LocatedEvidence, ...] | None:
    """Where a case's evidence lies; None where nothing is live."""
    from evaluation.cases.locate import EvidenceFinder  # noqa: PLC0415
    from index.environment import open_release  # noqa: PLC0415

    if release is None and environment.releases(case.collection).live_id() is None:
        return None
    return EvidenceFinder(open_release(environment, case.collection, release)).locate(case)
