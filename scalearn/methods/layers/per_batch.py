"""What is drawn once for a batch, also where the batch is computed in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class Mask(nn.Module):
    """Dropout of a parameter: its mask is drawn anew at each call, but within `one_draw` only at the first."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout, self.held = dropout, False
        self.drawn: Tensor | None = None

    def forward(self, like: Tensor) -> Tensor:
        """Return `like` with entries dropped in training."""
        if not self.training or self.dropout == 0:
            return like
        if self.drawn is None or not self.held:
            self.drawn = functional.dropout(like.new_ones(like.shape), self.dropout)
        return like * self.drawn


def masks(model: nn.Module) -> list[Mask]:
    """Return the model's masks."""
    return [module for module in model.modules() if isinstance(module, Mask)]


@contextmanager
def one_draw(found: list[Mask]) -> Iterator[None]:
    """Let each of these masks be drawn once in here."""
    _set(found, held=True, drawn=None)
    try:
        yield
    finally:
        _set(found, held=False, drawn=None)


def _set(found: list[Mask], **values: Any) -> None:
    for mask in found:
        for key, value in values.items():
            setattr(mask, key, value)
