"""Training and evaluation in microbatches: cut by length to save padding, and made smaller when memory runs out."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from torch.utils.data import DataLoader

from scalearn.errors import UserError
from scalearn.methods.layers.per_batch import masks, one_draw
from scalearn.training.data.batches import Batch, eval_loader, microbatch_sizes
from scalearn.training.engine.replay import Replay
from scalearn.training.engine.transformers_internals import ResumingTrainer

EVAL_BATCH_SIZE = 128  # rows; evaluation keeps no activations for gradients, and the size changes no result
# The fixed cost of one more microbatch on a CPU, in tokens computed in the same time.
# Measured: 43 tokens with MiniLM's sizes, 28 with RoBERTa-base's.
MICROBATCH_COST = 32
TOKEN_TENSORS = ("input_ids", "attention_mask", "token_type_ids")  # (rows, [choices,] tokens)


class EpochLoss:
    """The sum of the training losses of an epoch, on the device of the losses, and the number of its steps.

    Both are stored in checkpoints, as `totals`, so that a resumed epoch has the mean of all its steps.
    """

    def __init__(self) -> None:
        self.sum, self.steps = torch.zeros((), dtype=torch.float64), 0

    def add(self, loss: Tensor) -> None:
        """Count the loss of one step."""
        self.sum = self.sum.to(loss.device)
        self.sum += loss
        self.steps += 1

    @property
    def totals(self) -> Tensor:
        """The sum and the number, shape (2,), on the CPU."""
        return torch.tensor([float(self.sum), self.steps], dtype=torch.float64)

    @totals.setter
    def totals(self, totals: Tensor) -> None:
        self.sum, self.steps = totals[0].clone(), int(totals[1])

    def pop_mean(self) -> float:
        """Return the mean loss of the steps so far, and start the next epoch."""
        mean = float(self.sum) / self.steps if self.steps else math.nan
        self.sum, self.steps = torch.zeros_like(self.sum), 0
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
    replays = False  # whether steps are replayed where they can be
    replay: Replay | None = None

    def __init__(self, model: Any, *arguments: Any, **options: Any) -> None:
        self.epoch_loss = EpochLoss()
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        super().__init__(model, *arguments, **options)

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
                loss = self._step(model, inputs)
            except RuntimeError as error:
                if self.mend(error):
                    self.model.zero_grad()  # the step may have failed in its backward pass
                    continue
                if not out_of_memory(error):
                    raise
                reason = str(error)
            else:
                self.epoch_loss.add(loss)
                return loss
            if self.replay is not None and self.replay.stop("out of memory"):
                self._free_memory("steps are no longer replayed as CUDA graphs")
                continue
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

    def mend(self, error: RuntimeError) -> bool:
        """Remove the cause of a step's failure if possible. Return whether the step can be tried again."""
        return False

    def _step(self, model: Any, inputs: Batch) -> Tensor:
        if not self.replays:
            return self._step_in_microbatches(model, inputs)
        if self.replay is None:
            self.replay = Replay(partial(self._step_in_microbatches, model), self.trained)
        if self.microbatches > 1:  # perhaps from a checkpoint
            self.replay.stop("out of memory")
            self.replay.steps += 1
            return self._step_in_microbatches(model, inputs)
        return self.replay(self._on_device(inputs))

    def _step_in_microbatches(self, model: Any, inputs: Batch) -> Tensor:
        rows, losses = len(inputs["labels"]), []
        with one_draw(masks(model)):
            for microbatch in split_batch(inputs, -(-rows // self.microbatches), self.microbatch_cost):
                self.share = len(microbatch["labels"]) / rows
                losses.append(super().training_step(model, self._on_device(microbatch)))
        self.share = 1.0
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    def _on_device(self, batch: Batch) -> Batch:
        """Return the batch on the device; the copy does not wait for the steps before."""
        device = self.args.device
        return {
            name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in batch.items()
        }

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
                if self.mend(error):
                    continue
                if not out_of_memory(error) or self.eval_batch_size == 1:
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


def out_of_memory(error: RuntimeError) -> bool:
    """Tell whether memory ran out. The library does not know the driver's own message, which a CUDA graph may raise."""
    return should_reduce_batch_size(error) or "CUDA error: out of memory" in str(error)


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
