"""The input of all metrics: the labels of a split and the logits of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """The labels of a split's n rows and the model's logits for them, in any order.

    labels: (n,), the class, the target or the index of the right choice; multi_label: (n, labels) of 0 and 1.
    logits: (n, classes); (n, 1) for a regression; (n, labels) for multi_label; (n, choices) for multiple_choice;
        (n, 2) for candidates.
    group: (n,), the number of the row's question.
    candidate: n strings, candidates only: the row's candidate answer.
    answers: n sequences of strings, candidates only: the gold answers of the row's question.
    positive: with two classes, the index of the class whose f1 is reported.
    """

    labels: Array
    logits: Array
    group: Array | None = None
    candidate: Sequence[str] | None = None
    answers: Sequence[Sequence[str]] | None = None
    positive: int = 1


def nan_is_lowest(logits: Array) -> Array:
    """Return the logits with every NaN, which a diverged model gives, replaced by -inf."""
    return np.where(np.isnan(logits), -np.inf, logits)
