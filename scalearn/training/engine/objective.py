"""What a run's method adds to the loss and to the optimizer, with the changes of the run's protocol switches."""

from __future__ import annotations

from functools import partial
from typing import Any

from scalearn.training.engine.settings import Objective
from scalearn.training.runs.planned import PlannedRun


def objective(run: PlannedRun, model: Any) -> Objective:
    """Return the objective of a run, for a model in which its method is installed."""
    method, values = run.spec.learner
    return Objective(
        regularisation=partial(method.regularisation, model, values) if method.regularises(values) else None,
        parameter_groups=method.parameter_groups(model, values),
        keeps_last_epoch=lambda name: any(difference.last_epoch(name) for difference in run.spec.differences),
    )
