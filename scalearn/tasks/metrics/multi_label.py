"""Metrics of any number of labels per row. A label is given where its probability is above 0.5: its logit above 0."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scalearn.tasks.metrics.outcome import Outcome


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return macro_f1, macro_precision, macro_recall or subset_accuracy, as asked for.

    The macro metrics are plain means over all labels; a label whose value is undefined counts as 0, one that neither
    occurs nor is given among them. subset_accuracy is the share of rows all of whose labels are right.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    true = outcome.labels.astype(np.int64)
    found = (outcome.logits > 0).astype(np.int64)  # a NaN is not above 0
    # scikit-learn takes a single column for two classes, and would average over both.
    average = "macro" if true.shape[1] > 1 else "binary"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a single column is another shape than scikit-learn would like
        precision, recall, f1, _ = precision_recall_fscore_support(true, found, average=average, zero_division=0)
    values = {
        "macro_f1": f1,
        "macro_precision": precision,
        "macro_recall": recall,
        "subset_accuracy": accuracy_score(true, found),
    }
    return {metric: float(values[metric]) for metric in metrics}
