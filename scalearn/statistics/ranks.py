"""Pseudo-values of blocks of rows, for metrics that are no function of sums: the delete-a-block jackknife."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
BLOCKS = 100


def block_of_rows(rows: int, group: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
    """Return the block of each row: at most BLOCKS random ones of equal size. The rows of a group share a block."""
    index = np.arange(rows) if group is None else np.unique(group, return_inverse=True)[1]
    units = int(index.max()) + 1
    block = np.empty(units, np.int64)
    block[np.random.default_rng(0).permutation(units)] = np.arange(units) % min(BLOCKS, units)
    return block[index]


def block_values(metric: Callable[[npt.NDArray[np.bool_]], float], block: npt.NDArray[np.int64]) -> Array:
    """Return a value per block. Their mean is the metric of all rows; their spread is that of the metric.

    metric: takes a mask of rows.
    """
    blocks = int(block.max()) + 1
    of_all = metric(np.ones(len(block), bool))
    if blocks < 2:
        return np.array([of_all])
    without = np.array([metric(block != left_out) for left_out in range(blocks)])
    values = blocks * of_all - (blocks - 1) * without
    return np.asarray(values - values.mean() + of_all)
