"""Source code: one element for each top-level definition, its name as the heading."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.plain import decode_text
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "ragpress-code"

LANGUAGES = {
    "bash": "sh bash zsh ksh fish",
    "batch": "bat cmd ps1 psm1",
    "c": "c h",
    "c++": "cc cpp cxx hpp hh hxx cu cuh",
    "c#": "cs",
    "clojure": "clj cljs",
    "config": "toml ini cfg conf properties env yaml yml tf hcl gradle cmake mk dockerfile makefile proto graphql",
    "css": "css scss sass less",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "go": "go",
    "groovy": "groovy",
    "haskell": "hs",
    "java": "java",
    "javascript": "js mjs cjs jsx vue svelte",
    "julia": "jl",
    "kotlin": "kt kts",
    "lua": "lua",
    "objective-c": "m mm",
    "ocaml": "ml mli",
    "perl": "pl pm",
    "php": "php",
    "python": "py pyi pyw",
    "r": "r",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala",
    "sql": "sql",
    "swift": "swift",
    "typescript": "ts tsx mts cts",
    "zig": "zig",
}
BY_EXTENSION = {extension: language for language, names in LANGUAGES.items() for extension in names.split()}

# A definition that starts in the first column, in the languages above; group 1 is its name. Possessive-free but
# linear: every repeated part is followed by a character it cannot match.
_DEFINITION = re.compile(
    r"^(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]+\))?|unsafe"
    r"|inline|virtual|override|sealed|data|open)\s+){0,4}"
    r"(?:def|class|function\*?|fn|func|fun|struct|enum|trait|impl|interface|type|module|namespace|object|protocol"
    r"|record|message|service|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|FUNCTION|PROCEDURE))\s+"
    r"(?:\([^()\n]{0,100}\)\s*)?([A-Za-z_$][\w$]{0,100}(?:(?:::|\.)[\w$]{1,100}){0,9})",
    re.MULTILINE,
)
_C_FUNCTION = re.compile(
    r"^[A-Za-z_][\w\s*&:<>,]{0,150}?\b([A-Za-z_][\w:~]{0,100})\([^;{}]{0,500}\)[\w\s]{0,40}\{", re.M
)
_METHOD = re.compile(r"^(?:    |\t)(?:async )?def ([A-Za-z_]\w{0,100})", re.MULTILINE)
_LEADING = re.compile(r"(?:^(?:@|#\[|//|#|/\*| \*|--|;)[^\n]*\n)+\Z", re.MULTILINE)
_LONG_CLASS = 3_000


def language_of(name: str) -> str:
    """The programming language that a file name stands for, or ""."""
    path = PurePath(name.lower())
    return BY_EXTENSION.get(path.suffix.lstrip(".") or path.name, "")


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read source code; its text is kept byte for byte but for the blank lines between definitions.

    Raises:
        ParseError: it is not text.
    """
    source = decode_text(data)
    language = language_of(name)
    builder = DocumentBuilder(settings.max_characters)
    pattern = _C_FUNCTION if language in {"c", "c++"} else _DEFINITION
    marks = [(_with_leading(source, found.start()), found[1]) for found in pattern.finditer(source)]
    ends = [*[start for start, _ in marks], len(source)][1:]
    builder.add(ElementKind.CODE, source[: marks[0][0] if marks else len(source)])
    for (start, title), end in zip(marks, ends, strict=True):
        builder.enter(1, title)
        _add_definition(builder, source[start:end], language)
    return builder.build(
        Facts(media_type="text/x-source", parser=PARSER, metadata={"language": language} if language else {})
    )


def _with_leading(source: str, start: int) -> int:
    """Decorators and comments right above a definition belong to it."""
    window = source[max(0, start - 2_000) : start]
    found = _LEADING.search(window)
    return start - (len(window) - found.start()) if found else start


def _add_definition(builder: DocumentBuilder, text: str, language: str) -> None:
    methods = list(_METHOD.finditer(text)) if language == "python" and len(text) > _LONG_CLASS else []
    if not methods or not text.lstrip().startswith(("class", "@")):
        builder.add(ElementKind.CODE, text)
        return
    builder.add(ElementKind.CODE, text[: methods[0].start()])
    ends = [method.start() for method in methods[1:]] + [len(text)]
    for method, end in zip(methods, ends, strict=True):
        builder.enter(2, method[1])
        builder.add(ElementKind.CODE, text[method.start() : end])
    builder.leave(2)
