"""Metrics of predictions, from scikit-learn and SciPy.

Both are imported where they are used: scikit-learn takes seconds to load, and not every command needs it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def compute(metrics: Sequence[str], kind: str, labels: Array, logits: Array) -> dict[str, float]:
    """Return each metric's value as a fraction.

    labels: [rows], class indices or regression targets; logits: [rows, classes], or [rows, 1] for a regression.
    """
    if kind == "regression":
        return {metric: _correlation(metric, labels, logits[:, 0]) for metric in metrics}
    return _classification(metrics, labels, logits.argmax(axis=1), logits.shape[1])


def baseline(metrics: Sequence[str], kind: str, labels: Array, prediction: float, classes: int = 2) -> dict[str, float]:
    """Return each metric's value when every row gets the same `prediction`: a class index, or a mean.

    labels: [rows]; classes: the size of the label set, 1 for a regression.
    """
    constant = np.full(len(labels), prediction)
    if kind == "regression":
        return {metric: _correlation(metric, labels, constant) for metric in metrics}
    return _classification(metrics, labels, constant, classes)


def _correlation(metric: str, labels: Array, predictions: Array) -> float:
    """Return Pearson's or Spearman's coefficient; 0.0 where it is undefined (a constant, a diverged model)."""
    from scipy.stats import pearsonr, spearmanr

    if len(labels) < 2:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of constants; they count as 0.0 here
        statistic = (pearsonr if metric == "pearson" else spearmanr)(
            predictions.astype(np.float64), labels.astype(np.float64)
        ).statistic
    return float(statistic) if np.isfinite(statistic) else 0.0


def _classification(metrics: Sequence[str], labels: Array, predictions: Array, classes: int) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    # Class 1 is the positive one of two, as in GLUE; with more classes every class counts the same.
    average = "binary" if classes <= 2 else "macro"
    functions = {
        "accuracy": accuracy_score,
        "f1": lambda true, found: f1_score(true, found, average=average, zero_division=0),
        "matthews": matthews_corrcoef,
    }
    true, found = labels.astype(np.int64), predictions.astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns when only one class occurs
        return {metric: float(functions[metric](true, found)) for metric in metrics}
