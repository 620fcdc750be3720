"""Replays training steps on a GPU: one launch of a CUDA graph in place of hundreds of launches of kernels.

A step of a small encoder has hundreds of kernels, and launching one takes longer than computing it. A graph holds all
kernels of forward and backward for one shape of batch. A replayed step gives the same bytes as any other: the same
kernels compute it, and dropout takes the same random numbers. Clipping and the optimizer are no part of the graph.

The first step shows whether steps can be captured at all: nothing in them may wait for the GPU. Steps that cannot be
captured are computed kernel by kernel, and so is the first step of each shape. What Python decides in a step is fixed
when the step is captured, so it may depend on the batch's shape and task alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from scalearn.training.data.batches import Batch
from scalearn.training.engine.torch_internals import copy_all, end_failed_capture

Step = Callable[[Batch], Tensor]
Shape = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Captured:
    """A captured step.

    batch: what a replay reads. loss: what it writes. gradients: of each parameter that it reaches.
    """

    graph: torch.cuda.CUDAGraph
    batch: Batch
    loss: Tensor
    gradients: list[tuple[nn.Parameter, Tensor]]

    def replay(self, batch: Batch) -> Tensor:
        """Return the batch's loss, and give the parameters their gradients."""
        for name, tensor in self.batch.items():
            if isinstance(tensor, Tensor):
                tensor.copy_(batch[name])
        self.graph.replay()
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return self.loss


class Replay:
    """Takes training steps, and replays those whose shape comes again.

    `steps` and `replayed` count all steps and the replayed ones. `fault` says why no more steps are captured.
    """

    def __init__(self, step: Step, parameters: Sequence[nn.Parameter]) -> None:
        """Prepare to replay `step`, which returns a batch's loss after adding its gradient to `parameters`.

        The parameters have no gradient before a step.
        """
        self.step, self.parameters = step, parameters
        self.steps = self.replayed = 0
        self.fault = ""
        self._captured: dict[Shape, Captured] = {}
        self._seen: set[Shape] = set()
        self._gradients: dict[nn.Parameter, Tensor] = {}
        self._pool: Any = None

    def __call__(self, batch: Batch) -> Tensor:
        """Return the batch's loss after adding its gradient to the parameters."""
        self.steps += 1
        shape = shape_of(batch)
        if not self.fault and shape in self._seen and shape not in self._captured:
            self._capture(shape, batch)
        if shape in self._captured:
            self.replayed += 1
            return self._captured[shape].replay(batch)
        loss = self.step(batch) if self._seen or self.fault else self._rehearse(batch)
        self._seen.add(shape)
        return loss

    @property
    def facts(self) -> dict[str, Any]:
        """What timing.json says: the share of replayed steps, and if replays ended early, why."""
        share = round(self.replayed / self.steps, 3) if self.steps else 0.0
        return {"replayed_steps": share, **({"not_replayed": self.fault} if self.fault else {})}

    def stop(self, fault: str) -> bool:
        """Capture no more and free the memory of what is captured. Return whether anything was."""
        self.fault, held = self.fault or fault, bool(self._captured)
        self._captured.clear()
        self._gradients.clear()
        self._pool = None
        return held

    def _rehearse(self, batch: Batch) -> Tensor:
        """Take a step in which waiting for the GPU is an error; after such an error, take it without this check."""
        state = torch.cuda.get_rng_state()
        try:
            with _no_waiting():
                return self.step(batch)
        except RuntimeError as error:
            if "synchroniz" not in str(error):
                raise
            self._undo(state, f"a step waits for the GPU ({error})")
        return self.step(batch)

    def _capture(self, shape: Shape, batch: Batch) -> None:
        """Capture the step of this shape. Nothing is computed, and no random number is taken."""
        device = torch.cuda.current_device()
        generator, state = torch.cuda.default_generators[device], torch.cuda.get_rng_state()
        spare, stream = generator.clone_state(), torch.cuda.current_stream()
        graph = torch.cuda.CUDAGraph()
        static = {name: value.clone() if isinstance(value, Tensor) else value for name, value in batch.items()}
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        try:
            # thread_local: another thread may be writing a checkpoint. torch.cuda.graph stays on its own stream if the
            # capture fails; the outer context leaves it.
            with torch.cuda.stream(stream), torch.cuda.graph(graph, self._pool, capture_error_mode="thread_local"):
                loss = self.step(static)
                gradients = self._gather()
        except Exception as error:  # whatever it is, the step is then computed kernel by kernel
            generator.graphsafe_set_state(spare)  # a failed capture leaves its mark on the generator
            end_failed_capture(self._pool)
            self._undo(state, f"capturing failed ({error})")
            return
        self._captured[shape] = Captured(graph, static, loss, gradients)
        self._undo(state)

    def _gather(self) -> list[tuple[nn.Parameter, Tensor]]:
        """Copy the gradients to where all shapes have them, so that each shape's memory serves the others, too."""
        reached = [parameter for parameter in self.parameters if parameter.grad is not None]
        shared = [self._gradients.setdefault(entry, torch.empty_like(entry)) for entry in reached]
        copy_all(shared, [entry.grad for entry in reached if entry.grad is not None])
        return list(zip(reached, shared, strict=True))

    def _undo(self, state: Tensor, fault: str = "") -> None:
        """Restore the random state, drop the gradients and, after a fault, everything that is captured."""
        for parameter in self.parameters:
            parameter.grad = None
        torch.cuda.set_rng_state(state)
        if fault:
            self.stop(fault)


def shape_of(batch: Batch) -> Shape:
    """Return what a captured step depends on: the tensors' shapes and dtypes, and the task in joint training."""
    return tuple(
        (name, (tuple(value.shape), value.dtype) if isinstance(value, Tensor) else value)
        for name, value in batch.items()
    )


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Let torch raise an error where it would wait for the GPU."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls this mode a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
