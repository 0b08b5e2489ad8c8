"""What people see: records as JSON on standard output, or as Rich tables; progress and errors on standard error."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text

T = TypeVar("T")
_QUOTE = 300
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_WHOLE = frozenset({"release", "live", "state", "created", "chunks", "documents"})


class SearchResult(msgspec.Struct, frozen=True):
    """Hits of a search, and the release that gave them."""

    release: str
    hits: list[Any]


def show(record: T, as_json: bool, render: Callable[[T, Console], None]) -> None:
    """Print a record: one JSON object, or what ``render`` makes of it."""
    if as_json:
        body = msgspec.json.encode(_builtins(record))
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.flush()
        return
    render(record, _console(stderr=False))


def printable(text: str) -> str:
    """A text without anything that a terminal obeys: control and direction characters as escapes, such as ``\\x1b``.

    Names of files and what people type may hold any; a name is shown so that it can be recognised.
    """
    return _OBEYED.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def fail(error: Exception, as_json: bool) -> None:
    """Print an error: its message on standard error, and as a JSON object on standard output if asked for."""
    from rich.text import Text  # noqa: PLC0415

    if as_json:
        body = {"error": {"type": type(error).__name__, "message": str(error)}}
        sys.stdout.buffer.write(msgspec.json.encode(body) + b"\n")
    _console(stderr=True).print(Text.assemble(("error ", "bold red"), printable(str(error))))


def warn(check: Any) -> None:
    """Say on standard error what one check of the doctor found wrong; nothing where all is well."""
    note("" if check.ok else f"{check.name}: {check.found}. {check.mend}")


def note(text: str) -> None:
    """Say on standard error what a person should know; nothing where there is nothing."""
    if text:
        _console(stderr=True).print(text, style="yellow", markup=False)


class RunProgress:
    """Shows how a run goes on: documents, chunks per second, time left.

    Args:
        bar: the Rich progress display; None shows nothing.
    """

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._stage = "start"
        self._chunks = 0

    def stage(self, name: str) -> None:
        """The run enters a stage."""
        self._stage = name
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=name)

    def documents(self, total: int) -> None:
        """So many documents are to be processed."""
        if self._bar is not None:
            self._task = self._bar.add_task("documents", total=total, chunks=0)

    def document(self, source: str) -> None:  # noqa: ARG002 - the interface names it
        """One more document was processed."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)

    def chunks(self, count: int) -> None:
        """So many more chunks have vectors."""
        self._chunks += count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, chunks=self._chunks)


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[RunProgress]:
    """A progress display on standard error; none where it is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield RunProgress(None)
        return
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415

    class ChunkRate(ProgressColumn):
        def render(self, task: Task) -> Text:
            elapsed = task.elapsed or 0.0
            rate = task.fields["chunks"] / elapsed if elapsed else 0.0
            return Text(f"{task.fields['chunks']} chunks, {rate:.0f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), ChunkRate(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        yield RunProgress(bar)


@contextlib.contextmanager
def counting(quiet: bool, what: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error for so many things; gives what to call when one is done.

    None is shown where standard error is not a terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(_plain(_line(what)), total=total)
        yield lambda: bar.advance(task)


def initialised(record: dict[str, str], out: Console) -> None:
    """A new workspace."""
    out.print(f"Created {record['settings']}")
    out.print("Next: put documents into its source folder, then run [bold]ragpress ingest[/bold].")


def plan(report: Any, out: Console) -> None:
    """What a run would do."""
    _counts(report, out, "would embed")
    out.print("Nothing was changed. Run without --plan to do it.")


def ingested(report: Any, out: Console) -> None:
    """What a run did."""
    _counts(report, out, "embedded")
    if report.gate == "refuse":
        out.print(f"[bold red]The gate refused {report.release}[/bold red]; the live release is unchanged.")
        _reasons(report, out)
        out.print(
            f"Publish it all the same with: ragpress releases publish {report.release} --override WHY", markup=False
        )
    elif report.published:
        out.print(f"[bold green]{report.release} is live[/bold green] ({report.chunks.total} chunks).")
        if report.gate == "overridden":
            out.print("[bold yellow]The gate had refused it[/bold yellow]; the override is recorded in the release.")
            _reasons(report, out)
    elif report.gate is None:
        out.print(f"Nothing changed; {report.release or 'no release'} stays live.")
    else:
        out.print(f"{report.release} is a candidate. Publish it with: ragpress releases publish {report.release}")
    for warning in report.gate_warnings:
        out.print(_line(f"  ! {warning}"), style="yellow", markup=False)
    out.print(f"{report.seconds:.1f} s, {report.cpu_seconds:.1f} CPU-seconds.")


def _reasons(report: Any, out: Console) -> None:
    for reason in report.gate_reasons:
        out.print(_line(f"  - {reason}"), markup=False)
    if report.evaluation:
        out.print(f"Its report: ragpress eval show {report.evaluation}", markup=False)


def hits(result: SearchResult, out: Console, explain: bool = False) -> None:
    """Hits of a search; with every stage's rank and score where asked for."""
    if not result.hits:
        out.print("Nothing was found.")
    for hit in result.hits:
        where = hit.source + (f", page {hit.page}" if hit.page else "")
        out.rule(f"{hit.rank}. {_plain(_line(hit.title))}", align="left")
        out.print(_cells(where, " > ".join(hit.heading)), style="dim", markup=False)
        out.print(_shorten(hit.text), markup=False)
        if copies := ", ".join(dict.fromkeys(copy.source for copy in hit.copies)):
            out.print(_line(f"also in {copies}"), style="dim", markup=False)
        if explain:
            stages = [f"{name}: rank {stage.rank}, score {stage.score:.4f}" for name, stage in hit.stages.items()]
            out.print(f"fused {hit.score:.5f}; " + "; ".join(stages), style="cyan", markup=False)
        out.print(f"{hit.chunk_id}", style="dim", markup=False)


def explanation(record: Any, out: Console) -> None:
    """How a question was searched, stage by stage, and its hits."""
    out.print(f"{record.rows} chunks can be found; depth {record.depth}, k {record.k}.")
    for stage in record.stages:
        note = ", from the cache" if stage.cached else ""
        out.print(f"{stage.name:<10}{stage.wall_ms:8.2f} ms{note}", style="cyan", markup=False)
        for candidate in stage.candidates[: record.k]:
            place = _line(candidate.source)
            out.print(f"  {candidate.rank:>3}  {candidate.score:8.4f}  {place}", style="dim", markup=False)
    for note in record.notes:
        out.print(f"! {note}", style="yellow", markup=False)
    hits(SearchResult(record.release, list(record.hits)), out, explain=True)


def trace(record: Any, out: Console) -> None:
    """Lineage of a chunk or document."""
    out.print(f"{record.kind} {record.id}", style="bold", markup=False)
    for link in record.chain:
        out.print(_link(link), markup=False)
    out.print("used by", style="bold")
    for link in record.used_by:
        out.print(_link(link), markup=False)


def status(record: Any, out: Console) -> None:
    """All collections."""
    table = _table("collection", "live", "documents", "chunks", "quarantined", "age", "writer")
    for item in record.collections:
        age = "" if item.index_age_seconds is None else f"{item.index_age_seconds:.0f} s"
        row = (item.name, item.live or "nothing", item.documents, item.chunks, item.quarantined, age, item.writer or "")
        table.add_row(*(_plain(value) for value in row))
    out.print(table)
    for item in record.collections:
        if item.flagged:
            what = "1 document has a repair" if item.flagged == 1 else f"{item.flagged} documents have repairs"
            out.print(f"{what} not applied in {item.name}: ragpress documents list --marked", style="yellow")
        if item.loop:
            out.print(f"The loop of {item.name} is run by {item.loop}.", markup=False)
        if item.open_findings:
            what = "1 open finding" if item.open_findings == 1 else f"{item.open_findings} open findings"
            waiting = (
                f", {item.waiting} waiting for your word (ragpress repair approve FINDING)" if item.waiting else ""
            )
            out.print(f"{what} in {item.name}{waiting}: ragpress diagnose --all", style="yellow", markup=False)


def doctor(record: Any, out: Console) -> None:
    """What the doctor found."""
    for check in record.checks:
        mark = (
            "[green]ok[/green]" if check.ok else "[yellow]--[/yellow]" if "optional" in check.name else "[red]!![/red]"
        )
        out.print(mark, end=" ")
        out.print(
            f"{check.name}: {check.found}" + ("" if check.ok or not check.mend else f" -> {check.mend}"), markup=False
        )


def documents(record: Any, out: Console) -> None:
    """Documents of a release, a line each; below it why one is not live, or what its audit marks say."""
    styles = {"live": "green", "quarantined": "yellow", "superseded": "yellow", "deleted": "dim"}
    for item in record.documents:
        out.print(f"{item.state:<11}", style=styles[item.state], end=" ")
        out.print(_cells(item.source, item.title, f"{item.chunks} chunks"), markup=False)
        if item.reason:
            out.print(f"            {_cells(', '.join(item.marks), item.reason)}", style="dim", markup=False)


def document(record: Any, out: Console) -> None:
    """One document."""
    entry = record.entry
    out.print(_line(f"{entry.source} ({entry.document_id})"), style="bold", markup=False)
    facts = (entry.state, record.media_type, record.parser, record.language, f"{entry.chunks} chunks")
    out.print(_cells(*facts), markup=False)
    if entry.state != "live":
        out.print(f"reason: {entry.reason}", markup=False)
    for mark in record.marks:
        out.print(f"audit {mark.audit} ({mark.action.value}): {mark.reason}", markup=False)
    for removal in record.removed:
        where = f" on page {removal.page}" if removal.page else ""
        out.print(f"removed by {removal.rule}{where} x{removal.count}: {removal.text!r}", markup=False)
    for note in record.notes:
        out.print(f"note: {note}", markup=False)
    if record.text is not None:
        out.rule()
        out.print(record.text, markup=False)


def repaired(record: Any, out: Console) -> None:
    """A change to the repairs."""
    out.print(_line(f"{record.source}: {record.done} ({record.file}). {record.next}"), markup=False)


def prompts(record: Any, out: Console) -> None:
    """Prompt versions of a workspace."""
    for item in record.prompts:
        state = ", ".join(name for name in ("live", "chosen") if getattr(item, name))
        out.print(f"{item.name:<24}", style="bold", end=" ", markup=False)
        out.print(_cells(item.fingerprint[:12], state, item.note), markup=False)
        if item.problem:
            out.print(f"  {item.problem}", style="red", markup=False)
    out.print(f"live: {record.live or 'no release with a prompt'}", style="dim", markup=False)


def prompt(record: Any, out: Console) -> None:
    """One prompt version."""
    out.print(f"{record.name}@{record.fingerprint}", style="bold", markup=False)
    for field, value in msgspec.to_builtins(record.prompt).items():
        out.rule(field, align="left")
        lines = [f"{name}: {text}" for name, text in value.items()] if isinstance(value, dict) else [value.strip()]
        out.print("\n".join(lines), markup=False)


def prompt_diff(record: Any, out: Console) -> None:
    """What differs between two prompts."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in record.lines:
        out.print(line, style=styles.get(line[:1], ""), markup=False)
    if not record.lines:
        out.print(f"{record.before} and {record.after} say the same.", markup=False)


def prompt_added(record: Any, out: Console) -> None:
    """A new prompt file."""
    out.print(f"Wrote {record.file}", markup=False)
    out.print(f"Next: edit it, then run ragpress prompts publish {record.name}", markup=False)


def prompt_published(record: Any, out: Console) -> None:
    """A prompt version that was put into a release."""
    state = "is live" if record.published else "is a candidate"
    out.print(f"{record.release} {state} with prompt {record.prompt} ({record.fingerprint[:12]}).", markup=False)


def releases(record: Any, out: Console) -> None:
    """Releases of a collection, newest first; below each why it was made."""
    styles = {"live": "bold green", "candidate": "yellow", "refused": "red"}
    for item in record.releases:
        out.print(item.id, style="bold", end=" ", markup=False)
        out.print(f"{item.state:<9}", style=styles.get(item.state, "dim"), end=" ")
        out.print(_cells(item.created, f"{item.documents} documents", f"{item.chunks} chunks"), markup=False)
        out.print(f"    {_line(item.reason)}", style="dim", markup=False)
    if not record.releases:
        out.print("There is no release yet. Build one with: ragpress ingest")


def release(record: Any, out: Console) -> None:
    """One release, and what changed in it as its ``CHANGES.md`` tells."""
    body = _builtins(record)
    changes = body.pop("changes", None)
    out.print_json(msgspec.json.encode(body).decode())
    if changes:
        out.print()
        out.print("\n".join(map(printable, changes.splitlines())), markup=False, highlight=False)


def diff(record: Any, out: Console) -> None:
    """The difference between two releases."""
    out.print(f"{record.before} -> {record.after}: {len(record.documents)} documents differ, ", end="", markup=False)
    out.print(f"{record.chunks_added} chunks added, {record.chunks_removed} removed.")
    for change in record.documents:
        out.print(_line(f"{change.change} {change.source}"), style="bold", markup=False)
        for sign, style, texts in (("-", "red", change.removed), ("+", "green", change.added)):
            for text in texts:
                out.print(f"  {sign} {_shorten(text, 160)}", style=style, markup=False)
    for name, before, after in record.settings:
        out.print(f"setting {name}: {before} -> {after}", markup=False)


def live(record: Any, out: Console) -> None:
    """A move of the live pointer."""
    out.print(f"[bold green]{record.release} is live[/bold green] ({record.why}).")


def collected(record: Any, out: Console) -> None:
    """What a garbage collection removed."""
    out.print(f"Removed {len(record.releases)} releases and {record.objects} files ({record.bytes / 1e6:.1f} MB).")
    if record.journal_files:
        out.print(f"Removed {record.journal_files} journal files with answers older than [journal] retention_days.")
    if record.report_files:
        out.print(f"Removed {record.report_files} files of old evaluation reports; their figures stay.")
    if record.kept_for_answers:
        out.print(f"Kept {len(record.kept_for_answers)} more releases for answers that were made from them.")


def _counts(report: Any, out: Console, verb: str) -> None:
    counts = ", ".join(f"{number} {kind}" for kind, number in report.plan.items() if number) or "no documents"
    out.print(f"Documents: {counts}.")
    chunks = report.chunks
    out.print(f"Chunks: {chunks.embedded} {verb}, {chunks.reused} reused, {chunks.deleted} deleted.")
    for item in report.quarantined:
        out.print(_line(f"quarantined {item.source} ({item.step}): {item.reason}"), style="yellow", markup=False)
    if report.repairs.flagged:
        said = f"repairs were not applied to {report.repairs.flagged} documents: ragpress documents list --marked"
        out.print(said, style="yellow", markup=False)
    for note in report.repairs.notes:
        out.print(_line(f"repair: {note}"), style="yellow", markup=False)


def _link(link: dict[str, Any]) -> str:
    rest = {key: value for key, value in link.items() if key != "link" and value not in (None, "", [], ())}
    body = ", ".join(f"{key} {_shorten(_named(value), 160)}" for key, value in rest.items())
    return f"  {link['link']}: {body}"


def _named(value: Any) -> str:
    """A value of a link; of documents only their sources."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "source" in one for one in value):
        return " and ".join(str(one["source"]) for one in value)
    return str(value)


def _shorten(text: str, most: int = _QUOTE) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _line(text: str) -> str:
    """A text on one line: a name with a line break cannot look like two entries."""
    return text.replace("\n", "\\n")


def _cells(*parts: str) -> str:
    return _line(" · ".join(part for part in parts if part))


def _plain(value: object) -> str:
    return str(value).replace("[", "\\[")


def _table(*columns: str) -> Any:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _console(stderr: bool) -> Console:
    from rich.console import Console  # noqa: PLC0415

    class Terminal(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

    return Terminal(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def _builtins(record: object) -> Any:
    value = msgspec.to_builtins(record, enc_hook=_encode)
    if isinstance(record, SearchResult):
        for hit in value["hits"]:
            hit.pop("stages")
    return value


def _encode(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)
