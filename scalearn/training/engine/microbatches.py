"""Training and evaluation in microbatches: cut by length to save padding, and made smaller when memory runs out."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from torch.utils.data import DataLoader

from scalearn.errors import UserError
from scalearn.methods.layers.per_batch import masks, one_draw
from scalearn.training.data.batches import Batch, eval_loader, microbatch_sizes
from scalearn.training.engine.transformers_internals import ResumingTrainer

EVAL_BATCH_SIZE = 128  # rows; evaluation keeps no activations for gradients, and the size changes no result
# The fixed cost of one more microbatch on a CPU, in tokens computed in the same time.
# Measured: 43 tokens with MiniLM's sizes, 28 with RoBERTa-base's.
MICROBATCH_COST = 32
TOKEN_TENSORS = ("input_ids", "attention_mask", "token_type_ids")  # (rows, [choices,] tokens)


class EpochLoss:
    """The sum of the training losses of an epoch and the number of its steps, on the device of the losses.

    `totals`, shape (2,), is stored in checkpoints, so that a resumed epoch has the mean of all its steps.
    """

    def __init__(self) -> None:
        self.totals = torch.zeros(2, dtype=torch.float64)

    def add(self, loss: Tensor) -> None:
        """Count the loss of one step."""
        self.totals = self.totals.to(loss.device)
        self.totals += torch.stack([loss.double(), torch.ones_like(loss, dtype=torch.float64)])

    def pop_mean(self) -> float:
        """Return the mean loss of the steps so far, and start the next epoch."""
        mean = float(self.totals[0] / self.totals[1])
        self.totals = torch.zeros_like(self.totals)
        return mean


class MicrobatchTrainer(ResumingTrainer):
    """A Trainer that computes each batch in microbatches, and retries with smaller ones when memory runs out.

    Every loss is a mean over rows. A microbatch therefore counts by its share of the batch's rows, and masks on
    parameters are drawn once per batch. The gradient is that of the whole batch, up to rounding and to the dropout
    masks of activations. `microbatches` is the least number per batch; checkpoints store it, so that a resumed run
    draws the same dropout masks.
    """

    microbatches = 1
    eval_batch_size = EVAL_BATCH_SIZE
    mean_eval_batch_size = 1.0  # rows
    share = 1.0  # of the batch's rows, in the microbatch that is being computed

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.epoch_loss = EpochLoss()
        super().__init__(*arguments, **options)

    @property
    def microbatch_cost(self) -> float:
        """The cost of one more microbatch in tokens; infinite on a GPU, where kernel launches outweigh padding."""
        return math.inf if torch.cuda.is_available() else MICROBATCH_COST

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: Any = None) -> Tensor:
        """Return the batch's mean loss after adding its gradient to the parameters.

        Raises: UserError if a single row does not fit into memory.
        """
        rows = len(inputs["labels"])
        while True:
            try:
                loss = self._step_in_microbatches(model, inputs, rows)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                reason = str(error)
            else:
                self.epoch_loss.add(loss)
                return loss
            if self.microbatches >= rows:
                raise UserError(
                    f"out of memory with one row at a time ({reason}); give the job more memory, or lower the task's "
                    "max_length"
                ) from None
            self.microbatches = min(2 * self.microbatches, rows)
            self._free_memory(
                f"batches are computed in at least {self.microbatches} microbatches from here on, with the same "
                "gradient"
            )

    def _step_in_microbatches(self, model: Any, inputs: Batch, rows: int) -> Tensor:
        losses = []
        with one_draw(masks(model)):
            for microbatch in split_batch(inputs, -(-rows // self.microbatches), self.microbatch_cost):
                self.share = len(microbatch["labels"]) / rows
                losses.append(super().training_step(model, microbatch))
        self.share = 1.0
        return torch.stack(losses).sum()

    def loss_weight(self, training: bool, rows: int) -> float:
        """Return the factor for the loss of `rows` rows, so that the Trainer's mean is a mean over rows.

        In evaluation the Trainer averages over batches, whose sizes differ.
        """
        return self.share if training else rows / self.mean_eval_batch_size

    def evaluation_loop(self, dataloader: DataLoader[Batch], *arguments: Any, **options: Any) -> Any:
        """Return the library's EvalLoopOutput; when memory runs out, try again with half the rows per batch."""
        split: Any = dataloader.dataset
        while True:
            self.mean_eval_batch_size = len(split) / len(dataloader)
            try:
                return super().evaluation_loop(dataloader, *arguments, **options)
            except RuntimeError as error:
                if not should_reduce_batch_size(error) or self.eval_batch_size == 1:
                    raise
            self.eval_batch_size //= 2
            self._free_memory(f"evaluation takes {self.eval_batch_size} rows at a time from here on")
            dataloader = self.eval_loader(split)

    def eval_loader(self, split: Any) -> DataLoader[Batch]:
        """Return the rows of an EncodedSplit, in its order, in batches that fit into memory."""
        return eval_loader(split, self.eval_batch_size, self.microbatch_cost)

    def _free_memory(self, change: str) -> None:
        print(f"out of memory: {change}", flush=True)
        self.model.zero_grad()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def split_batch(inputs: Batch, max_rows: int, cost: float) -> Iterator[Batch]:
    """Yield the batch in microbatches of at most `max_rows` rows, longest rows first, each without needless padding.

    cost: the fixed cost of a microbatch, in tokens (see `microbatch_sizes`).
    """
    mask = inputs["attention_mask"]
    if len(mask) <= max_rows and cost == math.inf:
        yield dict(inputs)
        return
    lengths, order = mask.sum(-1).view(len(mask), -1).amax(1).sort(descending=True, stable=True)
    choices = mask[0, ..., 0].numel()
    for rows in torch.split(order, microbatch_sizes((choices * lengths).tolist(), max_rows, cost)):
        longest = int(mask[rows[0]].sum(-1).max())
        selected = {key: value[rows] if _has_rows(value) else value for key, value in inputs.items()}
        yield {key: value[..., :longest] if key in TOKEN_TENSORS else value for key, value in selected.items()}


def _has_rows(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
