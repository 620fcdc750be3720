"""Metrics of one right class, or choice, per row. The prediction is the highest logit; ties: the lowest index."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scalearn.errors import UserError
from scalearn.tasks.metrics.outcome import Array, Outcome, nan_is_lowest


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return accuracy, f1, matthews or exact_match, as asked for.

    f1 is that of the positive class where there are two classes, as in GLUE; with more it is the plain mean over the
    classes that occur among labels or predictions. exact_match is the share of groups all of whose rows are right
    (MultiRC, Khashabi et al. 2018); a UserError if the rows have no group. Undefined values are 0.0.
    """
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    average = "binary" if outcome.logits.shape[1] <= 2 else "macro"
    functions = {
        "accuracy": accuracy_score,
        "f1": lambda true, found: f1_score(true, found, average=average, pos_label=outcome.positive, zero_division=0),
        "matthews": matthews_corrcoef,
        "exact_match": lambda true, found: _whole_groups(true == found, outcome.group),
    }
    true = outcome.labels.astype(np.int64)
    found = nan_is_lowest(outcome.logits).argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns when only one class occurs
        return {metric: float(functions[metric](true, found)) for metric in metrics}


def _whole_groups(right: Array, group: Array | None) -> float:
    """Return the share of groups without a wrong row; right: (n,) booleans."""
    if group is None:
        raise UserError("metrics: 'exact_match' needs rows that belong to questions; name another metric for this task")
    questions = len(np.unique(group))
    return (questions - len(np.unique(group[~right]))) / questions
