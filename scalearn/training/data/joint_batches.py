"""Batches of joint training. Each has rows of one task, drawn in proportion to its size, with replacement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from scalearn.training.data.batches import Batch, EncodedSplit, identity

Row = tuple[int, int]  # the index of a task, and of a row in its train split


class JointSplit(Dataset[Batch]):
    """The train splits of several tasks, each memory-mapped."""

    def __init__(self, splits: Sequence[EncodedSplit]) -> None:
        self.splits = splits

    def __len__(self) -> int:
        return sum(len(split) for split in self.splits)

    def __getitems__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Return the padded batch of these rows, all of one task, with the task's index under `task`."""
        task = rows[0][0]
        return {**self.splits[task].__getitems__([row for _, row in rows]), "task": task}


class TaskBatches(Sampler[list[Row]]):
    """The batches of a round. Each depends on the seed and its number alone, so a resume needs no state."""

    def __init__(self, sizes: Sequence[int], batch_size: int, batches: int, temperature: float, seed: int) -> None:
        """Draw a task in proportion to `size ** (1 / temperature)`.

        sizes: the rows of each task. batches: the number of batches in a round.
        """
        weights = np.array(sizes, dtype=np.float64) ** (1 / temperature)
        self.probabilities = weights / weights.sum()
        self.sizes, self.batch_size, self.batches, self.seed, self.round = sizes, batch_size, batches, seed, 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Row]]:
        for number in range(self.round * self.batches, (self.round + 1) * self.batches):
            yield self.draw(number)

    def draw(self, number: int) -> list[Row]:
        """Return the rows of one batch. Batches are numbered over the whole training."""
        generator = np.random.default_rng([self.seed, number])
        task = int(generator.choice(len(self.sizes), p=self.probabilities))
        return [(task, int(row)) for row in generator.integers(self.sizes[task], size=self.batch_size)]


class JointLoader(DataLoader[Batch]):
    """Training batches. The Trainer calls `set_epoch` before each round."""

    def __init__(self, split: JointSplit, batches: TaskBatches) -> None:
        self._batches = batches
        super().__init__(
            split,
            batch_sampler=batches,
            collate_fn=identity,
            generator=torch.Generator(),
            pin_memory=torch.cuda.is_available(),
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the next round."""
        self._batches.round = epoch


class FirstText(EncodedSplit):
    """Rows of pairs, cut after their first text, as the reference implementation's joint training reads WiC."""

    def __init__(self, path: Path, encoding: dict[str, Any], separator: int) -> None:
        """Cut each row after `separator`, the token that ends the first text."""
        super().__init__(path, encoding)
        tokens, rows = self._sequences.tokens, zip(self._sequences.starts[:, 0], self.lengths, strict=True)
        ends = [int(np.argmax(tokens[start : start + length] == separator)) + 1 for start, length in rows]
        self.lengths = np.array(ends, dtype=np.int64)
        self._sequences = replace(self._sequences, lengths=self.lengths[:, None])


def sample_rows(split: EncodedSplit, rows: int, seed: int | None) -> EncodedSplit:
    """Return `rows` rows of the split, drawn without replacement, or the first ones if `seed` is None."""
    if rows >= len(split):
        return split
    drawn = np.arange(rows) if seed is None else np.sort(np.random.default_rng(seed).permutation(len(split))[:rows])
    return split.take(drawn)
