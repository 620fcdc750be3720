"""ProPETL: one adapter shared by all layers, of which each layer masks a part (Zeng et al. 2023, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalearn.methods.adapter import ADAPTER, add_adapter, bottleneck
from scalearn.methods.base import Given, HyperParameters, Method, Shapes, fraction

if TYPE_CHECKING:
    from torch import nn


class ProPETL(Method):
    """The adapter with D and U the same in all layers, and W * m_l in layer l for each of them; biases are unmasked.

    m_l keeps the `kept_fraction` of W whose scores are largest in magnitude. Scores and W train, at two rates; scores
    whose rate is 0 have no gradient, so that they do not count in the norm that is clipped.
    """

    def version_of(self, values: HyperParameters) -> int:
        return self.version + (1 if frozen_scores(values) else 0)  # until 3, they had a gradient

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return 2 * d * b + d + b + shapes.layers * 2 * d * b

    def install(self, model: Any, values: HyperParameters, given: Given) -> None:
        from scalearn.methods.layers.masked_bottleneck import share_masked

        add_adapter(model, values)
        share_masked(model, ADAPTER, fraction(values, "kept_fraction"), frozen_scores(values))

    def parameter_groups(self, model: nn.Module, values: HyperParameters) -> list[dict[str, Any]]:
        training = {name: entry for name, entry in model.named_parameters() if entry.requires_grad}
        scores = [entry for name, entry in training.items() if "scores" in name]
        others = [entry for name, entry in training.items() if "scores" not in name]
        return [
            {"params": others, "lr": values["learning_rate"]},
            {"params": scores, "lr": values["mask_learning_rate"]},
        ]


def frozen_scores(values: HyperParameters) -> bool:
    """Tell whether the masks stay as they are drawn."""
    return values["mask_learning_rate"] == 0


@dataclass(frozen=True)
class ProPETLm(ProPETL):
    """One adapter for all tasks and layers; task t in layer l uses what either's mask keeps.

    m = 1 - (1 - m_t)(1 - m_l): the task's masks are the same in all layers, the layer's for all tasks. `tied`: the
    first layer's masks are the last task's, a fault that the reference repeats. Zeng et al. 2023, section 3.
    """

    tied: bool = False

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return 2 * d * b + d + b + (shapes.tasks + shapes.layers - self.tied) * 2 * d * b

    def install(self, model: Any, values: HyperParameters, given: Given) -> None:
        from scalearn.methods.layers.masked_bottleneck import share_masked_by_task

        add_adapter(model, values)
        kept, frozen = fraction(values, "kept_fraction"), frozen_scores(values)
        share_masked_by_task(model, ADAPTER, kept, frozen, len(given.tasks), given.current, self.tied)


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
    ProPETLm(
        name="propetl_m",
        title="ProPETL-m",
        family="joint",
        citation="Zeng et al. 2023, One network, many masks (ACL)",
        own={"learning_rate": 3e-4, "mask_learning_rate": 3e-3, "reduction_factor": 16, "kept_fraction": 0.3},
    ),
)
