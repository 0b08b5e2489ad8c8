"""Lines of the prompt that a model repeats do not reach an answer, however the text is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.prompt_echo import WithoutEchoes
from serving.safe_text import SafeText

MARK = "0123456789abcdef"


def told(*pieces: str) -> str:
    echoes = WithoutEchoes(MARK)
    return "".join([*map(echoes.feed, pieces), echoes.feed("", final=True)])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"<<{MARK} passage 1: Leave | \n25 days. [1]\n{MARK}>>\nThat is all.", "25 days. [1]\nThat is all."),
        (f"25 days. [1]\n{MARK}>>", "25 days. [1]\n"),
        (f"25 days <<{MARK} passage 1\nmore", "25 days\nmore"),
        (f"{MARK}{MARK}", ""),
        ("0123 < 45, and 01234567 << ", "0123 < 45, and 01234567 << "),
        ("", ""),
    ],
)
def test_echoes_are_left_out(text: str, left: str) -> None:
    assert told(text) == left
    assert told(*text) == left


@given(
    st.lists(st.sampled_from([MARK, MARK[:7], MARK[7:], "<<", " ", "\n", "words", ">>", "0"]), max_size=12), st.data()
)
def test_the_cut_into_pieces_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert told(*pieces) == told(text)
    assert MARK not in told(text)


def test_safe_text_leaves_them_out() -> None:
    safe = SafeText([1], [], MARK)
    text = safe.feed(f"Yes. [1]\n{MARK[:5]}") + safe.feed(f"{MARK[5:]}>>\nNo.") + safe.finish()
    assert text == "Yes. [1]\nNo."


def test_without_a_mark_every_text_stays() -> None:
    assert WithoutEchoes("").feed(f"<<{MARK}") == f"<<{MARK}"
