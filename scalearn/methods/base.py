"""What a method is: identity, defaults, parameter count, and how it enters a model. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scalearn.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

Family = Literal["single", "joint", "two_stage"]
FAMILIES: tuple[Family, ...] = ("single", "joint", "two_stage")
HyperParameters = Mapping[str, int | float]

# The paper's released scripts; what a method says itself comes on top.
COMMON: dict[str, int | float] = {
    "batch_size": 32,
    "epochs": 30,
    "learning_rate": 3e-4,
    "max_grad_norm": 1.0,
    "patience": 5,
    "warmup_ratio": 0.0,
    "weight_decay": 0.0,
}

# Of the others: 0 draws each batch from all rows, 1 from rows of like length, which is faster and another order.
ALONE: dict[str, int | float] = {"length_buckets": 0}

# What joint methods have beside them, or otherwise (the same scripts): training ends after `epochs`
# passes or `max_steps` batches, whichever is less; every `eval_steps` batches the model is evaluated, in a short
# training after each pass. A batch's task is drawn in proportion to rows^(1 / temperature); of ReCoRD, twelve rows of
# which share a passage, as many rows take part as it has questions.
JOINT: dict[str, int | float] = {
    "epochs": 100,
    "eval_steps": 7500,
    "max_steps": 375_000,
    "patience": 10,
    "record_rows": 100_730,
    "temperature": 1.0,
    "warmup_ratio": 0.1,
}


@dataclass(frozen=True)
class Shapes:
    """The sizes that a parameter count needs.

    `layers` and `hidden` are the encoder's, `intermediate` is the width of its FFN, `embeddings` the number of rows in
    its embedding tables (tokens, positions, token types); `sources` counts the source adapters that are composed,
    `bottleneck` is their inner width, `tasks` counts the tasks that one model learns.
    """

    layers: int
    hidden: int
    intermediate: int
    embeddings: int
    sources: int = 0
    bottleneck: int = 0
    tasks: int = 1


class CurrentTask:
    """Which of a joint model's tasks the batch in it is of; modules that differ by task hold it and look."""

    index = 0


@dataclass(frozen=True)
class Given:
    """What a method gets to install beside its hyper-parameters.

    For two-stage methods, sources: the file of stacked source adapters; target: the name of the task that is learned;
    similarity: of each source to the target, by name, where the method has a `similarity`. For joint
    methods, tasks: the names of all tasks that the model learns, and current: the one that it is at.
    """

    sources: Path | None = None
    target: str = ""
    similarity: Mapping[str, float] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    current: CurrentTask = field(default_factory=CurrentTask)


@dataclass(frozen=True)
class Method(ABC):
    """A way to learn a task.

    `version` goes up when a change of code changes results, so that exactly this method's runs are made again.
    `regularised` says that `regularisation` returns a term. `similarity` is for two-stage methods that want to know how
    similar the sources are to the target: the name of a table in the file that `scalearn similarities` writes.
    """

    name: str
    title: str
    family: Family
    citation: str
    # 1: the last layer computed every token, and drew dropout for each; 2: all batches were cut into parts of like size
    version: int = 3
    regularised: bool = False
    similarity: Literal["", "all", "first_three"] = ""
    own: Mapping[str, int | float] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, int | float]:
        """All hyper-parameters with their default values."""
        return {**COMMON, **(JOINT if self.family == "joint" else ALONE), **self.own}

    def version_of(self, values: HyperParameters) -> int:
        """Return the version of runs with these values: `version`, unless a change concerned only some values."""
        return self.version

    @abstractmethod
    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        """Return the number of trainable parameters, head excluded."""

    def check(self, values: HyperParameters, hidden: int | None = None) -> None:
        """Refuse hyper-parameters that cannot be together, or on an encoder of this hidden size, if it is known."""
        return

    @abstractmethod
    def install(self, model: Any, values: HyperParameters, given: Given) -> None:
        """Put the method's modules into `model` (an adapters model) and leave only them trainable.

        The heads are added by the caller afterwards.
        """

    def regularisation(self, model: nn.Module, values: HyperParameters) -> Tensor | None:
        """Return a term to add to the loss, or None."""
        return None

    def parameter_groups(self, model: nn.Module, values: HyperParameters) -> list[dict[str, Any]] | None:
        """Return everything that trains as groups `{"params": [...], "lr": rate}`, or None: one rate for all."""
        return None


def switched_on(values: HyperParameters, name: str) -> bool:
    """Return a hyper-parameter that is 0 or 1; a UserError says so if it is neither."""
    if values[name] not in (0, 1):
        raise UserError(f"hyperparameters: {name} is {values[name]:g}; give 0 (no) or 1 (yes)")
    return bool(values[name])


def fraction(values: HyperParameters, name: str) -> float:
    """Return a hyper-parameter that must lie from 0 to 1; a UserError says so if it does not."""
    value = float(values[name])
    if not 0 <= value <= 1:
        raise UserError(f"hyperparameters: {name} is {value:g}; give a number from 0 to 1")
    return value
