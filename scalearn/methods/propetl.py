"""ProPETL: one adapter shared by all layers, of which each layer masks a part (Zeng et al. 2023, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from scalearn.methods.adapter import ADAPTER, add_adapter, bottleneck
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import Bottleneck, LearningRate, ManyTasks, OneTask, WeightDecay

if TYPE_CHECKING:
    from torch import nn


MaskLearningRate = Annotated[
    float, Field(ge=0, description="step size of the masks' scores; 0 leaves the masks as they are drawn")
]
KeptFraction = Annotated[
    float, Field(ge=0, le=1, description="the part of the shared weights that each mask keeps: the largest scores")
]


class Masked(Bottleneck):
    """Of methods that mask a shared adapter."""

    mask_learning_rate: MaskLearningRate = 5e-3
    kept_fraction: KeptFraction = 0.5


class ProPETLValues(OneTask, Masked):
    """Of ProPETL."""

    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 0.1


class ProPETLmValues(ManyTasks, Masked):
    """Of ProPETL-m."""

    mask_learning_rate: MaskLearningRate = 3e-3
    kept_fraction: KeptFraction = 0.3


class ProPETL(Method):
    """One adapter for all layers, of which each masks a part.

    Scores and W train, at two rates; scores whose rate is 0 have no gradient, so that they do not count in the norm
    that is clipped.
    """

    formula = (
        "the adapter with D and U the same in all layers, and W * m_l in layer l for each of them, biases unmasked; "
        "m_l keeps the kept_fraction of W whose scores are largest in magnitude"
    )

    def version_of(self, values: Masked) -> int:
        return self.version + (1 if frozen_scores(values) else 0)  # until 3, they had a gradient

    def count(self, shapes: Shapes, values: Masked) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return 2 * d * b + d + b + shapes.layers * 2 * d * b

    def install(self, model: Any, values: Masked, given: Given) -> None:
        from scalearn.methods.layers.masked_bottleneck import share_masked

        add_adapter(model, values)
        share_masked(model, ADAPTER, values.kept_fraction, frozen_scores(values))

    def parameter_groups(self, model: nn.Module, values: Masked) -> list[dict[str, Any]]:
        training = {name: entry for name, entry in model.named_parameters() if entry.requires_grad}
        scores = [entry for name, entry in training.items() if "scores" in name]
        others = [entry for name, entry in training.items() if "scores" not in name]
        return [
            {"params": others, "lr": values.learning_rate},
            {"params": scores, "lr": values.mask_learning_rate},
        ]


def frozen_scores(values: Masked) -> bool:
    """Tell whether the masks stay as they are drawn."""
    return values.mask_learning_rate == 0


@dataclass(frozen=True)
class ProPETLm(ProPETL):
    """One adapter for all tasks and layers. Zeng et al. 2023, section 3.

    `tied`: the first layer's masks are the last task's, a fault that the reference repeats.
    """

    formula = (
        "one adapter for all tasks and layers: task t in layer l uses what either's mask keeps, W * m with "
        "m = 1 - (1 - m_t)(1 - m_l); the task's masks are the same in all layers, the layer's for all tasks"
    )

    tied: bool = False

    def count(self, shapes: Shapes, values: Masked) -> int:
        d, b = shapes.hidden, bottleneck(shapes.hidden, values)
        return 2 * d * b + d + b + (shapes.tasks + shapes.layers - self.tied) * 2 * d * b

    def install(self, model: Any, values: Masked, given: Given) -> None:
        from scalearn.methods.layers.masked_bottleneck import share_masked_by_task

        add_adapter(model, values)
        kept, frozen = values.kept_fraction, frozen_scores(values)
        share_masked_by_task(model, ADAPTER, kept, frozen, len(given.tasks), given.current, self.tied)


METHODS = (
    ProPETL(
        name="propetl",
        title="ProPETL",
        family="single",
        citation="Zeng et al. 2023, One network, many masks (ACL)",
        hyperparameters=ProPETLValues,
    ),
    ProPETLm(
        name="propetl_m",
        title="ProPETL-m",
        family="joint",
        citation="Zeng et al. 2023, One network, many masks (ACL)",
        hyperparameters=ProPETLmValues,
    ),
)
