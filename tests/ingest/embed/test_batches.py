from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.embed.batches import pad_batch, padded_length, plan_batches


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(64, 4096))
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * padded_length(max(lengths[position] for position in batch))
        assert padded <= budget or len(batch) == 1


def test_texts_of_similar_length_share_a_batch() -> None:
    assert plan_batches([10, 200, 12, 210], budget=448) == [[3, 1], [2, 0]]


def test_padding_is_a_multiple_of_sixteen_and_masked() -> None:
    ids, mask = pad_batch([[5, 6, 7], [8]], pad_id=1, width=padded_length(3))
    assert ids.shape == mask.shape == (2, 16)
    assert ids[1, :3].tolist() == [8, 1, 1]
    assert mask.sum(axis=1).tolist() == [3, 1]
