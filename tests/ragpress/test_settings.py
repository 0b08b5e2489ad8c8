"""The settings file: what is wrong in it is named, with what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ragpress.errors import SettingsError
from ragpress.settings import (
    FILE_NAME,
    CollectionSettings,
    default_cache,
    find_workspace,
    load_workspace,
    parse_workspace,
)
from ragpress.storage.keys import writer_key
from ragpress.types import AuditAction

ROOT = Path("/workspace")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAGPRESS_DATA_DIR", "RAGPRESS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str) -> Path:
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("table", "wrong", "meant"),
    [
        ({"chunk": {"max_token": 100}}, r"\[chunk\].*`max_token`", "Did you mean 'max_tokens'"),
        ({"chunks": {}}, "unknown name 'chunks'", "Did you mean 'chunk'"),
        ({"zzz": {}}, "unknown name 'zzz'", "Known: access, answer,"),
        ({"audit": {"garbge": {}}}, r"\[audit\].*`garbge`", "Did you mean 'garbage'"),
        ({"audit": {"garbage": {"acton": "mark"}}}, r"\[audit\.garbage\].*`acton`", "Did you mean 'action'"),
        ({"audit": {"garbage": {"action": "kill"}}}, r"\[audit\.garbage\.action\].*'kill'", "off, mark, quarantine"),
        ({"workspace": {"datadir": "x"}}, r"\[workspace\].*'datadir'", "Did you mean 'data_dir'"),
        ({"collections": {"a": {"chunkk": {}}}}, r"\[collections\.a\].*'chunkk'", "Did you mean 'chunk'"),
        (
            {"collections": {"a": {"chunk": {"max_token": 100}}}},
            r"\[collections\.a\.chunk\].*`max_token`",
            "Did you mean 'max_tokens'",
        ),
    ],
)
def test_an_unknown_name_is_named_with_the_nearest_known_one(table: dict[str, Any], wrong: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=wrong) as caught:
        parse_workspace(ROOT, table)
    assert meant in str(caught.value)
    assert FILE_NAME in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"chunk": {"max_tokens": 5}}, r"\[chunk\.max_tokens\]: Expected `int` >= 16"),
        ({"chunk": {"max_tokens": "many"}}, r"\[chunk\.max_tokens\]: Expected `int`, got `str`"),
        ({"clean": {"repeated_share": 1.5}}, r"\[clean\.repeated_share\]: Expected `float` <= 1"),
        ({"sources": {"folders": "docs"}}, r"\[sources\.folders\]: Expected `array`, got `str`"),
        ({"chunk": 3}, r"\[chunk\]: Expected `object`, got `int`"),
        ({"workspace": 3}, r"\[workspace\].*expected a table, found int"),
        ({"collections": 3}, r"\[collections\].*expected a table, found int"),
        ({"collections": {"a": 3}}, r"\[collections\.a\].*expected a table, found int"),
        ({"collections": {"a": {"chunk": 3}}}, r"\[collections\.a\.chunk\]: Expected `object`, got `int`"),
        ({"workspace": {"data_dir": 3}}, "expected data_dir to be a path, found 3"),
        ({"workspace": {"data_dir": " "}}, "expected data_dir to be a path, found ' '"),
        ({"workspace": {"cache_dir": False}}, "expected cache_dir to be a path, found False"),
        (
            {"workspace": {"data_dir": "gs://bucket/x"}},
            "'gs://bucket/x' cannot be used: expected .*'s3://bucket/prefix'",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(table: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_workspace(ROOT, table)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "..", "文档", "é"])
def test_a_collection_name_that_cannot_be_a_key_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="Collection name"):
        parse_workspace(ROOT, {"collections": {name: {}}})


@pytest.mark.parametrize("name", ["docs", "docs-2_EN", "0"])
def test_a_collection_name_that_is_accepted_can_be_a_key(name: str) -> None:
    assert name in parse_workspace(ROOT, {"collections": {name: {}}}).collections
    assert name in writer_key(name)


def test_an_empty_file_gives_the_defaults() -> None:
    workspace = parse_workspace(ROOT, {})
    assert workspace.collections == {"default": CollectionSettings()}
    assert workspace.data == "/workspace/.ragpress"
    assert workspace.cache == Path(default_cache()).resolve()


def test_a_collection_overrides_single_settings_of_the_common_ones() -> None:
    common = {"chunk": {"max_tokens": 100, "min_tokens": 10}, "audit": {"garbage": {"threshold": 0.9}}}
    override = {"chunk": {"max_tokens": 200}, "audit": {"garbage": {"action": "off"}}}
    workspace = parse_workspace(ROOT, {**common, "collections": {"docs": override}})
    docs, default = workspace.collection("docs"), workspace.collection("default")
    assert (docs.chunk.max_tokens, docs.chunk.min_tokens) == (200, 10)
    assert (docs.audit.garbage.action, docs.audit.garbage.threshold) == (AuditAction.OFF, 0.9)
    assert (default.chunk.max_tokens, default.audit.garbage.threshold) == (100, 0.9)


@pytest.mark.parametrize("audit", CollectionSettings().audit.__struct_fields__)
def test_an_audit_whose_action_is_set_keeps_its_threshold(audit: str) -> None:
    table = {"audit": {audit: {"action": "mark"}}}
    rule = getattr(parse_workspace(ROOT, table).collection("default").audit, audit)
    assert rule.action is AuditAction.MARK
    assert rule.threshold == getattr(CollectionSettings().audit, audit).threshold
    assert rule.threshold > 0


def test_the_default_collection_can_be_overridden_too() -> None:
    workspace = parse_workspace(ROOT, {"collections": {"default": {"chunk": {"max_tokens": 100}}}})
    assert workspace.collection("default").chunk.max_tokens == 100


def test_an_unknown_collection_is_answered_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no collection 'dcos'.*default, docs"):
        parse_workspace(ROOT, {"collections": {"docs": {}}}).collection("dcos")


@pytest.mark.parametrize(
    ("data_dir", "expected"), [("data", "/workspace/data"), ("/elsewhere", "/elsewhere"), ("s3://b/p", "s3://b/p")]
)
def test_the_data_directory_is_a_folder_of_the_workspace_an_absolute_one_or_a_url(data_dir: str, expected: str) -> None:
    assert parse_workspace(ROOT, {"workspace": {"data_dir": data_dir}}).data == expected


def test_the_environment_moves_data_and_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGPRESS_DATA_DIR", "s3://bucket/data")
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", "/cache/here")
    workspace = parse_workspace(ROOT, {"workspace": {"data_dir": "a", "cache_dir": "b"}})
    assert (workspace.data, workspace.cache) == ("s3://bucket/data", Path("/cache/here"))


def test_the_workspace_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    write(tmp_path, "[chunk]\nmax_tokens = 128\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    workspace = load_workspace(below)
    assert workspace.root == tmp_path.resolve()
    assert workspace.collection("default").chunk.max_tokens == 128


def test_a_folder_without_a_workspace_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ragpress init"):
        find_workspace(tmp_path)


@pytest.mark.parametrize("content", [b"[chunk\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(SettingsError, match=r"ragpress\.toml is not valid TOML"):
        load_workspace(tmp_path)


def test_every_setting_is_frozen_and_documented() -> None:
    for name in CollectionSettings.__struct_fields__:
        section = getattr(CollectionSettings(), name)
        assert isinstance(section, msgspec.Struct)
        assert section.__struct_config__.frozen, name
        assert section.__struct_config__.forbid_unknown_fields, name
        for field in section.__struct_fields__:
            assert f"{field}:" in (type(section).__doc__ or ""), f"{name}.{field}"
