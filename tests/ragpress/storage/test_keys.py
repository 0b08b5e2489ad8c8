"""No key leads out of a store, whatever stands in a manifest."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragpress.errors import StorageError
from ragpress.storage.keys import check_key, check_prefix, is_lock, object_key, writer_key

LETTERS = "abcXYZ019_-"
PART = st.builds(str.__add__, st.sampled_from(LETTERS), st.text(LETTERS + ".", max_size=8))


@given(st.lists(PART, min_size=1, max_size=5).map("/".join).filter(lambda key: not is_lock(key)))
def test_a_plain_relative_path_is_a_key(key: str) -> None:
    assert check_key(key) == key
    assert check_prefix(key + "/") == key + "/"


@given(st.text(alphabet=st.sampled_from("ab./\\_- \n\0é~:"), max_size=12) | st.text(max_size=12))
@example("a\n")
@example("collections/docs/writer")
def test_what_is_accepted_stays_inside_the_root(key: str) -> None:
    try:
        check_key(key)
    except StorageError:
        return
    root = Path("/store/root")
    assert (root / key).is_relative_to(root)
    assert PurePosixPath(key).as_posix() == key
    assert not any(part.startswith(".") for part in key.split("/"))


def test_the_key_of_an_object_and_of_a_writer() -> None:
    assert object_key("ab12") == "objects/ab/ab12"
    assert writer_key("my-docs_2") == "collections/my-docs_2/writer"
    assert check_prefix("") == ""


@pytest.mark.parametrize("prefix", ["/", "..//", "../", "a//", "/a/"])
def test_a_prefix_cannot_lead_elsewhere(prefix: str) -> None:
    with pytest.raises(StorageError, match="is refused"):
        check_prefix(prefix)
