"""Batches that are padded to a multiple of so many tokens: more padding, and the same rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalearn.training.data.token_rows import TokenRows

LENGTHS = np.array([[3, 5], [17, 2], [16, 16], [37, 9], [1, 1]])
PAD = 7


def rows_of(lengths: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> TokenRows:
    """Return rows of these lengths; their tokens are 100, 101, ... and the second text begins at the second token."""
    flat = lengths.ravel()
    starts = (np.cumsum(flat) - flat).reshape(lengths.shape)
    tokens = np.arange(100, 100 + flat.sum(), dtype=np.int32)
    return TokenRows(tokens, starts, lengths, np.ones(lengths.shape, dtype=np.int32), PAD)


@pytest.mark.parametrize("choices", [False, True])
@pytest.mark.parametrize(("rows", "tokens"), [([0, 4], 16), ([2], 16), ([1, 0], 32), ([3, 0], 37), ([0, 1, 2, 3], 37)])
def test_tokens_are_rounded_up_but_not_beyond_the_longest_row(rows: list[int], tokens: int, choices: bool) -> None:
    made = rows_of(LENGTHS if choices else LENGTHS[:, :1])
    picked = np.array(rows)
    usual, padded = made.batch(picked, choices), made.batch(picked, choices, 16)
    longest = usual["input_ids"].shape[-1]
    assert usual.keys() == padded.keys() == {"input_ids", "attention_mask", "token_type_ids"}
    for name, tensor in padded.items():
        assert tensor.shape == (*usual[name].shape[:-1], tokens)
        assert torch.equal(tensor[..., :longest], usual[name])
        assert (tensor[..., longest:] == (PAD if name == "input_ids" else 0)).all()
    assert all(torch.equal(tensor, usual[name]) for name, tensor in made.batch(picked, choices, 1).items())


def test_few_lengths_are_left() -> None:
    made = rows_of(np.arange(1, 101)[:, None])
    lengths = {made.batch(np.array([row]), False, 16)["input_ids"].shape[-1] for row in range(100)}
    assert lengths == {16, 32, 48, 64, 80, 96, 100}
