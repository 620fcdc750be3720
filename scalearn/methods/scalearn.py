"""ScaLearn and its three variants (Frohmann et al. 2024, section 3): learn only how much of each source to add."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.methods.base import HyperParameters, Method, Shapes

CITATION = "Frohmann et al. 2024, ScaLearn (Findings of ACL, arXiv 2310.01217)"


@dataclass(frozen=True)
class ScaLearn(Method):
    """y_l = LN(sum_s omega_ls * a_ls(u) + h + x); omega: S x d, S x 1 if `uniform`, one for all layers if `shared`."""

    uniform: bool = False
    shared: bool = False

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        width = 1 if self.uniform else shapes.hidden
        return shapes.sources * width * (1 if self.shared else shapes.layers)

    def install(self, model: Any, values: HyperParameters, sources: Path | None) -> None:
        from scalearn.methods.layers.wide_bottleneck import install_wide_bottleneck

        assert sources is not None, "a two-stage method needs its source adapters"
        install_wide_bottleneck(
            model,
            sources,
            uniform=self.uniform,
            shared=self.shared,
            mean=float(values["omega_scale"]),
            std=float(values["omega_std"]),
            dropout=float(values["omega_dropout"]),
        )


def _variant(name: str, title: str, dropout: float, uniform: bool, shared: bool) -> ScaLearn:
    own = {
        "learning_rate": 6e-3,
        "patience": 30,
        "omega_scale": 2.0,  # omega starts at omega_scale / number of sources
        "omega_std": 0.001,
        "omega_dropout": dropout,
    }
    return ScaLearn(name, title, "two_stage", CITATION, own=own, uniform=uniform, shared=shared)


METHODS = (
    _variant("scalearn", "ScaLearn", 0.3, uniform=False, shared=False),
    _variant("scalearn_uniform", "ScaLearnUniform", 0.3, uniform=True, shared=False),
    _variant("scalearn_pp", "ScaLearn++", 0.3, uniform=False, shared=True),
    _variant("scalearn_uniform_pp", "ScaLearnUniform++", 0.0, uniform=True, shared=True),
)
