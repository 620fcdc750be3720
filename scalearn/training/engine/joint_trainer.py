"""Joint training: the trainer of single runs, with batches of many tasks and a validation over all of them."""

from __future__ import annotations

import math
from statistics import mean
from typing import Any

from torch.utils.data import DataLoader

from scalearn.methods.base import CurrentTask
from scalearn.methods.hyperparameters import ManyTasks
from scalearn.training.data.batches import Batch
from scalearn.training.engine.model import head_name
from scalearn.training.engine.settings import JointValidation, Objective, Settings, Validation
from scalearn.training.engine.trainer import RunTrainer

MIN_ROUNDS = 10


def rounds(rows: int, values: ManyTasks) -> tuple[int, int]:
    """Return the number of rounds, each of which ends with an evaluation, and the number of batches in a round.

    rows: the sum over all tasks' train splits. Training ends after `epochs` passes or `max_steps` batches. A round has
    `eval_steps` batches, or at most one pass where there would be fewer than MIN_ROUNDS rounds.
    """
    batches_per_pass = math.ceil(rows / values.batch_size)
    steps = min(values.max_steps, values.epochs * batches_per_pass)
    batches = values.eval_steps
    if steps < MIN_ROUNDS * batches:
        batches = min(batches, batches_per_pass, steps)
    return steps // batches, batches


class JointTrainer(RunTrainer):
    """The trainer of a joint run. Its rounds take the place of epochs."""

    unit = "round"

    def __init__(
        self,
        model: Any,
        train: DataLoader[Batch],
        validation: JointValidation,
        settings: Settings,
        objective: Objective,
        current: CurrentTask,
    ) -> None:
        """Prepare to train `model`, which has a head for each task of `validation`, under `head_name`.

        settings: with as many epochs as the training has rounds (see `rounds`).
        current: the object that tells the method's modules which task the batch belongs to.
        """
        self.validation, self.current = validation, current
        # The library requires a split to evaluate on; `evaluate` below takes those of all tasks instead.
        first = next(iter(validation.splits.values()))
        super().__init__(model, train, Validation(first, None), settings, objective)

    def forward(self, model: Any, inputs: Batch) -> Any:
        """Return the output of the model with the head of the batch's task; in evaluation, of the current task."""
        self.current.index = int(inputs.pop("task", self.current.index))
        return model(**inputs, head=head_name(list(self.validation.splits)[self.current.index]))

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return loss and metrics of each task's validation rows, and as `eval_loss` the mean loss of those selected.

        The library can evaluate several splits, but then it tells its callbacks of each split alone.
        """
        metrics: dict[str, float] = {}
        for index, (name, split) in enumerate(self.validation.splits.items()):
            self.current.index, self.compute_metrics = index, self.validation.compute_metrics[name]
            output = self.evaluation_loop(
                self.eval_loader(split), name, metric_key_prefix=f"{metric_key_prefix}_{name}"
            )
            metrics |= output.metrics
        selected = [name for name in self.validation.splits if name in self.validation.selected]
        metrics[f"{metric_key_prefix}_loss"] = mean(metrics[f"{metric_key_prefix}_{name}_loss"] for name in selected)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics
