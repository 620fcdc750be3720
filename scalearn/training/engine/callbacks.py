"""What a training does besides its steps: clip, print, refuse to diverge, write checkpoints, and restore them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.trainer_callback import TrainerState

from scalearn.campaign.run_folder import STATE
from scalearn.errors import UserError
from scalearn.storage.files import read_json
from scalearn.training.engine import checkpoints
from scalearn.training.engine.microbatches import EpochLoss
from scalearn.training.engine.model import is_head

STEPS_BETWEEN_CHECKS = 16  # of the training loss: reading it waits for the GPU


class EpochLine(TrainerCallback):  # type: ignore[misc]
    """Prints one line after each evaluation. `unit`: what lies between two evaluations, "epoch" or "round"."""

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


class DivergenceGuard(TrainerCallback):  # type: ignore[misc]
    """Ends a training whose loss is not finite, or in which no gradient reaches the method's parameters.

    run: the run's folder, which messages name.
    """

    def __init__(self, run: Path, unit: str, epoch_loss: EpochLoss) -> None:
        self.run, self.unit, self.epoch_loss = run, unit, epoch_loss

    def on_pre_optimizer_step(self, args: Any, state: TrainerState, control: Any, model: Any = None, **_: Any) -> None:
        """Check the gradients of the first step, and every few steps the sum of the epoch's losses."""
        if state.global_step == 0:
            self._require_gradient(model)
        if state.global_step % STEPS_BETWEEN_CHECKS == 0:
            self.require_finite("training loss", float(self.epoch_loss.sum), state)

    def require_finite(self, quantity: str, value: float, state: TrainerState) -> None:
        """Raise a UserError if the value is infinite or not a number. `quantity` names it in the message."""
        if not math.isfinite(value):
            when = f"{self.unit} {math.ceil(state.epoch or 0)}, after step {state.global_step}"
            raise UserError(
                f"{self.run}: the {quantity} is not finite in {when}; "
                "try a smaller learning_rate for this method in the campaign's hyperparameters"
            )

    def _require_gradient(self, model: Any) -> None:
        """Refuse to train the head alone where the method trains more.

        Single tensors may have no gradient: in joint training they may belong to another task than this batch's.
        """
        learned = {name: entry for name, entry in model.named_parameters() if entry.requires_grad and not is_head(name)}
        if learned and all(entry.grad is None for entry in learned.values()):
            raise UserError(
                f"{self.run}: no gradient reaches any of the {len(learned)} tensors that the method trains (the "
                f"first is {next(iter(learned))}), only the head; choose another model, or another method"
            )


class Clipping(TrainerCallback):  # type: ignore[misc]
    """Clips the gradient of each step to a norm. The library's own way looks for the parameters anew each time.

    `norm` is that of the last step's gradient before it was clipped, None without clipping.
    """

    def __init__(self, parameters: Sequence[Tensor], max_norm: float, unscale: Callable[[], None]) -> None:
        """Prepare to clip. max_norm: 0 for no clipping. unscale: takes fp16's scale out of the gradient."""
        self.parameters, self.max_norm, self.unscale = parameters, max_norm, unscale
        self.norm: Tensor | None = None

    def on_pre_optimizer_step(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Clip the gradient."""
        if self.max_norm > 0:
            self.unscale()
            self.norm = clip_grad_norm_(self.parameters, self.max_norm)


class AfterEvaluation(TrainerCallback):  # type: ignore[misc]
    """Calls a function with the metrics of each evaluation. It must follow the callbacks whose work is stored."""

    def __init__(self, function: Callable[[dict[str, float]], None]) -> None:
        self.function = function

    def on_evaluate(
        self, args: Any, state: TrainerState, control: Any, metrics: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Call the function."""
        self.function(metrics or {})


class Restore(TrainerCallback):  # type: ignore[misc]
    """Restores all but the weights from a checkpoint: optimizer, schedule, loss scale, patience, random state.

    The Trainer itself restores its TrainerState, and `restore_weights` the weights.
    """

    def __init__(self, checkpoint: Path, early_stopping: EarlyStoppingCallback, accelerator: Any) -> None:
        self.checkpoint, self.early_stopping, self.accelerator = checkpoint, early_stopping, accelerator
        self._random_state_restored = False

    def on_train_begin(
        self,
        args: Any,
        state: TrainerState,
        control: Any,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **_: Any,
    ) -> None:
        """Restore what the first step needs."""
        stored = read_json(self.checkpoint / STATE)
        checkpoints.restore_optimizer(
            optimizer, checkpoints.read_tensors(self.checkpoint, "optimizer"), stored["groups"]
        )
        lr_scheduler.load_state_dict(stored["scheduler"])
        scaler = self.accelerator.scaler
        if stored["scaler"] is not None and scaler is not None:  # a run may resume in another precision
            scaler.load_state_dict(stored["scaler"])
        for name, value in state.stateful_callbacks[type(self.early_stopping).__name__]["attributes"].items():
            setattr(self.early_stopping, name, value)
        state.best_model_checkpoint = None  # earlier versions stored a name, from which the Trainer would load

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Restore the random state just before the first step, after everything else that might draw."""
        if not self._random_state_restored:
            checkpoints.restore_random_state(checkpoints.read_tensors(self.checkpoint, "random"))
            self._random_state_restored = True
