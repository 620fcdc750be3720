"""ScaLearn and its variants (Frohmann et al. 2024, section 3): learn only by how much to scale each source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalearn.errors import UserError
from scalearn.methods.base import Given, HyperParameters, Method, Shapes, fraction, switched_on

if TYPE_CHECKING:
    from torch import Tensor, nn

    from scalearn.methods.layers.wide_bottleneck import Constraint, Omega

CITATION = "Frohmann et al. 2024, ScaLearn (Findings of ACL, arXiv 2310.01217)"


@dataclass(frozen=True)
class ScaLearn(Method):
    """y_l = LN(sum_s omega_ls * a_ls(u) + h + x); omega: S x d, S x 1 if `uniform`, one for all layers if `shared`.

    omega starts at omega_scale / S, is free or made to sum to one over the sources (`constraint`), and may be drawn
    towards one (`omega_penalty`). The S sources are those of the benchmark, or, with `include_target` 0, all but the
    target's own; with `train_sources` 1 they train, too.
    """

    uniform: bool = False
    shared: bool = False
    constraint: Constraint = "none"

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        d, b = shapes.hidden, shapes.bottleneck
        omega = shapes.sources * (1 if self.uniform else d) * (1 if self.shared else shapes.layers)
        adapters = shapes.layers * shapes.sources * (2 * d * b + d + b)
        return omega + (adapters if switched_on(values, "train_sources") else 0)

    def check(self, values: HyperParameters, hidden: int | None = None) -> None:
        if self.constraint == "mean" and values["omega_dropout"] > 0:
            raise UserError(
                f"hyperparameters.{self.name}: omega_dropout is {values['omega_dropout']:g}; set it to 0, "
                "for omega is divided by its sum, and that is 0 wherever all sources are dropped"
            )

    def install(self, model: Any, values: HyperParameters, given: Given) -> None:
        from scalearn.methods.layers.sources import chosen
        from scalearn.methods.layers.wide_bottleneck import Omega, install_wide_bottleneck

        self.check(values)
        mean, std, dropout = float(values["omega_scale"]), float(values["omega_std"]), fraction(values, "omega_dropout")

        def draw(count: int, hidden: int) -> Omega:
            return Omega(count, 1 if self.uniform else hidden, mean, std, dropout, self.constraint)

        sources, train = chosen(model, given, values), switched_on(values, "train_sources")
        install_wide_bottleneck(model, sources, draw, shared=self.shared, train=train)

    def regularisation(self, model: nn.Module, values: HyperParameters) -> Tensor | None:
        """Return (lambda / S) times the sum over every omega and source s of (1 - mean_d omega_sd)^2."""
        if not self.regularised:
            return None
        import torch

        from scalearn.methods.layers.wide_bottleneck import Omega

        omegas = [module.weight for module in model.modules() if isinstance(module, Omega)]
        distances = [(1 - omega.mean(1)).square().mean() for omega in omegas]
        return values["omega_penalty"] * torch.stack(distances).sum()


def _variant(
    name: str, title: str, *, scale: float = 2.0, dropout: float = 0.3, penalty: float | None = None, **shape: Any
) -> ScaLearn:
    own = {
        "learning_rate": 6e-3,
        "patience": 30,
        "omega_scale": scale,  # omega starts at omega_scale / number of sources
        "omega_std": 0.001,
        "omega_dropout": dropout,
        "include_target": 1,
        "train_sources": 0,
        **({} if penalty is None else {"omega_penalty": penalty}),
    }
    return ScaLearn(name, title, "two_stage", CITATION, own=own, regularised=penalty is not None, **shape)


METHODS = (
    _variant("scalearn", "ScaLearn"),
    _variant("scalearn_uniform", "ScaLearnUniform", uniform=True),
    _variant("scalearn_pp", "ScaLearn++", shared=True),
    _variant("scalearn_uniform_pp", "ScaLearnUniform++", dropout=0.0, uniform=True, shared=True),
    # The paper's ablations. c: omega_scale; reg.: omega_penalty.
    _variant("scalearn_c1", "ScaLearn, c = 1", scale=1.0),
    _variant("scalearn_c1_d0", "ScaLearn, c = 1, no dropout", scale=1.0, dropout=0.0),
    _variant("scalearn_c3", "ScaLearn, c = 3", scale=3.0),
    _variant("scalearn_uniform_d0", "ScaLearnUniform, no dropout", dropout=0.0, uniform=True),
    _variant("scalearn_uniform_pp_d03", "ScaLearnUniform++, dropout 0.3", uniform=True, shared=True),
    _variant("scalearn_c1_reg01", "ScaLearn, c = 1, reg. 0.1", scale=1.0, penalty=0.1),
    _variant("scalearn_c1_reg001", "ScaLearn, c = 1, reg. 0.01", scale=1.0, penalty=0.01),
    _variant("scalearn_reg01", "ScaLearn, reg. 0.1", penalty=0.1),
    _variant("scalearn_reg001", "ScaLearn, reg. 0.01", penalty=0.01),
    _variant("scalearn_mean", "ScaLearn, mean", dropout=0.0, constraint="mean"),
    _variant("scalearn_softmax", "ScaLearn, softmax", dropout=0.0, constraint="softmax"),
)
