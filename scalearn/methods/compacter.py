"""Compacter++: the adapter's two projections as sums of Kronecker products (Mahabadi et al. 2021, section 4)."""

from __future__ import annotations

from typing import Any

from scalearn.errors import UserError
from scalearn.methods.adapter import ADAPTER, bottleneck
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import Bottleneck, LearningRate, OneTask

TERMS = 4  # n, the number of Kronecker products in a sum; hidden size and bottleneck must be multiples of it
RANK = 1  # of the second factor of each product


class CompacterValues(OneTask, Bottleneck):
    """The hyper-parameters of Compacter++."""

    learning_rate: LearningRate = 3e-3


class Compacter(Method):
    """The adapter with projections that are sums of Kronecker products. Mahabadi et al. 2021, section 4."""

    formula = (
        "the adapter with gelu for relu and projections z @ sum_i kron(A_i, l_i r_i) + b; A (4 x 4 x 4) is shared by "
        "all layers and both projections"
    )

    def count(self, shapes: Shapes, values: CompacterValues) -> int:
        width = shapes.hidden + bottleneck(shapes.hidden, values)
        factors = 2 * RANK * width  # n·(d/n)·rank and n·(b/n)·rank, for each of the two projections
        return TERMS**3 + shapes.layers * (factors + width)

    def check(self, values: CompacterValues, hidden: int | None = None) -> None:
        if hidden is None:
            return
        inner = bottleneck(hidden, values)
        if hidden % TERMS or inner % TERMS:
            raise UserError(
                f"hyperparameters.{self.name}: reduction_factor {values.reduction_factor} makes {inner} of the "
                f"hidden size {hidden}, and both must be multiples of {TERMS}; choose another factor or another model"
            )

    def install(self, model: Any, values: CompacterValues, given: Given) -> None:
        from adapters import CompacterPlusPlusConfig

        self.check(values, int(model.config.hidden_size))
        config = CompacterPlusPlusConfig(
            reduction_factor=values.reduction_factor,
            phm_dim=TERMS,
            phm_rank=RANK,
            shared_phm_rule=True,
            non_linearity="gelu",
        )
        model.add_adapter(ADAPTER, config=config)
        model.train_adapter(ADAPTER)


METHODS = (
    Compacter(
        name="compacter",
        title="Compacter++",
        family="single",
        citation="Mahabadi et al. 2021, Compacter (NeurIPS)",
        hyperparameters=CompacterValues,
    ),
)
