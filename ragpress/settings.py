"""The settings file ``ragpress.toml``: read in one place, checked strictly, then frozen.

Everything else receives the small frozen struct it needs. Environment variables are read here too.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ragpress.answer_settings import AccessSettings, AnswerSettings, ContextSettings, GeneratorSettings, RerankSettings
from ragpress.bounds import PositiveFloat, PositiveInt, Share
from ragpress.errors import SettingsError
from ragpress.evaluation_settings import EvaluationSettings, GateSettings, JudgeSettings
from ragpress.loop_settings import LoopSettings
from ragpress.serve_settings import JournalSettings, ServeSettings, TelemetrySettings
from ragpress.types import AuditAction

FILE_NAME = "ragpress.toml"
_Sections = TypeVar("_Sections", bound=msgspec.Struct)

Extension = Annotated[str, msgspec.Meta(pattern=r"^\.[^A-Z./\\]+$")]
"""A file name's last extension, dot included, in lower case."""


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is walked.

    Attributes:
        folders: folders (or single files) to read, relative to the workspace or absolute.
        include: gitignore-style patterns a file must match; empty means every file.
        exclude: gitignore-style patterns of files to leave out, beside each folder's ``.ragpressignore``.
        hidden: whether names that start with a dot are read.
        max_bytes: a larger file is quarantined, not read.
    """

    folders: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    max_bytes: PositiveInt = 200_000_000


class ParseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How bytes become text.

    Attributes:
        max_characters: more text than this out of one document is too large.
        ocr: read images and pages without text by OCR (extra ``ocr``).
        max_table_cells: cells read from one sheet or table.
        plugins: extension in lower case (``".log"``) → name of the installed plugin (entry point
            ``ragpress.parsers``) that reads such files.
    """

    max_characters: PositiveInt = 20_000_000
    ocr: bool = False
    max_table_cells: PositiveInt = 500_000
    plugins: dict[Extension, str] = {}


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The processes that parse. These decide no output, so they are no part of any fingerprint.

    Attributes:
        processes: number of parser processes; 0 means one per core.
        seconds: the most that one document may take.
        memory_mb: address space of one parser process, MiB.
    """

    processes: Annotated[int, msgspec.Meta(ge=0)] = 0
    seconds: PositiveFloat = 25.0
    memory_mb: PositiveInt = 2048


class CleanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which cleaning rules run.

    Attributes:
        repair_encoding: mend text that was decoded wrongly (ftfy, only where it is flagged).
        dehyphenate: join words cut at a line end.
        repeated_lines: remove headers and footers that repeat across a document's pages.
        repeated_share: share of the pages on which a line must stand to count as repeated.
        navigation: remove elements that the parser recognised as navigation.
        mask_pii: kinds of personal data to mask: email, phone, id_card, credit_card, iban, ip.
        drop_patterns: regular expressions; a whole line that matches is removed.
    """

    repair_encoding: bool = True
    dehyphenate: bool = True
    repeated_lines: bool = True
    repeated_share: Share = 0.6
    navigation: bool = True
    mask_pii: tuple[str, ...] = ()
    drop_patterns: tuple[str, ...] = ()


class AuditRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One audit's action and threshold."""

    action: AuditAction = AuditAction.MARK
    threshold: float = 0.0


class AuditSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The audits. Measures: see ``ingest.audit``.

    Attributes:
        garbage: share of text that reads as mojibake or OCR noise; quarantines at the threshold.
        no_text: characters of text per page below which a paged document counts as empty.
        truncated: 1 when the document ends in the middle of something, or was only partly read.
        near_duplicate: Jaccard similarity of word shingles with another document.
        outdated: 1 when a newer document of the same title or path family exists.
        injection: number of phrases addressed to a language model.
    """

    garbage: AuditRule = AuditRule(action=AuditAction.QUARANTINE, threshold=0.5)
    no_text: AuditRule = AuditRule(action=AuditAction.QUARANTINE, threshold=8.0)
    truncated: AuditRule = AuditRule(action=AuditAction.MARK, threshold=1.0)
    near_duplicate: AuditRule = AuditRule(action=AuditAction.MARK, threshold=0.8)
    outdated: AuditRule = AuditRule(action=AuditAction.MARK, threshold=1.0)
    injection: AuditRule = AuditRule(action=AuditAction.MARK, threshold=1.0)


class ChunkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How text is cut.

    Attributes:
        max_tokens: the most tokens of a chunk, heading context included; also bounded by the model's window.
        min_tokens: a shorter piece is joined with its neighbour under the same heading.
        heading_context: put the heading path before the text that is embedded.
        chunker: ``structure`` (along headings, elements and sentences), or the name of an installed plugin (entry
            point ``ragpress.chunkers``).
    """

    max_tokens: Annotated[int, msgspec.Meta(ge=16)] = 256
    min_tokens: PositiveInt = 48
    heading_context: bool = True
    chunker: str = "structure"


class EmbedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model embeds, on which runtime.

    Attributes:
        model: ``multilingual-e5-small``, ``all-MiniLM-L6-v2``, ``hashing`` (no model; for tests of pipelines),
            a folder, or any Hugging Face model name.
        runtime: ``auto`` (the fastest exact one here), ``openvino``, ``onnxruntime`` or ``torch``.
        precision: ``auto`` (bf16 where the processor has it, else fp32), ``fp32``, ``bf16`` or ``int8`` (inexact).
        batch_tokens: padded tokens of one batch.
        threads: threads of the runtime; 0 means one per core.
    """

    model: str = "multilingual-e5-small"
    runtime: str = "auto"
    precision: str = "auto"
    batch_tokens: Annotated[int, msgspec.Meta(ge=64)] = 2048
    threads: Annotated[int, msgspec.Meta(ge=0)] = 0


class IndexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the index is stored.

    Attributes:
        exact_rows: a segment with at most so many rows is searched exactly; a larger one by IVF-SQ8.
        segment_rows: most rows written to one segment.
        compact_deleted: share of deleted rows above which a run compacts.
        compact_segments: number of segments above which a run compacts.
        seal_chunks: finished work is made durable every so many chunks.
    """

    exact_rows: PositiveInt = 150_000
    segment_rows: PositiveInt = 1_000_000
    compact_deleted: Share = 0.15
    compact_segments: PositiveInt = 12
    seal_chunks: PositiveInt = 4096


class RetrievalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a question finds chunks.

    Attributes:
        k: hits returned.
        depth: candidates that each search gives to the fusion.
        fusion: how the two rankings become one: ``convex`` (by scores brought to a common scale; a question whose
            words the documents do not hold, as one in another language, is left to the dense search) or
            ``reciprocal_rank`` (by ranks alone). See ``retrieval.fuse``.
        dense_weight: weight of the dense search; 0 switches it off.
        lexical_weight: weight of the lexical search; 0 switches it off.
        rrf_k: the constant of reciprocal rank fusion (Cormack et al., SIGIR 2009).
        script_balance: where documents are in several scripts (Latin, Chinese, …): how much of the preference of the
            embedder for texts in the question's own language is taken off; 0 leaves it. See ``retrieval.scripts``.
        collapse: hits whose texts' word shingles are at least so similar (Jaccard) become one hit that names all
            their sources; above 1 nothing is collapsed.
    """

    k: PositiveInt = 10
    depth: PositiveInt = 50
    fusion: Literal["convex", "reciprocal_rank"] = "convex"
    dense_weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    lexical_weight: Annotated[float, msgspec.Meta(ge=0)] = 1.2
    rrf_k: PositiveFloat = 60.0
    script_balance: Share = 0.8
    collapse: Annotated[float, msgspec.Meta(gt=0)] = 0.85


class ReleaseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long releases are kept.

    Attributes:
        keep: releases kept by ``releases gc`` beside the live one, newest first.
    """

    keep: Annotated[int, msgspec.Meta(ge=0)] = 10


class CollectionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one collection; a table ``[collections.NAME.SECTION]`` overrides the common one."""

    sources: SourceSettings = SourceSettings()
    parse: ParseSettings = ParseSettings()
    workers: WorkerSettings = WorkerSettings()
    clean: CleanSettings = CleanSettings()
    audit: AuditSettings = AuditSettings()
    chunk: ChunkSettings = ChunkSettings()
    embed: EmbedSettings = EmbedSettings()
    index: IndexSettings = IndexSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    release: ReleaseSettings = ReleaseSettings()
    access: AccessSettings = AccessSettings()
    rerank: RerankSettings = RerankSettings()
    context: ContextSettings = ContextSettings()
    answer: AnswerSettings = AnswerSettings()
    generator: GeneratorSettings = GeneratorSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    gate: GateSettings = GateSettings()
    judge: JudgeSettings = JudgeSettings()
    loop: LoopSettings = LoopSettings()


class ServiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sections that hold for the whole workspace: no collection overrides them."""

    serve: ServeSettings = ServeSettings()
    journal: JournalSettings = JournalSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


class Workspace(msgspec.Struct, frozen=True):
    """A workspace as read from its settings file.

    Attributes:
        root: the folder that holds ``ragpress.toml``.
        data: data directory: an absolute path, or ``s3://bucket/prefix``.
        cache: local folder for what can be computed again (models, checked-out releases).
        collections: settings by collection name; ``default`` is always there.
        service: how the service runs.
    """

    root: Path
    data: str
    cache: Path
    collections: dict[str, CollectionSettings]
    service: ServiceSettings

    def collection(self, name: str) -> CollectionSettings:
        """The settings of one collection.

        Raises:
            SettingsError: there is no such collection.
        """
        if name not in self.collections:
            known = ", ".join(sorted(self.collections))
            raise SettingsError(f"There is no collection {name!r} in {FILE_NAME}; it has: {known}.")
        return self.collections[name]


def find_workspace(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds a settings file.

    Raises:
        SettingsError: no folder has one.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise SettingsError(f"No {FILE_NAME} in {start} or above it. Create a workspace with: ragpress init")


def load_workspace(start: Path) -> Workspace:
    """Read and check the settings of the workspace at or above ``start``.

    Raises:
        SettingsError: there is no file, it is not TOML, or a name or value in it is wrong.
    """
    root = find_workspace(start)
    path = root / FILE_NAME
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    return parse_workspace(root, table)


def parse_workspace(root: Path, table: dict[str, Any]) -> Workspace:
    """Check a parsed settings table and freeze it.

    Raises:
        SettingsError: a name or a value in it is wrong; the message names it and the valid ones.
    """
    rest = dict(table)
    workspace = rest.pop("workspace", {})
    overrides = rest.pop("collections", {})
    _check_names("[workspace]", workspace, ("data_dir", "cache_dir"))
    service_names = ServiceSettings.__struct_fields__
    _check_names("the top level", rest, (*CollectionSettings.__struct_fields__, *service_names))
    service = {name: rest.pop(name) for name in service_names if name in rest}
    _check_table("[collections]", overrides)
    collections = {"default": _collection("", rest)}
    sections = _checked(service, ServiceSettings, "")
    for name, override in overrides.items():
        _check_collection_name(name)
        _check_names(f"[collections.{name}]", override, CollectionSettings.__struct_fields__)
        collections[name] = _collection(f"collections.{name}.", _merged(rest, override))
    data = os.environ.get("RAGPRESS_DATA_DIR") or _folder(workspace, "data_dir", ".ragpress")
    if "://" in data and not data.startswith("s3://"):
        raise SettingsError(
            f"Data directory {data!r} cannot be used: expected a folder's path or 's3://bucket/prefix'."
        )
    local = data if data.startswith("s3://") else str((root / data).resolve())
    cache = os.environ.get("RAGPRESS_CACHE_DIR") or _folder(workspace, "cache_dir", default_cache())
    return Workspace(root=root, data=local, cache=(root / cache).resolve(), collections=collections, service=sections)


def with_changes(settings: CollectionSettings, changes: dict[str, Any], where: str) -> CollectionSettings:
    """The settings of a collection with some of them changed, checked as those of the file are.

    Args:
        settings: the settings.
        changes: sections, as parsed from TOML.
        where: what an error calls the place of the changes, for example ``--set``.

    Raises:
        SettingsError: a name or a value in it is wrong; the message names it and the valid ones.
    """
    _check_names(where, changes, CollectionSettings.__struct_fields__)
    complete = _merged(msgspec.to_builtins(settings), changes)
    try:
        return msgspec.convert(complete, CollectionSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain("", str(error), settings, where)) from error


def default_cache() -> str:
    """Folder shared by all workspaces of this user for exported models."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return str(Path(base) / "ragpress")


def hub_cache() -> Path:
    """Folder in which Hugging Face tools keep downloaded models."""
    if found := os.environ.get("HF_HUB_CACHE"):
        return Path(found)
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or Path(cache) / "huggingface") / "hub"


def hub_offline() -> bool:
    """Whether the user switched the Hugging Face hub off."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def secret(variable: str) -> str:
    """A key from the environment, less white space around it; "" where the variable is not set."""
    return os.environ.get(variable, "").strip() if variable else ""


def _collection(prefix: str, table: dict[str, Any]) -> CollectionSettings:
    return _checked(table, CollectionSettings, prefix)


def _checked(table: dict[str, Any], kind: type[_Sections], prefix: str) -> _Sections:
    # A table that sets one field of a section, or of an audit's rule, keeps the defaults of the others.
    complete = _merged(msgspec.to_builtins(kind()), table)
    try:
        return msgspec.convert(complete, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(prefix, str(error), kind())) from error


def _merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in override.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = _merged(base[key], value) if both else value
    return result


def _folder(workspace: dict[str, Any], name: str, default: str) -> str:
    value = workspace.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(f"[workspace] in {FILE_NAME}: expected {name} to be a path, found {value!r}.")
    return value


def _check_collection_name(name: str) -> None:
    plain = name.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum()):
        raise SettingsError(f"Collection name {name!r} may hold only the letters A-Z and a-z, digits, '-' and '_'.")


def _check_names(where: str, table: object, known: tuple[str, ...]) -> None:
    for name in _check_table(where, table):
        if name not in known:
            raise SettingsError(f"{_place(where)} has an unknown name {name!r}.{_hint(name, known)}")


def _check_table(where: str, table: object) -> dict[str, object]:
    if not isinstance(table, dict):
        raise SettingsError(f"{where} in {FILE_NAME}: expected a table, found {type(table).__name__}.")
    return table


def _place(where: str) -> str:
    return where if where.startswith(("--", "repair ")) else f"{where} in {FILE_NAME}"


def _hint(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(known))}."


def _explain(prefix: str, message: str, sections: msgspec.Struct, file: str = FILE_NAME) -> str:
    text, _, where = message.partition(" - at `")
    place = where.removeprefix("key` in `").removeprefix("$.").rstrip("`")
    hint = ""
    if "unknown field" in text:
        hint = _hint(text.split("`")[1], _fields_at(place, sections))
    elif "enum value" in text and place.endswith(".action"):
        hint = f" Known: {', '.join(AuditAction)}."
    elif where.startswith("key") and place.endswith("parse.plugins"):
        hint = ' An extension is written like ".log".'
    return f"{file}, [{prefix}{place}]: {text}.{hint}"


def _fields_at(place: str, sections: msgspec.Struct) -> tuple[str, ...]:
    section: object = sections
    for name in place.split("."):
        section = getattr(section, name)
    return section.__struct_fields__ if isinstance(section, msgspec.Struct) else ()
