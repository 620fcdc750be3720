"""Encoded rows as batches: mapped from disk, grouped by length, padded to their longest row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

Batch = dict[str, Tensor]


class EncodedSplit(Dataset[Batch]):
    """One encoded split. Token ids stay in the mapped file; lengths, labels and boundaries are NumPy arrays (n,)."""

    def __init__(self, path: Path, encoding: dict[str, Any], order: Sequence[int] | None = None) -> None:
        """`order` presents the rows in another order than the file's; labels and lengths follow it."""
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        chunks = [chunk for chunk in table["input_ids"].chunks if len(chunk)]
        self._values = [chunk.values.to_numpy() for chunk in chunks]
        self._offsets = [chunk.offsets.to_numpy() for chunk in chunks]
        self._starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self.encoding = encoding
        self.order = np.arange(len(table)) if order is None else np.asarray(order)
        lengths = np.concatenate([np.diff(offsets) for offsets in self._offsets])
        self.lengths: npt.NDArray[np.int64] = lengths[self.order].astype(np.int64)
        self.labels: npt.NDArray[np.float64] = table["label"].to_numpy()[self.order]
        self.second: npt.NDArray[np.int64] = table["second"].to_numpy()[self.order]
        self.parts: list[str] = np.asarray(table["part"].to_pylist(), dtype=object)[self.order].tolist()
        self._label_type = torch.float32 if encoding["task"]["kind"] == "regression" else torch.int64

    def __len__(self) -> int:
        return len(self.order)

    def sorted_by_length(self, path: Path) -> EncodedSplit:
        """Return the same rows, longest first, so that evaluation pads little and fails early if memory is short."""
        return EncodedSplit(path, self.encoding, np.argsort(-self.lengths, kind="stable").tolist())

    def _row(self, index: int) -> npt.NDArray[np.int32]:
        row = int(self.order[index])
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        place = row - self._starts[chunk]
        start, stop = self._offsets[chunk][place : place + 2]
        ids: npt.NDArray[np.int32] = self._values[chunk][start:stop]
        return ids

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the padded batch of these rows: input_ids, attention_mask, (token_type_ids,) labels."""
        lengths = torch.as_tensor(self.lengths[indices])
        positions = torch.arange(int(lengths.max()))
        ids = torch.full((len(indices), len(positions)), self.encoding["pad_token_id"], dtype=torch.int64)
        for place, index in enumerate(indices):
            ids[place, : lengths[place]] = torch.as_tensor(self._row(index).astype(np.int64))
        mask = positions < lengths[:, None]
        batch = {"input_ids": ids, "attention_mask": mask.long()}
        if self.encoding["token_types"]:
            second = torch.as_tensor(self.second[indices])
            batch["token_type_ids"] = (mask & (positions >= second[:, None])).long()
        batch["labels"] = torch.as_tensor(self.labels[indices]).to(self._label_type)
        return batch


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


class TrainLoader(DataLoader[Batch]):
    """Training batches; the trainer calls `set_epoch` before each pass."""

    def __init__(self, split: EncodedSplit, batch_size: int, seed: int) -> None:
        self._buckets = LengthBuckets(split.lengths, batch_size, seed)
        super().__init__(split, batch_sampler=self._buckets, collate_fn=_as_is, generator=torch.Generator())

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the coming pass."""
        self._buckets.epoch = epoch


def eval_loader(split: EncodedSplit, batch_size: int) -> DataLoader[Batch]:
    """Return the rows of `split` in its own order, in batches."""
    return DataLoader(split, batch_size, collate_fn=_as_is, generator=torch.Generator())


def _as_is(batch: Any) -> Any:
    return batch
