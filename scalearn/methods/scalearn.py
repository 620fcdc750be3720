"""ScaLearn and its variants learn only how much to scale each source (Frohmann et al. 2024, section 3).

The paper's ablations are settings of `scalearn` (scalearn/campaign/ablations.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from scalearn.errors import UserError
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import BOOLEAN, Composing, LearningRate, OneTask, Patience

if TYPE_CHECKING:
    from torch import Tensor, nn

    from scalearn.methods.layers.wide_bottleneck import Omega

Constraint = Literal["none", "mean", "softmax"]

CITATION = "Frohmann et al. 2024, ScaLearn (Findings of ACL, arXiv 2310.01217)"


class ScaLearnValues(OneTask, Composing):
    """The hyper-parameters of ScaLearn and its variants."""

    learning_rate: LearningRate = 6e-3
    patience: Patience = 30
    omega_scale: Annotated[
        float, Field(ge=0, description="the mean of the scales at the start is this, divided by the number of sources")
    ] = 2.0
    omega_std: Annotated[float, Field(ge=0, description="the standard deviation of the scales at the start")] = 0.001
    omega_dropout: Annotated[
        float, Field(ge=0, le=1, description="the probability that a training step drops a scale")
    ] = 0.3
    omega_penalty: Annotated[
        float,
        Field(
            ge=0,
            description="the weight of a loss term that pulls each source's mean scale towards 1; 0 for none",
        ),
    ] = 0.0
    omega_constraint: Annotated[
        Constraint,
        Field(description="how the scales are made to sum to 1 over sources: division by their sum, or softmax"),
    ] = "none"
    train_sources: Annotated[bool, Field(description="also train the source adapters"), BOOLEAN] = False


@dataclass(frozen=True)
class ScaLearn(Method):
    """A sum of the source adapters, scaled by learned coefficients omega. Frohmann et al. 2024, section 3.

    uniform: omega has shape (S, 1) instead of (S, d). shared: all layers use one omega.
    The S sources are those of the benchmark; without `include_target`, all but the target's own.
    """

    formula = (
        "y_l = LN(sum_s omega_ls * a_ls(u) + h + x), where a_ls is the adapter of source s in layer l; each omega_ls "
        "is a vector; in the uniform variants a number; in the ++ variants the same for all layers"
    )

    uniform: bool = False
    shared: bool = False

    def count(self, shapes: Shapes, values: ScaLearnValues) -> int:
        d, b = shapes.hidden, shapes.bottleneck
        omega = shapes.sources * (1 if self.uniform else d) * (1 if self.shared else shapes.layers)
        adapters = shapes.layers * shapes.sources * (2 * d * b + d + b)
        return omega + (adapters if values.train_sources else 0)

    def check(self, values: ScaLearnValues, hidden: int | None = None) -> None:
        if values.omega_constraint == "mean" and values.omega_dropout > 0:
            raise UserError(
                f"hyperparameters.{self.name}: omega_dropout is {values.omega_dropout:g}; set it to 0, "
                "for omega is divided by its sum, and that is 0 wherever all sources are dropped"
            )

    def install(self, model: Any, values: ScaLearnValues, given: Given) -> None:
        from scalearn.methods.layers.sources import selected_sources
        from scalearn.methods.layers.wide_bottleneck import Omega, install_wide_bottleneck

        self.check(values)
        mean, std, dropout = values.omega_scale, values.omega_std, values.omega_dropout

        def draw(count: int, hidden: int) -> Omega:
            return Omega(count, 1 if self.uniform else hidden, mean, std, dropout, values.omega_constraint)

        sources, train = selected_sources(model, given, values), values.train_sources
        install_wide_bottleneck(model, sources, draw, shared=self.shared, train=train)

    def regularises(self, values: ScaLearnValues) -> bool:
        return values.omega_penalty > 0

    def regularisation(self, model: nn.Module, values: ScaLearnValues) -> Tensor | None:
        """Return (lambda / S) times the sum over every omega and source s of (1 - mean_d omega_sd)^2."""
        if not self.regularises(values):
            return None
        import torch

        from scalearn.methods.layers.wide_bottleneck import Omega

        omegas = [module.weight for module in model.modules() if isinstance(module, Omega)]
        distances = [(1 - omega.mean(1)).square().mean() for omega in omegas]
        return values.omega_penalty * torch.stack(distances).sum()


METHODS = (
    ScaLearn("scalearn", "ScaLearn", "two_stage", CITATION, ScaLearnValues),
    ScaLearn("scalearn_uniform", "ScaLearnUniform", "two_stage", CITATION, ScaLearnValues, uniform=True),
    ScaLearn("scalearn_pp", "ScaLearn++", "two_stage", CITATION, ScaLearnValues, shared=True),
    ScaLearn(
        "scalearn_uniform_pp",
        "ScaLearnUniform++",
        "two_stage",
        CITATION,
        ScaLearnValues.with_defaults(omega_dropout=0.0),
        uniform=True,
        shared=True,
    ),
)
