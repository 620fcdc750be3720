"""Metrics for rows with one right class or choice. The prediction is the highest logit; on ties, the lowest index."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scalearn.errors import UserError
from scalearn.tasks.metrics.outcome import Array, Outcome, nan_is_lowest


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return the requested ones of accuracy, f1, matthews and exact_match.

    f1: with two classes, that of the positive class, as in GLUE (Wang et al. 2019); with more, the unweighted mean over
    the classes that occur in labels or predictions. exact_match: the share of groups in which all rows are right
    (MultiRC, Khashabi et al. 2018). Undefined values are 0.0.

    Raises: UserError if exact_match is requested and the rows have no group.
    """
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    average = "binary" if outcome.logits.shape[1] <= 2 else "macro"
    functions = {
        "accuracy": accuracy_score,
        "f1": lambda true, predicted: f1_score(
            true, predicted, average=average, pos_label=outcome.positive, zero_division=0
        ),
        "matthews": matthews_corrcoef,
        "exact_match": lambda true, predicted: _whole_groups(true == predicted, outcome.group),
    }
    true = outcome.labels.astype(np.int64)
    predicted = nan_is_lowest(outcome.logits).argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns when only one class occurs
        return {metric: float(functions[metric](true, predicted)) for metric in metrics}


def _whole_groups(right: Array, group: Array | None) -> float:
    """Return the share of groups without a wrong row. right: (n,), whether each row is right."""
    if group is None:
        raise UserError("metrics: 'exact_match' needs rows that belong to questions; name another metric for this task")
    questions = len(np.unique(group))
    return (questions - len(np.unique(group[~right]))) / questions
