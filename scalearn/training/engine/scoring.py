"""A task's metrics on its validation rows, as the Trainer's `compute_metrics`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from transformers.trainer_utils import EvalPrediction

from scalearn.tasks.definition import positive_class
from scalearn.tasks.metrics import Outcome, compute
from scalearn.training.data.batches import EncodedSplit

Scorer = Callable[[EvalPrediction], dict[str, float]]


def scorer(task: dict[str, Any], validation: EncodedSplit) -> Scorer:
    """Return the `compute_metrics` function for these rows; predictions must be in their order."""
    group, candidate, answers = (validation.column(name) for name in ("group", "candidate", "answers"))
    rows = Outcome(
        labels=validation.labels,
        logits=np.empty((0,)),
        group=None if group is None else group.to_numpy(zero_copy_only=False),
        candidate=None if candidate is None else candidate.to_pylist(),
        answers=None if answers is None else answers.to_pylist(),
        positive=positive_class(task.get("positive"), task["labels"]),
    )

    def score(prediction: EvalPrediction) -> dict[str, float]:
        logits = np.asarray(prediction.predictions, dtype=np.float64)
        return compute(task["metrics"], task["kind"], replace(rows, logits=logits))

    return score
