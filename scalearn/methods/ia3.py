"""(IA)³: learned vectors that scale keys, values and the FFN's inner activations (Liu et al. 2022, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalearn.methods.adapter import ADAPTER
from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import LearningRate, OneTask


class IA3Values(OneTask):
    """The hyper-parameters of (IA)³."""

    learning_rate: LearningRate = 5e-3


@dataclass(frozen=True)
class IA3(Method):
    """Learned vectors that scale activations. Liu et al. 2022, section 3.3.

    before_activation: put l_f inside the gelu, as the `adapters` library and the code released with ScaLearn do.
    """

    formula = (
        "K = l_k * (W_k x + b_k), V = l_v * (W_v x + b_v), h = W_2 (l_f * gelu(W_1 x + b_1)) + b_2; "
        "each l is learned and starts at one"
    )

    before_activation: bool = False

    def count(self, shapes: Shapes, values: IA3Values) -> int:
        return shapes.layers * (2 * shapes.hidden + shapes.intermediate)

    def install(self, model: Any, values: IA3Values, given: Given) -> None:
        from adapters import IA3Config

        from scalearn.methods.layers.scaled_activation import scale_activations

        model.add_adapter(ADAPTER, config=IA3Config(intermediate_lora=self.before_activation))
        model.train_adapter(ADAPTER)
        if not self.before_activation:
            scale_activations(model)


METHODS = (
    IA3(
        name="ia3",
        title="(IA)³",
        family="single",
        citation="Liu et al. 2022, Few-shot parameter-efficient fine-tuning (NeurIPS)",
        hyperparameters=IA3Values,
    ),
)
