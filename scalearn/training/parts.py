"""Batches in parts: sorted by length, so that little is padded, and as many as it takes to fit into memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from transformers import Trainer

from scalearn.errors import UserError
from scalearn.methods.layers.per_batch import masks, one_draw
from scalearn.training.batches import Batch

EVAL_BATCH = 128  # no gradients, so more fits; it changes no result and is no hyper-parameter
PARTS = 4  # of a random batch on a CPU: most of what sorting by length can save (docs/performance.md)
LEAST = 8  # rows that a part should have: below, what a part costs by itself outweighs the padding
BY_TOKEN = ("input_ids", "attention_mask", "token_type_ids")  # (rows, [choices,] tokens)


class FittingTrainer(Trainer):  # type: ignore[misc]
    """A training batch is computed in `parts`, longest rows first; out of memory, in twice as many from then on.

    Every loss is a mean over rows, so a part counts by its share of them; masks on parameters are drawn once for the
    batch. So the gradient is the whole batch's, up to rounding and to what dropout of activations draws. `parts`
    belongs into checkpoints, that a resumed run draws the same.
    """

    parts = 1
    eval_batch = EVAL_BATCH
    share = 1.0

    def cut(self, batch_size: int) -> None:
        """Cut random batches by length; not on a GPU, where more kernels cost more than less padding saves."""
        if not torch.cuda.is_available():
            self.parts = max(1, min(PARTS, batch_size // LEAST))

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
        losses = []
        with one_draw(masks(model)):
            for part in in_parts(inputs, min(self.parts, rows)):
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


def in_parts(inputs: Batch, parts: int) -> Iterator[Batch]:
    """Yield the batch in so many parts of like size, longest rows first, each no longer than its longest row."""
    if parts == 1:
        yield dict(inputs)
        return
    lengths = inputs["attention_mask"].sum(-1)
    lengths = lengths if lengths.dim() == 1 else lengths.amax(-1)
    for rows in lengths.argsort(descending=True, stable=True).chunk(parts):
        longest = int(lengths[rows[0]])
        part = {key: value[rows] if _by_row(value) else value for key, value in inputs.items()}
        yield {key: value[..., :longest] if key in BY_TOKEN else value for key, value in part.items()}


def _by_row(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
