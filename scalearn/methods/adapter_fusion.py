"""AdapterFusion: attention over the source adapters' outputs (Pfeiffer et al. 2021, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import Composing, LearningRate, OneTask

if TYPE_CHECKING:
    from torch import Tensor, nn


class AdapterFusionValues(OneTask, Composing):
    """The hyper-parameters of AdapterFusion."""

    learning_rate: LearningRate = 5e-5


class AdapterFusion(Method):
    """Attention over the sources' outputs. Pfeiffer et al. 2021, section 3."""

    formula = "y = LN(sum_s p_s W_v a_s + h + x), p = softmax_s(dropout((W_q u + b_q)·(W_k a_s + b_k)))"

    def count(self, shapes: Shapes, values: AdapterFusionValues) -> int:
        return shapes.layers * (3 * shapes.hidden**2 + 2 * shapes.hidden)

    def install(self, model: Any, values: AdapterFusionValues, given: Given) -> None:
        from adapters.composition import Fuse

        from scalearn.methods.layers.sources import add_source_adapters, selected_sources
        from scalearn.methods.layers.stacked_fusion import stack_fused

        names = add_source_adapters(model, selected_sources(model, given, values))
        fusion = Fuse(*names)
        model.add_adapter_fusion(fusion, "dynamic")
        model.train_adapter_fusion(fusion)
        stack_fused(model, fusion.name, names)

    def fold(self, model: Any, values: AdapterFusionValues, given: Given) -> None:
        from scalearn.methods.layers.sources import selected_sources
        from scalearn.methods.layers.stacked_fusion import unstack_fused

        unstack_fused(model, selected_sources(model, given, values))

    def regularisation(self, model: nn.Module, values: AdapterFusionValues) -> Tensor | None:
        """Return 0.01 times the sum over layers of ||I - W_v||^2, as the library does.

        The library's own function makes I on the CPU and copies it to the GPU at each step, and the step waits for it.
        """
        import torch

        from scalearn.methods.layers.stacked_fusion import StackedFusion

        weights = [module.value.weight for module in model.modules() if isinstance(module, StackedFusion)]
        identity = torch.eye(len(weights[0]), device=weights[0].device)
        terms: list[Tensor] = [0.01 * (identity - weight).pow(2).sum() for weight in weights]
        return sum(terms[1:], start=terms[0])


METHODS = (
    AdapterFusion(
        name="adapter_fusion",
        title="AdapterFusion",
        family="two_stage",
        citation="Pfeiffer et al. 2021, AdapterFusion (EACL)",
        hyperparameters=AdapterFusionValues,
        regularised=True,
    ),
)
