"""ProPETL: one adapter shared by all layers, of which each layer masks a part (Zeng et al. 2023, section 3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalearn.methods.adapter import ADAPTER, add_adapter, bottleneck
from scalearn.methods.base import HyperParameters, Method, Shapes, fraction

if TYPE_CHECKING:
    from torch import nn


class ProPETL(Method):
    """The adapter with D and U the same in all layers, and W * m_l in layer l for each of them; biases are unmasked.

    m_l keeps the `kept_fraction` of W whose scores are largest in magnitude. Scores and W train, at two rates.
    """

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return 2 * d * b + d + b + shapes.layers * 2 * d * b

    def install(self, model: Any, values: HyperParameters, sources: Path | None) -> None:
        from scalearn.methods.layers.masked_bottleneck import share_masked

        add_adapter(model, values)
        share_masked(model, ADAPTER, fraction(values, "kept_fraction"))

    def parameter_groups(self, model: nn.Module, values: HyperParameters) -> list[dict[str, Any]]:
        from scalearn.methods.layers.masked_bottleneck import MaskedLinear

        scores = [module.scores for module in model.modules() if isinstance(module, MaskedLinear)]
        known = {id(parameter) for parameter in scores}
        others = [entry for entry in model.parameters() if entry.requires_grad and id(entry) not in known]
        return [
            {"params": others, "lr": values["learning_rate"]},
            {"params": scores, "lr": values["mask_learning_rate"]},
        ]


METHODS = (
    ProPETL(
        name="propetl",
        title="ProPETL",
        family="single",
        citation="Zeng et al. 2023, One network, many masks (ACL)",
        own={
            "learning_rate": 1e-3,
            "mask_learning_rate": 5e-3,  # 0 leaves the masks as they are drawn
            "weight_decay": 0.1,
            "reduction_factor": 16,
            "kept_fraction": 0.5,
        },
    ),
)
