"""Joint training: the trainer of single runs, with batches of many tasks and a validation over all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from scalearn.campaign.loggers import Reports
from scalearn.methods.base import CurrentTask
from scalearn.methods.hyperparameters import ManyTasks
from scalearn.training.data.batches import Batch, EncodedSplit, eval_loader
from scalearn.training.data.joint_batches import JointLoader, JointSplit, TaskBatches
from scalearn.training.engine.device import Chosen
from scalearn.training.engine.model import head_name
from scalearn.training.engine.scoring import Scorer
from scalearn.training.engine.trainer import RunTrainer

FEW = 10


def rounds(rows: int, values: ManyTasks) -> tuple[int, int]:
    """Return how many rounds there are, each followed by an evaluation, and how many batches are in each.

    rows: of all tasks' train splits. Training ends after `epochs` passes or `max_steps` batches; a round has
    `eval_steps` of them, or, where that would make fewer than FEW rounds, at most a pass.
    """
    once = math.ceil(rows / values.batch_size)
    steps = min(values.max_steps, values.epochs * once)
    batches = values.eval_steps
    if steps < FEW * batches:
        batches = min(batches, once, steps)
    return steps // batches, batches


class JointTrainer(RunTrainer):
    """A joint run's training; a round is to it what an epoch is to its parent."""

    unit = "round"

    def __init__(
        self,
        model: Any,
        train: JointSplit,
        validation: Mapping[str, EncodedSplit],
        values: ManyTasks,
        seed: int,
        folder: Path,
        identity: str,
        chosen: Chosen,
        *,
        current: CurrentTask,
        scorers: Mapping[str, Scorer],
        selected: set[str],
        sampler_seed: int,
        regularisation: Callable[[], Tensor | None] | None = None,
        last_epoch: Callable[[str], bool] = lambda name: False,
        groups: list[dict[str, Any]] | None = None,
        reports: Reports | None = None,
    ) -> None:
        """`validation` and `scorers` are by task, in the order of `train`, whose heads the model has by their names.

        selected: the tasks whose mean validation loss, lowest, tells the best round. current: the method's. The last
        four: see RunTrainer.
        """
        self.current, self.validation, self.scorers, self.selected = current, validation, scorers, selected
        count, batches = rounds(len(train), values)
        sizes = [len(split) for split in train.splits]
        self._batches = TaskBatches(sizes, values.batch_size, batches, values.temperature, sampler_seed)
        # The library wants rows to evaluate on; which they are is for `evaluate` below.
        some = next(iter(validation.values()))
        values = values.but(epochs=count)
        super().__init__(
            model,
            train,
            some,
            values,
            seed,
            folder,
            identity,
            None,
            chosen,
            regularisation=regularisation,
            last_epoch=last_epoch,
            groups=groups,
            reports=reports,
        )

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the coming round."""
        return JointLoader(self.train_dataset, self._batches)

    def forward(self, model: Any, inputs: Batch) -> Any:
        """Return what the model and the head of the batch's task make of it; in evaluation it is the current task's."""
        self.current.index = int(inputs.pop("task", self.current.index))
        return model(**inputs, head=head_name(list(self.validation)[self.current.index]))

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return loss and metrics of each task's validation rows, and the mean loss by which the best round is told."""
        found: dict[str, float] = {}
        for index, (name, split) in enumerate(self.validation.items()):
            self.current.index, self.compute_metrics = index, self.scorers[name]
            found |= self.predicted(partial(self._evaluate_task, name, split, f"{metric_key_prefix}_{name}"))
        losses = [found[f"{metric_key_prefix}_{name}_loss"] for name in self.validation if name in self.selected]
        found[f"{metric_key_prefix}_loss"] = mean(losses)
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _evaluate_task(self, name: str, split: EncodedSplit, prefix: str) -> dict[str, float]:
        loop = self.evaluation_loop(eval_loader(split, self.eval_batch, self.price), name, metric_key_prefix=prefix)
        metrics: dict[str, float] = loop.metrics
        return metrics
