"""Encoded rows as batches: mapped from disk, grouped by length, padded to their longest row."""

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

Batch = dict[str, Tensor]
FLOAT_LABELS = ("regression", "multi_label")


class EncodedSplit(Dataset[Batch]):
    """One encoded split. Token ids stay in the mapped file; places, lengths and labels are NumPy arrays.

    A row is an example: one sequence or, in multiple choice, `width` sequences, one per choice.
    """

    def __init__(self, path: Path, encoding: dict[str, Any]) -> None:
        self.encoding = encoding
        whole = pa.memory_map(str(path)).read_buffer()
        self._table = pa.ipc.open_file(whole).read_all()
        self.order: npt.NDArray[np.int64] = np.arange(len(self._table))
        choices = encoding["task"].get("choices")
        self.width: int = choices or 1
        chunks = [chunk.flatten() if choices else chunk for chunk in self._table["input_ids"].chunks if len(chunk)]
        # All tokens are one array, the file itself, and each sequence a place in it: so a batch is gathered at once.
        self._tokens = np.frombuffer(whole, dtype=np.int32, count=whole.size // 4)
        edges = [_place(chunk, whole) + chunk.offsets.to_numpy().astype(np.int64) for chunk in chunks]
        self._starts = np.concatenate([places[:-1] for places in edges]).reshape(-1, self.width)
        self._lengths = np.concatenate([np.diff(places) for places in edges]).reshape(-1, self.width)
        self.lengths: npt.NDArray[np.int64] = self._lengths.max(axis=1)
        self.labels = self._read_labels()
        if encoding["token_types"]:
            second = self._table["second"].combine_chunks()
            self._second = (second.flatten() if choices else second).to_numpy().reshape(-1, self.width)
        self._label_type = torch.float32 if encoding["task"]["kind"] in FLOAT_LABELS else torch.int64

    def _read_labels(self) -> npt.NDArray[Any]:
        """Return the file's labels: (n,) numbers, or for multi_label (n, classes) of zeros and ones."""
        column = self._table["label"]
        if self.encoding["task"]["kind"] != "multi_label":
            return np.array(column.to_numpy(), dtype=np.float64)  # a copy: the table stays in its file
        rows = column.combine_chunks()
        hot = np.zeros((len(rows), len(self.encoding["task"]["labels"])), dtype=np.float32)
        hot[rows.value_parent_indices().to_numpy(), rows.flatten().to_numpy()] = 1
        return hot

    def __len__(self) -> int:
        return len(self.order)

    def column(self, name: str) -> pa.Array | None:
        """Return a column of the rows beside tokens and labels (group, candidate, answers, part), None without it."""
        if name not in self._table.column_names:
            return None
        column = self._table[name].combine_chunks()
        whole = len(self) == len(column) and (np.diff(self.order) == 1).all()
        return column if whole else column.take(pa.array(self.order))

    def take(self, places: npt.NDArray[np.int64]) -> Self:
        """Return these of its rows, in this order."""
        taken = copy(self)
        taken.order, taken.lengths, taken.labels = self.order[places], self.lengths[places], self.labels[places]
        return taken

    def sorted_by_length(self) -> Self:
        """Return the same rows, longest first, so that evaluation pads little and fails early if memory is short."""
        return self.take(np.argsort(-self.lengths, kind="stable"))

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the padded batch of these rows: input_ids, attention_mask, (token_type_ids,) labels.

        Token tensors are (rows, longest), in multiple choice (rows, choices, longest).
        """
        rows = self.order[np.asarray(indices)]
        lengths = self._lengths[rows, :, None]  # (rows, width, 1)
        positions = np.arange(lengths.max())
        mask = positions < lengths
        ids = np.full(mask.shape, self.encoding["pad_token_id"], dtype=np.int64)
        ids[mask] = self._tokens[(self._starts[rows, :, None] + positions)[mask]]
        found = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if self.encoding["token_types"]:
            found["token_type_ids"] = (mask & (positions >= self._second[rows, :, None])).astype(np.int64)
        batch = {name: torch.from_numpy(array) for name, array in found.items()}
        if self.encoding["task"]["kind"] != "multiple_choice":
            batch = {name: tensor.squeeze(1) for name, tensor in batch.items()}
        batch["labels"] = torch.as_tensor(self.labels[np.asarray(indices)]).to(self._label_type)
        return batch


def _place(chunk: pa.ListArray, whole: pa.Buffer) -> int:
    """Return where the tokens of this chunk begin in the mapped file, counted in tokens."""
    return int(chunk.values.buffers()[1].address - whole.address) // 4 + int(chunk.values.offset)


class LengthBuckets(Sampler[list[int]]):
    """Batches of rows of like length, in an order that only (seed, epoch) decides; nothing to save for a resume."""

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
    """Batches of rows of any length: each uniformly random, as the paper's are."""

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        rows = torch.randperm(len(self.lengths), generator=generator).tolist()
        yield from (rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size))


class TrainLoader(DataLoader[Batch]):
    """Training batches; the trainer calls `set_epoch` before each pass."""

    def __init__(self, split: EncodedSplit, batch_size: int, seed: int, buckets: bool = False) -> None:
        self._order = (LengthBuckets if buckets else RandomBatches)(split.lengths, batch_size, seed)
        super().__init__(split, batch_sampler=self._order, collate_fn=as_is, generator=torch.Generator())

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the coming pass."""
        self._order.epoch = epoch


def eval_loader(split: EncodedSplit, batch_size: int, price: float) -> DataLoader[Batch]:
    """Return the rows of `split`, longest first, in its own order, in batches of at most so many rows.

    price: of each batch, in tokens (see `sizes`).
    """
    tokens, batches, place = (split.lengths * split.width).tolist(), [], 0
    for start in range(0, len(tokens), batch_size):
        for size in sizes(tokens[start : start + batch_size], batch_size, price):
            batches.append(list(range(place, place + size)))
            place += size
    return DataLoader(split, batch_sampler=batches, collate_fn=as_is, generator=torch.Generator())


def sizes(lengths: Sequence[int], most: int, price: float) -> list[int]:
    """Return how many rows each part has, of rows of these lengths, longest first, so that all parts cost least.

    A part costs its rows times its longest one, and `price`; it has at most `most` rows. An infinite price: as few
    parts as there may be.
    """
    if price == math.inf:
        return [min(most, len(lengths) - start) for start in range(0, len(lengths), most)]
    best = [(0.0, 0)]  # of the first n rows: what they cost, and where their last part begins
    for end in range(1, len(lengths) + 1):
        starts = range(max(0, end - most), end)
        best.append(min((best[start][0] + (end - start) * lengths[start] + price, start) for start in starts))
    found, end = [], len(lengths)
    while end:
        found.append(end - best[end][1])
        end = best[end][1]
    return found[::-1]


def as_is(batch: Any) -> Any:
    """Return the batch, which the split has collated already."""
    return batch
