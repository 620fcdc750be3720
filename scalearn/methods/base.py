"""What a method is: identity, defaults, parameter count, and how it enters a model. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn

Family = Literal["single", "joint", "two_stage"]
HyperParameters = Mapping[str, int | float]

# Section 5 and 6 of the paper's released scripts; what a method says itself comes on top.
COMMON: dict[str, int | float] = {
    "batch_size": 32,
    "epochs": 30,
    "learning_rate": 3e-4,
    "max_grad_norm": 1.0,
    "patience": 5,
    "warmup_ratio": 0.0,
    "weight_decay": 0.0,
}


@dataclass(frozen=True)
class Shapes:
    """The sizes that a parameter count needs: encoder layers, hidden size, number of source adapters."""

    layers: int
    hidden: int
    sources: int = 0


@dataclass(frozen=True)
class Method(ABC):
    """A way to learn a task.

    `version` goes up when a change of code changes results, so that exactly this method's runs are made again.
    `regularised` says that `regularisation` returns a term.
    """

    name: str
    title: str
    family: Family
    citation: str
    version: int = 1
    regularised: bool = False
    own: Mapping[str, int | float] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, int | float]:
        """All hyper-parameters with their default values."""
        return {**COMMON, **self.own}

    @abstractmethod
    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        """Return the number of trainable parameters, head excluded."""

    @abstractmethod
    def install(self, model: Any, values: HyperParameters, sources: Path | None) -> None:
        """Put the method's modules into `model` (an adapters model) and leave only them trainable.

        The head is added by the caller afterwards. `sources` is the file of stacked source adapters that a
        two-stage method composes.
        """

    def regularisation(self, model: nn.Module, values: HyperParameters) -> Tensor | None:
        """Return a term to add to the loss, or None."""
        return None
