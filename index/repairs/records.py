"""The kinds of repairs. Each is one text file in ``repairs/``; what it says is an input of the pipeline.

A repair says what holds from now on, never what is to be done once: applied twice it changes nothing more.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from ragpress.fingerprint import hexdigest

RepairKind: TypeAlias = Literal[
    "quarantine", "supersede", "erratum", "reparse", "restore", "cleaning", "settings", "prompt", "ask"
]


class _Signed(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What every repair has.

    Attributes:
        collection: the collection.
        reason: why, in words.
        by: who: a person's name, or ``ragpress loop``.
        at: ISO time.
        finding: id of the finding that it answers; "" where a person made it on its own account.
    """

    collection: str
    reason: str
    by: str
    at: str
    finding: str = ""


class Quarantine(_Signed, frozen=True, kw_only=True, tag="quarantine"):
    """Take a document out of the collection.

    Attributes:
        source: the document's source path.
    """

    source: str


class Supersede(_Signed, frozen=True, kw_only=True, tag="supersede"):
    """A document is an older edition or a copy of another one: it is kept, and not searched.

    Attributes:
        source: the document's source path.
        newer: source path of the document that stands in its place.
    """

    source: str
    newer: str


class Erratum(_Signed, frozen=True, kw_only=True, tag="erratum"):
    """Replace a span in the parsed text of one version.

    It is applied where the parsed text holds ``before + find + after`` exactly once; a version that does not is
    flagged with a mark, and stays as it is.

    Attributes:
        source: the document's source path.
        version: SHA-256 (hexadecimal) of the bytes it was written for.
        find: the wrong text.
        replace: the right one; "" takes the span out.
        before: the text right before it, so that it stands in one place only.
        after: the text right after it.
    """

    source: str
    version: str
    find: str
    replace: str
    before: str = ""
    after: str = ""


class Reparse(_Signed, frozen=True, kw_only=True, tag="reparse"):
    """Read a document by another parser than its type has.

    Attributes:
        source: the document's source path.
        parser: name of the parser, see ``ingest.parse.alternatives``.
    """

    source: str
    parser: str


class Restore(_Signed, frozen=True, kw_only=True, tag="restore"):
    """Use a document all the same: one that an audit quarantined or superseded, or an earlier version of it.

    Attributes:
        source: the document's source path.
        version: SHA-256 (hexadecimal) of the version to use, of a document whose source was changed or removed since;
            what was parsed of it must still be known. "" means the one that the source has.
        instead_of: SHA-256 (hexadecimal) of the bytes that the source had when this was written; once the source has
            others, its new content is used and the repair is flagged. "" where the source was gone: then the version
            is used whatever the source brings, and the document says so.
    """

    source: str
    version: str = ""
    instead_of: str = ""


class CleaningRule(_Signed, frozen=True, kw_only=True, tag="cleaning"):
    """Clean a family of documents otherwise than the settings say.

    Attributes:
        family: gitignore-style pattern of the source paths, for example ``documents/reports/*.md``.
        drop: regular expressions; a whole line that matches is removed.
        keep: regular expressions; a whole line that matches is removed by no rule.
        off: cleaning rules that do not run, by the name of their setting, or a ``drop_patterns`` expression word for
            word.
    """

    family: str
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    off: tuple[str, ...] = ()


class SettingsChange(_Signed, frozen=True, kw_only=True, tag="settings"):
    """Settings that hold in place of those of the settings file.

    Attributes:
        settings: sections as in ``ragpress.toml``; of ``parse``, ``clean``, ``audit``, ``chunk``, ``embed``,
            ``retrieval``, ``rerank``, ``context`` and ``answer``. Never of ``access``: who may read is for people.
    """

    settings: dict[str, dict[str, Any]]


class PromptChoice(_Signed, frozen=True, kw_only=True, tag="prompt"):
    """The prompt version that a collection's releases use, in place of ``[answer] prompt`` in the settings.

    Attributes:
        prompt: name of the prompt version.
    """

    prompt: str


class MissingDocument(_Signed, frozen=True, kw_only=True, tag="ask"):
    """A document that is wanted: nothing in the collection answers these questions. It changes no release.

    Attributes:
        questions: what was asked.
        wanted: what the document should say or where it was, in words.
    """

    questions: tuple[str, ...]
    wanted: str = ""


Repair: TypeAlias = (
    Quarantine
    | Supersede
    | Erratum
    | Reparse
    | Restore
    | CleaningRule
    | SettingsChange
    | PromptChoice
    | MissingDocument
)

_DESCRIBING = frozenset({"reason", "by", "at", "finding"})


def kind_of(repair: Repair) -> RepairKind:
    """The kind of a repair, as its file names it."""
    tag: RepairKind = repair.__struct_config__.tag  # type: ignore[assignment]
    return tag


def repair_id(repair: Repair) -> str:
    """Id of a repair: its kind and a digest of what it changes; who, when and why decide nothing.

    Two repairs that change the same thing the same way have one id.
    """
    body = msgspec.to_builtins(repair)
    deciding = sorted(
        (name, msgspec.json.encode(value).decode()) for name, value in body.items() if name not in _DESCRIBING
    )
    return f"{kind_of(repair)}-{hexdigest('repair', [part for pair in deciding for part in pair])[:16]}"


def source_of(repair: Repair) -> str | None:
    """Source path of the one document that a repair is about; None where it is about others or none."""
    return getattr(repair, "source", None)
