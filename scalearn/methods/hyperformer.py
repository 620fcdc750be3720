"""HyperFormer and HyperFormer++: a hypernetwork generates each task's adapters (Mahabadi et al. 2021, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalearn.methods.adapter import ADAPTER, add_adapter, bottleneck
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import Bottleneck, ManyTasks

EMBEDDING, MIDDLE, PROJECTED = 512, 128, 64  # widths of a task's embedding on its way to z


class HyperFormerValues(ManyTasks, Bottleneck):
    """The hyper-parameters of HyperFormer and HyperFormer++."""


@dataclass(frozen=True)
class HyperFormer(Method):
    """Adapters that a hypernetwork generates from an embedding z of task t. Mahabadi et al. 2021, section 2.

    Each layer has its own generators. shared: all layers share them, and z depends on task and layer.
    """

    formula = (
        "y = LN(LN_t(U_t gelu(D_t u + b_t) + c_t) + h + x): every tensor with index t is linear in z, an embedding of "
        "task t; each layer has its own generators; in HyperFormer++ all layers share them, and z depends on task and "
        "layer"
    )

    shared: bool = False

    def count(self, shapes: Shapes, values: HyperFormerValues) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        embeddings = EMBEDDING * (shapes.tasks + (shapes.layers if self.shared else 0))
        inputs = EMBEDDING * (2 if self.shared else 1)
        projector = inputs * MIDDLE + MIDDLE + MIDDLE * PROJECTED + PROJECTED + 2 * PROJECTED
        generators = (PROJECTED + 1) * (2 * d * b + b + 3 * d)
        return embeddings + projector + generators * (1 if self.shared else shapes.layers)

    def install(self, model: Any, values: HyperFormerValues, given: Given) -> None:
        from scalearn.methods.layers.generated_bottleneck import generate_adapters

        add_adapter(model, values)
        inner = bottleneck(model.config.hidden_size, values)
        generate_adapters(model, ADAPTER, inner, len(given.tasks), given.current, shared=self.shared)


CITATION = "Mahabadi et al. 2021, Parameter-efficient multi-task fine-tuning via shared hypernetworks (ACL)"

METHODS = (
    HyperFormer("hyperformer", "HyperFormer", "joint", CITATION, HyperFormerValues, version=4),
    HyperFormer("hyperformer_pp", "HyperFormer++", "joint", CITATION, HyperFormerValues, version=4, shared=True),
)
