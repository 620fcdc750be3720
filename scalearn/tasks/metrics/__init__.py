"""Metrics of predictions, for every kind of task; the table of their names is definition.METRICS.

Every value is a fraction and finite, whatever the logits: where a NaN competes, it counts as the lowest logit; a
correlation with one is 0.0. scikit-learn and SciPy are imported where they are used: they take seconds to load, and
not every command needs them.
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
    """Return each metric's value as a fraction, in the order asked for.

    A UserError names the metric if the outcome lacks the columns that it needs.
    """
    return _SCORERS[kind](metrics, outcome)


def baseline(metrics: Sequence[str], kind: str, outcome: Outcome, constant: Constant) -> dict[str, float]:
    """Return each metric's value when every row gets the same answer, as `majority` returns it.

    Of the outcome's logits only the shape is read. Candidates all get the same logit, so the tie rule chooses.
    """
    return compute(metrics, kind, replace(outcome, logits=constant_logits(kind, constant, outcome.logits.shape)))
