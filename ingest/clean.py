"""Cleans a parsed document: characters, line-end hyphens, running headers, navigation, personal data.

Every removal is recorded. Element offsets are rebuilt exactly: in the cleaned text the texts of the
elements are joined by a blank line; an element that became empty is gone. A document to which no
rule applies keeps its very text object, so ordinary text costs only the checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from ingest.characters import dehyphenate, has_line_hyphen, has_special_characters, repair_characters, vocabulary
from ingest.pii import check_kinds, mask
from ingest.repeated import PageText, repeated_lines
from ragpress.errors import SettingsError
from ragpress.fingerprint import step_fingerprint
from ragpress.settings import CleanSettings
from ragpress.types import CleanedDocument, Element, ElementKind, ParsedDocument, Removal

if TYPE_CHECKING:
    import pyarrow as pa

CODE_VERSION = 1

# What a removal keeps of the text, see ``ragpress.types.Removal``.
_KEPT = 200
_BLANK_LINE = "\n\n"
# Headers of more than three lines need another pass; each pass takes lines out, so this ends early.
_PASSES = 8
_NAVIGATION = (ElementKind.NAVIGATION, ElementKind.HEADER, ElementKind.FOOTER)
_NOT_PROSE = (ElementKind.CODE, ElementKind.TABLE)


def clean_fingerprint(settings: CleanSettings) -> str:
    """Fingerprint of the clean step: 32 hexadecimal characters.

    Raises:
        SettingsError: a pattern or a kind of personal data in the settings cannot be used.
    """
    check_settings(settings)
    return step_fingerprint("clean", CODE_VERSION, settings)


def check_settings(settings: CleanSettings) -> None:
    """Check what the settings file alone cannot: patterns and kinds of personal data.

    Raises:
        SettingsError: the message names the wrong value and what is expected.
    """
    check_kinds(settings.mask_pii)
    for pattern in settings.drop_patterns:
        _matches(pattern, ("",))


def clean(document: ParsedDocument, settings: CleanSettings, keep: tuple[str, ...] = ()) -> CleanedDocument:
    """Clean a document.

    Args:
        document: what a parser read.
        settings: which rules run.
        keep: regular expressions; a whole line that matches is removed by no rule. Personal data in it is masked.

    Returns:
        The cleaned text, its elements, and what was removed.

    Raises:
        SettingsError: a pattern or a kind of personal data in the settings cannot be used.
    """
    check_kinds(settings.mask_pii)
    if not _may_apply(document, settings):
        return CleanedDocument(document.text, document.elements)
    cleaner = _Cleaner(document, settings, keep)
    cleaner.characters()
    cleaner.navigation()
    cleaner.patterns()
    cleaner.repeated()
    cleaner.hyphens()
    cleaner.personal_data()
    return cleaner.result()


def _may_apply(document: ParsedDocument, settings: CleanSettings) -> bool:
    text = document.text
    return bool(
        settings.drop_patterns
        or settings.mask_pii
        or (settings.repeated_lines and (document.pages or 0) > 1)
        or (settings.navigation and any(element.kind in _NAVIGATION for element in document.elements))
        or has_special_characters(text)
        or (settings.dehyphenate and has_line_hyphen(text))
    )


class _Cleaner:
    def __init__(self, document: ParsedDocument, settings: CleanSettings, keep: tuple[str, ...]) -> None:
        self._document = document
        self._settings = settings
        self._keep = keep
        self._elements = list(document.elements)
        self._original = [document.text[element.start : element.end] for element in document.elements]
        self._texts = list(self._original)
        self._titles = {title: title for element in document.elements for title in element.heading}
        self._removed: dict[tuple[str, str, int | None], int] = {}

    def characters(self) -> None:
        if not has_special_characters("\n".join((self._document.text, *self._titles))):
            return
        repair = self._settings.repair_encoding
        for number, text in enumerate(self._texts):
            if has_special_characters(text):
                self._texts[number] = repair_characters(text, repair, self._log(number))
        self._rewrite_titles(lambda title: repair_characters(title, repair, _unlogged))

    def navigation(self) -> None:
        if self._settings.navigation:
            for number, element in enumerate(self._elements):
                if element.kind in _NAVIGATION:
                    self._remove_region(number, element.kind.value)

    def patterns(self) -> None:
        for pattern in self._settings.drop_patterns:
            lines = [(number, line) for number, text in enumerate(self._texts) for line in text.split("\n")]
            hits = self._hits(pattern, tuple(line.strip() for _, line in lines))
            kept: dict[int, list[str]] = {number: [] for number, hit in _numbered(lines, hits) if hit}
            for (number, line), hit in zip(lines, hits, strict=True):
                if number in kept and not hit:
                    kept[number].append(line)
                elif hit and line.strip():
                    self._record("drop_pattern", line, number)
            for number, rest in kept.items():
                self._texts[number] = "\n".join(rest)
            dropped = self._hits(pattern, tuple(self._titles.values()))
            for title, hit in zip(self._titles, dropped, strict=True):
                self._titles[title] = "" if hit else self._titles[title]

    def repeated(self) -> None:
        if not self._settings.repeated_lines or (self._document.pages or 0) < 2:
            return
        for _ in range(_PASSES):
            parts = [
                PageText(text, element.kind, element.page)
                for text, element in zip(self._texts, self._elements, strict=True)
            ]
            found = repeated_lines(parts, self._settings.repeated_share)
            if not found:
                return
            dropped = 0
            for number, lines in found.items():
                going = self._without_kept(lines) if self._keep else lines
                dropped += len(going)
                self._drop_lines(number, going)
            if not dropped:
                return

    def hyphens(self) -> None:
        if not self._settings.dehyphenate or not any(map(has_line_hyphen, self._texts)):
            return
        words = lru_cache(lambda: vocabulary("\n\n".join(self._texts)))
        for number, text in enumerate(self._texts):
            if self._elements[number].kind not in _NOT_PROSE and has_line_hyphen(text):
                self._texts[number] = dehyphenate(text, words, self._log(number))
        self._rewrite_titles(lambda title: dehyphenate(title, words, _unlogged))

    def personal_data(self) -> None:
        kinds = self._settings.mask_pii
        if not kinds:
            return
        for number, text in enumerate(self._texts):
            self._texts[number], counts = mask(text, kinds)
            for kind, count in counts.items():
                self._record(f"pii_{kind}", f"[{kind}]", number, count)
        self._rewrite_titles(lambda title: mask(title, kinds)[0])

    def result(self) -> CleanedDocument:
        removed = tuple(Removal(rule, text, page, count) for (rule, text, page), count in self._removed.items())
        if self._texts == self._original and all(new == old for old, new in self._titles.items()):
            return CleanedDocument(self._document.text, self._document.elements, removed)
        parts: list[str] = []
        elements: list[Element] = []
        at = 0
        paths: dict[tuple[str, ...], tuple[str, ...]] = {}
        for text, old, element in zip(self._texts, self._original, self._elements, strict=True):
            kept = text if text is old else _stripped(text)
            if not kept.strip():
                continue
            path = paths.get(element.heading)
            if path is None:
                path = tuple(filter(None, (self._titles[title] for title in element.heading)))
                paths[element.heading] = path
            elements.append(Element(element.kind, at, at + len(kept), element.page, path))
            parts.append(kept)
            at += len(kept) + len(_BLANK_LINE)
        return CleanedDocument(_BLANK_LINE.join(parts), tuple(elements), removed)

    def _hits(self, pattern: str, lines: tuple[str, ...]) -> list[bool]:
        """Whether a line is to go: it matches the pattern, and nothing keeps it."""
        kept = self._kept(lines)
        return [hit and not stays for hit, stays in zip(_matches(pattern, lines), kept, strict=True)]

    def _kept(self, lines: tuple[str, ...]) -> list[bool]:
        found = [False] * len(lines)
        for pattern in self._keep:
            found = [one or other for one, other in zip(found, _matches(pattern, lines), strict=True)]
        return found

    def _without_kept(self, lines: dict[int, str]) -> dict[int, str]:
        kept = self._kept(tuple(line.strip() for line in lines.values()))
        return {at: line for (at, line), stays in zip(lines.items(), kept, strict=True) if not stays}

    def _remove_region(self, number: int, rule: str) -> None:
        """Remove an element less the lines that are kept."""
        lines = self._texts[number].split("\n")
        kept = self._kept(tuple(line.strip() for line in lines))
        if not any(kept):
            self._remove_whole(number, rule)
            return
        rest = "\n".join(line for line, stays in zip(lines, kept, strict=True) if not stays)
        if rest.strip():
            self._record(rule, rest, number)
        self._texts[number] = "\n".join(line for line, stays in zip(lines, kept, strict=True) if stays)

    def _drop_lines(self, number: int, lines: dict[int, str]) -> None:
        for line in lines.values():
            self._record("repeated_line", line.strip(), number)
        rest = [line for at, line in enumerate(self._texts[number].split("\n")) if at not in lines]
        self._set_text(number, "\n".join(rest))

    def _remove_whole(self, number: int, rule: str) -> None:
        if self._texts[number].strip():
            self._record(rule, self._texts[number], number)
        self._set_text(number, "")

    def _set_text(self, number: int, text: str) -> None:
        """Set an element's text; a title that became empty leaves the heading paths too."""
        element = self._elements[number]
        self._texts[number] = text
        if element.kind is ElementKind.TITLE and element.heading and not text.strip():
            self._titles[element.heading[-1]] = ""

    def _rewrite_titles(self, rewrite: Callable[[str], str]) -> None:
        for title, current in self._titles.items():
            self._titles[title] = rewrite(current).strip()

    def _log(self, number: int) -> Callable[[str, str, int], None]:
        return lambda rule, text, count: self._record(rule, text, number, count)

    def _record(self, rule: str, text: str, number: int, count: int = 1) -> None:
        shown = mask(text, self._settings.mask_pii)[0] if self._settings.mask_pii else text
        key = (rule, shown[:_KEPT], self._elements[number].page)
        self._removed[key] = self._removed.get(key, 0) + count


def _unlogged(rule: str, text: str, count: int) -> None:
    """A title's text also stands in its element, where the removal is recorded."""


def _stripped(text: str) -> str:
    """Without blank lines at either end and white space at the end; indentation stays."""
    return re.sub(r"\A(?:[^\S\n]*\n)+", "", text).rstrip()


def _numbered(lines: list[tuple[int, str]], hits: list[bool]) -> list[tuple[int, bool]]:
    return [(number, hit) for (number, _), hit in zip(lines, hits, strict=True)]


def _matches(pattern: str, lines: tuple[str, ...]) -> list[bool]:
    """Whether each line matches the whole pattern. RE2 does it in linear time, whatever the pattern."""
    import pyarrow as pa  # noqa: PLC0415  (only needed where the setting is used)
    import pyarrow.compute as pc  # noqa: PLC0415

    column: pa.Array = pa.array(lines, type=pa.string())
    try:
        found: list[bool] = pc.match_substring_regex(column, pattern=rf"\A(?:{pattern})\z").to_pylist()
    except (pa.ArrowInvalid, UnicodeError) as error:
        raise SettingsError(
            f"clean.drop_patterns: {pattern!r} is not a regular expression that RE2 can read: {error}. "
            "Expected RE2 syntax (no look-around, no back-references); see https://github.com/google/re2/wiki/Syntax"
        ) from error
    return found
