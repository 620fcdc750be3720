"""Metrics for rows with any number of labels. A label is predicted if its logit is above 0 (probability above 0.5)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scalearn.tasks.metrics.outcome import Outcome


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return the requested ones of macro_f1, macro_precision, macro_recall and subset_accuracy.

    The macro metrics are unweighted means over all labels. A label whose value is undefined, for example because it
    neither occurs nor is predicted, counts as 0. subset_accuracy is the share of rows with exactly the right labels.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    true = outcome.labels.astype(np.int64)
    predicted = (outcome.logits > 0).astype(np.int64)  # a NaN is not above 0
    # scikit-learn reads a single column as two classes and would average over both.
    average = "macro" if true.shape[1] > 1 else "binary"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of a single column
        precision, recall, f1, _ = precision_recall_fscore_support(true, predicted, average=average, zero_division=0)
    values = {
        "macro_f1": f1,
        "macro_precision": precision,
        "macro_recall": recall,
        "subset_accuracy": accuracy_score(true, predicted),
    }
    return {metric: float(values[metric]) for metric in metrics}
