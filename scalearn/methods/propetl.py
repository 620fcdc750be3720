"""ProPETL: all layers share one adapter, each through its own binary masks (Zeng et al. 2023, section 3)."""

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
    float,
    Field(ge=0, description="the learning rate of the masks' scores; 0 keeps the masks as drawn"),
]
KeptFraction = Annotated[
    float, Field(ge=0, le=1, description="the share of the weights that each mask keeps: those with the largest scores")
]


class Masked(Bottleneck):
    """The hyper-parameters of methods that mask a shared adapter."""

    mask_learning_rate: MaskLearningRate = 5e-3
    kept_fraction: KeptFraction = 0.5


class ProPETLValues(OneTask, Masked):
    """The hyper-parameters of ProPETL."""

    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 0.1


class ProPETLmValues(ManyTasks, Masked):
    """The hyper-parameters of ProPETL-m."""

    mask_learning_rate: MaskLearningRate = 3e-3
    kept_fraction: KeptFraction = 0.3


class ProPETL(Method):
    """One adapter for all layers, which each layer masks. Zeng et al. 2023, section 3.

    The masks' scores and W train at two rates. Scores whose rate is 0 get no gradient, so they do not count in the
    gradient norm.
    """

    formula = (
        "the adapter with the same D and U in all layers; layer l uses W * m_l for each W of the two, and plain "
        "biases; m_l keeps the kept_fraction of W whose scores are largest in magnitude"
    )

    def version_of(self, values: Masked) -> int:
        return self.version + (1 if frozen_scores(values) else 0)  # up to version 3 they had a gradient

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
    """Tell whether the masks keep their random start."""
    return values.mask_learning_rate == 0


@dataclass(frozen=True)
class ProPETLm(ProPETL):
    """One adapter for all tasks and layers. Zeng et al. 2023, section 3.

    tied: the first layer uses the masks of the last task, a fault of the released code that a protocol switch repeats.
    """

    formula = (
        "one adapter for all tasks and layers: task t in layer l uses W * m with the union of both masks, "
        "m = 1 - (1 - m_t)(1 - m_l); m_t is the same in all layers, m_l for all tasks"
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
