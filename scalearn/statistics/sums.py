"""Each metric as a function of sums over test rows, so that resampling rows is a product of matrices.

Rows that belong together (a question, a passage) are one unit: their terms are added, and they are drawn as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalearn.statistics import moments, ranks
from scalearn.tasks.metrics import Outcome, compute
from scalearn.tasks.metrics.candidates import matches
from scalearn.tasks.metrics.outcome import nan_is_lowest

Array = npt.NDArray[np.float64]
Value = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Sums:
    """A metric of one run: `value` of the terms' sum over units is the metric.

    terms: (units, terms). value: maps sums of shape (..., terms) to metrics of shape (...).
    """

    terms: Array
    value: Value


def sums_of(metric: str, kind: str, outcome: Outcome) -> Sums:
    """Return the terms of a metric. The units depend only on the rows, so that they are equal for all runs of a task.

    Spearman's correlation is no function of sums. Its units are blocks of rows, and its terms their pseudo-values.

    Args:
        kind: The task's kind, one of tasks.definition.METRICS.
    """
    if kind == "candidates":
        values = matches(metric, outcome)
        return Sums(np.stack([values, np.ones_like(values)], axis=1), moments.ratio)
    if metric == "exact_match":
        return _groups_all_right(outcome)
    if metric == "spearman":
        blocks = ranks.block_of_rows(len(outcome.labels), outcome.group)
        values = ranks.block_values(lambda rows: compute([metric], kind, _rows(outcome, rows))[metric], blocks)
        return Sums(np.stack([values, np.ones_like(values)], axis=1), moments.ratio)
    terms, value = _by_row(metric, kind, outcome)
    return Sums(_whole_groups(terms, outcome.group), value)


def _by_row(metric: str, kind: str, outcome: Outcome) -> tuple[Array, Value]:
    if kind == "regression":
        return moments.correlation_terms(outcome.labels, outcome.logits[:, 0]), moments.correlation
    if kind == "multi_label":
        true, predicted = outcome.labels > 0.5, outcome.logits > 0
        if metric == "subset_accuracy":
            return _right((true == predicted).all(axis=1)), moments.ratio
        return moments.hit_terms(true, predicted), moments.MACRO[metric]
    true, predicted = outcome.labels.astype(np.int64), nan_is_lowest(outcome.logits).argmax(axis=1)
    if metric == "accuracy":
        return _right(true == predicted), moments.ratio
    classes = np.arange(outcome.logits.shape[1])
    if metric == "matthews":
        cell = true * len(classes) + predicted
        return (cell[:, None] == np.arange(len(classes) ** 2)).astype(np.float64), moments.matthews
    if len(classes) <= 2:  # f1 of one class
        classes = np.array([outcome.positive])
    terms = moments.hit_terms(true[:, None] == classes, predicted[:, None] == classes)
    return terms, moments.MACRO["macro_f1"] if len(classes) == 1 else moments.macro_f1_of_present


def _right(right: npt.NDArray[np.bool_]) -> Array:
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.float64)


def _groups_all_right(outcome: Outcome) -> Sums:
    right = outcome.labels.astype(np.int64) == nan_is_lowest(outcome.logits).argmax(axis=1)
    _, index = np.unique(np.asarray(outcome.group), return_inverse=True)
    wrong = np.bincount(index, weights=~right)
    return Sums(_right(wrong == 0), moments.ratio)


def _whole_groups(terms: Array, group: npt.NDArray[np.int64] | None) -> Array:
    """Return the sums of the terms over the rows of each group; without groups, the terms."""
    if group is None:
        return terms
    names, index = np.unique(group, return_inverse=True)
    grouped = np.zeros((len(names), terms.shape[1]))
    np.add.at(grouped, index, terms)
    return grouped


def _rows(outcome: Outcome, rows: npt.NDArray[np.bool_]) -> Outcome:
    return Outcome(outcome.labels[rows], outcome.logits[rows])
