"""Fingerprints: different parts never serialise to the same bytes, the same ones always do."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragpress.fingerprint import DIGEST_BYTES, Part, digest, hexdigest, step_fingerprint

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, width=16)
    | st.text(alphabet="ab:1sln", max_size=4)
    | st.binary(max_size=3)
)
PARTS = st.lists(st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3), max_leaves=6), max_size=4)


def typed(part: Any) -> Any:
    """A value that is equal only for the same parts of the same types (1, 1.0 and True differ)."""
    if isinstance(part, list):
        return [typed(item) for item in part]
    return type(part).__name__, repr(part)


@given(PARTS, PARTS)
def test_two_lists_of_parts_have_one_digest_only_if_they_are_the_same(one: list[Any], two: list[Any]) -> None:
    assert (digest(*one) == digest(*two)) == (typed(one) == typed(two))


@given(st.lists(st.text(), min_size=1, max_size=5), st.data())
def test_text_moved_across_a_boundary_changes_the_digest(parts: list[str], data: st.DataObject) -> None:
    joined = "".join(parts)
    cut = data.draw(st.integers(0, len(joined)))
    other = [joined[:cut], joined[cut:]]
    assert (digest(*parts) == digest(*other)) == (parts == other)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("a",)),
        ((["a"], "b"), (["a", "b"],)),
        (([],), ()),
        (([[]],), ([], [])),
        (("s1:a",), ("a",)),
        (("1",), (1,)),
        (("1",), (b"1",)),
        ((1,), (1.0,)),
        ((1,), (True,)),
        ((None,), ("None",)),
        ((0.0,), (-0.0,)),
    ],
)
def test_near_misses_differ(one: tuple[Part, ...], two: tuple[Part, ...]) -> None:
    assert digest(*one) != digest(*two)


def test_a_lone_surrogate_can_be_fingerprinted() -> None:
    assert digest("\ud800") != digest("\udfff")


def test_tuples_lists_and_generators_of_the_same_parts_agree() -> None:
    assert digest(["a", 1]) == digest(("a", 1)) == digest(item for item in ("a", 1))


@pytest.mark.parametrize("part", [{"a", "b"}, frozenset("ab"), {"a": 1}, {"a": 1}.keys()])
def test_unordered_parts_are_refused(part: Any) -> None:
    with pytest.raises(TypeError, match="ordered parts only"):
        digest(part)


def test_what_cannot_be_serialised_is_refused() -> None:
    with pytest.raises(TypeError):
        digest(object())  # type: ignore[arg-type]


def test_the_digest_does_not_depend_on_the_process() -> None:
    code = "from ragpress.fingerprint import hexdigest; print(hexdigest('step', 1, [b'x', None, 0.1]))"
    seeds = ("1", "2")
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in seeds
    }
    assert found == {hexdigest("step", 1, [b"x", None, 0.1])}


def test_a_digest_has_16_bytes_and_32_characters() -> None:
    assert len(digest("a")) == DIGEST_BYTES == 16
    assert hexdigest("a") == digest("a").hex()


class _Settings(msgspec.Struct, frozen=True):
    size: int = 1
    name: str = "a"


class _SameFieldsInAnotherOrder(msgspec.Struct, frozen=True):
    name: str = "a"
    size: int = 1


def test_a_step_is_known_by_its_name_code_settings_and_extras() -> None:
    first = step_fingerprint("chunk", 1, _Settings())
    assert first == step_fingerprint("chunk", 1, _Settings())
    assert first == step_fingerprint("chunk", 1, _SameFieldsInAnotherOrder())
    others = [
        step_fingerprint("clean", 1, _Settings()),
        step_fingerprint("chunk", 2, _Settings()),
        step_fingerprint("chunk", 1, _Settings(size=2)),
        step_fingerprint("chunk", 1, None),
        step_fingerprint("chunk", 1, _Settings(), "model"),
        step_fingerprint("chunk", 1, _Settings(), "model", None),
    ]
    assert len({first, *others}) == 7
