"""Metrics for rows with a number as their label: correlations."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scalearn.tasks.metrics.outcome import Array, Outcome


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return the requested ones of pearson and spearman."""
    return {metric: _correlation(metric, outcome.labels, outcome.logits[:, 0]) for metric in metrics}


def _correlation(metric: str, labels: Array, predictions: Array) -> float:
    """Return Pearson's or Spearman's coefficient, or 0.0 if it is undefined (constant values, a diverged model)."""
    from scipy.stats import pearsonr, spearmanr

    if len(labels) < 2:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of constants; they count as 0.0 here
        statistic = (pearsonr if metric == "pearson" else spearmanr)(
            predictions.astype(np.float64), labels.astype(np.float64)
        ).statistic
    return float(statistic) if np.isfinite(statistic) else 0.0
