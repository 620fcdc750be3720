"""Metrics for every kind of task. definition.METRICS lists their names.

Every value is finite and a fraction, for any logits. A NaN counts as the lowest logit; a correlation with a NaN is 0.0.
scikit-learn and SciPy are imported in the functions that use them, because they take seconds to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalearn.tasks.metrics import candidates, classification, multi_label, regression
from scalearn.tasks.metrics.constant import Constant, constant_logits, majority
from scalearn.tasks.metrics.outcome import Outcome

__all__ = ["Constant", "Outcome", "baseline", "compute", "majority"]

_SCORERS = {
    "classification": classification.score,
    "multi_label": multi_label.score,
    "multiple_choice": classification.score,  # the choices of a row compete as classes do
    "regression": regression.score,
    "candidates": candidates.score,
}


def compute(metrics: Sequence[str], kind: str, outcome: Outcome) -> dict[str, float]:
    """Return metric -> its value as a fraction, in the order of `metrics`.

    Args:
        kind: the task's kind, one of definition.METRICS.
        outcome: labels and logits of a split.

    Raises: UserError if the outcome lacks the columns that a metric needs.
    """
    return _SCORERS[kind](metrics, outcome)


def baseline(metrics: Sequence[str], kind: str, outcome: Outcome, constant: Constant) -> dict[str, float]:
    """Return metric -> its value if every row gets the same answer.

    All candidates get the same logit, so that the tie rule selects one.

    Args:
        outcome: labels of a split; only the shape of its logits is used.
        constant: the answer, as `majority` returns it.
    """
    return compute(metrics, kind, replace(outcome, logits=constant_logits(kind, constant, outcome.logits.shape)))
