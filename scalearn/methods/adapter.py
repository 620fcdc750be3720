"""Adapter: one bottleneck after each layer's FFN (Pfeiffer et al. 2021), stage 1 of every two-stage method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalearn.methods.base import HyperParameters, Method, Shapes

ADAPTER = "task"  # the adapter's name inside the model


class Adapter(Method):
    """y = LN(U·relu(D·u + b) + c + h + x) with u = LN(h + x); D is (d // r) x d. Pfeiffer et al. 2021, section 3."""

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        bottleneck = shapes.hidden // int(values["reduction_factor"])
        return shapes.layers * (2 * shapes.hidden * bottleneck + shapes.hidden + bottleneck)

    def install(self, model: Any, values: HyperParameters, sources: Path | None) -> None:
        from adapters import SeqBnConfig

        config = SeqBnConfig(reduction_factor=int(values["reduction_factor"]), non_linearity="relu")
        model.add_adapter(ADAPTER, config=config)
        model.train_adapter(ADAPTER)


METHODS = (
    Adapter(
        name="adapter",
        title="Adapter",
        family="single",
        citation="Pfeiffer et al. 2021, AdapterFusion (EACL)",
        own={"learning_rate": 3e-4, "reduction_factor": 16},
    ),
)
