"""The trainer: transformers' own, with our batches, our checkpoints, and every trained tensor restored."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.integrations import get_reporting_integration_callbacks
from transformers.trainer_callback import PrinterCallback, TrainerState

from scalearn.campaign.loggers import OURS, Reports
from scalearn.campaign.run_folder import STATE
from scalearn.errors import UserError
from scalearn.machine.time_budget import deadline
from scalearn.methods.hyperparameters import HyperParameters, OneTask
from scalearn.storage.files import read_json
from scalearn.training.data.batches import Batch, EncodedSplit, TrainLoader, eval_loader
from scalearn.training.engine import checkpoints
from scalearn.training.engine.arguments import training_arguments
from scalearn.training.engine.csv_log import CsvLog
from scalearn.training.engine.device import Chosen
from scalearn.training.engine.frozen import hold_frozen
from scalearn.training.engine.microbatches import FittingTrainer
from scalearn.training.engine.model import is_head
from scalearn.training.engine.scoring import Scorer
from scalearn.training.engine.stopping import Stop

LOOK = 16  # steps between two looks at the loss: each look waits for the GPU


class EpochLine(TrainerCallback):  # type: ignore[misc]
    """Prints one line per epoch, or whatever lies between two evaluations."""

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def on_evaluate(self, args: Any, state: TrainerState, control: Any, metrics: Any = None, **_: Any) -> None:
        """Print the epoch's losses and metrics."""
        train = next((entry["loss"] for entry in reversed(state.log_history) if "loss" in entry), math.nan)
        scores = [
            f"{key.removeprefix('eval_')} {value:.4f}"
            for key, value in sorted(metrics.items())
            if key not in ("epoch", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
        ]
        print(
            f"{self.unit} {round(state.epoch or 0)}/{round(args.num_train_epochs)}  train_loss {train:.4f}  "
            f"validation: {'  '.join(scores)}",
            flush=True,
        )


class RunTrainer(FittingTrainer):
    """One run's training. A checkpoint, at the end of each epoch and when asked to stop, holds all that is to come.

    `best` holds the trained tensors of the best epoch, whichever modules they sit in: the library's own restore
    misses heads and shared parameters that bear another name than the adapter's.
    """

    optimizer: Any  # the library's attribute
    control: Any
    compute_metrics: Scorer | None
    unit = "epoch"  # what lies between two evaluations

    def __init__(
        self,
        model: Any,
        train: Dataset[Batch],
        validation: EncodedSplit | None,
        values: HyperParameters,
        seed: int,
        folder: Path,
        identity: str,
        score: Scorer | None,
        chosen: Chosen,
        select: str = "loss",
        regularisation: Callable[[], Tensor | None] | None = None,
        last_epoch: Callable[[str], bool] = lambda name: False,
        groups: list[dict[str, Any]] | None = None,
        reports: Reports | None = None,
    ) -> None:
        """`select`: "loss", or the validation metric (higher is better) by which the best epoch is chosen.

        last_epoch: tells which tensors are not restored with the best epoch, a fault that the reference repeats.
        groups: the method's parameter groups, if not everything trains at one rate. reports: to which loggers, if any.
        """
        self.buckets = isinstance(values, OneTask) and values.length_buckets
        self.identity, self.folder, self.regularisation = identity, folder, regularisation
        self.last_epoch, self.groups = last_epoch, groups
        self.computed = [chosen.record(model)]  # also how a run began that is finished elsewhere
        if chosen.half is not None:
            hold_frozen(model, chosen.half)
        self.best: dict[str, Tensor] = {}
        self.seen = torch.zeros(2, dtype=torch.float64)  # of this epoch: the sum of losses, the number of steps
        self.stop = Stop(deadline(), self._write_checkpoint_now)
        self.beside = checkpoints.Beside()
        self.reports = reports or Reports()
        table = Path(f"{self.reports.place(OURS)}.csv")
        ours = [CsvLog(table, self.unit)] if OURS in self.reports.loggers else []
        super().__init__(
            model,
            training_arguments(values, seed, folder, chosen, select, self.reports),
            train_dataset=train,
            eval_dataset=validation,
            compute_metrics=score,
            callbacks=[EarlyStoppingCallback(values.patience), EpochLine(self.unit), *ours, self.stop],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Return the training batches."""
        return TrainLoader(self.train_dataset, self.args.train_batch_size, self.args.seed, self.buckets)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Batch]:
        """Return evaluation batches in the split's own order."""
        return eval_loader(eval_dataset or self.eval_dataset, self.eval_batch, self.price)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Batch]:
        """Return test batches in the split's own order."""
        return eval_loader(test_dataset, self.eval_batch, self.price)

    def create_optimizer(self) -> Any:
        """Return the optimizer. The library's rule of what decays (no bias, no layer norm) holds in each group."""
        if self.optimizer is None and self.groups is not None:
            names = self.get_decay_parameter_names(self.model)
            decaying = {id(parameter) for name, parameter in self.model.named_parameters() if name in names}
            split = [
                {
                    **group,
                    "params": [entry for entry in group["params"] if (id(entry) in decaying) == decays],
                    "weight_decay": self.args.weight_decay if decays else 0.0,
                }
                for group in self.groups
                for decays in (True, False)
            ]
            optimizer, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer = optimizer(split, **options)
        return super().create_optimizer()

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: Any = None) -> Tensor:
        """Return the batch's loss, its gradient in the parameters, and stop a training that diverges."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self.state.global_step == 0:
            self._refuse_no_gradient(model)
        self.seen = self.seen.to(loss.device)
        self.seen += torch.stack([loss.double(), torch.ones_like(loss, dtype=torch.float64)])
        if self.state.global_step % LOOK == 0:
            self._refuse_divergence("training loss", float(self.seen[0]))
        return loss

    def compute_loss(self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any) -> Any:
        """Return the task's loss, in training with the method's regularisation added, and by the part's share."""
        outputs = self.forward(model, inputs)
        loss = outputs.loss
        if model.training:
            if self.regularisation is not None and (term := self.regularisation()) is not None:
                loss = loss + term
            loss = loss * self.share
        return (loss, outputs) if return_outputs else loss

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Return no autocast: the model has its own. The library adds one on a CPU alone, around regularisers, too."""
        return nullcontext()

    def forward(self, model: Any, inputs: Batch) -> Any:
        """Return what the model makes of a batch: loss and logits."""
        return model(**inputs)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, as the epoch's `loss`, the mean over all its steps: also of those before a resume."""
        if "loss" in logs:
            logs["loss"] = float(self.seen[0] / self.seen[1])
            self.seen = torch.zeros_like(self.seen)
            self._refuse_divergence("training loss", logs["loss"])
            if self._scale() >= 1 and not math.isfinite(logs.get("grad_norm", 0.0)):
                del logs["grad_norm"]
            self._refuse_divergence("gradient", logs.get("grad_norm", 0.0))
        super().log(logs, start_time)

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Return loss and metrics of the validation rows."""
        found: dict[str, float] = self.predicted(lambda: super(RunTrainer, self).evaluate(*arguments, **options))
        return found

    def logits(self, split: EncodedSplit) -> npt.NDArray[np.float32]:
        """Return what the model says of each row, (rows, outputs), in the split's order."""
        self.compute_metrics = None  # they are of the validation rows
        found: npt.NDArray[np.float32] = self.predicted(lambda: self.predict(split)).predictions
        return found

    def fit(self) -> TrainerState:
        """Train, or go on from the last checkpoint, and leave the best epoch's tensors in the model."""
        checkpoint = checkpoints.latest(self.folder, self.identity, checkpoints.trainable(self.model))
        if checkpoint is not None:
            print(f"going on from {checkpoint.name}", flush=True)
        if checkpoint is not None and self._read_state(checkpoint)["finished"]:
            self._load_from_checkpoint(checkpoint)
            self.state = TrainerState.load_from_json(str(checkpoint / checkpoints.TRAINER_STATE))
        else:
            try:
                with self.reports.closing(), self.stop.listening():
                    self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
            finally:
                self.beside.wait()  # while the run is still ours
        for kind in get_reporting_integration_callbacks(self.args.report_to):
            self.remove_callback(kind)  # what comes now is of the test split: no logger is told of it
        self._load_best_model()
        return self.state

    # The rest replaces what the library would pickle, at the places where it does so (transformers 4.57).

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        losses = [entry["eval_loss"] for entry in self.state.log_history if "eval_loss" in entry]
        self._refuse_divergence("validation loss", losses[-1])
        if self.state.best_global_step == self.state.global_step:
            self.best = checkpoints.snapshot(self.model)
        self.state.best_model_checkpoint = "best"
        last = self.state.global_step >= self.state.max_steps
        self._write_checkpoint(finished=bool(last or self.control.should_training_stop))

    def _write_checkpoint(self, finished: bool = False) -> None:
        self._store_callbacks()
        optimizer, groups = checkpoints.optimizer_tensors(self.optimizer)
        state = {
            "identity": self.identity,
            "finished": finished,
            "parts": self.parts,
            "computed": self.computed,
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else None,
            "groups": checkpoints.plain(groups),
            "scheduler": checkpoints.plain(self.lr_scheduler.state_dict()),
        }
        tensors = {
            checkpoints.CURRENT: checkpoints.snapshot(self.model),
            "best": self.best,
            "optimizer": optimizer,
            "random": checkpoints.random_state(),
            "seen": {"seen": self.seen.to("cpu", copy=True)},
        }
        # All of it copies: the next steps are taken while it is written.
        at, said = self.state.global_step, deepcopy(self.state)
        self.beside.start(partial(checkpoints.write, self.folder, at, tensors, state, said.save_to_json))

    def _write_checkpoint_now(self) -> None:
        self._write_checkpoint()
        self.beside.wait()

    def _scale(self) -> float:
        """Return by how much fp16 scales the loss, 0 without it.

        A step whose gradient leaves fp16's range is skipped and the scale halved, which is no divergence; but where
        even a gradient scaled down does, it is.
        """
        return float(self.accelerator.scaler.get_scale()) if self.accelerator.scaler else 0.0

    def _refuse_divergence(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            when = f"{self.unit} {math.ceil(self.state.epoch or 0)}, after step {self.state.global_step}"
            raise UserError(
                f"{self.folder.parent}: the {what} is not finite in {when}; "
                "try a smaller learning_rate for this method in the campaign's hyperparameters"
            )

    def _refuse_no_gradient(self, model: Any) -> None:
        """Refuse to train a head alone where the method trains more; single tensors may wait for another task."""
        own = {name: entry for name, entry in model.named_parameters() if entry.requires_grad and not is_head(name)}
        if own and all(entry.grad is None for entry in own.values()):
            raise UserError(
                f"{self.folder.parent}: no gradient reaches any of the {len(own)} tensors that the method trains (the "
                f"first is {next(iter(own))}), only the head; choose another model, or another method"
            )

    def _store_callbacks(self) -> None:
        for callback in (*self.callback_handler.callbacks, self.control):
            if (state := getattr(callback, "state", None)) is not None:
                self.state.stateful_callbacks[type(callback).__name__] = state()

    def _read_state(self, checkpoint: Path) -> dict[str, Any]:
        return read_json(checkpoint / STATE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str | Path, model: Any = None) -> None:
        path = Path(resume_from_checkpoint)
        checkpoints.restore(self.model, checkpoints.read_tensors(path, checkpoints.CURRENT))
        self.best = checkpoints.read_tensors(path, "best")
        self.seen = checkpoints.read_tensors(path, "seen")["seen"]
        state = self._read_state(path)
        self.parts = state["parts"]
        self.computed = [*(entry for entry in state["computed"] if entry not in self.computed), *self.computed]

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = self._read_state(Path(checkpoint))
        checkpoints.restore_optimizer(
            self.optimizer, checkpoints.read_tensors(Path(checkpoint), "optimizer"), state["groups"]
        )
        self.lr_scheduler.load_state_dict(state["scheduler"])

    def _load_scaler(self, checkpoint: str | None) -> None:
        state = None if checkpoint is None else self._read_state(Path(checkpoint))["scaler"]
        if state is not None and self.accelerator.scaler is not None:  # a run may go on in another precision
            self.accelerator.scaler.load_state_dict(state)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.restore_random_state(checkpoints.read_tensors(Path(checkpoint), "random"))

    def _load_best_model(self) -> None:
        best = {name: tensor for name, tensor in self.best.items() if not self.last_epoch(name)}
        checkpoints.restore(self.model, {**checkpoints.trainable(self.model), **best})
