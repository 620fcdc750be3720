"""What metrics are made from: the rows of a split, and what a model said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """The rows of a split and what the model said of them; n rows, in any order.

    labels: (n,) class index, target or place of the right choice; (n, labels) of 0 and 1 for multi_label.
    logits: (n, classes); (n, 1) for a regression; (n, labels) for multi_label; (n, choices) for multiple_choice;
        (n, 2) for candidates.
    group: (n,) the number of the question that a row belongs to.
    candidate: n strings, candidates only: the answer that the row proposes.
    answers: n sequences of strings, candidates only: the gold answers of the row's question.
    positive: of two classes the index of the one that f1 is of.
    """

    labels: Array
    logits: Array
    group: Array | None = None
    candidate: Sequence[str] | None = None
    answers: Sequence[Sequence[str]] | None = None
    positive: int = 1


def nan_is_lowest(logits: Array) -> Array:
    """Return the logits with NaN, as a diverged model gives, as -inf: no NaN wins against a number."""
    return np.where(np.isnan(logits), -np.inf, logits)
