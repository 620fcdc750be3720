"""Computes the logits of many rows in batches of similar length, in the rows' order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from scalearn.training.data.tokens import Tokens

BATCH = 64  # rows of a batch
Item = TypeVar("Item")
Forward = Callable[[Mapping[str, Tensor]], Tensor]  # a padded batch -> logits, (rows, outputs)


@dataclass(frozen=True)
class TokenRows:
    """Tokenised inputs. A row has `width` sequences: one, or in multiple choice one per choice.

    tokens: of all sequences, one after another. starts, lengths: of each sequence, shape (rows, width).
    second: the position of the second text's first token, for encoders with token types; else None.
    """

    tokens: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    second: npt.NDArray[np.int32] | None
    pad: int

    @classmethod
    def of(cls, columns: Mapping[str, pa.Array], pad: int, width: int) -> TokenRows:
        """Take the columns that `Tokens.encode` returns."""
        ids = columns["input_ids"]
        offsets = ids.offsets.to_numpy().astype(np.int64)
        second = columns["second"].to_numpy().reshape(-1, width) if "second" in columns else None
        starts, lengths = offsets[:-1].reshape(-1, width), np.diff(offsets).reshape(-1, width)
        return cls(ids.values.to_numpy(), starts, lengths, second, pad)

    def batch(self, rows: npt.NDArray[np.int64], choices: bool) -> dict[str, Tensor]:
        """Return these rows, padded: shape (rows, longest), with choices (rows, choices, longest)."""
        lengths = self.lengths[rows, :, None]
        positions = np.arange(lengths.max())
        mask = positions < lengths
        ids = np.full(mask.shape, self.pad, dtype=np.int64)
        ids[mask] = self.tokens[(self.starts[rows, :, None] + positions)[mask]]
        arrays = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if self.second is not None:
            arrays["token_type_ids"] = (mask & (positions >= self.second[rows, :, None])).astype(np.int64)
        return {name: torch.from_numpy(array if choices else array[:, 0]) for name, array in arrays.items()}


def tokenised(tokens: Tokens, first: Sequence[str], second: Sequence[str] | None, choices: int | None) -> TokenRows:
    """Return these inputs as tokens. second: with choices, those of all rows one after another."""
    if choices:
        first = [text for text in first for _ in range(choices)]
    return TokenRows.of(tokens.encode(first, second), tokens.pad_token_id, choices or 1)


def logits_of(rows: TokenRows, forward: Forward, device: torch.device, choices: bool) -> npt.NDArray[np.float32]:
    """Return the logits of all rows, (rows, outputs), in their order. Rows of similar length share a batch."""
    order = np.argsort(-rows.lengths.max(axis=1), kind="stable")
    logits: list[npt.NDArray[Any]] = []
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = rows.batch(order[start : start + BATCH], choices)
            logits.append(forward({name: tensor.to(device) for name, tensor in batch.items()}).float().cpu().numpy())
    placed = np.empty((len(order), logits[0].shape[1]), dtype=np.float32)
    placed[order] = np.concatenate(logits)
    return placed


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; the next one is made in a thread while the caller works on the last."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, items, end)
            yield item  # type: ignore[misc]  # not `end`
