"""The interface of a method: its name, hyper-parameters, parameter count and modules. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from scalearn.methods.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from torch import Tensor, nn

    from scalearn.methods.layers.sources import Sources

Family = Literal["single", "joint", "two_stage"]
FAMILIES: tuple[Family, ...] = ("single", "joint", "two_stage")


@dataclass(frozen=True)
class Shapes:
    """The sizes that a parameter count needs.

    layers, hidden: of the encoder.
    intermediate: the width of its FFN.
    embeddings: the rows of its embedding tables (tokens, positions, token types), summed.
    sources: the number of source adapters that are composed.
    bottleneck: the inner width of a source adapter.
    tasks: the number of tasks that one model learns.
    """

    layers: int
    hidden: int
    intermediate: int
    embeddings: int
    sources: int = 0
    bottleneck: int = 0
    tasks: int = 1


class CurrentTask:
    """The index of the task to which a joint model's batch belongs. Modules that differ by task read it."""

    index = 0


@dataclass(frozen=True)
class Given:
    """What `Method.install` needs beside the hyper-parameters.

    For two-stage methods:
    sources: the stacked source adapters, or the file that holds them.
    target: the name of the task that is learned.
    similarity: of each source to the target, by name, if the method has a `similarity`.

    For joint methods:
    tasks: the names of all tasks that the model learns.
    current: tells the modules which task the batch belongs to.
    """

    sources: Path | Sources | None = None
    target: str = ""
    similarity: Mapping[str, float] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    current: CurrentTask = field(default_factory=CurrentTask)


@dataclass(frozen=True)
class Method(ABC):
    """A way to learn a task.

    name: the key in configs. title: the name in tables. citation: the source.
    hyperparameters: a pydantic model. The functions below take an instance as `values`.
    `METHODS["adapter"].hyperparameters(epochs=3)` are the defaults with another number of epochs, validated.
    version: to be raised when a change of code changes results; then exactly this method's runs are trained again.
    regularised: whether `regularisation` returns a term; `regularises` may decide by the values instead.
    similarity: for two-stage methods that use task similarities, the name of a table in the file that
    `scalearn similarities` writes.
    """

    name: str
    title: str
    family: Family
    citation: str
    hyperparameters: type[HyperParameters]
    # 1: the last layer computed every token, with dropout; 2: all batches were cut into microbatches of similar size
    version: int = 3
    regularised: bool = False
    similarity: Literal["", "all", "first_three"] = ""

    # What the method computes in each layer; `scalearn methods NAME` shows it.
    formula: ClassVar[str] = ""

    @property
    def defaults(self) -> HyperParameters:
        """All hyper-parameters with their default values."""
        return (
            self.hyperparameters.model_construct()
        )  # not validated: tests hold that defaults are valid, and lists of methods stay fast

    def version_of(self, values: Any) -> int:
        """Return the version of runs with these values, unlike `version` if a change concerned some values only."""
        return self.version

    @abstractmethod
    def count(self, shapes: Shapes, values: Any) -> int:
        """Return the number of trainable parameters, without the head."""

    def check(self, values: Any, hidden: int | None = None) -> None:
        """Check that the hyper-parameters fit together and fit an encoder of this hidden size, if it is known.

        Raises: UserError if they do not.
        """
        return

    @abstractmethod
    def install(self, model: Any, values: Any, given: Given) -> None:
        """Add the method's modules to `model`, an adapters model, and leave only them trainable.

        The caller adds the heads afterwards.
        """

    def fold(self, model: Any, values: Any, given: Given) -> None:
        """Replace the method's own modules by the library's, with the same function, so that any code can load them.

        For an export; `model` holds the trained weights. A method of the library's modules alone has nothing to do. Of
        a joint method, the modules compute for the task `given.current`.

        Raises: UserError if the library has no modules of this function.
        """
        return

    def regularises(self, values: Any) -> bool:
        """Tell whether `regularisation` returns a term in runs with these values."""
        return self.regularised

    def regularisation(self, model: nn.Module, values: Any) -> Tensor | None:
        """Return a scalar to add to the loss of each training batch, or None."""
        return None

    def parameter_groups(self, model: nn.Module, values: Any) -> list[dict[str, Any]] | None:
        """Return all trainable parameters as groups `{"params": [...], "lr": rate}`, or None for one rate."""
        return None
