"""The trainer of a run: the Trainer of `transformers`, with our batches, our checkpoints and the method's loss."""

from __future__ import annotations

import math
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback
from transformers.integrations import get_reporting_integration_callbacks
from transformers.trainer_callback import PrinterCallback, TrainerState

from scalearn.campaign.loggers import OURS
from scalearn.campaign.run_folder import STATE
from scalearn.machine.time_budget import deadline
from scalearn.storage.files import read_json
from scalearn.training.data.batches import Batch, EncodedSplit
from scalearn.training.engine import checkpoints
from scalearn.training.engine.arguments import training_arguments
from scalearn.training.engine.attention_mask import use_mask_as_it_is
from scalearn.training.engine.callbacks import AfterEvaluation, Clipping, DivergenceGuard, EpochLine, Restore
from scalearn.training.engine.csv_log import CsvLog
from scalearn.training.engine.determinism import allow_others, operation_without_kernel
from scalearn.training.engine.frozen import hold_frozen
from scalearn.training.engine.microbatches import MicrobatchTrainer
from scalearn.training.engine.scoring import Scorer
from scalearn.training.engine.settings import Objective, Settings, Validation
from scalearn.training.engine.stopping import Stop


class RunTrainer(MicrobatchTrainer):
    """The trainer of one run. It writes a checkpoint after each epoch, and when it is asked to stop.

    `best` holds every trained tensor of the best epoch, heads included. The library's own restore misses heads and
    parameters that are shared under another name than the adapter's.
    """

    optimizer: Any  # the library's attributes
    control: Any
    compute_metrics: Scorer | None
    unit = "epoch"  # what lies between two evaluations

    def __init__(
        self,
        model: Any,
        train: DataLoader[Batch],
        validation: Validation,
        settings: Settings,
        objective: Objective,
    ) -> None:
        """Prepare to train `model`, an encoder with the method's modules and a head, on the batches of `train`.

        The loader's `set_epoch` is called before each epoch.
        """
        self.settings, self.objective = settings, objective
        self.computed = [settings.compute.record(model)]  # a run that resumes on another device has several entries
        if settings.compute.half is not None:
            hold_frozen(model, settings.compute.half)
        self.best: dict[str, Tensor] = {}
        self.writer = checkpoints.BackgroundWriter()
        self.stop = Stop(deadline(), self._write_checkpoint_now)
        self.early_stopping = EarlyStoppingCallback(settings.values.patience)
        self._train_loader = train
        super().__init__(
            model,
            training_arguments(settings, validation.metric_for_best_model),
            train_dataset=train.dataset,
            eval_dataset=validation.split,
            compute_metrics=validation.compute_metrics,
        )
        if self.args.device.type == "cuda":
            use_mask_as_it_is(model)
            self.replays = not settings.compute.compile
        self.model_accepts_loss_kwargs = False  # the library need not count the labels of each batch
        self._weight_count = model.num_parameters(exclude_embeddings=True)
        self.remove_callback(PrinterCallback)
        self.clipping = Clipping(self.trained, settings.values.max_grad_norm, self.accelerator.unscale_gradients)
        self.guard = DivergenceGuard(settings.checkpoints.parent, self.unit, self.epoch_loss)
        # Checkpoints store what early stopping counted and follow the row of the CSV file, so this order matters.
        for callback in (self.early_stopping, EpochLine(self.unit), *self._csv_log(), self.clipping, self.guard):
            self.add_callback(callback)
        self.add_callback(AfterEvaluation(self.finish_epoch))
        self.add_callback(self.stop)
        if objective.parameter_groups is not None:
            self.optimizer = self._grouped_optimizer(objective.parameter_groups)

    def _csv_log(self) -> list[CsvLog]:
        reports = self.settings.reports
        return [CsvLog(Path(f"{reports.place(OURS)}.csv"), self.unit)] if OURS in reports.loggers else []

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Return the training batches."""
        return self._train_loader

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Batch]:
        """Return evaluation batches in the split's own order."""
        return self.eval_loader(eval_dataset or self.eval_dataset)

    def _grouped_optimizer(self, groups: list[dict[str, Any]]) -> Any:
        """Return the run's optimizer for these groups. In each group weight decay follows the library's rule.

        The rule: biases and layer norms do not decay.
        """
        names = self.get_decay_parameter_names(self.model)
        decaying = {id(parameter) for name, parameter in self.model.named_parameters() if name in names}
        split = [
            {
                **group,
                "params": [entry for entry in group["params"] if (id(entry) in decaying) == decays],
                "weight_decay": self.args.weight_decay if decays else 0.0,
            }
            for group in groups
            for decays in (True, False)
        ]
        optimizer, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        return optimizer(split, **options)

    def compute_loss(self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any) -> Any:
        """Return the task's loss, in training with the method's regularisation, weighted by the number of rows."""
        weight = self.loss_weight(model.training, len(inputs["labels"]))
        outputs = self.forward(model, inputs)
        loss = outputs.loss
        regularisation = self.objective.regularisation
        if model.training and regularisation is not None and (term := regularisation()) is not None:
            loss = loss + term
        loss = loss * weight
        return (loss, outputs) if return_outputs else loss

    def floating_point_ops(self, inputs: Batch) -> int:
        """Return the library's estimate for a step; the library counts the weights anew at each step."""
        return 6 * inputs["input_ids"].numel() * int(self._weight_count)

    def mend(self, error: RuntimeError) -> bool:
        """Allow an operation that has no deterministic kernel, and note it for the run's record."""
        operation = operation_without_kernel(error)
        if operation is None:
            return False
        print(f"{operation} has no deterministic kernel: another run of this training may give other bytes", flush=True)
        allow_others()
        # A copy, since a checkpoint may just be written. A run that has resumed may have such an entry already.
        entry = {**self.computed[-1], "not_deterministic": operation}
        self.computed = [*(earlier for earlier in self.computed[:-1] if earlier != entry), entry]
        return True

    def forward(self, model: Any, inputs: Batch) -> Any:
        """Return the model's output for a batch, with `loss` and `logits`."""
        return model(**inputs)

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Return a context without autocast, since the model's forward has its own.

        On a CPU the library adds a second one, which would also round the regularisation.
        """
        return nullcontext()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, as `loss`, the unrounded mean over all steps of the epoch, those before a resume included."""
        if "loss" in logs:
            logs["loss"] = self.epoch_loss.pop_mean()
            self.guard.require_finite("training loss", logs["loss"], self.state)
            norm = 0.0 if self.clipping.norm is None else float(self.clipping.norm)
            if self._loss_scale() < 1:
                self.guard.require_finite("gradient", norm, self.state)
            if self.clipping.norm is not None and math.isfinite(norm):
                logs["grad_norm"] = norm
        super().log(logs, start_time)

    def _loss_scale(self) -> float:
        """Return the factor by which fp16 scales the loss, 0 without it.

        The scaler skips a step whose gradient overflows and halves the factor. That is no divergence, unless even a
        gradient that was scaled down overflows.
        """
        return float(self.accelerator.scaler.get_scale()) if self.accelerator.scaler else 0.0

    def logits(self, split: EncodedSplit) -> npt.NDArray[np.float32]:
        """Return the logits of the split's rows, (rows, outputs), in the split's order."""
        self.compute_metrics = None  # it knows the validation rows only
        output = self.evaluation_loop(self.eval_loader(split), "Prediction", metric_key_prefix="test")
        logits: npt.NDArray[np.float32] = output.predictions
        return logits

    def fit(self) -> TrainerState:
        """Train, or resume from the last checkpoint; leave the best epoch's tensors in the model.

        Raises: Stopped if training was asked to stop; UserError if it diverges or does not fit into memory.
        """
        checkpoint = checkpoints.latest(
            self.settings.checkpoints, self.settings.identity, checkpoints.trainable(self.model)
        )
        if checkpoint is not None:
            print(f"going on from {checkpoint.name}", flush=True)
        if checkpoint is not None and read_json(checkpoint / STATE)["finished"]:
            self.restore_weights(checkpoint)
            self.state = TrainerState.load_from_json(str(checkpoint / checkpoints.TRAINER_STATE))
        else:
            if checkpoint is not None:
                self.add_callback(Restore(checkpoint, self.early_stopping, self.accelerator))
            try:
                with self.settings.reports.closing(), self.stop.listening():
                    self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
            finally:
                self.writer.wait()  # while the run's folder is still locked
        for kind in get_reporting_integration_callbacks(self.args.report_to):
            self.remove_callback(kind)  # the test split follows, and loggers must not see it
        self.restore_best()
        return self.state

    def finish_epoch(self, metrics: dict[str, float]) -> None:
        """Keep the tensors if the epoch is the best so far, and write its checkpoint. Outside training, do nothing.

        metrics: those of the epoch's evaluation.
        Raises: UserError if the validation loss is not finite.
        """
        if not self.is_in_train:
            return
        self.guard.require_finite("validation loss", metrics["eval_loss"], self.state)
        greater, best = self.args.greater_is_better, self.state.best_metric
        if best is None:
            best = -math.inf if greater else math.inf
        value = metrics[f"eval_{self.args.metric_for_best_model}"]
        if value > best if greater else value < best:
            self.state.best_metric, self.state.best_global_step = value, self.state.global_step
            self.best = checkpoints.snapshot(self.model)
        last = self.state.global_step >= self.state.max_steps
        self._write_checkpoint(finished=bool(last or self.control.should_training_stop))

    def _write_checkpoint(self, finished: bool = False) -> None:
        self.state.stateful_callbacks[type(self.early_stopping).__name__] = self.early_stopping.state()
        optimizer, groups = checkpoints.optimizer_tensors(self.optimizer)
        state = {
            "identity": self.settings.identity,
            "finished": finished,
            "parts": self.microbatches,
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
            "seen": {"seen": self.epoch_loss.totals},
        }
        # Everything is a copy, since the next steps are taken while it is written.
        step, trainer_state = self.state.global_step, deepcopy(self.state)
        folder = self.settings.checkpoints
        self.writer.start(partial(checkpoints.write, folder, step, tensors, state, trainer_state.save_to_json))

    def _write_checkpoint_now(self) -> None:
        self._write_checkpoint()
        self.writer.wait()

    def restore_weights(self, checkpoint: Path) -> None:
        """Restore the trained tensors, those of the best epoch, and what was counted of this epoch."""
        checkpoints.restore(self.model, checkpoints.read_tensors(checkpoint, checkpoints.CURRENT))
        self.best = checkpoints.read_tensors(checkpoint, "best")
        self.epoch_loss.totals = checkpoints.read_tensors(checkpoint, "seen")["seen"]
        state = read_json(checkpoint / STATE)
        self.microbatches = state["parts"]
        self.computed = [*(entry for entry in state["computed"] if entry not in self.computed), *self.computed]

    def restore_best(self) -> None:
        """Copy the best epoch's tensors into the model, but for those that the objective leaves at the last epoch."""
        best = {name: tensor for name, tensor in self.best.items() if not self.objective.keeps_last_epoch(name)}
        checkpoints.restore(self.model, {**checkpoints.trainable(self.model), **best})
