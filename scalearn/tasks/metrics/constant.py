"""The majority baseline: one answer for all rows, computed from the training labels, and its logits."""

from __future__ import annotations

import numpy as np

from scalearn.errors import UserError
from scalearn.tasks.metrics.outcome import Array

Constant = float | list[int]


def majority(kind: str, labels: Array) -> Constant:
    """Return the majority answer of the training labels.

    It is the most frequent class or choice (on ties, the lowest index), the mean of a regression's labels, or for
    multi_label the indices of the labels that more than half of the rows have. For candidates it is always 0.0.

    Args:
        labels: the labels of train, with the shape that Outcome.labels has.
    """
    if kind == "regression":
        return float(labels.mean())
    if kind == "multi_label":
        indices: list[int] = np.flatnonzero(2 * labels.sum(axis=0) > len(labels)).tolist()
        return indices
    if kind == "candidates":
        return 0.0
    return int(np.bincount(labels.astype(np.int64)).argmax())


def constant_logits(kind: str, constant: Constant, shape: tuple[int, ...]) -> Array:
    """Return logits that give every row the same answer.

    Args:
        constant: the answer, as `majority` returns it.
        shape: (n, outputs).

    Raises: UserError if the answer is no valid index.
    """
    if kind == "candidates":
        return np.zeros(shape)
    if kind == "regression":
        return np.full(shape, constant)
    indices = constant if isinstance(constant, list) else [int(constant)]
    if any(not 0 <= index < shape[1] for index in indices):
        raise UserError(f"baseline: {constant} is not among the indices 0 to {shape[1] - 1}; train the run again")
    logits = np.zeros(shape)
    logits[:, indices] = 1.0
    return logits
