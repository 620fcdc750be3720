"""The trainer: transformers' own, with our batches, our checkpoints, and every trained tensor restored."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, TrainerState

from scalearn.errors import UserError
from scalearn.files import read_json
from scalearn.methods.base import HyperParameters
from scalearn.training import checkpoints
from scalearn.training.batches import Batch, EncodedSplit, TrainLoader, eval_loader
from scalearn.training.scoring import Scorer

EVAL_BATCH = 128  # no gradients, so more fits; it changes no result and is no hyper-parameter


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


class RunTrainer(Trainer):  # type: ignore[misc]
    """One run's training. A checkpoint at the end of each epoch holds all that the next one needs.

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
        select: str = "loss",
        regularisation: Callable[[], Tensor | None] | None = None,
        last_epoch: Callable[[str], bool] = lambda name: False,
        groups: list[dict[str, Any]] | None = None,
    ) -> None:
        """`select`: "loss", or the validation metric (higher is better) by which the best epoch is chosen.

        last_epoch: tells which tensors are not restored with the best epoch, a fault that the reference repeats.
        groups: the method's parameter groups, if not everything trains at one rate.
        """
        self.identity, self.folder, self.regularisation = identity, folder, regularisation
        self.last_epoch, self.groups = last_epoch, groups
        self.best: dict[str, Tensor] = {}
        super().__init__(
            model,
            training_arguments(values, seed, folder, select),
            train_dataset=train,
            eval_dataset=validation,
            compute_metrics=score,
            callbacks=[EarlyStoppingCallback(int(values["patience"])), EpochLine(self.unit)],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Return the length-bucketed training batches."""
        return TrainLoader(self.train_dataset, self.args.train_batch_size, self.args.seed)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Batch]:
        """Return evaluation batches in the split's own order."""
        return eval_loader(eval_dataset or self.eval_dataset, EVAL_BATCH)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Batch]:
        """Return test batches in the split's own order."""
        return eval_loader(test_dataset, EVAL_BATCH)

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

    def compute_loss(self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any) -> Any:
        """Return the task's loss, in training with the method's regularisation added."""
        outputs = self.forward(model, inputs)
        loss = outputs.loss
        if model.training and self.regularisation is not None and (term := self.regularisation()) is not None:
            loss = loss + term
        return (loss, outputs) if return_outputs else loss

    def forward(self, model: Any, inputs: Batch) -> Any:
        """Return what the model makes of a batch: loss and logits."""
        return model(**inputs)

    def logits(self, split: EncodedSplit) -> npt.NDArray[np.float32]:
        """Return what the model says of each row, (rows, outputs), in the split's order."""
        self.compute_metrics = None  # they are of the validation rows
        found: npt.NDArray[np.float32] = self.predict(split).predictions
        return found

    def fit(self) -> TrainerState:
        """Train, or go on from the last checkpoint, and leave the best epoch's tensors in the model."""
        checkpoint = checkpoints.latest(self.folder, self.identity)
        if checkpoint is None:
            self.train()
        else:
            print(f"going on from {checkpoint.name}", flush=True)
            if self._read_state(checkpoint)["finished"]:
                self._load_from_checkpoint(checkpoint)
                self.state = TrainerState.load_from_json(str(checkpoint / checkpoints.TRAINER_STATE))
            else:
                self.train(resume_from_checkpoint=str(checkpoint))
        self._load_best_model()
        return self.state

    # The rest replaces what the library would pickle, at the places where it does so (transformers 4.57).

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.state.best_global_step == self.state.global_step:
            self.best = checkpoints.snapshot(self.model)
        self._refuse_divergence()
        self.state.best_model_checkpoint = "best"
        last = self.state.global_step >= self.state.max_steps
        finished = bool(last or self.control.should_training_stop)
        self._store_callbacks()
        optimizer, groups = checkpoints.optimizer_tensors(self.optimizer)
        state = {
            "identity": self.identity,
            "finished": finished,
            "groups": checkpoints.plain(groups),
            "scheduler": checkpoints.plain(self.lr_scheduler.state_dict()),
        }
        tensors = {
            "current": checkpoints.snapshot(self.model),
            "best": self.best,
            "optimizer": optimizer,
            "random": checkpoints.random_state(),
        }
        checkpoints.write(self.folder, self.state.global_step, tensors, state, self.state.save_to_json)

    def _refuse_divergence(self) -> None:
        losses = [entry["eval_loss"] for entry in self.state.log_history if "eval_loss" in entry]
        if not self.best or not math.isfinite(losses[-1]):
            when = f"{self.unit} {round(self.state.epoch or 0)}"
            raise UserError(
                f"{self.folder.parent}: the validation loss is not finite in {when}; "
                "try a smaller learning_rate for this method in the campaign's hyperparameters"
            )

    def _store_callbacks(self) -> None:
        for callback in (*self.callback_handler.callbacks, self.control):
            if (state := getattr(callback, "state", None)) is not None:
                self.state.stateful_callbacks[type(callback).__name__] = state()

    def _read_state(self, checkpoint: Path) -> dict[str, Any]:
        return read_json(checkpoint / "state.json")

    def _load_from_checkpoint(self, resume_from_checkpoint: str | Path, model: Any = None) -> None:
        path = Path(resume_from_checkpoint)
        checkpoints.restore(self.model, checkpoints.read_tensors(path, "current"))
        self.best = checkpoints.read_tensors(path, "best")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = self._read_state(Path(checkpoint))
        checkpoints.restore_optimizer(
            self.optimizer, checkpoints.read_tensors(Path(checkpoint), "optimizer"), state["groups"]
        )
        self.lr_scheduler.load_state_dict(state["scheduler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.restore_random_state(checkpoints.read_tensors(Path(checkpoint), "random"))

    def _load_best_model(self) -> None:
        best = {name: tensor for name, tensor in self.best.items() if not self.last_epoch(name)}
        checkpoints.restore(self.model, {**checkpoints.trainable(self.model), **best})


def training_arguments(values: HyperParameters, seed: int, folder: Path, select: str = "loss") -> TrainingArguments:
    """Return the library's arguments for these hyper-parameters: AdamW, linear schedule, once-per-epoch evaluation."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        seed=seed,
        per_device_train_batch_size=int(values["batch_size"]),
        per_device_eval_batch_size=EVAL_BATCH,
        num_train_epochs=values["epochs"],
        learning_rate=values["learning_rate"],
        weight_decay=values["weight_decay"],
        max_grad_norm=values["max_grad_norm"],
        warmup_ratio=values["warmup_ratio"],
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model=select,
        greater_is_better=select != "loss",
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    assert arguments.device is not None  # sets _n_gpu, which we then hold at one: a run is one GPU's work
    arguments._n_gpu = min(arguments._n_gpu, 1)
    return arguments
