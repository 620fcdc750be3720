"""What a method is: identity, defaults, parameter count, and how it enters a model. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from scalearn.methods.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from torch import Tensor, nn

Family = Literal["single", "joint", "two_stage"]
FAMILIES: tuple[Family, ...] = ("single", "joint", "two_stage")


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

    `hyperparameters` is the model of them; the methods below get `values` of it, so that each names its own in its
    signature. `METHODS["adapter"].hyperparameters(epochs=3)` are its defaults with another number of epochs, checked.

    `version` goes up when a change of code changes results, so that exactly this method's runs are made again.
    `regularised` says that `regularisation` returns a term, unless `regularises` says otherwise. `similarity` is for
    two-stage methods that want to know how similar the sources are to the target: the name of a table in the file that
    `scalearn similarities` writes.
    """

    name: str
    title: str
    family: Family
    citation: str
    hyperparameters: type[HyperParameters]
    # 1: the last layer computed every token, and drew dropout for each; 2: all batches were cut into parts of like size
    version: int = 3
    regularised: bool = False
    similarity: Literal["", "all", "first_three"] = ""

    # What it computes in each layer, in a line or two, for those who read `scalearn methods NAME`.
    formula: ClassVar[str] = ""

    @property
    def defaults(self) -> HyperParameters:
        """All hyper-parameters with their default values."""
        return self.hyperparameters.model_construct()  # tested to be good, and no validator is built for a list

    def version_of(self, values: Any) -> int:
        """Return the version of runs with these values: `version`, unless a change concerned only some values."""
        return self.version

    @abstractmethod
    def count(self, shapes: Shapes, values: Any) -> int:
        """Return the number of trainable parameters, head excluded."""

    def check(self, values: Any, hidden: int | None = None) -> None:
        """Refuse hyper-parameters that cannot be together, or on an encoder of this hidden size, if it is known."""
        return

    @abstractmethod
    def install(self, model: Any, values: Any, given: Given) -> None:
        """Put the method's modules into `model` (an adapters model) and leave only them trainable.

        The heads are added by the caller afterwards.
        """

    def regularises(self, values: Any) -> bool:
        """Tell whether `regularisation` returns a term in runs with these values."""
        return self.regularised

    def regularisation(self, model: nn.Module, values: Any) -> Tensor | None:
        """Return a term to add to the loss, or None."""
        return None

    def parameter_groups(self, model: nn.Module, values: Any) -> list[dict[str, Any]] | None:
        """Return everything that trains as groups `{"params": [...], "lr": rate}`, or None: one rate for all."""
        return None
