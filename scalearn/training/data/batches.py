"""Batches of encoded rows: memory-mapped, optionally grouped by length, padded to the longest row.

The rows are not read as a `datasets.Dataset`: it makes a list of tokens of each row, which a collator pads one by one.
Here all tokens of a file are one mapped array, from which NumPy gathers a padded batch in one call. The same file opens
as a Dataset with `scalearn.data.encoded`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from scalearn.training.data.token_rows import TokenRows

Batch = dict[str, Tensor]
FLOAT_LABELS = ("regression", "multi_label")


class EncodedSplit(Dataset[Batch]):
    """One encoded split. Token ids stay in the memory-mapped file; offsets, lengths and labels are NumPy arrays.

    A row is an example: one sequence or, in multiple choice, `width` sequences, one per choice.

    encoding: the content of the task's encoding.json.
    """

    def __init__(self, path: Path, encoding: dict[str, Any]) -> None:
        self.encoding = encoding
        buffer = pa.memory_map(str(path)).read_buffer()
        self._table = pa.ipc.open_file(buffer).read_all()
        self.order: npt.NDArray[np.int64] = np.arange(len(self._table))
        self.multiple = 1
        choices = encoding["task"].get("choices")
        self.width: int = choices or 1
        chunks = [chunk.flatten() if choices else chunk for chunk in self._table["input_ids"].chunks if len(chunk)]
        # All tokens are one array, the file itself; each sequence is a range in it. NumPy gathers a batch in one call.
        tokens = np.frombuffer(buffer, dtype=np.int32, count=buffer.size // 4)
        edges = [_first_token(chunk, buffer) + chunk.offsets.to_numpy().astype(np.int64) for chunk in chunks]
        starts = np.concatenate([bounds[:-1] for bounds in edges]).reshape(-1, self.width)
        lengths = np.concatenate([np.diff(bounds) for bounds in edges]).reshape(-1, self.width)
        second = None
        if encoding["token_types"]:
            column = self._table["second"].combine_chunks()
            second = (column.flatten() if choices else column).to_numpy().reshape(-1, self.width)
        self._sequences = TokenRows(tokens, starts, lengths, second, encoding["pad_token_id"])
        self.lengths: npt.NDArray[np.int64] = lengths.max(axis=1)
        self.labels = self._read_labels()
        self._label_type = torch.float32 if encoding["task"]["kind"] in FLOAT_LABELS else torch.int64

    def _read_labels(self) -> npt.NDArray[Any]:
        """Return the labels: numbers, shape (rows,), or for multi_label zeros and ones, shape (rows, classes)."""
        column = self._table["label"]
        if self.encoding["task"]["kind"] != "multi_label":
            return np.array(column.to_numpy(), dtype=np.float64)  # a copy, since the table is only mapped
        rows = column.combine_chunks()
        hot = np.zeros((len(rows), len(self.encoding["task"]["labels"])), dtype=np.float32)
        hot[rows.value_parent_indices().to_numpy(), rows.flatten().to_numpy()] = 1
        return hot

    def __len__(self) -> int:
        return len(self.order)

    def column(self, name: str) -> pa.Array | None:
        """Return a column for metrics (group, candidate, answers, part) of these rows, None if the file has no such."""
        if name not in self._table.column_names:
            return None
        column = self._table[name].combine_chunks()
        all_in_order = len(self) == len(column) and (np.diff(self.order) == 1).all()
        return column if all_in_order else column.take(pa.array(self.order))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """Return a split of these rows, in this order."""
        subset = copy(self)
        subset.order, subset.lengths, subset.labels = self.order[rows], self.lengths[rows], self.labels[rows]
        return subset

    def sorted_by_length(self) -> Self:
        """Return the same rows, longest first. Evaluation then pads little, and runs out of memory early if at all."""
        return self.take(np.argsort(-self.lengths, kind="stable"))

    def padded(self, multiple: int) -> Self:
        """Return the same rows; batches of them are padded to a multiple of `multiple` tokens (see TokenRows.batch)."""
        same = copy(self)
        same.multiple = multiple
        return same

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the padded batch of these rows: input_ids, attention_mask, labels, and token_type_ids if encoded.

        Token tensors have shape (rows, tokens), in multiple choice (rows, choices, tokens).
        """
        choices = self.encoding["task"]["kind"] == "multiple_choice"
        batch = self._sequences.batch(self.order[np.asarray(indices)], choices, self.multiple)
        batch["labels"] = torch.as_tensor(self.labels[np.asarray(indices)]).to(self._label_type)
        return batch


def _first_token(chunk: pa.ListArray, buffer: pa.Buffer) -> int:
    """Return the index of the chunk's first token in the mapped file, counted in tokens."""
    return int(chunk.values.buffers()[1].address - buffer.address) // 4 + int(chunk.values.offset)


class LengthBuckets(Sampler[list[int]]):
    """Batches of rows of similar length. Their order depends on (seed, epoch) alone, so a resume needs no state."""

    def __init__(self, lengths: npt.NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths.tolist(), batch_size, seed, 0

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        rows = get_length_grouped_indices(self.lengths, self.batch_size, generator=generator)
        batches = [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]
        for index in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[index]


class RandomBatches(LengthBuckets):
    """Batches of rows of any length, drawn uniformly, as in the paper. See `LengthBuckets` for the seed."""

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        rows = torch.randperm(len(self.lengths), generator=generator).tolist()
        yield from (rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size))


class TrainLoader(DataLoader[Batch]):
    """Training batches. The Trainer calls `set_epoch` before each epoch.

    buckets: draw each batch from rows of similar length.
    """

    def __init__(self, split: EncodedSplit, batch_size: int, seed: int, buckets: bool = False) -> None:
        self._order = (LengthBuckets if buckets else RandomBatches)(split.lengths, batch_size, seed)
        super().__init__(
            split,
            batch_sampler=self._order,
            collate_fn=identity,
            generator=torch.Generator(),
            pin_memory=torch.cuda.is_available(),
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next epoch."""
        self._order.epoch = epoch


def eval_loader(split: EncodedSplit, batch_size: int, cost: float) -> DataLoader[Batch]:
    """Return a loader of the rows of `split` in its own order, in batches of at most `batch_size` rows.

    split: with its longest rows first. cost: the fixed cost of a batch, in tokens (see `microbatch_sizes`).
    """
    tokens, batches, start_row = (split.lengths * split.width).tolist(), [], 0
    for start in range(0, len(tokens), batch_size):
        for size in microbatch_sizes(tokens[start : start + batch_size], batch_size, cost):
            batches.append(list(range(start_row, start_row + size)))
            start_row += size
    return DataLoader(split, batch_sampler=batches, collate_fn=identity, generator=torch.Generator())


def microbatch_sizes(lengths: Sequence[int], max_rows: int, cost: float) -> list[int]:
    """Return how many rows each microbatch has, so that all of them together cost least.

    A microbatch costs `cost` plus its number of rows times its longest row. With an infinite cost there are as few
    microbatches as possible.
    lengths: tokens of each row, longest first. max_rows: the most rows in a microbatch. cost: in tokens.
    """
    if cost == math.inf:
        return [min(max_rows, len(lengths) - start) for start in range(0, len(lengths), max_rows)]
    best = [(0.0, 0)]  # at n: the least cost of the first n rows, and the row at which their last microbatch starts
    for end in range(1, len(lengths) + 1):
        starts = range(max(0, end - max_rows), end)
        best.append(min((best[start][0] + (end - start) * lengths[start] + cost, start) for start in starts))
    reversed_sizes, end = [], len(lengths)
    while end:
        reversed_sizes.append(end - best[end][1])
        end = best[end][1]
    return reversed_sizes[::-1]


def identity(batch: Any) -> Any:
    """Return the batch unchanged: `EncodedSplit.__getitems__` has collated it."""
    return batch
