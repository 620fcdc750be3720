"""Batches in parts: cut by length where that pads less, and as often as it takes to fit into memory."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from transformers import Trainer

from scalearn.errors import UserError
from scalearn.methods.layers.per_batch import masks, one_draw
from scalearn.training.data.batches import Batch, sizes

EVAL_BATCH = 128  # no gradients, so more fits; it changes no result and is no hyper-parameter
PRICE = 32  # of one more part, in tokens that could be computed instead: 43 with MiniLM, 28 with RoBERTa-base's sizes
BY_TOKEN = ("input_ids", "attention_mask", "token_type_ids")  # (rows, [choices,] tokens)


class FittingTrainer(Trainer):  # type: ignore[misc]
    """A training batch is computed in parts, longest rows first; out of memory, in smaller ones from then on.

    Every loss is a mean over rows, so a part counts by its share of them; masks on parameters are drawn once for the
    batch. So the gradient is the whole batch's, up to rounding and to what dropout of activations draws. `parts`, the
    least number of them, belongs into checkpoints, that a resumed run draws the same.
    """

    parts = 1
    eval_batch = EVAL_BATCH
    share = 1.0
    usual = 1.0  # rows of a batch of evaluation, on average

    @property
    def price(self) -> float:
        """What a further part, or batch of evaluation, costs in tokens; on a GPU its kernels outweigh any padding."""
        return math.inf if torch.cuda.is_available() else PRICE

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
            self._recover(f"batches are computed in {self.parts} parts or more from here on, with the same gradient")

    def _in_parts(self, model: Any, inputs: Batch, rows: int) -> Tensor:
        losses = []
        with one_draw(masks(model)):
            for part in in_parts(inputs, -(-rows // self.parts), self.price):
                self.share = len(part["labels"]) / rows
                losses.append(super().training_step(model, part))
        self.share = 1.0
        return torch.stack(losses).sum()

    def evaluation_loop(self, dataloader: Any, *arguments: Any, **options: Any) -> Any:
        """Evaluate; the loss is the rows' mean. The library's is the batches', whose sizes differ."""
        self.usual = len(dataloader.dataset) / len(dataloader)
        return super().evaluation_loop(dataloader, *arguments, **options)

    def prediction_step(self, model: Any, inputs: Batch, *arguments: Any, **options: Any) -> Any:
        """Return loss, logits and labels, the loss by the batch's share of the rows."""
        loss, *rest = super().prediction_step(model, inputs, *arguments, **options)
        return loss * (len(inputs["labels"]) / self.usual), *rest

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


def in_parts(inputs: Batch, most: int, price: float) -> Iterator[Batch]:
    """Yield the batch in parts of at most `most` rows, longest rows first, each no longer than its longest row.

    price: what each part costs beside its tokens, counted in tokens (see `sizes`).
    """
    mask = inputs["attention_mask"]
    if len(mask) <= most and price == math.inf:
        yield dict(inputs)
        return
    lengths, order = mask.sum(-1).view(len(mask), -1).amax(1).sort(descending=True, stable=True)
    choices = mask[0, ..., 0].numel()
    for rows in torch.split(order, sizes((choices * lengths).tolist(), most, price)):
        longest = int(mask[rows[0]].sum(-1).max())
        part = {key: value[rows] if _by_row(value) else value for key, value in inputs.items()}
        yield {key: value[..., :longest] if key in BY_TOKEN else value for key, value in part.items()}


def _by_row(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
