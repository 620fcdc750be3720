"""A bottleneck adapter that all layers (and tasks) share, each through its own binary masks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scalearn.methods.base import CurrentTask
from scalearn.methods.layers.folding import linear


def binary_mask(scores: Tensor, kept: float) -> Tensor:
    """Return 1 for the n - int((1 - kept) n) of n entries with the largest |score|, else 0, in the shape of `scores`.

    The estimator is straight-through: the mask's gradient is that of |score|. Source: Zeng et al. 2023, section 3.
    """
    magnitude = scores.abs()
    count = magnitude.numel() - int((1 - kept) * magnitude.numel())
    largest = magnitude.detach().flatten().topk(count).indices
    mask = torch.zeros_like(magnitude).flatten().index_fill(0, largest, 1.0).view_as(magnitude)
    return mask + (magnitude - magnitude.detach())


class MaskedLinear(nn.Module):
    """The projection of `prototype`, which layers share, under its own mask. The bias is not masked."""

    def __init__(self, prototype: nn.Linear, kept: float, frozen: bool) -> None:
        """Draw the scores. frozen: they get no gradient, but stay parameters, so that they are saved."""
        super().__init__()
        self.prototype, self.kept, self.frozen = prototype, kept, frozen
        # ProPETL stores the scores transposed, with the bound 1 / sqrt(fan_in); that is fan_out here.
        self.scores = nn.Parameter(torch.empty_like(prototype.weight))
        nn.init.kaiming_uniform_(self.scores, a=math.sqrt(5), mode="fan_out")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs @ (W * mask).T + b."""
        scores = self.scores.detach() if self.frozen else self.scores
        weight = self.prototype.weight * binary_mask(scores, self.kept)
        return functional.linear(inputs, weight, self.prototype.bias)

    def folded(self) -> nn.Linear:
        """Return the Linear of what the mask leaves of the weight."""
        return linear(self.prototype.weight * binary_mask(self.scores, self.kept), self.prototype.bias)


def share_masked(model: Any, name: str, kept: float, frozen: bool) -> None:
    """Let all layers share the first layer's adapter of this name, each through its own masks."""
    adapters = [adapter for modules in model.get_adapter(name).values() for adapter in modules.values()]
    down, up = adapters[0].adapter_down[0], adapters[0].adapter_up
    for adapter in adapters:
        adapter.adapter_down[0] = MaskedLinear(down, kept, frozen)
        adapter.adapter_up = MaskedLinear(up, kept, frozen)


class TaskMaskedLinear(nn.Module):
    """The projection of `prototype` under the union of the task's and the layer's mask. The bias is not masked."""

    def __init__(
        self,
        prototype: nn.Linear,
        kept: float,
        frozen: bool,
        tasks: nn.ParameterList,
        layer: nn.Parameter,
        current: CurrentTask,
    ) -> None:
        """Combine masks of the weight's shape.

        tasks: the scores of each task's mask. layer: the scores of this layer's mask.
        frozen: the scores get no gradient.
        """
        super().__init__()
        self.prototype, self.kept, self.frozen, self.current = prototype, kept, frozen, current
        self.task_scores, self.layer_scores = tasks, layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs @ (W * (task's mask or layer's)).T + b."""
        return functional.linear(inputs, self._weight(), self.prototype.bias)

    def folded(self) -> nn.Linear:
        """Return the Linear of the current task."""
        return linear(self._weight(), self.prototype.bias)

    def _weight(self) -> Tensor:
        scores = (self.task_scores[self.current.index], self.layer_scores)
        task, layer = (binary_mask(entry.detach() if self.frozen else entry, self.kept) for entry in scores)
        either = 1 - (1 - task) * (1 - layer)
        return self.prototype.weight * either


def share_masked_by_task(
    model: Any, name: str, kept: float, frozen: bool, tasks: int, current: CurrentTask, tied: bool
) -> None:
    """Let all layers and tasks share the first layer's adapter of this name, under masks of task and layer.

    tasks: the number of tasks. tied: the first layer uses the scores of the last task.
    """
    adapters = [adapter for modules in model.get_adapter(name).values() for adapter in modules.values()]
    for place, prototype in (("down", adapters[0].adapter_down[0]), ("up", adapters[0].adapter_up)):
        of_tasks = nn.ParameterList(_scores(prototype) for _ in range(tasks))
        for index, adapter in enumerate(adapters):
            scores = of_tasks[-1] if tied and index == 0 else _scores(prototype)
            masked = TaskMaskedLinear(prototype, kept, frozen, of_tasks, scores, current)
            if place == "down":
                adapter.adapter_down[0] = masked
            else:
                adapter.adapter_up = masked


def _scores(prototype: nn.Linear) -> nn.Parameter:
    scores = nn.Parameter(torch.empty_like(prototype.weight))
    nn.init.kaiming_uniform_(scores, a=math.sqrt(5))
    return scores
