"""Batches of joint training: each of one task, drawn in proportion to its size; its rows drawn with replacement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from scalearn.training.data.batches import Batch, EncodedSplit, as_is

Row = tuple[int, int]  # the index of a task, and of a row in its train split


class JointSplit(Dataset[Batch]):
    """The train splits of several tasks, each still where it is mapped."""

    def __init__(self, splits: Sequence[EncodedSplit]) -> None:
        self.splits = splits

    def __len__(self) -> int:
        return sum(len(split) for split in self.splits)

    def __getitems__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Return the padded batch of these rows, all of one task, with the task's index under `task`."""
        task = rows[0][0]
        return {**self.splits[task].__getitems__([row for _, row in rows]), "task": task}


class TaskBatches(Sampler[list[Row]]):
    """The batches of a round. Each follows from the seed and its number alone; nothing to save for a resume."""

    def __init__(self, sizes: Sequence[int], batch_size: int, batches: int, temperature: float, seed: int) -> None:
        """`sizes`: the rows of each task; `batches`: how many a round has."""
        weights = np.array(sizes, dtype=np.float64) ** (1 / temperature)
        self.probabilities = weights / weights.sum()
        self.sizes, self.batch_size, self.batches, self.seed, self.round = sizes, batch_size, batches, seed, 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Row]]:
        for number in range(self.round * self.batches, (self.round + 1) * self.batches):
            yield self.draw(number)

    def draw(self, number: int) -> list[Row]:
        """Return the batch of this number, counted over the whole training."""
        generator = np.random.default_rng([self.seed, number])
        task = int(generator.choice(len(self.sizes), p=self.probabilities))
        return [(task, int(row)) for row in generator.integers(self.sizes[task], size=self.batch_size)]


class JointLoader(DataLoader[Batch]):
    """Training batches; the trainer calls `set_epoch` before each round."""

    def __init__(self, split: JointSplit, batches: TaskBatches) -> None:
        self._batches = batches
        super().__init__(split, batch_sampler=batches, collate_fn=as_is, generator=torch.Generator())

    def set_epoch(self, epoch: int) -> None:
        """Choose the round."""
        self._batches.round = epoch


class FirstText(EncodedSplit):
    """Rows of pairs that end where their first text does: what the reference's joint training sees of WiC."""

    def __init__(self, path: Path, encoding: dict[str, Any], separator: int) -> None:
        """`separator` is the token that closes the first text, which stays."""
        super().__init__(path, encoding)
        rows = zip(self._starts[:, 0], self.lengths, strict=True)
        ends = [int(np.argmax(self._tokens[start : start + length] == separator)) + 1 for start, length in rows]
        self._lengths = np.array(ends, dtype=np.int64).reshape(-1, 1)
        self.lengths = self._lengths[:, 0]


def drawn(split: EncodedSplit, rows: int, seed: int | None) -> EncodedSplit:
    """Return so many rows of the split, drawn without replacement, or the first ones if there is no seed."""
    if rows >= len(split):
        return split
    places = np.arange(rows) if seed is None else np.sort(np.random.default_rng(seed).permutation(len(split))[:rows])
    return split.take(places)
