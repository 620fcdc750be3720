"""Full fine-tuning: every weight of the encoder trains (Devlin et al. 2019, section 3.2)."""

from __future__ import annotations

from typing import Any

from scalearn.methods.base import Given, Method, Shapes
from scalearn.methods.hyperparameters import HyperParameters, LearningRate, ManyTasks, OneTask


class FullFinetuningValues(OneTask):
    """The hyper-parameters of full fine-tuning on one task."""

    learning_rate: LearningRate = 2e-5


class FullFinetuningOfAllValues(ManyTasks):
    """The hyper-parameters of full fine-tuning on all tasks."""

    learning_rate: LearningRate = 2e-5


class FullFinetuning(Method):
    """Every weight trains but the pooler's, since the head reads the first token directly."""

    formula = "y = LN(h + x), without added modules; every weight of the encoder trains"

    def count(self, shapes: Shapes, values: HyperParameters) -> int:
        d, f = shapes.hidden, shapes.intermediate
        attention = 4 * (d * d + d)
        ffn = 2 * d * f + f + d
        norms = 2 * (2 * d)
        return shapes.embeddings * d + 2 * d + shapes.layers * (attention + ffn + norms)

    def install(self, model: Any, values: HyperParameters, given: Given) -> None:
        model.freeze_model(False)
        if (pooler := getattr(model.base_model, "pooler", None)) is not None:
            pooler.requires_grad_(False)


METHODS = (
    FullFinetuning(
        name="full_finetuning",
        title="Full FT",
        family="single",
        citation="Devlin et al. 2019, BERT (NAACL)",
        hyperparameters=FullFinetuningValues,
    ),
    FullFinetuning(
        name="full_finetuning_m",
        title="Full FT-m",
        family="joint",
        citation="Devlin et al. 2019, BERT (NAACL)",
        hyperparameters=FullFinetuningOfAllValues,
    ),
)
