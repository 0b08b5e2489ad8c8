"""Token-budget batches: texts of similar length together, padded as little as the kernels allow."""

from __future__ import annotations

import numpy as np

from ingest.embed.exported import Ids

_MULTIPLE = 16


def plan_batches(lengths: list[int], budget: int) -> list[list[int]]:
    """Group texts, longest first, so that no batch exceeds the budget of padded tokens.

    Args:
        lengths: tokens of each text.
        budget: the most padded tokens of a batch; a longer text gets a batch of its own.

    Returns:
        Positions in ``lengths``; each position stands in exactly one batch.
    """
    batches: list[list[int]] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda item: (-lengths[item], item)):
        if room == 0:
            batches.append([])
            room = max(1, budget // padded_length(lengths[position]))
        batches[-1].append(position)
        room -= 1
    return batches


def padded_length(tokens: int) -> int:
    """The length to which a text of so many tokens is padded."""
    return -(-max(tokens, 1) // _MULTIPLE) * _MULTIPLE


def pad_batch(rows: list[list[int]], pad_id: int, width: int) -> tuple[Ids, Ids]:
    """Fill up rows of token ids to one width. Returns ids and attention mask, each (rows, width)."""
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
