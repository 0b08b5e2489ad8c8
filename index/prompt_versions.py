"""The prompt versions of a workspace: what there is, what is live, what differs, and how one goes live."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import msgspec

from index.answering import seal
from index.environment import Environment
from index.reissue import Reissue, reissue
from index.repairs import files as repairs
from index.repairs.apply import settings_of
from index.repairs.records import PromptChoice, repair_id
from ragpress.errors import ReleaseError, SettingsError, StorageError, UsageError
from ragpress.prompts import (
    DEFAULT,
    Prompt,
    PromptVersion,
    built_in_text,
    load_prompt,
    misnamed_prompts,
    parse_prompt,
    prompt_names,
    prompt_path,
)
from ragpress.storage import disk

LIVE = "live"
_NOTE = re.compile(r'^note = "[^"\n]*"$', re.MULTILINE)


class PromptEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt version as a list shows it.

    Attributes:
        name: its name.
        fingerprint: of its text; "" where the file is wrong.
        live: whether the live release uses this very text.
        chosen: whether the next release will use it.
        note: what it changes.
        problem: what is wrong with its file, or "".
    """

    name: str
    fingerprint: str
    live: bool
    chosen: bool
    note: str
    problem: str = ""


class PromptList(msgspec.Struct, frozen=True):
    """Prompt versions of a workspace; ``live`` is the live release's as name@fingerprint, "" when there is none."""

    live: str
    prompts: tuple[PromptEntry, ...]


class PromptDiff(msgspec.Struct, frozen=True):
    """The difference between two prompts, field by field, as lines of a unified diff."""

    before: str
    after: str
    lines: tuple[str, ...]


class PromptAdded(msgspec.Struct, frozen=True):
    """A new prompt file."""

    name: str
    file: str
    fingerprint: str


class PromptPublished(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt version that was put into a release.

    Attributes:
        prompt: its name.
        fingerprint: of its text.
        release: the release that has it.
        published: whether that release is live now.
        repair: the file that records the choice.
    """

    prompt: str
    fingerprint: str
    release: str
    published: bool
    repair: str


class PublishHow(msgspec.Struct, frozen=True):
    """How a prompt version is put into a release.

    Attributes:
        publish: make the release live when the gate passes it.
        override: a person's reason to publish what the gate refuses for its answers.
    """

    publish: bool = True
    override: str | None = None


_PUBLISH = PublishHow()


def list_prompts(environment: Environment, collection: str) -> PromptList:
    """Every prompt version of the workspace; a wrong file is listed with its problem."""
    root = environment.workspace.root
    live = _live(environment, collection)
    chosen = _chosen_name(environment, collection)
    entries = []
    for name in prompt_names(root):
        try:
            version = load_prompt(root, name)
        except SettingsError as error:
            entries.append(
                PromptEntry(name=name, fingerprint="", live=False, chosen=name == chosen, note="", problem=str(error))
            )
            continue
        same = live is not None and (live.name, live.fingerprint) == (name, version.fingerprint)
        note = version.prompt.note
        entry = PromptEntry(name=name, fingerprint=version.fingerprint, live=same, chosen=name == chosen, note=note)
        entries.append(entry)
    for path in misnamed_prompts(root):
        problem = (
            f"{path.name} is never used: expected a name of at most 64 letters, digits, '.', '_' or '-'. Rename it."
        )
        entries.append(PromptEntry(name=path.stem, fingerprint="", live=False, chosen=False, note="", problem=problem))
    return PromptList("" if live is None else f"{live.name}@{live.fingerprint}", tuple(entries))


def find_prompt(environment: Environment, collection: str, name: str) -> PromptVersion:
    """A prompt by the name of its version, by a release's id, or ``live`` for the live release's.

    Raises:
        SettingsError: there is none of this name.
    """
    if name == LIVE:
        live = _live(environment, collection)
        if live is None:
            raise ReleaseError(f"No release of {collection!r} with a prompt is live yet. Run: ragpress ingest")
        return live
    try:
        return load_prompt(environment.workspace.root, name)
    except SettingsError as missing:
        if prompt_path(environment.workspace.root, name).is_file():
            raise
        try:
            manifest = environment.releases(collection).get(name)
        except (ReleaseError, StorageError):
            raise missing from None
        if manifest.answering is None:
            raise ReleaseError(f"Release {manifest.id} was made before prompts were part of releases.") from missing
        return manifest.answering.prompt


def diff_prompts(before: PromptVersion, after: PromptVersion) -> PromptDiff:
    """What differs between two prompts."""
    lines: list[str] = []
    for field in Prompt.__struct_fields__:
        old, new = (_text(getattr(version.prompt, field)) for version in (before, after))
        lines += difflib.unified_diff(old, new, f"{before.name}: {field}", f"{after.name}: {field}", lineterm="")
    return PromptDiff(before.name, after.name, tuple(lines))


def add_prompt(environment: Environment, name: str, base: str, file: Path | None) -> PromptAdded:
    """Make a new prompt file, as a copy to be edited or out of a file.

    Args:
        environment: the outside.
        name: name of the new version.
        base: the version to copy.
        file: take this file instead.

    Raises:
        UsageError: the name is taken, or the file cannot be read.
        SettingsError: the file is no prompt.
    """
    root = environment.workspace.root
    path = prompt_path(root, name)
    if path.exists():
        raise UsageError(f"There is a prompt {name!r} already: {path}. Edit it, or choose another name.")
    text = _source_text(root, base, file)
    prompt = parse_prompt(name, text)
    disk.make_folder(path.parent)
    disk.write_file(path, text.encode())
    return PromptAdded(name, str(path), prompt.fingerprint)


def publish_prompt(
    environment: Environment, collection: str, name: str, reason: str, how: PublishHow = _PUBLISH
) -> PromptPublished:
    """Put a prompt version into a release of the documents that are live, and (unless told otherwise) publish it.

    The choice is recorded in ``repairs/`` first, so later ingests keep it. The caller holds the writer lock.

    Raises:
        SettingsError: there is no such prompt, or it is wrong.
        ReleaseError: nothing is live.
        GateRefusedError: the gate refused the release; it stays a candidate.
    """
    root, settings = environment.workspace.root, settings_of(environment.workspace, collection)
    version = load_prompt(root, name)
    before = repairs.chosen_prompt(root, collection)
    choice = PromptChoice(
        collection=collection,
        prompt=name,
        reason=reason,
        by=repairs.person(),
        at=environment.now().isoformat(timespec="seconds"),
    )
    path = repairs.prompt_path_of(root, collection)
    if how.publish:
        path = repairs.save(root, choice)
    answering = msgspec.structs.replace(
        seal(root, collection, settings),
        prompt=version,
        answer=msgspec.structs.replace(settings.answer, prompt=name),
    )
    try:
        change = Reissue(
            reason=f"prompt {name}: {reason}",
            answering=answering,
            publish=how.publish,
            override=how.override,
            repairs=_with_choice(environment, choice),
        )
        manifest = reissue(environment, collection, change)
    except BaseException:
        if how.publish:
            _restore(root, collection, before)
        raise
    live = environment.releases(collection).live_id() == manifest.id
    return PromptPublished(
        prompt=name,
        fingerprint=version.fingerprint,
        release=manifest.id,
        published=live,
        repair=str(path) if how.publish else "",
    )


def keep_live_prompt(environment: Environment, collection: str, reason: str) -> str:
    """After a person made a release live: record its prompt as the choice, so that later ingests keep it.

    The caller holds the writer lock.

    Args:
        environment: the outside.
        collection: the collection.
        reason: why the release was made live.

    Returns:
        What the person should know; "" where later ingests kept the prompt anyway.
    """
    root, live = environment.workspace.root, _live(environment, collection)
    if live is None:
        return ""
    if _fingerprint(root, live.name) != live.fingerprint:
        return (
            f"The next ingest brings another prompt: {live.name!r} in the workspace is not the text that this release "
            f"has. See both with: ragpress prompts diff live {live.name}"
        )
    if _chosen_name(environment, collection) == live.name:
        return ""
    choice = PromptChoice(
        collection=collection,
        prompt=live.name,
        reason=reason,
        by=repairs.person(),
        at=environment.now().isoformat(timespec="seconds"),
    )
    return f"Later ingests keep its prompt {live.name!r} ({repairs.save(root, choice)})."


def _fingerprint(root: Path, name: str) -> str:
    """Fingerprint of a prompt version as the workspace has it now; "" where it is gone or wrong."""
    try:
        return load_prompt(root, name).fingerprint
    except SettingsError:
        return ""


def _with_choice(environment: Environment, choice: PromptChoice) -> tuple[str, ...]:
    """Ids of the live release's repairs, with this choice of a prompt in place of an earlier one."""
    live = environment.releases(choice.collection).live()
    others = () if live is None else (name for name in live.repairs if not name.startswith("prompt-"))
    return tuple(sorted({*others, repair_id(choice)}))


def _restore(root: Path, collection: str, before: PromptChoice | None) -> None:
    if before is None:
        disk.remove(repairs.prompt_path_of(root, collection))
    else:
        repairs.save(root, before)


def _live(environment: Environment, collection: str) -> PromptVersion | None:
    manifest = environment.releases(collection).live()
    return None if manifest is None or manifest.answering is None else manifest.answering.prompt


def _chosen_name(environment: Environment, collection: str) -> str:
    choice = repairs.chosen_prompt(environment.workspace.root, collection)
    return environment.workspace.collection(collection).answer.prompt if choice is None else choice.prompt


def _source_text(root: Path, base: str, file: Path | None) -> str:
    if file is None:
        version = load_prompt(root, base)
        path = prompt_path(root, version.name)
        text = built_in_text() if base == DEFAULT and not path.is_file() else path.read_text(encoding="utf-8")
        # A copy is not what the note of its base says.
        return _NOTE.sub(f'note = "A copy of {base}: say here what it changes."', text, count=1)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {error}.") from error


def _text(value: str | dict[str, str]) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return [f"{language}: {text}" for language, text in sorted(value.items())]
