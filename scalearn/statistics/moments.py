"""Metrics as functions of sums: shares, F1 of hits and misses, Matthews of a confusion matrix, Pearson of moments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


def ratio(sums: Array) -> Array:
    """Return sums[..., 0] / sums[..., 1], for example right rows by rows; 0 where there is nothing."""
    return _divide(sums[..., 0], sums[..., 1])


def hit_terms(true: Booleans, predicted: Booleans) -> Array:
    """Return true positives, false positives and false negatives of each label. true, predicted: (rows, labels)."""
    return np.concatenate([true & predicted, ~true & predicted, true & ~predicted], axis=1).astype(np.float64)


def _hits(sums: Array) -> tuple[Array, Array, Array]:
    right, wrong, missed = np.split(sums, 3, axis=-1)
    return right, wrong, missed


def _f1(sums: Array) -> Array:
    right, wrong, missed = _hits(sums)
    return _divide(2 * right, 2 * right + wrong + missed)


def _macro_f1(sums: Array) -> Array:
    return np.asarray(_f1(sums).mean(axis=-1))


def _macro_precision(sums: Array) -> Array:
    right, wrong, _ = _hits(sums)
    return np.asarray(_divide(right, right + wrong).mean(axis=-1))


def _macro_recall(sums: Array) -> Array:
    right, _, missed = _hits(sums)
    return np.asarray(_divide(right, right + missed).mean(axis=-1))


MACRO = {"macro_f1": _macro_f1, "macro_precision": _macro_precision, "macro_recall": _macro_recall}


def macro_f1_of_present(sums: Array) -> Array:
    """Return the mean F1 over the classes that occur in labels or predictions."""
    right, wrong, missed = _hits(sums)
    present = np.count_nonzero(right + wrong + missed, axis=-1)
    return _divide(_f1(sums).sum(axis=-1), np.asarray(present, np.float64))


def matthews(sums: Array) -> Array:
    """Return Matthews' correlation of a confusion matrix whose cells are the last axis (Gorodkin 2004)."""
    classes = round(sums.shape[-1] ** 0.5)
    matrix = sums.reshape(*sums.shape[:-1], classes, classes)
    true, predicted, rows = matrix.sum(axis=-1), matrix.sum(axis=-2), sums.sum(axis=-1)
    right = np.trace(matrix, axis1=-2, axis2=-1)
    covariance = right * rows - (true * predicted).sum(axis=-1)
    spread_true, spread_predicted = rows**2 - (true**2).sum(axis=-1), rows**2 - (predicted**2).sum(axis=-1)
    return _divide(covariance, np.sqrt(spread_true * spread_predicted))


def correlation_terms(labels: Array, predictions: Array) -> Array:
    """Return the moments of Pearson's correlation for each row, of standardised values; zeros if it is undefined."""
    one, other = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    if not np.isfinite(other).all() or np.ptp(one) == 0 or np.ptp(other) == 0:
        return np.zeros((len(one), 6))
    one, other = (one - one.mean()) / one.std(), (other - other.mean()) / other.std()
    return np.stack([np.ones_like(one), one, other, one * one, other * other, one * other], axis=1)


def correlation(sums: Array) -> Array:
    """Return Pearson's correlation of sums of `correlation_terms`; 0 where it is undefined."""
    rows, one, other, one_squared, other_squared, product = np.moveaxis(sums, -1, 0)
    spread = (rows * one_squared - one**2) * (rows * other_squared - other**2)
    return _divide(rows * product - one * other, np.sqrt(np.maximum(spread, 0)))


def _divide(numerator: Array, denominator: Array) -> Array:
    """Return the quotient, or 0 where the denominator is 0 but for rounding."""
    zero = denominator <= 1e-9
    return np.where(zero, 0.0, numerator / np.where(zero, 1.0, denominator))
