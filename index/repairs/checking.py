"""What is wrong with a repair by itself, before anything is built with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from index.repairs.records import CleaningRule, Erratum, Repair, Reparse, Restore, SettingsChange, Supersede
from ingest.clean import check_settings
from ingest.ignore import PatternFilter
from ragpress.errors import SettingsError
from ragpress.settings import CleanSettings

SETTINGS_SECTIONS = ("parse", "clean", "audit", "chunk", "embed", "retrieval", "rerank", "context", "answer")
"""Sections that a change of settings may touch."""

SWITCHES = ("repair_encoding", "dehyphenate", "repeated_lines", "navigation", "drop_patterns")
"""Settings of ``[clean]`` that a cleaning rule may switch off."""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def moment(repair: Repair) -> datetime:
    """When a repair was made; the beginning of time where it does not say."""
    try:
        found = datetime.fromisoformat(repair.at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def problem(repair: Repair) -> str:
    """Why a repair cannot be used, as a sentence that a person can act on; "" where it can."""
    if repair.at and moment(repair) == datetime.min.replace(tzinfo=UTC):
        return f"at is {repair.at!r}: expected an ISO time such as 2026-03-01T12:00:00+00:00."
    check = _CHECKS.get(type(repair))
    return "" if check is None else check(repair)


def _of_restore(repair: Restore) -> str:
    for value in (repair.version, repair.instead_of):
        if value and not _SHA256.match(value):
            return f"{value!r} is no version: expected 64 hexadecimal digits of a SHA-256."
    return ""


def _of_reparse(repair: Reparse) -> str:
    return "" if repair.parser else "parser is empty: expected the name of a parser."


def _of_supersede(repair: Supersede) -> str:
    if repair.source != repair.newer:
        return ""
    return f"newer is the document itself ({repair.source!r}): expected the one that stands in its place."


def _of_erratum(repair: Erratum) -> str:
    if not _SHA256.match(repair.version):
        return f"version is {repair.version!r}: expected 64 hexadecimal digits of a SHA-256."
    if not repair.find and not (repair.before or repair.after):
        return "find, before and after are all empty: expected the text that is wrong, or the text around a gap."
    if repair.find == repair.replace:
        return "find and replace are the same text: nothing would change."
    return ""


def _of_cleaning(repair: CleaningRule) -> str:
    if not repair.family.strip() or repair.family.startswith("#"):
        return "family is empty: expected a gitignore-style pattern such as documents/reports/*.md."
    if "mask_pii" in repair.off:
        return "a cleaning rule never unmasks personal data: change [clean] mask_pii in ragpress.toml."
    if not (repair.drop or repair.keep or repair.off):
        return "drop, keep and off are all empty: nothing would change."
    try:
        PatternFilter((repair.family,), ())
    except SettingsError:
        return f"family is not in gitignore syntax: {repair.family!r}."
    try:
        check_settings(msgspec.structs.replace(CleanSettings(), drop_patterns=(*repair.drop, *repair.keep)))
    except SettingsError as error:
        return str(error)
    return ""


def _of_settings(repair: SettingsChange) -> str:
    sections = tuple(repair.settings)
    if "access" in sections:
        return "a repair never changes who may read what: change [access] in ragpress.toml."
    wrong = next((name for name in sections if name not in SETTINGS_SECTIONS), None)
    if wrong is not None:
        return f"a repair cannot change [{wrong}]: expected sections of {', '.join(SETTINGS_SECTIONS)}."
    return "" if sections else "settings is empty: nothing would change."


_CHECKS: dict[type, Callable[[Any], str]] = {
    Erratum: _of_erratum,
    Restore: _of_restore,
    Reparse: _of_reparse,
    Supersede: _of_supersede,
    CleaningRule: _of_cleaning,
    SettingsChange: _of_settings,
}
