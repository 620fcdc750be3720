"""Batches that do not fit: computed in parts whose gradients add up to the batch's, and predicted in smaller ones."""

from __future__ import annotations

import gc
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from transformers import Trainer

from scalearn.errors import UserError
from scalearn.training.batches import Batch

EVAL_BATCH = 128  # no gradients, so more fits; it changes no result and is no hyper-parameter


class FittingTrainer(Trainer):  # type: ignore[misc]
    """Out of memory, a training batch is split in two, each part again if need be, and so are those after it.

    Every loss is a mean over rows, so a part counts by its share of them: the gradient is the whole batch's, up to
    rounding and to what dropout draws. `parts` belongs into checkpoints, that a resumed run draws the same.
    """

    parts = 1
    eval_batch = EVAL_BATCH
    share = 1.0

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: Any = None) -> Tensor:
        """Return the batch's loss, its gradient in the parameters."""
        rows = len(inputs["labels"])
        while True:
            try:
                return self._in_parts(model, inputs, rows)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                full = str(error)
            if self.parts >= rows:
                raise UserError(
                    f"out of memory with one row at a time ({full}); give the job more, or lower the task's max_length"
                ) from None
            self.parts = min(2 * self.parts, rows)
            self._recover(f"batches are computed in {self.parts} parts from here on, with the same gradient")

    def _in_parts(self, model: Any, inputs: Batch, rows: int) -> Tensor:
        size = -(-rows // min(self.parts, rows))
        losses = []
        for start in range(0, rows, size):
            part = {key: value[start : start + size] if _by_row(value) else value for key, value in inputs.items()}
            self.share = len(part["labels"]) / rows
            losses.append(super().training_step(model, part))
        self.share = 1.0
        return torch.stack(losses).sum()

    def predicted(self, predict: Any) -> Any:
        """Return `predict()`, tried again with half of `eval_batch` while that is more than memory holds."""
        while True:
            try:
                return predict()
            except RuntimeError as error:
                if not should_reduce_batch_size(error) or self.eval_batch == 1:
                    raise
            self.eval_batch //= 2
            self._recover(f"evaluation takes {self.eval_batch} rows at a time from here on")

    def _recover(self, mend: str) -> None:
        print(f"out of memory: {mend}", flush=True)
        self.model.zero_grad()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _by_row(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
