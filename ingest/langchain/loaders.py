"""Loaders and blob parsers of LangChain as parser plugins."""

from __future__ import annotations

import importlib
import mimetypes
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.parse.builder import DocumentBuilder, Facts
from ragpress.errors import ParseError, SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.types import ElementKind, ParsedDocument

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from ragpress.settings import ParseSettings

# The categories that Unstructured's loaders give; anything else is prose.
_KINDS = {"Table": ElementKind.TABLE, "ListItem": ElementKind.LIST, "CodeSnippet": ElementKind.CODE}
_HEADERS = tuple(f"Header {level}" for level in range(1, 7))
_STRUCTURE = {"source", "page", "page_number", "page_label", "category", "category_depth", "title", *_HEADERS}


class LoaderParser:
    """A parser plugin out of a LangChain loader or blob parser.

    A ``BaseBlobParser`` gets the document's bytes. A ``BaseLoader`` gets the path of the file as its first argument.
    Each Document it gives becomes paragraphs (or what its ``category`` says) with its ``page`` (counted from 0, as
    LangChain does) or ``page_number`` (from 1), under the headings ``Header 1`` … ``Header 6`` of its metadata. What
    all Documents agree on becomes the metadata of the document.

    Args:
        loader: the class, or where to import it from (``package.module.Class``): then it is imported only in the
            worker that parses.
        fingerprint: changes whenever the text it gives does; the class's name, the options and the version of its
            distribution count in any case.
        options: further arguments of the class; they must be plain data.
    """

    def __init__(self, loader: str | Callable[..., Any], fingerprint: str = "", **options: Any) -> None:
        self._loader = loader
        self._options = options
        self._own = fingerprint
        self.name = loader if isinstance(loader, str) else f"{loader.__module__}.{loader.__qualname__}"

    @property
    def fingerprint(self) -> str:
        """Decides the text it gives.

        Raises:
            SettingsError: an option is no plain data.
        """
        try:
            options = msgspec.json.encode(self._options, order="sorted")
        except TypeError as error:
            raise SettingsError(f"An option of the loader {self.name} is no plain data ({error}).") from error
        return hexdigest(
            "langchain loader", self.name, _distribution(self.name.split(".", maxsplit=1)[0]), options, self._own
        )

    def __call__(self, data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
        """Read one document from its bytes; a loader that needs a file gets a temporary one.

        Raises:
            ParseError: the loader fails.
        """
        if self._reads_blobs():
            return self._document(self._parse_blob(data, name), name, settings)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"document{PurePath(name).suffix}"
            path.write_bytes(data)
            return self._document(self._load(path), name, settings)

    def parse_file(self, path: Path, data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
        """Read one document from its file.

        Raises:
            ParseError: the loader fails.
        """
        documents = self._parse_blob(data, name) if self._reads_blobs() else self._load(path)
        return self._document(documents, name, settings)

    def _class(self) -> Callable[..., Any]:
        if not isinstance(self._loader, str):
            return self._loader
        module, _, attribute = self._loader.rpartition(".")
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ParseError(
                f"The loader {self.name} cannot be imported ({error}). Install the package that has it."
            ) from error
        return found

    def _reads_blobs(self) -> bool:
        return hasattr(self._class(), "lazy_parse")

    def _parse_blob(self, data: bytes, name: str) -> list[Document]:
        from langchain_core.documents.base import Blob  # noqa: PLC0415 - only where documents are read

        blob = Blob.from_data(data, mime_type=mimetypes.guess_type(name)[0], path=name)
        return self._guarded(lambda: self._class()(**self._options).lazy_parse(blob), name)

    def _load(self, path: Path) -> list[Document]:
        return self._guarded(lambda: self._class()(str(path), **self._options).lazy_load(), str(path))

    def _guarded(self, read: Callable[[], Iterable[Document]], path: str) -> list[Document]:
        try:
            return list(read())
        except (MemoryError, RecursionError, ParseError):
            raise
        except Exception as error:
            # The reason is shown to people who do not know this machine's folders.
            message = str(error)[:200].replace(path, PurePath(path).name)
            raise ParseError(f"The loader {self.name} failed ({type(error).__name__}: {message}).") from error

    def _document(self, documents: list[Document], name: str, settings: ParseSettings) -> ParsedDocument:
        builder = DocumentBuilder(settings.max_characters)
        pages = [_page(document.metadata) for document in documents]
        for document, page in zip(documents, pages, strict=True):
            _add(builder, document, page)
        shared = _shared([document.metadata for document in documents])
        facts = Facts(
            media_type=mimetypes.guess_type(name)[0] or "text/plain",
            parser=self.name,
            title=shared.get("title", ""),
            pages=max((page for page in pages if page), default=None),
            metadata={key: value for key, value in shared.items() if key not in _STRUCTURE},
        )
        return builder.build(facts)


def _add(builder: DocumentBuilder, document: Document, page: int | None) -> None:
    metadata, text = document.metadata, document.page_content
    headers = [(level, metadata[key]) for level, key in enumerate(_HEADERS, start=1) if metadata.get(key)]
    if headers:
        builder.leave(1)
    for level, header in headers:
        builder.enter(level, str(header))
    category = metadata.get("category")
    if category == "Title":
        builder.heading(int(metadata.get("category_depth") or 0) + 1, text, page)
    elif category in _KINDS:
        builder.add(_KINDS[category], text, page)
    else:
        builder.paragraphs(text, page)


def _page(metadata: dict[str, Any]) -> int | None:
    number, index = metadata.get("page_number"), metadata.get("page")
    if isinstance(number, int):
        return number
    return index + 1 if isinstance(index, int) else None


def _shared(all_metadata: list[dict[str, Any]]) -> dict[str, str]:
    """What every Document says alike, as text."""
    if not all_metadata:
        return {}
    first, *others = all_metadata
    return {
        str(key): str(value)
        for key, value in first.items()
        if isinstance(value, (str, int, float)) and all(other.get(key) == value for other in others)
    }


@cache
def _distribution(module: str) -> str:
    """The distribution that has a top-level module, with its version; "" for one that is in none."""
    from importlib.metadata import packages_distributions, version  # noqa: PLC0415 - reads every installed package

    found = packages_distributions().get(module, [])
    return ",".join(f"{distribution} {version(distribution)}" for distribution in sorted(set(found)))
