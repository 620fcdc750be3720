"""Dropout masks that are drawn once per batch, also where the batch is computed in microbatches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class Mask(nn.Module):
    """Dropout of a parameter. Each call draws a new mask, but within `one_draw` only the first call does."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout, self.held = dropout, False
        self.drawn: Tensor | None = None

    def forward(self, like: Tensor) -> Tensor:
        """Return `like`; in training, with entries dropped and the others scaled up."""
        if not self.training or self.dropout == 0:
            return like
        if self.drawn is None or not self.held:
            self.drawn = functional.dropout(like.new_ones(like.shape), self.dropout)
        return like * self.drawn


def masks(model: nn.Module) -> list[Mask]:
    """Return the model's masks."""
    return [module for module in model.modules() if isinstance(module, Mask)]


@contextmanager
def one_draw(masks: list[Mask]) -> Iterator[None]:
    """Draw each of these masks at most once inside this context."""
    _set(masks, held=True, drawn=None)
    try:
        yield
    finally:
        _set(masks, held=False, drawn=None)


def _set(masks: list[Mask], **values: Any) -> None:
    for mask in masks:
        for key, value in values.items():
            setattr(mask, key, value)
