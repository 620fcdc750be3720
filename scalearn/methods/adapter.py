"""Adapter: one bottleneck after each layer's FFN (Pfeiffer et al. 2021), stage 1 of every two-stage method."""

from __future__ import annotations

from typing import Any

from scalearn.errors import UserError
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import Bottleneck, ManyTasks, OneTask

ADAPTER = "task"  # the adapter's name inside the model


def bottleneck(hidden: int, values: Bottleneck) -> int:
    """Return the adapter's inner width, hidden // reduction_factor. Raises: UserError if it is 0."""
    factor = values.reduction_factor
    if factor > hidden:
        raise UserError(f"hyperparameters: reduction_factor is {factor}; give a number from 1 to {hidden}")
    return hidden // factor


def add_adapter(model: Any, values: Bottleneck) -> None:
    """Add a new bottleneck adapter (W ~ N(0, 0.02), biases 0) to every layer, and leave only it trainable."""
    from adapters import SeqBnConfig

    bottleneck(model.config.hidden_size, values)  # raises for a width of 0, which the library would turn into 1
    config = SeqBnConfig(reduction_factor=values.reduction_factor, non_linearity="relu")
    model.add_adapter(ADAPTER, config=config)
    model.train_adapter(ADAPTER)


class AdapterValues(OneTask, Bottleneck):
    """The hyper-parameters of an adapter for one task."""


class AdapterOfAllValues(ManyTasks, Bottleneck):
    """The hyper-parameters of one adapter for all tasks."""


class Adapter(Method):
    """A bottleneck after each layer's FFN. Pfeiffer et al. 2021, section 3."""

    formula = "y = LN(U·relu(D·u + b) + c + h + x) with u = LN(h + x); D is (d // r) x d, r the reduction_factor"

    def count(self, shapes: Shapes, values: Bottleneck) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return shapes.layers * (2 * d * b + d + b)

    def install(self, model: Any, values: Bottleneck, given: Given) -> None:
        add_adapter(model, values)


METHODS = (
    Adapter(
        name="adapter",
        title="Adapter",
        family="single",
        citation="Pfeiffer et al. 2021, AdapterFusion (EACL)",
        hyperparameters=AdapterValues,
    ),
    Adapter(  # one adapter for all tasks
        name="adapter_m",
        title="Adapter-m",
        family="joint",
        citation="Pfeiffer et al. 2021, AdapterFusion (EACL)",
        hyperparameters=AdapterOfAllValues,
    ),
)
