"""Computes the logits of many rows in batches of similar length, in the rows' order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scalearn.training.data.token_rows import TokenRows
from scalearn.training.data.tokens import Tokens

BATCH = 64  # rows of a batch
Item = TypeVar("Item")
Forward = Callable[[Mapping[str, Tensor]], Tensor]  # a padded batch -> logits, (rows, outputs)


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
